"""What the pad shows without a page: windows, overlays, the guarded canvas, drafts, the worker."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import ipycanvas.canvas
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kling_nb.domain.runs import Runs
from kling_nb.media.display import Viewer
from kling_nb.media.images import image_bytes
from kling_nb.widgets.pad import drafts
from kling_nb.widgets.pad.canvas import DrawnPath, PadCanvas, Tag, held
from kling_nb.widgets.pad.drafts import Draft
from kling_nb.widgets.pad.overlay import Window, outline, overlay_png, sample
from kling_nb.widgets.pad.worker import LatestOnly

MANAGER = ipycanvas.canvas._CANVAS_MANAGER


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list]:
    """Commands of each message ipycanvas sends."""
    sent: list[list] = []
    monkeypatch.setattr(
        type(MANAGER), "_send_custom", lambda self, command, buffers=(): sent.append(list(command))
    )
    return sent


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    scale=st.floats(0.2, 9),
    offset=st.tuples(st.floats(-80, 80), st.floats(-80, 80)),
    seed=st.integers(0, 99),
)
def test_a_sampled_region_shows_at_each_display_pixel_the_pixel_below_its_middle(
    size, scale, offset, seed
) -> None:
    bits = np.random.default_rng(seed).random((size[1], size[0])) < 0.4
    window = Window(33, 21, scale, offset)
    seen = sample(Runs.from_bits(bits), window)
    for row in range(0, 21, 5):
        for column in range(0, 33, 4):
            x = int(np.floor((column + 0.5 - offset[0]) / scale + 0.5))
            y = int(np.floor((row + 0.5 - offset[1]) / scale + 0.5))
            inside = 0 <= x < size[0] and 0 <= y < size[1]
            assert seen[row, column] == (inside and bits[y, x])


def test_the_outline_of_a_block_is_its_border() -> None:
    bits = np.zeros((20, 20), dtype=bool)
    bits[4:16, 4:16] = True
    edge = outline(bits)
    assert edge.sum() == 12 * 12 - 8 * 8
    assert not edge[8, 8]


def test_later_masks_lie_on_top_and_nothing_is_painted_outside() -> None:
    below, above = np.zeros((30, 40), dtype=bool), np.zeros((30, 40), dtype=bool)
    below[2:28, 2:38] = True
    above[10:20, 10:30] = True
    pixels = decoded(overlay_png([(below, "#e69f00"), (above, "#56b4e9")], None, (40, 30)))
    assert tuple(pixels[15, 20, :3]) == (0x56, 0xB4, 0xE9)
    assert tuple(pixels[6, 6, :3]) == (0xE6, 0x9F, 0x00)
    assert 80 < pixels[15, 20, 3] < 200, "the picture shows through"
    assert pixels[0, 0, 3] == 0


def test_what_stays_is_striped_so_that_it_needs_no_colour() -> None:
    still = np.ones((40, 40), dtype=bool)
    pixels = decoded(overlay_png([], still, (40, 40)))
    assert len({tuple(value[:3]) for value in pixels[20, 5:35]}) == 2


def test_an_exception_while_drawing_leaves_no_canvas_holding() -> None:
    """ipycanvas's own hold stays on for the whole kernel."""
    with pytest.raises(ZeroDivisionError), held():
        _ = 1 / 0
    assert MANAGER._caching is False
    assert MANAGER._commands_cache == []


def test_a_drawing_is_one_message_that_names_its_canvas_first(batches: list[list]) -> None:
    canvas = PadCanvas((80, 60), 1.0)
    path = DrawnPath(np.array([[5, 5], [40, 30], [70, 10]], dtype=float), "#e69f00", True)
    for _ in range(2):
        batches.clear()
        canvas.draw([path], [Tag("1 boat", (30, 20), "#ffffff")], masks=b"png")
        assert len(batches) == 1
        assert batches[0][0][0] == ipycanvas.canvas.COMMANDS["switchCanvas"]


def test_a_path_of_one_point_can_be_shown(batches: list[list]) -> None:
    PadCanvas((80, 60), 1.0).draw([DrawnPath(np.array([[5.0, 5.0]]), "#e69f00", True)], [])
    assert len(batches) == 1


