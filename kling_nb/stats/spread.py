"""Repeats in two numbers, and how far one may trust the second when repeats are few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

RATING_SPREAD: Final = 1.2
"""Standard deviation expected of ratings from 0 to 5 before any was given: between that of ratings which
nearly agree (0.5) and that of ratings all over the scale (1.7)."""

PRIOR_DF: Final = 2.0
"""How many repeats' worth of trust that expectation gets.

Two repeats that happen to agree prove no certainty, and Student's interval then is one point. So variances
are drawn towards the expected one (the moderated t of Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3:3). With
1.2 and 2, 95 % intervals of a difference cover the truth in 95 to 97 % of simulations at every number of
repeats from 2 to 30, over ratings of many shapes; without, in 88 to 95 %.
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeats of one thing.

    Parameters
    ----------
    n
        Number of values.
    mean
        Their mean; NaN without any.
    sd
        Sample standard deviation; NaN below two.
    """

    n: int
    mean: float
    sd: float

    def __str__(self) -> str:
        if self.n == 0:
            return "nothing rated"
        if self.n == 1:
            return f"{self.mean:.1f} (one)"
        return f"{self.mean:.1f} ± {self.sd:.1f} ({self.n})"

    def moderated(self, expected: float) -> tuple[float, float]:
        """Return the variance to reckon with, and its degrees of freedom.

        Parameters
        ----------
        expected
            Standard deviation expected before any value was seen.
        """
        seen = max(0, self.n - 1)
        squares = seen * self.sd**2 if seen else 0.0
        return (PRIOR_DF * expected**2 + squares) / (PRIOR_DF + seen), PRIOR_DF + seen


def spread_of(values: Sequence[float]) -> Spread:
    """Summarise repeats; missing values (NaN) do not count.

    Parameters
    ----------
    values
        One number a repeat.
    """
    given = np.asarray(values, dtype=float)
    given = given[~np.isnan(given)]
    return Spread(
        len(given),
        float(given.mean()) if len(given) else math.nan,
        float(given.std(ddof=1)) if len(given) > 1 else math.nan,
    )


def common_spread(groups: Sequence[Spread]) -> float | None:
    """Return the standard deviation within groups, to expect of each; None when nothing was repeated.

    For quantities without a scale of their own, such as seconds.
    """
    repeated = [group for group in groups if group.n > 1]
    if not repeated:
        return None
    squares = sum((group.n - 1) * group.sd**2 for group in repeated)
    return math.sqrt(squares / sum(group.n - 1 for group in repeated))
