"""Places and displacements of pixels: grids, sampling, shifting, inverse fields."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reduced_size(width: int, height: int, long_side: int, least: int = 8) -> tuple[int, int]:
    """Size of a picture for work at a reduced size; never larger than the picture.

    Parameters
    ----------
    width, height
        Pixels of the picture.
    long_side
        Pixels of the longer side at most.
    least
        Pixels that each side has at least.
    """
    factor = min(1.0, long_side / max(width, height))
    return max(least, round(width * factor)), max(least, round(height * factor))


@lru_cache(maxsize=8)
def identity_grid(width: int, height: int) -> Array:
    """Pixel coordinates: (height, width, 2) float32 of (x, y); shared, so not to be written to."""
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = np.stack([xs, ys], axis=2)
    grid.flags.writeable = False
    return grid


def sample(
    plane: Array, where: Array, *, border: int = cv2.BORDER_REFLECT_101, out: Array | None = None
) -> Array:
    """Read an array at fractional places.

    Parameters
    ----------
    plane
        What to read.
    where
        (h, w, 2) float32 of (x, y); NumPy scalars of 64 bits must not have widened it.
    border
        OpenCV's rule for places outside.
    out
        Array to write into.
    """
    maps = (plane, where, None, cv2.INTER_LINEAR)
    return np.asarray(cv2.remap(*maps, dst=out, borderMode=border))  # type: ignore[call-overload]  # map2 may be None


def shifted(picture: Array, shift: Array) -> Array:
    """Move a picture by (x, y) pixels and fractions of them; nothing but 0 comes in from outside."""
    matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
    return np.asarray(cv2.warpAffine(picture, matrix, picture.shape[1::-1], flags=cv2.INTER_LINEAR))


def carried(points: Array, matrix: Array) -> Array:
    """Carry points along a homography.

    Parameters
    ----------
    points
        (N, 2) or (2,).
    matrix
        (3, 3).

    Returns
    -------
    ndarray
        float64, of the shape of ``points``.
    """
    flat = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    homogeneous = flat @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray((homogeneous[:, :2] / homogeneous[:, 2:]).reshape(np.shape(points)))


def invert_displacement(forward: Array, start: Array | None = None, rounds: int = 6) -> Array:
    """Find v with v(y) = u(y − v(y)): where what is seen at y came from.

    Parameters
    ----------
    forward
        (h, w, 2) float32 displacement u in cells.
    start
        A guess, for instance the previous frame's result.
    rounds
        Fixed-point steps; they converge where the field does not fold.

    Returns
    -------
    ndarray
        (h, w, 2) float32.
    """
    height, width = forward.shape[:2]
    grid = identity_grid(width, height)
    inverse = forward if start is None else start
    for _ in range(rounds):
        inverse = sample(forward, grid - inverse, border=cv2.BORDER_REPLICATE)
    return inverse
