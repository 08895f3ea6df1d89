"""Student's t distribution, whose degrees of freedom need not be whole."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_TINY: Final = 1e-300
_STEPS: Final = 300


def t_cdf(x: float, df: float) -> float:
    """Return the probability of a value up to ``x``.

    Parameters
    ----------
    x
        Any number.
    df
        Degrees of freedom, above 0.
    """
    tail = 0.5 * _beta_share(df / 2, 0.5, df / (df + x * x))
    return 1.0 - tail if x > 0 else tail


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the value that is not exceeded with probability ``p``.

    Parameters
    ----------
    p
        Between 0 and 1, both excluded.
    df
        Degrees of freedom, above 0.
    """
    if p < 0.5:
        return -t_quantile(1.0 - p, df)
    low, high = 0.0, 2.0
    while t_cdf(high, df) < p:
        low, high = high, 2 * high
    # The distribution function bends down from 0 on: Newton's steps come from the left and pass nothing.
    value = low
    while True:
        step = (p - t_cdf(value, df)) / _density(value, df)
        value += step
        if not step > 1e-12 * value:
            return value


def _density(x: float, df: float) -> float:
    front = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(front - (df + 1) / 2 * math.log1p(x * x / df))


def _beta_share(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function (Abramowitz & Stegun 1964, 26.5.8)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_share(b, a, 1.0 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            change = c * d
            value *= change
        if abs(change - 1.0) < 1e-14:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
