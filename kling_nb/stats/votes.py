"""A ranking from votes between two clips, and how sure it is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from kling_nb.stats.davidson import Floats, design, fit

Outcome = Literal["left", "right", "tie"]
Vote = tuple[Hashable, Hashable, Outcome]
"""Clip on the left, clip on the right, and which was better."""

_OUTCOMES: Final = ("left", "right", "tie")
DRAWS: Final = 4000
SURE: Final = 0.975
"""Chance of being better at which two conditions count as told apart."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One condition in a ranking.

    Parameters
    ----------
    condition
        What is ranked.
    share
        Share of votes it would win against the others, a tie counting half.
    low, high
        95 % interval of that.
    best
        Chance that it is the best.
    wins, losses, ties
        Votes it was given.
    """

    condition: Any
    share: float
    low: float
    high: float
    best: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Conditions, the best first.

    Parameters
    ----------
    standings
        One a condition.
    better
        ``better[i][j]``: chance that the condition at place i is better than the one at place j.
    islands
        Groups of conditions that no votes connect: their order rests on the prior alone.
    """

    standings: tuple[Standing, ...]
    better: tuple[tuple[float, ...], ...]
    islands: tuple[tuple[Any, ...], ...]

    @property
    def told_apart(self) -> bool:
        """Whether the first is better than the second beyond reasonable doubt."""
        return len(self.standings) > 1 and self.better[0][1] >= SURE


def rank(votes: Sequence[Vote], condition_of: Mapping[Hashable, Any], *, seed: int = 0) -> Ranking:
    """Rank conditions by the votes their clips were given.

    Parameters
    ----------
    votes
        Each compares two clips.
    condition_of
        Condition of every clip; conditions without votes are ranked, too, at great uncertainty.
    seed
        The same votes give the same numbers.

    Raises
    ------
    ValueError
        A clip of unknown condition, an unknown outcome, or nothing to rank.
    """
    conditions = list(dict.fromkeys(condition_of.values()))
    if not conditions:
        raise ValueError("there is nothing to rank")
    numbers = {condition: number for number, condition in enumerate(conditions)}
    clips = list(dict.fromkeys(clip for left, right, _ in votes for clip in (left, right)))
    if unknown := [clip for clip in clips if clip not in condition_of]:
        raise ValueError(f"no condition is known of {unknown[0]!r}")
    if odd := [outcome for _, _, outcome in votes if outcome not in _OUTCOMES]:
        raise ValueError(f"{odd[0]!r} is no outcome; there are {', '.join(_OUTCOMES)}")
    of_clip = np.array([numbers[condition_of[clip]] for clip in clips], dtype=np.intp)
    pairs, counts = _tallied(votes, {clip: number for number, clip in enumerate(clips)})
    posterior = fit(design(pairs, of_clip, len(conditions)), counts, len(conditions))
    draws = posterior.draw(DRAWS, np.random.default_rng(seed))
    strengths, tie = draws[:, : len(conditions)], np.exp(draws[:, -1])
    tallies = _tallies(of_clip[pairs], counts, len(conditions))
    return _ranking(conditions, strengths, tie, tallies, _islands(conditions, of_clip[pairs]))


def _tallied(votes: Sequence[Vote], numbers: Mapping[Hashable, int]) -> tuple[Any, Floats]:
    """Return the different pairs of clips, and their votes: first wins, second wins, tie."""
    found: dict[tuple[int, int], list[int]] = {}
    for left, right, outcome in votes:
        a, b = numbers[left], numbers[right]
        which = _OUTCOMES.index(outcome)
        if a > b:
            a, b, which = b, a, (1, 0, 2)[which]
        found.setdefault((a, b), [0, 0, 0])[which] += 1
    return (
        np.array(list(found), dtype=np.intp).reshape(-1, 2),
        np.array(list(found.values()), dtype=float).reshape(-1, 3),
    )


def _tallies(sides: Any, counts: Floats, conditions: int) -> Any:
    """Return wins, losses and ties of each condition; votes inside a condition are left out."""
    tallies = np.zeros((conditions, 3), dtype=int)
    for (a, b), (first, second, tie) in zip(sides, counts.astype(int), strict=True):
        if a != b:
            tallies[a] += (first, second, tie)
            tallies[b] += (second, first, tie)
    return tallies


def _islands(conditions: list[Any], sides: Any) -> tuple[tuple[Any, ...], ...]:
    home = list(range(len(conditions)))
    for a, b in sides:
        old, new = home[a], home[b]
        home = [new if each == old else each for each in home]
    return tuple(
        tuple(condition for condition, place in zip(conditions, home, strict=True) if place == island)
        for island in dict.fromkeys(home)
    )


def _ranking(
    conditions: list[Any], strengths: Floats, tie: Floats, tallies: Any, islands: tuple[tuple[Any, ...], ...]
) -> Ranking:
    shares = _shares(strengths, tie)
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    firsts = np.bincount(strengths.argmax(axis=1), minlength=len(conditions)) / len(strengths)
    # By strength, not by share: shares of the strongest flatten out.
    order = np.argsort(-strengths.mean(axis=0), kind="stable")
    better = (strengths[:, order, None] > strengths[:, None, order]).mean(axis=0)
    numbers = np.stack([shares.mean(axis=0), low, high, firsts], axis=1)
    standings = tuple(Standing(conditions[i], *numbers[i].tolist(), *tallies[i].tolist()) for i in order)
    return Ranking(standings, tuple(map(tuple, better.tolist())), islands)


def _shares(strengths: Floats, tie: Floats) -> Floats:
    """Return for each draw and condition the share of votes won against the others, ties counting half."""
    if strengths.shape[1] == 1:
        return np.full_like(strengths, 0.5)
    apart = (strengths[:, :, None] - strengths[:, None, :]) / 2
    win = np.exp(apart)
    lose = np.exp(-apart)
    half = tie[:, None, None] / 2
    won = (win + half) / (win + lose + 2 * half)
    others: Floats = (won.sum(axis=2) - 0.5) / (strengths.shape[1] - 1)
    return others
