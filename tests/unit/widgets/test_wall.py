"""The wall: what it tells the page of a sweep, and what is left of it in the saved notebook."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_scores import made_scores
from quick_sessions import QUICK, textured_picture, until

from kling_nb.session import Session
from kling_nb.widgets.scorestate import MEASURING
from kling_nb.widgets.wall import Wall
from kling_nb.widgets.wall.state import head_of

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def session(sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.chdir(tmp_path)
    with Session(provider="sandbox", home=tmp_path, sandbox_home=sandbox.home, pace=QUICK) as made:
        yield made


def test_it_follows_the_sweep_and_tells_the_page_only_what_changed(session: Session) -> None:
    made = {"what": [HOSTILE, "kite [[sandbox:async:risk]]"], "model": "kling-v1", "mode": "std"}
    sweep = session.sweep(textured_picture(), "a {{what}}", **made, repeat=2, budget=9, until="done >= 9")
    wall = Wall(sweep)
    sent: list[dict[str, Any]] = []
    wall.send = lambda content, buffers=None: sent.append(content)
    assert len(wall.cards) == 4
    sweep.wait(60)
    until(lambda: sent and sent[-1]["head"]["state"] == "done" and not sent[-1]["head"]["busy"])
    assert wall.head["counts"] == {"done": 2, "running": 0, "waiting": 0, "failed": 2, "uncertain": 0}
    assert (wall.head["budget"], wall.head["until"]) == ("9 units", "done >= 9")
    done = [card for card in wall.cards if card["kind"] == "done"]
    assert [card["label"] for card in done] == [f"what={HOSTILE}"] * 2
    assert {card["repeat"] for card in done} == {1, 2}
    failed = next(card for card in wall.cards if card["kind"] == "failed")
    assert "risk control" in failed["why"]
    shown: dict[str, Any] = {}
    for message in sent:
        assert len(json.dumps(message)) < 50_000
        shown.update({str(place): card for place, card in message["cards"].items()})
    assert all(shown.get(str(place), card) == card for place, card in enumerate(wall.cards))
    html = wall._repr_mimebundle_()[0]["text/html"]
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
    assert wall._repr_mimebundle_()[0]["text/plain"] == repr(sweep)
    wall.close()


def test_the_page_gets_a_clip_that_no_server_shows_and_can_stop(session: Session) -> None:
    sweep = session.sweep(textured_picture(), ["a boat"], model="kling-v1", mode="std").wait(60)
    wall = Wall(sweep)
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    wall.send = lambda content, buffers=None: sent.append((content, buffers or []))
    wall._on_message(wall, {"kind": "clip", "id": sweep.runs[0].id}, [])
    assert b"ftyp" in sent[-1][1][0][:16]
    wall._on_message(wall, {"kind": "clip", "id": "r-nothing"}, [])
    assert sent[-1][1] == [b""]
    wall._on_message(wall, {"kind": "hello"}, [])
    assert sent[-1][0]["head"]["id"] == sweep.id
    wall._on_message(wall, {"kind": "stop"}, [])
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "kling-wall"])
    assert [content for content, _ in sent if content["kind"] == "said"] == []
    wall.close()


def test_scores_that_come_while_the_wall_is_drawn_are_shown_with_the_next_drawing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = session.sweep(textured_picture(), ["a boat"], model="kling-v1", mode="std").wait(60)
    (run,) = sweep.runs
    # Nobody else draws it.
    monkeypatch.setattr(sweep, "on_change", lambda _: lambda: None)
    busy = {run.id}
    monkeypatch.setattr(Session, "is_measuring", lambda _, run_id: run_id in busy)
    look = session.log.scores.measured

    def measured_meanwhile(ids: list[str]) -> Any:
        found = look(ids)
        if busy:
            session.log.put_scores(run.id, made_scores(clip_sha256=run.record.video_sha256))
            busy.clear()
        return found

    monkeypatch.setattr(session.log.scores, "measured", measured_meanwhile)
    wall = Wall(sweep)
    assert wall.cards[0]["scores"]["line"] == MEASURING
    wall._update()
    assert wall.cards[0]["scores"]["line"].startswith("path error")
    wall.close()


@pytest.mark.parametrize(("setting", "room"), [("auto", True), ("off", False)])
def test_scores_have_their_place_before_they_come_where_clips_are_measured(
    session: Session, monkeypatch: pytest.MonkeyPatch, setting: str, room: bool
) -> None:
    sweep = session.sweep(textured_picture(), ["a boat"], model="kling-v1", mode="std").wait(60)
    monkeypatch.setenv("KLING_NB_SCORES", setting)
    assert head_of(sweep)["measures"] is room
