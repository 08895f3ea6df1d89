"""A shift fitted to a fraction of a pixel (Gauss-Newton on brightness: Lucas and Kanade 1981)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import shifted

Array = NDArray[Any]

_LONGEST_STEP = 1.5
_SHORTEST_STEP = 0.01


def refined_shift(
    first: Array, last: Array, inside: Array, shift: Array, *, most_error: float = 32.0, rounds: int = 8
) -> Array:
    """Fit the shift of a region from one picture to another.

    Parameters
    ----------
    first, last
        (H, W) float32 gray of one size, 0 to 255.
    inside
        (H, W) bool: the region in the first picture.
    shift
        (2,) pixels (x, y): a guess, good to a few pixels.
    most_error
        Levels from which on a pixel is taken for something else, unless most pixels are worse.
    rounds
        Steps at most.
    """
    slope = np.stack([cv2.Sobel(first, cv2.CV_32F, 1, 0)[inside], cv2.Sobel(first, cv2.CV_32F, 0, 1)[inside]])
    slope = slope.astype(np.float64) / 8
    for _ in range(rounds):
        error = (shifted(last, -shift) - first)[inside]
        trusted = np.abs(error) < max(most_error, float(np.median(np.abs(error))))
        steep = slope[:, trusted]
        normal = steep @ steep.T + np.eye(2)
        step = np.linalg.solve(normal, steep @ error[trusted])
        shift = shift - np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        if np.abs(step).max() < _SHORTEST_STEP:
            break
    return np.asarray(shift)
