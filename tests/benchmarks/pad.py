"""The motion pad: from pointer to ink, traffic of a stroke, redraw from the model.

The reference is the usual way, measured in the same JupyterLab and the same browser: an ipycanvas that draws
in the kernel on every mouse event. Both get the same stroke of 240 points; the second round goes through a
network that takes 50 ms more each way.

    python tests/benchmarks/pad.py [--rounds 3] [--delay 0.05]
"""

# ruff: noqa: E402 - the folder of the drivers has to be named before they can be imported

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS.parent)]

import nbformat
import numpy as np
from lab_in_chromium import CHROMIUM_OPTIONS, JupyterLab, NotebookPage, find_chromium
from pad_on_page import PadOnPage
from pictures_to_draw_on import two_balls
from PIL import Image
from playwright.sync_api import sync_playwright
from slow_network import slow_network

SIZE = (720, 480)
POINTS = 240
PLAIN = ".jp-OutputArea canvas[tabindex='0']"
FRAME_MS = 1000 / 60

REFERENCE = """import ipycanvas
from ipycanvas import Canvas, hold_canvas
canvas = Canvas(width=640, height=427)
canvas.layout.width = "640px"
canvas.stroke_style, canvas.line_width, canvas.line_cap = "#e69f00", 30, "round"
last = [None]
def down(x, y):
    last[0] = (x, y)
def move(x, y):
    if last[0]:
        with hold_canvas():
            canvas.stroke_line(*last[0], x, y)
        last[0] = (x, y)
def up(x, y):
    last[0] = None
canvas.on_mouse_down(down); canvas.on_mouse_move(move); canvas.on_mouse_up(up)
canvas"""

PAD = """import kling_nb as kn
pad = kn.MotionPad("scene.png", draft=False, session=kn.Session(provider="sandbox", home="runs"))
pad"""

FULL = """import numpy as np
from kling_nb.domain import shapes
for number in range(6):
    key = pad.model.layer if not number else pad.model.add_layer()
    x, y = 60 + 110 * number, 120 + 40 * (number % 3)
    pad.model.paint(shapes.ellipse((x, y), (45, 60), 20 * number), layer=key)
    pad.model.set_path([(x, y), (x + 30, y + 60), (x - 20, y + 140), (x + 40, y + 200)], layer=key)
"""

REDRAW = """import time
begin = time.perf_counter()
with pad._once():
    pad._painter._shown, pad._dirty = None, True
print(time.perf_counter() - begin)"""

WATCH = """(selector) => {
  // For every trusted move: the time until a frame is painted in which its place is no longer bare.
  const canvas = document.querySelector(selector);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const bare = context.getImageData(0, 0, canvas.width, canvas.height).data;
  window.inkTimes = [];
  window.inkMissing = 0;
  document.addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const x = Math.round((event.clientX - box.left) * canvas.width / box.width);
    const y = Math.round((event.clientY - box.top) * canvas.height / box.height);
    const at = 4 * (y * canvas.width + x);
    window.inkMissing += 1;
    const look = () => {
      const now = context.getImageData(x, y, 1, 1).data;
      if ([0, 1, 2, 3].some((i) => Math.abs(now[i] - bare[at + i]) > 8)) {
        window.inkTimes.push(performance.now() - event.timeStamp);
        window.inkMissing -= 1;
      } else if (performance.now() - event.timeStamp < 5000) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""

LISTEN = """() => {
  // When a drawing arrives, and when the pixels of ipycanvas's layers were last put onto the page.
  const Native = window.WebSocket;
  window.arrived = window.painted = 0;
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({data}) => {
        if ((data.byteLength ?? data.length) > 4000) window.arrived = performance.now();
      });
    }
  };
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    window.painted = performance.now();
    return draw.apply(this, given);
  };
}"""


@dataclass
class Traffic:
    """Frames and bytes over the kernel's WebSocket."""

    frames: int = 0
    size: int = 0

    def add(self, frame: str | bytes) -> None:
        """Count one frame."""
        self.frames += 1
        self.size += len(frame)


@dataclass
class Result:
    """One stroke, measured."""

    times: list[float]
    traffic: Traffic
    missing: int

    @property
    def p50(self) -> float:
        """Median from event to paint in milliseconds."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """95th percentile from event to paint in milliseconds."""
        return float(np.percentile(self.times, 95))


def spiral(box: dict[str, float]) -> list[tuple[float, float]]:
    """A line that never crosses itself, so that every place is bare before it is drawn on."""
    turn = np.linspace(0, 3 * 2 * np.pi, POINTS)
    radius = 8 + np.linspace(0, 1, POINTS) * (min(box["width"], box["height"]) / 2 - 30)
    x = box["x"] + box["width"] / 2 + radius * np.cos(turn)
    y = box["y"] + box["height"] / 2 + radius * np.sin(turn)
    return list(zip(np.round(x), np.round(y), strict=True))


def stroke(page: NotebookPage, traffic: Traffic, watched: str, canvas: str) -> Result:
    """Draw the line over a canvas and measure."""
    element = page.page.query_selector(canvas)
    assert element is not None
    element.scroll_into_view_if_needed()
    page.page.wait_for_timeout(600)
    box = element.bounding_box()
    assert box is not None
    page.page.evaluate(WATCH, watched)
    line = spiral(box)
    page.page.mouse.move(*line[0])
    page.page.wait_for_timeout(500)
    traffic.frames = traffic.size = 0
    page.page.mouse.down()
    for place in line[1:]:
        page.page.mouse.move(*place)
    page.page.mouse.up()
    page.page.wait_for_timeout(3000)
    times = page.page.evaluate("() => window.inkTimes")
    return Result(times, Traffic(traffic.frames, traffic.size), page.page.evaluate("() => window.inkMissing"))


def redraws(page: NotebookPage, rounds: int = 30) -> list[float]:
    """Milliseconds of the kernel's work plus those from its message to the painted canvas."""
    PadOnPage(page, SIZE)
    said = page.run_text(FULL)
    assert not said, said
    took = []
    for _ in range(rounds):
        kernel = float(page.run_text(REDRAW))
        page.page.wait_for_timeout(150)
        on_page = float(page.page.evaluate("() => window.painted - window.arrived"))
        assert on_page > 0
        took.append(1000 * kernel + on_page)
    return took


