"""Pad, form and wall while things cross: a preview and a stroke, many pages, a page that is just opened."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pictures_to_draw_on import two_balls

from kling_nb.domain.cost import Cost
from kling_nb.session import Session
from kling_nb.session.preview import Preview
from kling_nb.widgets.composer import Composer
from kling_nb.widgets.pad.pad import PAGES, MotionPad
from kling_nb.widgets.wall import Wall
from kling_nb.widgets.wall import widget as wall_module

SIZE = (120, 80)
PICTURE = two_balls(SIZE)
PATIENCE_S = 60
COST = Cost(Decimal(1), usd=Decimal("0.14"), mark="unverified", as_of="2026-09")


class SlowStudio:
    """Stands in for a session: a preview is ready when the test says so."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ready = threading.Event()

    def preview(self, **_: Any) -> Preview:
        assert self.ready.wait(PATIENCE_S)
        film = self.home / "film.mp4"
        film.write_bytes(b"film")
        return Preview(film, COST, clip="kling-v1 std 5 s", reason="sent as masks")


@pytest.fixture
def studio(tmp_path: Path) -> SlowStudio:
    return SlowStudio(tmp_path)


@pytest.fixture
def pad(studio: SlowStudio) -> MotionPad:
    made = MotionPad(PICTURE, session=studio, draft=False)
    made.model.stroke("brush", [(30, 40), (40, 40)], radius=10)
    made.model.set_path([(30, 40), (80, 40)])
    return made


@pytest.mark.parametrize(
    ("between", "status"),
    [
        (lambda pad: pad.model.stroke("brush", [(60, 60)], radius=5), "stale"),
        (lambda pad: pad.model.zoom_in(), "ready"),
        (lambda pad: pad.model.stroke("brush", [(60, 60)], radius=5) and pad.model.undo(), "ready"),
    ],
    ids=["drawn", "zoomed", "drawn and undone"],
)
def test_a_preview_is_only_of_the_drawing_it_was_begun_with(pad, studio, between, status) -> None:
    pad.preview()
    assert pad.state["preview"]["status"] == "working"
    between(pad)
    studio.ready.set()
    pad.settle(PATIENCE_S)
    assert pad.state["preview"]["status"] == status
    assert bytes(pad.film) == b"film"


def test_a_message_that_went_round_another_thread_leaves_no_later_one_unanswered(pad: MotionPad) -> None:
    turn = pad.state["turn"]
    for seq in (2, 3, 1):
        pad._on_message(pad, {"kind": "hello", "client": "page", "seq": seq}, [])
    assert pad.state["done"] == {"page": 3}
    assert pad.state["turn"] == turn + 3


def test_a_page_that_is_drawn_on_is_answered_however_many_others_come(pad: MotionPad) -> None:
    for number in range(2 * PAGES):
        for client in ("drawn on", f"page {number}"):
            pad._on_message(pad, {"kind": "use", "tool": "lasso", "client": client, "seq": number}, [])
    assert pad.state["done"]["drawn on"] == 2 * PAGES - 1
    assert len(pad.state["done"]) == PAGES


@pytest.mark.parametrize(
    ("at", "left"),
    [((79, 41), [(30.0, 40.0)]), ((30, 40), [(80.0, 40.0)]), ((55, 60), [(30.0, 40.0), (80.0, 40.0)])],
)
def test_a_point_is_deleted_by_its_place(pad: MotionPad, at, left) -> None:
    layer = pad.model.layer
    values = {"name": "delete_point", "layer": layer, "at": at, "scale": 4.0}
    pad._on_message(pad, {"kind": "do", "client": "page", "seq": 1, **values}, [])
    assert list(pad.model.state.layer(layer).path) == left
    assert pad.state["message"]["text"] == ""


def test_a_form_says_up_to_where_a_page_has_been_heard(tmp_path: Path) -> None:
    session = Session("sandbox", tmp_path)
    form = Composer(session=session)
    heard: list[tuple[int | None, str]] = []
    form.observe(lambda change: heard.append((change.new["heard"].get("a"), change.new["prompt"])), "state")
    form._on_message(form, {"kind": "set", "name": "prompt", "value": "new", "client": "a", "seq": 1}, [])
    form._on_message(form, {"kind": "set", "name": "image", "value": "no.png", "client": "a", "seq": 2}, [])
    form.settle()
    session.close()
    assert (None, "new") in heard, "not before it is done"
    assert [each for each in heard if each == (1, "")] == []
    assert heard[-1] == (2, "new"), "what fails is heard, too"
    for number in range(2 * PAGES):
        for client in ("a", f"page {number}"):
            form._answered(client, number)
    assert "a" in form.state["heard"] and len(form.state["heard"]) == PAGES


def test_a_page_just_opened_does_not_end_with_what_was_true_before(monkeypatch) -> None:
    counts = iter(range(10))
    monkeypatch.setattr(wall_module, "head_of", lambda _: {"busy": True, "number": next(counts)})
    monkeypatch.setattr(Wall, "_cards", lambda _: [])
    told: list[int] = []
    newer = threading.Event()

    def send(self: Wall, content: dict[str, Any], buffers: Any = None) -> None:
        number = content["head"]["number"]
        if number == 0:
            # The sweep goes on while the page is told.
            other.start()
            newer.wait(0.2)
        told.append(number)
        newer.set()

    monkeypatch.setattr(Wall, "send", send)
    wall = Wall(SimpleNamespace(id="s-1", on_change=lambda _: lambda: None))
    other = threading.Thread(target=wall._update)
    wall._on_message(wall, {"kind": "hello"}, [])
    other.join(PATIENCE_S)
    assert told == [0, 1]
    wall.close()
