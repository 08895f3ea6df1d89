"""Numbers for how well a measured way follows the asked one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.score.asked import Timing
from kling_nb.score.expected import asked_displacement

Array = NDArray[Any]

HARDLY = 0.05
"""Share of the asked travel below which a direction is noise."""

_STILL_PX = 0.5
_LAG_REACH = 0.6
_LAG_STEPS = 33
_LAG_TRAVEL = 0.15
_LAG_UNEXPLAINED = 0.25
_LAG_VAGUE = 0.12


def path_scores(
    path: Array,
    timing: Timing,
    shares: Array,
    measured: Array,
    *,
    duration: float,
    diagonal: float,
    ends: bool,
) -> dict[str, float | None]:
    """Compare a measured way with the asked one.

    All moments count, not only the end, so a closed path, which ends where it began, is judged like any
    other. With a the asked and m the measured displacement, summed over the moments:

    ``gain`` is Σ a·m / Σ a·a, the share of the asked motion that is found in the measured one: negative when
    it went the other way, 0 when it went across. ``direction`` is the cosine Σ a·m / √(Σ a·a · Σ m·m), None
    when √(Σ m·m / Σ a·a) ≤ 0.05. A path of no length asks to stay: it has errors, but no gain, direction or
    lag.

    Parameters
    ----------
    path
        (N, 2) pixels of the video.
    timing
        How time runs along it.
    shares
        (F,) moments: 0 the first frame, 1 the last.
    measured
        (F, 2) measured displacement at those moments, pixels of the video.
    duration
        Seconds from the first to the last frame.
    diagonal
        Of the video in pixels.
    ends
        Whether the last frame is among the moments.

    Returns
    -------
    dict
        ``path_error``, ``path_error_px``, ``end_error``, ``end_error_px``, ``direction``, ``gain``, ``lag``.
    """
    asked = asked_displacement(path, shares, timing)
    gap = np.linalg.norm(measured - asked, axis=1)
    later = shares > 0
    mean = float(gap[later].mean()) if later.any() else None
    end = float(gap[-1]) if ends and len(gap) else None
    direction, gain = _direction_and_gain(asked, measured)
    return {
        "path_error": None if mean is None else 100 * mean / diagonal,
        "path_error_px": mean,
        "end_error": None if end is None else 100 * end / diagonal,
        "end_error_px": end,
        "direction": direction,
        "gain": gain,
        "lag": _lag(path, timing, shares, measured, duration),
    }


def _direction_and_gain(asked: Array, measured: Array) -> tuple[float | None, float | None]:
    wanted, done = float((asked**2).sum()), float((measured**2).sum())
    if wanted <= 0:
        return None, None
    common = float((asked * measured).sum())
    still = len(measured) * _STILL_PX**2
    hardly = math.sqrt(done / wanted) <= HARDLY or done <= still
    return None if hardly else common / math.sqrt(wanted * done), common / wanted


def _lag(path: Array, timing: Timing, shares: Array, measured: Array, duration: float) -> float | None:
    """Seconds by which the asked motion must be put off to explain the measured one best.

    None when too little moved, when no delay explains it, or when very different ones explain it as well.
    """
    asked = asked_displacement(path, shares, timing)
    wanted, done = float((asked**2).sum()), float((measured**2).sum())
    if len(shares) < 5 or wanted <= 0 or done < _LAG_TRAVEL**2 * wanted:
        return None
    delays = np.linspace(-_LAG_REACH, _LAG_REACH, _LAG_STEPS)
    rests = _unexplained(path, timing, shares, delays, measured)
    best = int(np.argmin(rests))
    if rests[best] > _LAG_UNEXPLAINED**2 * done or best in (0, len(delays) - 1):
        return None
    tolerance = max(1.5 * rests[best], len(shares) * _STILL_PX**2)
    as_good = delays[rests <= tolerance]
    if len(as_good) and float(np.ptp(as_good)) > 2 * _LAG_VAGUE:
        return None
    fine = np.linspace(delays[best - 1], delays[best + 1], 25)
    rests = _unexplained(path, timing, shares, fine, measured)
    return float(fine[int(np.argmin(rests))]) * duration


def _unexplained(path: Array, timing: Timing, shares: Array, delays: Array, measured: Array) -> Array:
    """Return what the asked motion, put off and scaled to fit, leaves of the measured one, for each delay."""
    moments = (shares[None, :] - delays[:, None]).ravel()
    asked = asked_displacement(path, moments, timing).reshape(len(delays), len(shares), 2)
    wanted = (asked**2).sum(axis=(1, 2))
    common = np.maximum((asked * measured).sum(axis=(1, 2)), 0)
    return np.asarray((measured**2).sum() - common**2 / np.maximum(wanted, 1e-9))
