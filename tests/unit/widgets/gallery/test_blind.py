"""Blind comparison on a page: what is written, taken back, and that nothing gives the answer away."""

from __future__ import annotations

import re

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.widgets.gallery.blind import BlindComparison
from kling_nb.widgets.gallery.functions import compare


def tell(made, **content) -> None:
    made._on_message(made, content, [])


@pytest.fixture
def blind(session, add, monkeypatch) -> BlindComparison:
    monkeypatch.setattr(BlindComparison, "send", lambda *_, **__: None)
    for number in range(4):
        add(prompt=("slow pan", "fast pan")[number % 2])
    add(prompt="no clip", status=RunStatus.FAILED, video_path=None)
    return compare(session.runs(), blind=True, by="prompt", votes=3, question="Smoother?", session=session)


def test_one_condition_cannot_be_compared(session, add) -> None:
    ids = [add(prompt="same"), add(prompt="same")]
    with pytest.raises(InputError, match="no two clips"):
        compare(ids, blind=True, by="prompt", session=session)


def test_votes_are_in_the_log_and_can_be_taken_back(session, blind) -> None:
    assert len(blind) == 4
    for outcome in ("left", "skip", "tie"):
        tell(blind, kind="vote", outcome=outcome, done=blind.pair["done"])
    found = session.log.judgements.votes(question="Smoother?")
    assert [vote.outcome for vote in found] == ["left", "skip", "tie"]
    assert all(vote.blind for vote in found)
    assert "fast pan" in blind.pair["ranking"]
    assert set(blind.pair["labels"].values()) == {"slow pan", "fast pan"}
    tell(blind, kind="unvote")
    assert [vote.outcome for vote in session.log.judgements.votes()] == ["left", "skip"]
    assert "labels" not in blind.pair
    assert {blind.pair["left"], blind.pair["right"]} == {found[2].left, found[2].right}


def test_begun_again_it_asks_only_for_what_is_left(session, blind) -> None:
    shown = []
    for _ in range(3):
        shown.append({blind.pair["left"], blind.pair["right"]})
        tell(blind, kind="vote", outcome="tie", done=blind.pair["done"])
    again = compare(session.runs(), blind=True, by="prompt", question="Smoother?", session=session)
    assert again.pair["of"] == 1
    assert {again.pair["left"], again.pair["right"]} not in shown
    tell(again, kind="vote", outcome="left", done=0)
    with pytest.raises(InputError, match="Every pair"):
        compare(session.runs(), blind=True, by="prompt", question="Smoother?", session=session)


@pytest.mark.parametrize(
    "content", [{"outcome": "both", "done": 0}, {"outcome": "left", "done": 1}], ids=repr
)
def test_what_is_no_vote_on_the_pair_shown_is_not_written(session, blind, content) -> None:
    tell(blind, kind="vote", **content)
    assert session.log.judgements.votes() == []
    assert blind.pair["done"] == 0


def test_nothing_saved_gives_the_answer_away(blind) -> None:
    bundle = blind._repr_mimebundle_()[0]
    words = bundle["text/plain"] + bundle["text/html"] + str(blind.pair)
    # As a word: an id may hold the letters by chance.
    assert not re.search(r"\bpan\b", words)
    assert "0 of 3 votes" in words
