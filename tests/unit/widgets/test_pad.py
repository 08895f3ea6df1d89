"""The pad without a page: what messages of a page do, and what the page is told."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import ipycanvas.canvas
import numpy as np
import pytest
from pictures_to_draw_on import two_balls

from kling_nb.domain.cost import Cost
from kling_nb.errors import MediaError, RequestRefused
from kling_nb.session import MotionBrush
from kling_nb.session.preview import Preview
from kling_nb.widgets.pad.pad import MotionPad, stage_size

SIZE = (120, 80)
PICTURE = two_balls(SIZE)


class Studio:
    """Stands in for a session: keeps what it was asked to render."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.asked: list[dict[str, Any]] = []
        self.fails: Exception | None = None

    def preview(self, **request: Any) -> Preview:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        film = self.home / "film.mp4"
        film.write_bytes(b"film %d" % len(self.asked))
        cost = Cost(Decimal(1), usd=Decimal("0.14"), mark="unverified", as_of="2026-09")
        return Preview(film, cost, clip="kling-v1 std 5 s", reason="sent as masks")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


@pytest.fixture
def pad(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> MotionPad:
    monkeypatch.chdir(studio.home)
    return MotionPad(PICTURE, session=studio, model_name="kling-v1")


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []
    manager = type(ipycanvas.canvas._CANVAS_MANAGER)
    monkeypatch.setattr(manager, "_send_custom", lambda self, command, buffers=(): sent.append(command))
    return sent


def tell(pad: MotionPad, kind: str, seq: int = 1, data: bytes | None = None, **content: Any) -> Any:
    """Send what a page sends; return the state the page then has."""
    message = {"kind": kind, "client": "page", "seq": seq, **content}
    pad._on_message(pad, message, [] if data is None else [memoryview(data)])
    return pad.state


def ink(pad: MotionPad, points: list[tuple[float, float]], tool: str = "brush", **more: Any) -> Any:
    rows = np.array([(x, y, 1.0) for x, y in points], dtype="<f4")
    content = {"tool": tool, "layer": "mask-1", "size": 8.0, "moved": True, "picked": None, "scale": 2.0}
    return tell(pad, "ink", data=rows.tobytes(), **{**content, **more})


def draw_something(pad: MotionPad) -> None:
    ink(pad, [(30, 40), (50, 40)])
    ink(pad, [(40, 40), (70, 20), (90, 30)], "path_freehand")


def test_a_stroke_is_one_drawing_message_and_one_state(pad: MotionPad, batches: list[Any]) -> None:
    states: list[Any] = []
    pad.observe(states.append, "state")
    ink(pad, [(30, 40), (50, 40)], seq=7)
    assert len(batches) == 1
    assert len(states) == 1
    assert pad.state["done"] == {"page": 7}
    assert pad.model.runs("mask-1").contains(40, 40)


def test_a_stroke_brings_its_own_tool_mask_and_size(pad: MotionPad) -> None:
    """What was in the hand when it was drawn counts, not what is now: the kernel may have been busy."""
    tell(pad, "do", name="add_layer", layer="mask-1")
    tell(pad, "use", tool="lasso", size=30.0)
    ink(pad, [(30, 40)], layer="mask-1", size=5.0)
    assert pad.model.runs("mask-1").contains(34, 40)
    assert not pad.model.runs("mask-1").contains(38, 40)
    assert pad.model.runs("mask-2").is_empty


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"kind": "do", "name": "snap", "layer": "mask-1"}, "nothing to snap"),
        ({"kind": "do", "name": "make_tea"}, "no command 'make_tea'"),
        ({"kind": "do", "name": "rename", "layer": "mask-9", "label": "x"}, "mask-9"),
        ({"kind": "do", "name": "load", "path": "nowhere"}, "nothing at nowhere"),
        ({"kind": "do", "name": "pan"}, "KeyError"),
        ({"kind": "use", "tool": "hammer"}, "hammer"),
    ],
)
def test_errors_are_said_and_leave_the_drawing_alone(pad: MotionPad, content: Any, word: str) -> None:
    drawn = pad.model.state
    state = tell(pad, **content)
    assert state["message"]["level"] == "E"
    assert word in state["message"]["text"]
    assert state["done"] == {"page": 1}, "an answer all the same, or the page would wait for ever"
    assert pad.model.state is drawn


