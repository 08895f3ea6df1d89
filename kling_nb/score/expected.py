"""Where a painted object should be at a moment of the clip.

This is written from ``spec/sandbox.md`` §7 and not shared with the renderer: a mistake there must not be
repeated, and so hidden, by what measures it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.score.asked import Timing

Array = NDArray[Any]


def progress(times: Array, end: float) -> Array:
    """Share of the clip that has passed: 0 at the first frame, 1 at the last.

    Parameters
    ----------
    times
        (F,) seconds after the first frame.
    end
        Seconds of the last frame.
    """
    seconds = np.asarray(times, dtype=np.float64)
    return np.clip(seconds / end, 0.0, 1.0) if end > 0 else np.zeros_like(seconds)


def asked_displacement(path: Array, shares: Array, timing: Timing = "arc") -> Array:
    """Displacement P(s) - P(0) along the straight lines between a path's points.

    Parameters
    ----------
    path
        (N, 2) points; one point or none asks for no motion.
    shares
        (F,) values of s; below 0 it is at the beginning, above 1 at the end.
    timing
        ``arc``: s is the share of the path's length. ``index``: the share of its steps, each of which takes
        equally long.

    Returns
    -------
    ndarray
        (F, 2) in the path's units.
    """
    points = np.asarray(path, dtype=np.float64).reshape(-1, 2)
    wanted = np.clip(np.asarray(shares, dtype=np.float64), 0.0, 1.0)
    steps = points[1:] - points[:-1]
    durations = np.hypot(steps[:, 0], steps[:, 1]) if timing == "arc" else np.ones(len(steps))
    total = float(durations.sum())
    if total <= 0:
        return np.zeros((len(wanted), 2))
    steps, durations = steps[durations > 0], durations[durations > 0] / total
    begun = np.cumsum(durations) - durations
    # Each step is done as far as the moment lies in it or after it: what is done of all adds up.
    done = np.clip((wanted[:, None] - begun) / durations, 0.0, 1.0)
    return np.asarray(done @ steps)
