"""The motion pad on a page, driven with the mouse; and what the sandbox received from it."""

from __future__ import annotations

import base64
import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from lab_in_chromium import PATIENCE_S, NotebookPage
from playwright.sync_api import ElementHandle

from kling_nb.media import load_mask
from kling_nb.sandbox.home import read_state

Point = tuple[float, float]

PAD_CELL = """%load_ext kling_nb
import kling_nb as kn
pad = kn.MotionPad("scene.png", model_name="kling-v1")
pad"""

STANDING = """(root) => JSON.stringify({
  there: root.isConnected, pads: document.querySelectorAll('.kn-pad').length,
  busy: root.getAttribute('aria-busy'), says: root.querySelector('.kn-status-line')?.innerText,
})"""
"""How a pad stands that did not do what was waited for."""

STILL = """async (stage) => {
  let known = '', since = 0;
  const begin = performance.now();
  while (since < 4) {
    if (performance.now() - begin > 60000) throw new Error('the page moves on and on');
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = JSON.stringify(stage.getBoundingClientRect());
    since = now === known ? since + 1 : 0;
    known = now;
  }
}"""
"""Ends when a part of the page has stood in one place for some frames."""


class PadOnPage:
    """One pad in the output of a cell.

    Parameters
    ----------
    page
        The open notebook.
    size
        (width, height) of the picture as sent.
    root
        The pad; default the only one of the page.
    """

    def __init__(self, page: NotebookPage, size: tuple[int, int], root: ElementHandle | None = None) -> None:
        self.notebook = page
        self.page = page.page
        self.size = size
        found = root or self.page.wait_for_selector(".kn-pad")
        assert found is not None
        self.root = found
        self.root.wait_for_selector(".kn-canvas", state="attached")
        self.stage = self.part(".kn-stage")
        self.settle()

    def part(self, selector: str) -> ElementHandle:
        """Return one element of the pad."""
        found = self.root.wait_for_selector(selector)
        assert found is not None
        return found

    def settle(self) -> None:
        """Wait until the kernel has answered everything."""
        done = "root => root.getAttribute('aria-busy') === 'false'"
        self.until(lambda: bool(self.root.evaluate(done)), "the kernel has not answered")

    def still(self) -> None:
        """Bring the picture into view and wait until nothing moves it any more: a mouse aims at places."""
        self.stage.scroll_into_view_if_needed()
        self.stage.evaluate(STILL)

    def at(self, point: Point) -> Point:
        """Return the position on the page of a place in the picture, in whole pixels."""
        box = self.stage.bounding_box()
        assert box is not None
        x = box["x"] + (point[0] + 0.5) * box["width"] / self.size[0]
        y = box["y"] + (point[1] + 0.5) * box["height"] / self.size[1]
        return round(x), round(y)

    def seen(self, place: Point) -> Point:
        """Return the place in the picture below a position on the page, while the whole picture is shown."""
        box = self.stage.bounding_box()
        assert box is not None
        return (
            (place[0] - box["x"]) * self.size[0] / box["width"] - 0.5,
            (place[1] - box["y"]) * self.size[1] / box["height"] - 0.5,
        )

    def drag(self, points: Sequence[Point], steps: int = 6, *, settle: bool = True) -> list[Point]:
        """Press, move through places of the picture, release; return the places really visited."""
        self.still()
        on_page = [self.at(point) for point in points]
        mouse = self.page.mouse
        mouse.move(*on_page[0])
        mouse.down()
        visited = [on_page[0]]
        for start, end in pairwise(on_page):
            for step in range(1, steps + 1):
                x = round(start[0] + (end[0] - start[0]) * step / steps)
                y = round(start[1] + (end[1] - start[1]) * step / steps)
                mouse.move(x, y)
                visited.append((x, y))
        mouse.up()
        places = [self.seen(place) for place in visited]
        if settle:
            self.settle()
        return places

    def click(self, point: Point) -> Point:
        """Click on a place of the picture; return the place really clicked."""
        self.still()
        place = self.at(point)
        self.page.mouse.click(*place)
        clicked = self.seen(place)
        self.settle()
        return clicked

    def tool(self, name: str) -> None:
        """Choose a tool by its button."""
        self.part(f"[data-tool='{name}']").click()

    def command(self, name: str) -> None:
        """Press a button of the toolbar."""
        self.part(f"[data-command='{name}']").click()
        self.settle()

    def title(self, name: str) -> str:
        """Return the tooltip of a button of the toolbar."""
        return self.part(f"[data-command='{name}']").get_attribute("title") or ""

    def press(self, label: str) -> None:
        """Press a button of the side panel."""
        self.part(f".kn-pad-side button:has-text('{label}')").click()
        self.settle()

    def radius(self) -> float:
        """Brush radius in picture pixels, as the page uses it."""
        return float(self.root.evaluate("root => Number(root.dataset.radius)"))

    def said(self) -> str:
        """Text of the status line."""
        return self.part(".kn-status-line").inner_text()

    def layers(self) -> list[str]:
        """What the list of masks says, a line each."""
        return [row.inner_text().replace("\n", " ") for row in self.root.query_selector_all(".kn-layer")]

    def ink(self) -> int:
        """Number of pixels of echo on the page that are not transparent."""
        count = """root => [...root.querySelectorAll('.kn-ink')].reduce((sum, canvas) => {
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          let some = 0;
          for (let i = 3; i < data.length; i += 4) some += data[i] > 0;
          return sum + some;
        }, 0)"""
        return int(self.root.evaluate(count))

    def wait_ink_gone(self) -> None:
        """Wait until the kernel's drawing has replaced the echo."""
        self.until(lambda: not self.ink(), "the echo stays")

    def until(self, holds: Callable[[], bool], otherwise: str) -> None:
        """Wait for something that the page shows."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{otherwise}; {self.root.evaluate(STANDING)}"
            self.page.wait_for_timeout(30)

    def pixel(self, point: Point) -> tuple[int, int, int]:
        """Colour that the kernel has drawn at a place of the picture; waits for its first drawing."""
        at = ((point[0] + 0.5) / self.size[0], (point[1] + 0.5) / self.size[1])
        read = """(canvas, at) => {
          const x = Math.floor(at[0] * canvas.width), y = Math.floor(at[1] * canvas.height);
          return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
        }"""
        colour: list[int] = []

        def is_drawn() -> bool:
            colour[:] = self.part(".kn-canvas").evaluate(read, at)
            return colour[3] == 255

        self.until(is_drawn, "the kernel has drawn nothing")
        red, green, blue, _ = colour
        return red, green, blue


def painted(points: Sequence[Point], radius: float, size: tuple[int, int]) -> np.ndarray:
    """Pixels within ``radius`` of a line: what a round brush paints, worked out pixel by pixel."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    found = np.zeros((size[1], size[0]), dtype=bool)
    line = list(points) if len(points) > 1 else [*points, *points]
    for (ax, ay), (bx, by) in pairwise(line):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / length, 0, 1) if length else 0.0
        found |= np.hypot(x - ax - along * dx, y - ay - along * dy) <= radius
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def distance_to_line(point: Point, line: Sequence[Point]) -> float:
    """How far a point lies from a line of points, in pixels."""
    best = np.inf
    for (ax, ay), (bx, by) in pairwise(line):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        t = np.clip(((point[0] - ax) * dx + (point[1] - ay) * dy) / length, 0, 1) if length else 0.0
        best = min(best, float(np.hypot(point[0] - ax - t * dx, point[1] - ay - t * dy)))
    return best


