"""Thins out and evens out paths (``spec/official-api.md`` §5.4)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Points

CLOSE_PX: Final = 0.5
"""Nearer neighbours are dropped, and clamping by more is reported."""


def drop_close(points: Points, distance: float = CLOSE_PX) -> npt.NDArray[np.intp]:
    """Return the indices of the points to keep: first, last, and those far enough from the one before.

    Parameters
    ----------
    points
        (N, 2) pixels, N at least 1.
    distance
        A point nearer than this to the last kept one is dropped.
    """
    kept = [0]
    last = len(points) - 1
    for index in range(1, last):
        if math.dist(points[index], points[kept[-1]]) >= distance:
            kept.append(index)
    if last > 0:
        if len(kept) > 1 and math.dist(points[last], points[kept[-1]]) < distance:
            kept.pop()
        kept.append(last)
    return np.array(kept, dtype=np.intp)


def resample(points: npt.ArrayLike, n: int) -> Points:
    """Return ``n`` points equally spaced along the path, both ends exact.

    Targets are ``L*k/(n-1)`` along the polyline of length L (``spec/official-api.md`` §5.4).
    """
    path = np.asarray(points, dtype=np.float64)
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return _interpolate(path, along, n)


def resample_in_time(points: npt.ArrayLike, times: npt.ArrayLike, n: int) -> Points:
    """Return ``n`` points equally spaced in time: slow parts get more of them."""
    return _interpolate(np.asarray(points, dtype=np.float64), np.asarray(times, dtype=np.float64), n)


def _interpolate(path: Points, at: Points, n: int) -> Points:
    targets = at[0] + (at[-1] - at[0]) * np.arange(n) / (n - 1)
    out = np.stack([np.interp(targets, at, path[:, axis]) for axis in (0, 1)], axis=1)
    out[0], out[-1] = path[0], path[-1]
    return out


def deviation(pixels: Points, resampled: Points) -> float:
    """Return the largest distance in pixels from an original point to the resampled polyline."""
    start, step = resampled[:-1], np.diff(resampled, axis=0)
    length = np.maximum(np.einsum("ij,ij->i", step, step), 1e-12)
    offset = pixels[:, None, :] - start[None]
    share = np.clip(np.einsum("kij,ij->ki", offset, step) / length, 0.0, 1.0)
    gap = offset - share[..., None] * step[None]
    return float(np.hypot(gap[..., 0], gap[..., 1]).min(axis=1).max())
