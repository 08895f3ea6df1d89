"""Rankings against known strengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from kling_nb.stats import Ranking, rank
from kling_nb.stats.votes import Vote, _shares

TIE = 0.5


def voted(
    strengths: Sequence[float], clips: int, votes: int, own: float, rng: np.random.Generator
) -> tuple[list[Vote], dict[int, int]]:
    """Votes on clips whose strength is that of their condition and a part of their own."""
    condition = np.repeat(np.arange(len(strengths)), clips)
    clip = np.asarray(strengths)[condition] + rng.normal(0, own, len(condition))
    pairs = [(i, j) for i in range(len(strengths)) for j in range(i)]
    order = rng.permutation(len(pairs))
    made: list[Vote] = []
    for number in range(votes):
        i, j = pairs[order[number % len(pairs)]]
        a, b = i * clips + int(rng.integers(clips)), j * clips + int(rng.integers(clips))
        weights = np.exp([clip[a], clip[b], np.log(TIE) + (clip[a] + clip[b]) / 2])
        made.append((a, b, ("left", "right", "tie")[rng.choice(3, p=weights / weights.sum())]))
    return made, dict(enumerate(condition.tolist()))


def held(strengths: Sequence[float], ranking: Ranking) -> list[bool]:
    truth = _shares(np.array([strengths], dtype=float), np.array([TIE]))[0]
    return [each.low <= truth[each.condition] <= each.high for each in ranking.standings]


TRUTHS = (
    [0.0, 0.0], [0.5, -0.5], [1.0, -1.0], [1.5, -1.5], [0.0, 0.0, 0.0, 0.0], [0.6, 0.2, -0.2, -0.6],
    [1.5, 0.5, -0.5, -1.5], [2.0, 0.0, 0.0, 0.0],
)  # fmt: skip


@pytest.mark.parametrize(
    ("clips", "votes", "own", "rounds"),
    [
        (3, 6, 0.5, 40),
        (6, 60, 0.5, 20),
        pytest.param(3, 6, 0.5, 250, marks=pytest.mark.drill),
        pytest.param(1, 4, 0.0, 250, marks=pytest.mark.drill),
        pytest.param(3, 20, 0.5, 250, marks=pytest.mark.drill),
        pytest.param(6, 60, 0.5, 250, marks=pytest.mark.drill),
    ],
)
def test_intervals_of_a_ranking_cover_the_truth(clips: int, votes: int, own: float, rounds: int) -> None:
    """With 250 rounds these are 2 000 rankings of strengths from equal to very unequal."""
    rng = np.random.default_rng(21)
    covered = [
        np.mean(held(truth, rank(*voted(truth, clips, votes, own, rng))))
        for truth in TRUTHS
        for _ in range(rounds)
    ]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_who_is_not_told_apart_wrongly() -> None:
    """Of rankings of equals hardly any names a winner."""
    rng = np.random.default_rng(22)
    named = [rank(*voted([0.0, 0.0], 4, 30, 0.5, rng)).told_apart for _ in range(200)]
    assert np.mean(named) <= 0.05


def test_who_always_wins_comes_first_at_finite_odds() -> None:
    ranking = rank([("a", "b", "left")] * 3, {"a": "A", "b": "B"})
    first, second = ranking.standings
    assert (first.condition, first.wins, second.losses) == ("A", 3, 3)
    assert 0.5 < first.share < 1.0
    assert not ranking.told_apart, "three votes on one pair of clips"


def test_one_pair_of_clips_however_often_looked_at_says_little_about_its_conditions() -> None:
    once = rank([("a", "b", "left")] * 30, {"a": "A", "b": "B"})
    many = rank([(f"a{n}", f"b{n}", "left") for n in range(30)],
                {f"{side}{n}": side.upper() for side in "ab" for n in range(30)})  # fmt: skip
    assert many.told_apart
    assert once.better[0][1] < many.better[0][1]
    assert once.standings[0].low < many.standings[0].low


def test_sides_do_not_matter() -> None:
    places = {"a": "A", "b": "B", "c": "C"}
    votes: list[Vote] = [("a", "b", "left"), ("b", "c", "tie"), ("c", "a", "right"), ("a", "b", "right")]
    turned: dict[str, str] = {"left": "right", "right": "left", "tie": "tie"}
    other: list[Vote] = [(right, left, turned[outcome]) for left, right, outcome in votes]  # type: ignore[misc]
    for here, there in zip(rank(votes, places).standings, rank(other, places).standings, strict=True):
        assert (here.condition, here.wins, here.ties) == (there.condition, there.wins, there.ties)
        assert here.share == pytest.approx(there.share, abs=0.02)


def test_what_was_never_compared_is_said() -> None:
    votes: list[Vote] = [("a", "b", "left"), ("c", "d", "left")]
    ranking = rank(votes, {each: each.upper() for each in "abcde"})
    assert {frozenset(island) for island in ranking.islands} == {
        frozenset("AB"), frozenset("CD"), frozenset("E"),
    }  # fmt: skip
    assert not ranking.told_apart


def test_without_votes_all_are_equal_and_nothing_is_known() -> None:
    ranking = rank([], {"a": "A", "b": "B"})
    assert [each.share for each in ranking.standings] == pytest.approx([0.5, 0.5], abs=0.02)
    assert all(each.low < 0.2 and each.high > 0.8 for each in ranking.standings)


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to rank"):
        rank([], {})
    with pytest.raises(ValueError, match="no condition is known of 'b'"):
        rank([("a", "b", "left")], {"a": "A"})
    with pytest.raises(ValueError, match="'skip' is no outcome"):
        rank([("a", "b", "skip")], {"a": "A", "b": "B"})  # type: ignore[list-item]


def test_the_same_votes_give_the_same_numbers() -> None:
    votes, places = voted([1.0, 0.0, -1.0], 3, 20, 0.5, np.random.default_rng(3))
    assert rank(votes, places) == rank(votes, places)
