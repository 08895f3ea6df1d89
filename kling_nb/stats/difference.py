"""Is B better than A? The difference of two groups of repeats, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kling_nb.stats.rates import Z
from kling_nb.stats.spread import RATING_SPREAD, Spread
from kling_nb.stats.tdist import t_quantile


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger B is than A.

    Parameters
    ----------
    estimate
        B minus A; NaN when one of them has no values.
    low, high
        95 % interval.
    """

    estimate: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.estimate:+.1f} (95 %: {self.low:+.1f} to {self.high:+.1f})"


def compare_means(
    a: Spread, b: Spread, expected: float = RATING_SPREAD, bounds: tuple[float, float] | None = None
) -> Difference:
    """Return the difference of two means by a moderated Welch interval (:data:`spread.PRIOR_DF`).

    Parameters
    ----------
    a, b
        The groups; the sizes may differ, one value each is enough.
    expected
        Standard deviation expected within a group before any value was seen.
    bounds
        Least and largest value there can be, for ratings ``(0, 5)``: no difference exceeds their distance.
    """
    reach = math.inf if bounds is None else bounds[1] - bounds[0]
    if a.n == 0 or b.n == 0:
        return Difference(math.nan, -reach, reach)
    error, df = standard_error(a, b, expected)
    half = t_quantile(0.975, df) * error if error else 0.0
    estimate = b.mean - a.mean
    return Difference(estimate, max(-reach, estimate - half), min(reach, estimate + half))


def mean_interval(
    group: Spread, expected: float = RATING_SPREAD, bounds: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Return the 95 % interval of one group's mean, for looking at; parameters as :func:`compare_means`."""
    least, most = bounds or (-math.inf, math.inf)
    if group.n == 0:
        return least, most
    variance, df = group.moderated(expected)
    half = t_quantile(0.975, df) * math.sqrt(variance / group.n)
    return max(least, group.mean - half), min(most, group.mean + half)


def standard_error(a: Spread, b: Spread, expected: float) -> tuple[float, float]:
    """Return the standard error of a difference of means and its degrees of freedom (Satterthwaite 1946)."""
    parts = []
    for group in (a, b):
        variance, df = group.moderated(expected)
        parts.append((variance / group.n, df))
    total = sum(part for part, _ in parts)
    if total == 0:
        return 0.0, math.inf
    df = total**2 / sum(part**2 / df for part, df in parts)
    if min(a.n, b.n) == 1:
        # Nothing was seen of that group's spread: one clip proves nothing, however far off it is.
        df = min(df for _, df in parts)
    return math.sqrt(total), df


def compare_rates(successes_a: int, trials_a: int, successes_b: int, trials_b: int) -> Difference:
    """Return the difference of two shares by the interval of Agresti & Caffo (2000, Am. Stat. 54:280).

    One success and one failure are added to each group for the interval, not for the estimate.

    Parameters
    ----------
    successes_a, trials_a, successes_b, trials_b
        Counts.
    """
    a, b = ((k + 1) / (n + 2) for k, n in ((successes_a, trials_a), (successes_b, trials_b)))
    half = Z * math.sqrt(a * (1 - a) / (trials_a + 2) + b * (1 - b) / (trials_b + 2))
    if not (trials_a and trials_b):
        return Difference(math.nan, -1.0, 1.0)
    estimate = successes_b / trials_b - successes_a / trials_a
    return Difference(estimate, max(-1.0, b - a - half), min(1.0, b - a + half))