class Received:
    """The body of a request as the sandbox keeps it while the task runs."""

    def __init__(self, job: dict[str, Any], size: tuple[int, int]) -> None:
        self.job = job
        self.masks = [decoded(group["mask"]) for group in job["dynamic_masks"]]
        self.static = None if job["static_mask"] is None else decoded(job["static_mask"])
        # Turned here by hand: the wire counts y from the bottom (spec/official-api.md, 5.3).
        self.paths = [
            [(float(x), float(size[1] - 1 - y)) for x, y in group["points"]] for group in job["dynamic_masks"]
        ]


def decoded(text: str) -> np.ndarray:
    """Read a mask as sent."""
    return np.asarray(load_mask(base64.b64decode(text)))


def received(home: Path, size: tuple[int, int]) -> Received:
    """Wait for the task that runs in a sandbox, let it end, and return its body.

    The sandbox drops the body at the end: the task must be one that goes on for as long as it is not let end,
    as ``[[sandbox:slow:600]]`` asks.
    """
    jobs = _until_jobs(home, bool, "no task is running in the sandbox")
    pass_time(home, scale=0)
    _until_jobs(home, lambda jobs: not jobs, "the task does not end")
    pass_time(home, scale=1)
    return Received(json.loads(jobs[0]), size)


def _until_jobs(home: Path, holds: Callable[[list[str]], bool], otherwise: str) -> list[str]:
    """Wait for what is at work in a sandbox, newest first."""
    deadline = time.monotonic() + PATIENCE_S
    while (jobs := _jobs(home)) is None or not holds(jobs):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return jobs


def _jobs(home: Path) -> list[str] | None:
    """What is at work in a sandbox; None where that cannot be read, which is not the same as nothing."""
    for store in (home / "sandbox").glob("*.sqlite"):
        # Without its tables the sandbox is just being started.
        with contextlib.suppress(sqlite3.DatabaseError), _reading(store) as db:
            return [row[0] for row in db.execute("SELECT job FROM jobs ORDER BY id DESC")]
    return None


def pass_time(home: Path, *, scale: float) -> None:
    """Switch how fast time passes in a sandbox; at 0 all that runs is at its end."""
    info = read_state(home / "sandbox")
    assert info is not None
    httpx.patch(
        f"{info.url}/sandbox/config",
        json={"time_scale": scale},
        headers={"Authorization": f"Bearer {info.api_key}"},
        timeout=60,
        trust_env=False,
    ).raise_for_status()


@contextlib.contextmanager
def _reading(store: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        yield db
    finally:
        db.close()


__all__ = ["PadOnPage", "Received", "distance_to_line", "overlap", "painted", "received"]
