"""Shares of successes, with an interval that is right for few and extreme ones, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of successes.

    Parameters
    ----------
    successes, trials
        Counts.
    low, high
        95 % interval.
    """

    successes: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Successes by trials; NaN without trials."""
        return self.successes / self.trials if self.trials else math.nan

    def __str__(self) -> str:
        if not self.trials:
            return "none yet"
        span = f"{self.low:.0%} to {self.high:.0%}"
        return f"{self.share:.0%} ({self.successes} of {self.trials}; {span})"


def success_rate(successes: int, trials: int) -> Rate:
    """Return a share with Wilson's score interval.

    Wilson 1927, J. Am. Stat. Assoc. 22:209; recommended for few trials by Brown, Cai & DasGupta 2001, Stat.
    Sci. 16:101.

    Parameters
    ----------
    successes, trials
        Counts.

    Raises
    ------
    ValueError
        More successes than trials, or a negative number.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return Rate(0, 0, 0.0, 1.0)
    share, weight = successes / trials, Z * Z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    # At the ends the formula means exactly 0 and 1, which rounding misses.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Rate(successes, trials, low, high)
