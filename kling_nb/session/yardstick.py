"""How a metric is compared and said: which values are good, their bounds, digits and units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kling_nb.domain.scoreorder import INSTEAD, bounds_of, distance, smaller_is_better, target_of
from kling_nb.domain.scores import BY_NAME, Measure
from kling_nb.errors import UsageError
from kling_nb.stats import (
    RATING_SPREAD,
    Difference,
    Spread,
    common_spread,
    compare_means,
    compare_rates,
    mean_interval,
    spread_of,
    success_rate,
)

RATING_BOUNDS: Final = (0.0, 5.0)
SHARES: Final = ("kept", "succeeded")
"""Metrics that are yes or no."""

SMALLER_IS_BETTER: Final = frozenset(
    {"seconds", "estimate_units", "actual_units", "estimate_usd", "actual_usd", "video_bytes"}
)
_YES_OR_NO_SPREAD: Final = 0.4


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What decides which of two groups is better.

    Parameters
    ----------
    metric
        Column or word.
    smaller
        Whether less is better.
    measure
        The score that it is; None for anything else.
    target
        The best value, where a score is compared by its distance from it.
    """

    metric: str
    smaller: bool
    measure: Measure | None = None
    target: float | None = None

    @property
    def is_share(self) -> bool:
        """Whether every value is a yes or a no."""
        return self.metric in SHARES

    @property
    def title(self) -> str:
        """What the numbers are called."""
        if self.measure is None:
            return self.metric
        if self.target is not None:
            return f"{self.measure.label}, distance from {self.target:g}"
        return self.measure.label

    @property
    def named(self) -> str:
        """What one of the numbers is called after "has"."""
        label = self.metric if self.measure is None else self.measure.label
        if self.metric == "kept":
            return "a judgement"
        if self.measure is None and label.endswith("s"):
            return label
        return f"{'an' if label[0] in 'aeio' else 'a'} {label}"

    @property
    def rule(self) -> str:
        """Which values of a score are good, in a sentence; empty for what needs no saying."""
        if self.measure is None:
            return ""
        label = self.measure.label
        if self.metric == "sharpness_decay":
            return f"{label}: lower is better; sharpness that was gained counts as none lost."
        if self.target is not None:
            return (
                f"{label}: {self.target:g} is best; compared is how far each clip is from it, on either side."
            )
        return f"{label}: {'lower' if self.smaller else 'higher'} is better."

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Least and largest value there can be; None where there are none."""
        if self.metric == "rating":
            return RATING_BOUNDS
        return None if self.measure is None else bounds_of(self.metric)

    @property
    def axis(self) -> tuple[float, float] | None:
        """Ends of a picture's axis; None takes those of the values."""
        bounds = (0.0, 1.0) if self.is_share else self.bounds
        return bounds if bounds is not None and all(map(math.isfinite, bounds)) else None

    def compared(self, value: float) -> float:
        """Return what is compared of a value."""
        return value if self.measure is None else distance(self.metric, value)

    def order(self, mean: float) -> float:
        """Return a number that is smaller the better a group is."""
        return mean if self.smaller else -mean

    def expected(self, spreads: Sequence[Spread]) -> float:
        """Return the standard deviation to expect within a group."""
        if self.metric == "rating":
            return RATING_SPREAD
        if self.is_share:
            return _YES_OR_NO_SPREAD
        known = common_spread(spreads)
        if known is not None:
            return known
        # One value each: how far apart they lie is the only hint at their spread there is.
        among = spread_of([spread.mean for spread in spreads])
        return 0.0 if math.isnan(among.sd) else among.sd

    def ahead(self, best: Sequence[float], other: Sequence[float], expected: float) -> Difference:
        """Return how much better the values of one group are than those of another."""
        a, b = spread_of(other), spread_of(best)
        if self.is_share:
            found = compare_rates(int(sum(other)), a.n, int(sum(best)), b.n)
        else:
            found = compare_means(a, b, expected, self.bounds)
        if self.smaller:
            # Plus zero: -0.0 reads as if something were behind.
            found = Difference(0.0 - found.estimate, 0.0 - found.high, 0.0 - found.low)
        return found

    def interval(self, values: Sequence[float], expected: float) -> tuple[float, float]:
        """Return the 95 % interval of a group's mean."""
        if self.is_share:
            rate = success_rate(int(sum(values)), len(values))
            return rate.low, rate.high
        return mean_interval(spread_of(values), expected, self.bounds)

    def told(self, spread: Spread) -> str:
        """Return mean, spread and number of a group in words."""
        if self.is_share:
            return f"{spread.mean:.0%} ({spread.n})"
        if self.measure is None:
            return str(spread)
        digits = self.measure.decimals
        around = "" if spread.n == 1 else f" ± {spread.sd:.{digits}f}"
        return f"{spread.mean:.{digits}f}{around}{self._unit} ({'one' if spread.n == 1 else spread.n})"

    def lead(self, ahead: Difference) -> str:
        """Return a difference with its interval in words."""
        if self.is_share:
            points = [f"{100 * value:+.0f}" for value in (ahead.estimate, ahead.low, ahead.high)]
            return f"{points[0].lstrip('+')} points (95 %: {points[1]} to {points[2]})"
        digits = 1 if self.measure is None else self.measure.decimals
        span = f"{ahead.low:+.{digits}f} to {ahead.high:+.{digits}f}"
        return f"{ahead.estimate:.{digits}f}{self._unit} (95 %: {span})"

    @property
    def _unit(self) -> str:
        # "% of sharpness" is "%" in a sentence that names it.
        unit = "" if self.measure is None else self.measure.unit.partition(" ")[0]
        return f" {unit}" if unit else ""


def yardstick_of(metric: str, smaller: bool | None = None) -> Yardstick:
    """Return how a metric is compared.

    Parameters
    ----------
    metric
        ``rating``, ``kept``, ``succeeded``, ``seconds``, a score or another column of numbers.
    smaller
        Whether less is better; None knows it of scores, seconds and costs.

    Raises
    ------
    UsageError
        A score of which neither much nor little is good, and ``smaller`` does not say what is wanted.
    """
    measure = BY_NAME.get(metric)
    if measure is None:
        return Yardstick(metric, metric in SMALLER_IS_BETTER if smaller is None else smaller)
    if smaller is not None:
        return Yardstick(metric, smaller, measure)
    if measure.better == "as asked":
        raise no_order(metric)
    return Yardstick(metric, smaller_is_better(metric), measure, target_of(metric))


def no_order(metric: str) -> UsageError:
    """Return the error for a score that makes no clip better than another."""
    label = BY_NAME[metric].label
    return UsageError(
        f"{metric} does not say which clip is better.",
        f"Neither much nor little {label} is good by itself: it depends on what was asked.",
        f"Compare what was asked instead: {INSTEAD[metric]}. Or say what you want: smaller=True or False.",
    )