def test_the_part_shown_lies_where_the_picture_has_it() -> None:
    picture = np.zeros((60, 90, 3), dtype=np.uint8)
    picture[20:40, 30:60] = (250, 20, 20)
    viewer = Viewer(image_bytes(picture))
    shown = np.asarray(Image.open(io.BytesIO(viewer.jpeg((20, 10, 50, 30), (300, 200)))).convert("RGB"))
    assert shown[150, 200, 0] > 200 and shown[150, 50, 0] < 60 and shown[50, 200, 0] < 60
    beyond = np.asarray(Image.open(io.BytesIO(viewer.jpeg((-90, -60, 0, 0), (30, 20)))).convert("RGB"))
    assert abs(int(beyond.mean()) - 128) < 4


def test_a_draft_is_written_soon_and_read_again(tmp_path: Path) -> None:
    home = tmp_path / "kling_runs"
    drawing = {"layers": [1, 2]}
    draft = Draft(home, "ab" * 32, lambda: drawing, pytest.fail)
    draft.flush()
    assert not home.exists(), "nothing has been drawn"
    draft.touch()
    draft.flush()
    found = Draft(home, "ab" * 32, lambda: None, pytest.fail).load()
    assert found is not None and found[0] == drawing
    assert (home / ".gitignore").read_text() == "*\n"
    assert [path.name for path in (home / "drafts").iterdir()] == [f"{'ab' * 32}.json"]


def test_an_emptied_drawing_leaves_no_draft(tmp_path: Path) -> None:
    content: list = [{"a": 1}]
    draft = Draft(tmp_path, "cd", lambda: content[0], pytest.fail)
    draft.touch()
    draft.flush()
    content[0] = None
    draft.touch()
    draft.flush()
    assert draft.load() is None and not draft.path.exists()


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_a_broken_draft_is_put_aside_not_deleted(tmp_path: Path, text: str) -> None:
    draft = Draft(tmp_path, "ef", lambda: None, pytest.fail)
    draft.path.parent.mkdir()
    draft.path.write_text(text)
    assert draft.load() is None
    assert [path.read_text() for path in draft.path.parent.glob("*.broken")] == [text]


def test_a_draft_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "home"
    blocked.write_text("a file where the folder should be")
    told: list[OSError] = []
    draft = Draft(blocked, "01", lambda: {"a": 1}, told.append)
    draft.touch()
    draft.flush()
    assert len(told) == 1


def test_a_draft_is_written_by_whoever_asks_first_and_never_becomes_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "DELAY_S", 0)
    began, go_on = threading.Event(), threading.Event()
    timers: list[threading.Thread] = []

    def content() -> dict[str, str]:
        if threading.current_thread() is threading.main_thread():
            return {"seen": "later"}
        timers.append(threading.current_thread())
        began.set()
        go_on.wait(60)
        return {"seen": "earlier"}

    draft = Draft(tmp_path, "03", content, pytest.fail)
    draft.touch()
    assert began.wait(60), "the timer's own writing begins"
    draft.flush()
    assert json.loads(draft.path.read_text()) == {"seen": "later"}
    go_on.set()
    timers[0].join(60)
    assert json.loads(draft.path.read_text()) == {"seen": "later"}


def test_a_drawing_of_the_last_moment_outlives_its_process(tmp_path: Path) -> None:
    code = f"""from pathlib import Path
from kling_nb.widgets.pad import drafts
draft = drafts.Draft(Path({str(tmp_path)!r}), "04", lambda: {{"a": 1}}, print)
draft.touch()"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert json.loads((tmp_path / "drafts" / "04.json").read_text()) == {"a": 1}


def test_drafts_are_json_that_others_can_read(tmp_path: Path) -> None:
    draft = Draft(tmp_path, "02", lambda: {"name": "Boot"}, pytest.fail)
    draft.touch()
    draft.flush()
    assert json.loads(draft.path.read_text()) == {"name": "Boot"}


def test_of_several_orders_the_first_and_the_last_are_worked_on() -> None:
    began, go_on = threading.Event(), threading.Event()
    results: list[object] = []
    worker: LatestOnly[str] = LatestOnly(results.append)

    def slow() -> str:
        began.set()
        go_on.wait(60)
        return "first"

    worker.order(slow)
    assert began.wait(60)
    for name in ("second", "third"):
        worker.order(lambda name=name: name)
    go_on.set()
    worker.join(60)
    assert results == ["third"], "results that are no longer wanted are not told"
    assert not worker.busy


def test_failed_work_is_told_and_the_worker_goes_on() -> None:
    results: list[object] = []
    worker: LatestOnly[int] = LatestOnly(results.append)
    worker.order(lambda: 1 // 0)
    worker.join(60)
    worker.order(lambda: 7)
    worker.join(60)
    assert isinstance(results[0], ZeroDivisionError) and results[1] == 7
