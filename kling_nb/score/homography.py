"""Homographies in terms of a camera."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class CameraMotion:
    """A homography in terms of a camera, about the frame's middle.

    Parameters
    ----------
    dx, dy
        How far the middle was carried, in pixels, y downward.
    scale
        How much larger things became.
    roll
        Degrees by which the picture turned counter-clockwise.
    """

    dx: float
    dy: float
    scale: float
    roll: float


def decomposed(matrix: Array, size: tuple[int, int]) -> CameraMotion:
    """Take a homography apart at the middle of a frame of (width, height) pixels."""
    about = about_middle(matrix, size)
    shift = about[:2, 2]
    slope = about[:2, :2] - np.outer(shift, about[2, :2])
    scale = math.sqrt(max(1e-9, float(np.linalg.det(slope))))
    roll = math.degrees(math.atan2(slope[0, 1] - slope[1, 0], slope[0, 0] + slope[1, 1]))
    return CameraMotion(float(shift[0]), float(shift[1]), scale, roll)


def about_middle(matrix: Array, size: tuple[int, int]) -> Array:
    """Return a homography in coordinates whose origin is the frame's middle."""
    x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
    there, back = (
        np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]),
        np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]),
    )
    about = there @ matrix @ back
    return np.asarray(about / about[2, 2])