def test_a_damaged_stroke_is_said(pad: MotionPad) -> None:
    state = tell(pad, "ink", data=b"12345", tool="brush", layer="mask-1", size=3, moved=True, scale=1)
    assert "damaged" in state["message"]["text"]


def test_what_is_said_goes_with_the_next_step(pad: MotionPad) -> None:
    tell(pad, "do", name="snap", layer="mask-1")
    assert tell(pad, "use", tool="lasso")["message"]["text"]
    assert not ink(pad, [(30, 40)])["message"]["text"]


def test_the_next_step_is_a_hint_not_a_mistake(pad: MotionPad) -> None:
    state = ink(pad, [(30, 40), (50, 40)])
    assert [problem["level"] for problem in state["problems"]] == ["T"]
    assert "has no path yet" in state["problems"][0]["text"]
    with pytest.raises(RequestRefused):
        _ = pad.brush


def test_the_state_is_json(pad: MotionPad) -> None:
    draw_something(pad)
    assert json.loads(json.dumps(pad.state)) == pad.state


def test_the_drawing_comes_back_and_says_so(pad: MotionPad, studio: Studio) -> None:
    draw_something(pad)
    pad.settle()
    again = MotionPad(PICTURE, session=studio)
    assert again.model.state == pad.model.state
    assert "is back" in again.state["message"]["text"]
    assert MotionPad(PICTURE, session=studio, draft=False).is_empty
    assert MotionPad(two_balls(SIZE, 9), session=studio).is_empty, "drafts belong to a picture"


def test_a_damaged_draft_is_put_aside(pad: MotionPad, studio: Studio) -> None:
    draw_something(pad)
    pad.settle()
    (draft,) = (studio.home / "drafts").iterdir()
    draft.write_text(draft.read_text().replace('"slot":0', '"slot":"x"'))
    again = MotionPad(PICTURE, session=studio)
    assert again.is_empty
    assert again.state["message"]["level"] == "W"
    assert list(draft.parent.glob("*.broken"))


def test_a_preview_is_made_beside_the_kernel_and_grows_stale(pad: MotionPad, studio: Studio) -> None:
    draw_something(pad)
    assert tell(pad, "do", name="preview")["preview"]["status"] in ("working", "ready")
    pad.settle()
    assert pad.film == b"film 1"
    assert pad.state["preview"]["status"] == "ready"
    assert "Sent as masks." in pad.state["preview"]["price"]
    assert studio.asked[0]["model_name"] == "kling-v1"
    assert studio.asked[0]["brush"] == pad.brush
    ink(pad, [(60, 60)])
    assert pad.state["preview"]["status"] == "stale"


def test_a_failed_preview_says_why(pad: MotionPad, studio: Studio) -> None:
    draw_something(pad)
    studio.fails = MediaError("There is no picture.", "It is gone.", "Bring it back.")
    pad.preview()
    pad.settle()
    assert pad.state["preview"]["status"] == "failed"
    assert "Bring it back." in pad.state["preview"]["text"]


def test_an_unfinished_drawing_cannot_be_previewed_and_says_why(pad: MotionPad, studio: Studio) -> None:
    ink(pad, [(30, 40), (50, 40)])
    assert "path" in tell(pad, "do", name="preview")["message"]["text"]
    assert studio.asked == []


