"""Where a region is at a given moment of the clip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.render.plan import Timing


def clip_positions(frames: int) -> NDArray[np.float64]:
    """Return s for every frame: 0 at the first, 1 at the last."""
    return np.linspace(0.0, 1.0, frames) if frames > 1 else np.zeros(1)


def displacements(path: NDArray[Any], positions: NDArray[np.float64], timing: Timing) -> NDArray[np.float64]:
    """Displacement P(s) − P(0) along a path of straight lines.

    Parameters
    ----------
    path
        (N, 2) pixels.
    positions
        (F,) values of s in 0…1.
    timing
        ``"arc"``: s is the share of the path's length; ``"index"``: the share of its points.

    Returns
    -------
    ndarray
        (F, 2) in the path's units.
    """
    points = np.asarray(path, dtype=np.float64).reshape(-1, 2)
    if len(points) < 2:
        return np.zeros((len(positions), 2))
    if timing == "arc":
        steps = np.hypot(*np.diff(points, axis=0).T)
        knots = np.concatenate([[0.0], np.cumsum(steps)])
        if knots[-1] <= 0:
            return np.zeros((len(positions), 2))
        # np.interp needs increasing knots: a point equal to its predecessor adds nothing.
        keep = np.concatenate([[True], steps > 0])
        knots, points = knots[keep] / knots[-1], points[keep]
    else:
        knots = np.linspace(0.0, 1.0, len(points))
    moved = np.stack([np.interp(positions, knots, points[:, axis]) for axis in (0, 1)], axis=1)
    return np.asarray(moved - points[0], dtype=np.float64)
