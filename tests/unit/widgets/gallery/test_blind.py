"""Blind comparison: who meets whom, what is written, and that nothing gives the answer away."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.widgets.gallery.blind import BlindComparison
from kling_nb.widgets.gallery.functions import compare
from kling_nb.widgets.gallery.pairs import schedule


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 40), st.integers(0, 5))
def test_only_different_conditions_meet_and_all_about_equally_often(conditions, votes, seed) -> None:
    of = {f"r-{number}": condition for number, condition in enumerate(conditions)}
    pairs = schedule(of, votes, seed=seed)
    sizes = Counter(conditions)
    possible = (len(conditions) ** 2 - sum(size**2 for size in sizes.values())) // 2
    assert len(pairs) == min(votes, possible)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    assert all(of[left] != of[right] for left, right in pairs)
    met = Counter(frozenset((of[left], of[right])) for left, right in pairs)
    room = {frozenset((a, b)): sizes[a] * sizes[b] for a in sizes for b in sizes if a < b}
    most = max(met.values(), default=0)
    assert all(met[meeting] >= min(most - 1, room[meeting]) for meeting in room)


def test_sides_are_by_chance() -> None:
    of = {f"r-{number}": number % 2 for number in range(30)}
    left = sum(of[left] for left, _ in schedule(of, 200, seed=1))
    assert 70 < left < 130


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
    with pytest.raises(InputError, match="no two conditions"):
        compare(ids, blind=True, by="prompt", session=session)


def test_votes_are_in_the_log_and_can_be_taken_back(session, blind) -> None:
    assert len(blind) == 4
    for outcome in ("left", "skip", "tie"):
        tell(blind, kind="vote", outcome=outcome, done=blind.pair["done"])
    found = session.log.judgements.votes(question="Smoother?")
    assert [vote.outcome for vote in found] == ["left", "skip", "tie"]
    assert all(vote.blind for vote in found)
    assert [(v.left, v.right) for v in found] == [(a.left, a.right) for a in blind.answers]
    assert len(blind.votes) == 2
    assert set(blind.pair["labels"].values()) == {"slow pan", "fast pan"}
    tell(blind, kind="unvote")
    assert [vote.outcome for vote in session.log.judgements.votes()] == ["left", "skip"]
    assert "labels" not in blind.pair


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
    assert "pan" not in words
    assert "0 of 3 votes" in words