def test_saved_and_loaded_drawings_are_equal(pad: MotionPad, tmp_path: Path) -> None:
    draw_something(pad)
    folder = pad.save(tmp_path / "kept")
    assert {path.name for path in folder.iterdir()} >= {"drawing.json", "brush.json", "mask-1.png"}
    drawn = pad.model.state
    tell(pad, "do", name="clear")
    pad.load(folder)
    assert pad.model.state == drawn
    tell(pad, "do", name="undo")
    assert pad.is_empty, "loading can be undone"
    pad.load(folder / "mask-1.png")
    assert pad.model.runs("mask-1") == drawn.layer("mask-1").runs(SIZE)


def test_a_drawing_of_another_picture_is_refused_and_nothing_is_lost(pad: MotionPad, studio: Studio) -> None:
    draw_something(pad)
    other = MotionPad(two_balls((90, 90)), session=studio, draft=False)
    draw_something(other)
    folder = other.save(studio.home / "other")
    drawn = pad.model.state
    state = tell(pad, "do", name="load", path=str(folder))
    assert "another picture" in state["message"]["text"]
    assert pad.model.state is drawn
    (folder / "drawing.json").write_text("{ broken")
    assert "cannot be read" in tell(pad, "do", name="load", path=str(folder))["message"]["text"]
    assert pad.model.state is drawn


def test_the_code_rebuilds_the_brush(pad: MotionPad, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_something(pad)
    sent: list[Any] = []
    monkeypatch.setattr(MotionPad, "send", lambda self, content, buffers=None: sent.append(content))
    tell(pad, "do", name="code")
    scope: dict[str, Any] = {}
    exec(sent[0]["text"], scope)
    assert scope["brush"].dynamic_masks == pad.brush.dynamic_masks


def test_a_brush_can_be_opened_in_a_pad(pad: MotionPad) -> None:
    mask = np.zeros((80, 120), dtype=bool)
    mask[10:30, 10:40] = True
    pad.load_brush(MotionBrush(PICTURE).dynamic(mask, [(20, 20), (60, 60)], label="boat"))
    assert pad.state["layers"][0]["name"] == "boat"
    assert np.array_equal(pad.brush.dynamic_masks[0].mask.array, mask)


def test_a_fine_screen_gets_a_finer_canvas_and_a_coarse_one_does_not_take_it_away(pad: MotionPad) -> None:
    tell(pad, "hello", ratio=2)
    tell(pad, "hello", ratio=1)
    assert pad._canvas.size == (1280, 854)
    assert pad.state["stage"] == [640, 427], "places on the page stay what they were"


def test_without_a_kernel_a_picture_of_the_drawing_remains(pad: MotionPad) -> None:
    bundle = pad.bundle()
    assert bundle["text/html"].startswith('<img alt="Motion pad" src="data:image/jpeg;base64,')
    assert len(bundle["text/html"]) < 100_000
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == pad.model_id


def test_a_url_cannot_be_drawn_on() -> None:
    with pytest.raises(MediaError, match="cannot be drawn on"):
        MotionPad("https://example.org/boat.jpg")


@pytest.mark.parametrize(
    ("size", "stage"), [((4096, 3072), (640, 480)), ((600, 1000), (336, 560)), ((300, 300), (560, 560))]
)
def test_the_picture_fills_its_place_on_the_page(size: tuple[int, int], stage: tuple[int, int]) -> None:
    assert stage_size(size) == stage


def test_cells_and_clicks_at_the_same_time_do_not_wait_for_each_other_for_ever(pad: MotionPad) -> None:
    def click() -> None:
        for number in range(20):
            ink(pad, [(30 + number, 40)], seq=number)

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(20):
        pad.model.stroke("brush", [(60, 20 + number)], radius=5)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_those_who_watch_are_told_of_drawings_only(pad: MotionPad) -> None:
    told: list[int] = []
    stop = pad.on_change(lambda: told.append(1))
    tell(pad, "use", tool="lasso")
    tell(pad, "do", name="zoom_in")
    assert told == []
    draw_something(pad)
    assert len(told) == 2
    stop()
    ink(pad, [(30, 40)])
    assert len(told) == 2
