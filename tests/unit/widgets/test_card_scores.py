"""Scores on a card: the line, the table, pictures on demand, and what is left of it in the saved notebook."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clip_shelf import numbered_clip
from kept_output import Output
from made_scores import FRAMES, made_scores
from quick_sessions import until

from kling_nb.domain.task import RunStatus
from kling_nb.widgets import card as cards
from kling_nb.widgets.card import WIDGET_TYPE, RunCard
from kling_nb.widgets.overlay import fewer


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], Any]]:
    """Messages the card sends to its page."""
    messages: list[tuple[dict[str, Any], Any]] = []
    monkeypatch.setattr(RunCard, "send", lambda _, content, buffers=None: messages.append((content, buffers)))
    return messages


def test_without_a_clip_there_is_no_line(studio) -> None:
    assert RunCard(studio.run()).state["scores"] is None
    assert RunCard(studio.run(RunStatus.FAILED)).state["scores"] is None


def test_the_line_is_there_as_soon_as_the_clip_is(studio) -> None:
    run = studio.finished()
    assert RunCard(run).state["scores"]["state"] == "none"
    studio.keeper.measuring.add(run.id)
    card = RunCard(run)
    assert card.state["scores"] == {"state": "measuring", "line": "measuring…"}
    run.set_scores(made_scores())
    card._on_change(run)
    scores = card.state["scores"]
    assert scores["line"].startswith("path error 0.42 %")
    assert [word for word, _ in scores["flags"]] == ["too short", "leak", "not followed"]
    assert scores["pictures"] == ["sheet", "leak", "plot"]
    assert json.loads(json.dumps(card.state)) == card.state


def test_scores_that_come_between_two_looks_are_there(studio, monkeypatch) -> None:
    run = studio.finished()

    def measured_meanwhile(_run_id: str) -> bool:
        run.set_scores(made_scores())
        return False

    monkeypatch.setattr(studio.keeper, "is_measuring", measured_meanwhile)
    assert RunCard(run).state["scores"]["state"] == "done"


def test_paths_lie_in_pixels_of_the_video(studio) -> None:
    run = studio.finished()
    run.set_scores(made_scores())
    paths = RunCard(run).state["scores"]["paths"]
    assert paths["size"] == [320, 180]
    found, lost = paths["lines"]
    assert found["points"][0] == [40.0, 90.0]
    assert found["measured"][-1][0] == pytest.approx(40 + 160 * 23 / 24, abs=0.06)
    assert len(found["times"]) == len(found["points"]) == FRAMES
    assert lost["measured"] == []


def test_what_is_saved_is_drawn_at_the_end_and_with_the_scores(studio, monkeypatch) -> None:
    """A notebook that ends before its clips are measured must not say that they were never made."""
    monkeypatch.setattr(cards, "CellOutput", Output)
    run = studio.run()
    card = RunCard(run).show()
    done = studio.finished()
    studio.keeper.measuring.add(run.id)
    run.set_record(done.record)
    run.settle()
    card._on_change(run)
    card._on_change(run)
    (_, ended) = card._output.bundles
    assert "succeeded" in ended["text/plain"]
    assert "measuring…" not in ended["text/html"], "who opens it tomorrow waits in vain"
    assert WIDGET_TYPE in ended, "the live card stays and brings them"
    run.set_scores(made_scores())
    card._on_change(run)
    card._on_change(run)
    (_, _, saved) = card._output.bundles
    assert "⚠ leak" in saved["text/html"]
    assert 'title="How far the painted objects were' in saved["text/html"]
    assert 'class="kn-paths"' in saved["text/html"]


def test_a_clip_that_a_later_cell_takes_again_was_paid_for_in_this_one(studio, monkeypatch) -> None:
    monkeypatch.setattr(cards, "CellOutput", Output)
    run = studio.finished()
    first = RunCard(run).show()
    run.set_reused()
    again = RunCard(run).show()
    run.set_scores(made_scores())
    for card, told in ((first, False), (again, True)):
        card._on_change(run)
        for form in ("text/plain", "text/html"):
            assert ("no charge" in card._output.bundles[-1][form]) == told
        assert card.state["reused"] == told


def test_the_saved_card_has_the_paths_over_its_player(studio, monkeypatch) -> None:
    monkeypatch.setattr(RunCard, "_lives_on_alone", lambda *_: True)
    run = studio.finished()
    run.set_scores(made_scores())
    shown = RunCard(run)._repr_mimebundle_()[0]
    assert WIDGET_TYPE not in shown
    html = shown["text/html"]
    box = html[html.index('class="kn-film-box"') : html.index("</svg>")]
    assert 'viewBox="0 0 320 180"' in box
    assert "Requested motion solid, measured motion dashed: boat (1), boat (2)" in box
    assert box.count("stroke-dasharray") == 2


def test_a_saved_path_keeps_its_corners_and_little_else() -> None:
    line = [(float(x), 0.0) for x in range(100)] + [(99.0, float(y)) for y in range(1, 100)]
    assert fewer(line, 0.5) == [(0.0, 0.0), (99.0, 0.0), (99.0, 99.0)]
    there_and_back = [(float(x), 0.0) for x in [*range(50), *range(50, -1, -1)]]
    assert (50.0, 0.0) in fewer(there_and_back, 0.5)


def test_pictures_on_demand_or_a_reason(studio, sent) -> None:
    run = studio.finished()
    clip = studio.keeper.home / "media" / "clip.mp4"
    numbered_clip(clip, frames=FRAMES)
    card = RunCard(run)
    card._on_message(card, {"kind": "picture", "what": "plot"}, [])
    until(lambda: sent)
    (message, (data,)) = sent.pop()
    assert (message["kind"], data) == ("picture", b"")
    assert "has not been measured yet" in message["said"]
    run.set_scores(made_scores())
    for what, begin in (("sheet", b"\xff\xd8"), ("leak", b"\xff\xd8"), ("plot", b"<svg")):
        card._on_message(card, {"kind": "picture", "what": what}, [])
        until(lambda: sent)
        (message, (data,)) = sent.pop()
        assert (message["what"], message["said"]) == (what, "")
        assert data.startswith(begin)
