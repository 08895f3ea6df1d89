"""How many repeats it takes to tell A from B."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from kling_nb.stats.difference import standard_error
from kling_nb.stats.spread import RATING_SPREAD, Spread
from kling_nb.stats.tdist import t_cdf, t_quantile

POWER: Final = 0.8
"""Chance of telling them apart at the advised number."""

_MARGIN: Final = 0.05
"""What skewed ratings, and steps of whole repeats, take from the chance that the formula gives."""

MOST: Final = 500
"""Nobody repeats a clip more often: beyond, the answer is that they are as good as equal."""


def repeats_needed(
    a: Spread, b: Spread, expected: float = RATING_SPREAD, *, power: float = POWER
) -> int | None:
    """Return how many repeats each group needs in all to be told apart, if they differ as they seem to.

    Parameters
    ----------
    a, b
        The groups as seen so far.
    expected
        Standard deviation expected within a group before any value was seen.
    power
        Chance of an interval that leaves out zero.

    Returns
    -------
    int or None
        Repeats of each group, those made already included; None when :data:`MOST` are not enough, or one
        of the groups has no values.
    """
    if a.n == 0 or b.n == 0:
        return None
    distance, aim = abs(b.mean - a.mean), min(0.99, power + _MARGIN)
    # What the variance will come out as is best guessed by what the interval reckons with today.
    sds = [math.sqrt(group.moderated(expected)[0]) for group in (a, b)]
    if _power(distance, sds, MOST, expected) < aim:
        return None
    low, high = 1, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(distance, sds, middle, expected) >= aim else (middle + 1, high)
    return max(2, low)


def _power(distance: float, sds: list[float], n: int, expected: float) -> float:
    """Return the chance that ``n`` repeats of each tell groups apart, by a shifted t distribution."""
    a, b = (Spread(n, 0.0, sd) for sd in sds)
    error, df = standard_error(a, replace(b, mean=distance), expected)
    if error == 0:
        return float(distance > 0)
    return 1.0 - t_cdf(t_quantile(0.975, df) - distance / error, df)