def open_page(
    playwright: Any, lab: JupyterLab, url: str, name: str, cell: str
) -> tuple[Any, NotebookPage, Traffic]:
    """Open a notebook with one cell in a fresh window and run it."""
    browser = playwright.chromium.launch(
        executable_path=find_chromium(), headless=True, args=CHROMIUM_OPTIONS
    )
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, lab.folder / name)
    traffic = Traffic()
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()

    def listen(socket: Any) -> None:
        if "/channels" in socket.url:
            socket.on("framesent", traffic.add)
            socket.on("framereceived", traffic.add)

    tab.on("websocket", listen)
    tab.add_init_script(f"({LISTEN})()")
    near = lab.url
    lab.url = url
    page = NotebookPage(tab, lab, lab.folder).open(name)
    lab.url = near
    said = page.run(0)
    assert "Error" not in said, said
    tab.wait_for_timeout(2500)
    return browser, page, traffic


def measure(playwright: Any, lab: JupyterLab, url: str, rounds: int, suffix: str) -> tuple[Result, Result]:
    """Measure the pad and the reference in turns; the median round of each."""
    kept: dict[str, list[Result]] = {"pad": [], "reference": []}
    for number in range(rounds):
        for name, cell in (("pad", PAD), ("reference", REFERENCE)):
            browser, page, traffic = open_page(playwright, lab, url, f"{name}{suffix}{number}.ipynb", cell)
            if name == "pad":
                PadOnPage(page, SIZE)
                kept[name].append(stroke(page, traffic, ".kn-ink-fill", ".kn-stage"))
            else:
                kept[name].append(
                    stroke(page, traffic, ".jupyter-widgets canvas, canvas", "canvas[tabindex='0']")
                )
            browser.close()
    middle = rounds // 2
    one, other = (sorted(results, key=lambda result: result.p95)[middle] for results in kept.values())
    return one, other


def report(title: str, own: Result, reference: Result) -> bool:
    """Print one comparison; returns whether the goals are met."""
    for name, result in (("pad", own), ("ipycanvas alone", reference)):
        print(
            f"{title:22} {name:16} ink p50 {result.p50:6.1f} ms  p95 {result.p95:6.1f} ms   "
            f"{result.traffic.frames:5d} frames  {result.traffic.size / 1000:7.1f} KB"
            + (f"   {result.missing} moves not painted within 5 s" if result.missing else "")
        )
    # A move waits up to one frame for its frame, and the frame is counted when it begins.
    met = own.p95 <= 2 * FRAME_MS and own.traffic.frames <= 10 and own.traffic.size <= 15_000
    print(
        f"{'':22} goals: within a frame after the next one ({2 * FRAME_MS:.0f} ms), 10 frames, 15 KB   "
        f"{'met' if met else 'MISSED'}   ink {reference.p95 / own.p95:.1f} x sooner, "
        f"{reference.traffic.size / own.traffic.size:.0f} x less traffic"
    )
    return met


def main() -> int:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.05)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        with JupyterLab(root / "nb", _made(root / "state")) as lab, sync_playwright() as playwright:
            Image.fromarray(two_balls(SIZE)).save(lab.folder / "scene.png")
            met = [report("on this machine", *measure(playwright, lab, lab.url, options.rounds, "near"))]
            with slow_network(lab.port, options.delay) as far:
                url = lab.url.replace(str(lab.port), str(far.port))
                title = f"{2000 * options.delay:.0f} ms away"
                met.append(report(title, *measure(playwright, lab, url, options.rounds, "far")))
            browser, page, _ = open_page(playwright, lab, lab.url, "redraw.ipynb", PAD)
            took = redraws(page)
            browser.close()
            p95 = float(np.percentile(took, 95))
            print(
                f"redraw of 6 masks, 6 paths, one message: p50 {statistics.median(took):.1f} ms, "
                f"p95 {p95:.1f} ms (kernel's work + from the message to the painted canvas)   goal 50 ms   "
                f"{'met' if p95 <= 50 else 'MISSED'}"
            )
            met.append(p95 <= 50)
    return 0 if all(met) else 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
