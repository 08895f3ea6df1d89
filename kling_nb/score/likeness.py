"""How alike two pictures of one size are: PSNR, SSIM, and details found at their place."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.points import corner_points

Array = NDArray[Any]

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WINDOW, _SIGMA = (11, 11), 1.5
_BORDER = 5
MOST_PSNR = 60.0

_DETAILS = 240
_PATCH = 8
_REACH = 5
_FOUND = 0.75
_LEAST_DETAILS = 12
_LEAST_CONTRAST = 4.0


def psnr(first: Array, second: Array, where: Array | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most 60, of two uint8 pictures; ``where`` is a bool mask."""
    error = cv2.absdiff(first, second).astype(np.float32) ** 2
    mean = float(error.mean() if where is None else error[where].mean())
    return MOST_PSNR if mean <= 0 else min(MOST_PSNR, 10 * math.log10(255**2 / mean))


def ssim_map(first: Array, second: Array) -> Array:
    """Structural similarity of every pixel (Wang et al. 2004: Gaussian 11 by 11, sigma 1.5, L = 255).

    Parameters
    ----------
    first, second
        (H, W) gray pictures of one size, 0 to 255.

    Returns
    -------
    ndarray
        (H, W) float32.
    """
    a, b = first.astype(np.float32), second.astype(np.float32)
    mean_a, mean_b = _windowed(a), _windowed(b)
    product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    cross = _windowed(a * b) - product
    spread = _windowed(a * a + b * b) - squares
    return np.asarray(((2 * product + _C1) * (2 * cross + _C2)) / ((squares + _C1) * (spread + _C2)))


def ssim(first: Array, second: Array, where: Array | None = None) -> float:
    """Mean structural similarity; without a mask the outermost five pixels are left out, as is usual."""
    values = ssim_map(first, second)
    if where is not None:
        return float(values[where].mean())
    inner = values[_BORDER:-_BORDER, _BORDER:-_BORDER]
    return float((inner if inner.size else values).mean(dtype=np.float64))


def _windowed(picture: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(picture, _WINDOW, _SIGMA, borderType=cv2.BORDER_REFLECT))


def found_details(wanted: Array, seen: Array, where: Array | None = None) -> tuple[float | None, int]:
    """Share of a picture's details that another one shows at their place, give or take five pixels.

    Parameters
    ----------
    wanted, seen
        (H, W) uint8 of one size.
    where
        (H, W) bool in which details are looked for; None looks everywhere.

    Returns
    -------
    (float or None, int)
        The share, None with fewer than twelve details, and their number.
    """
    allowed = np.zeros(wanted.shape, np.bool_)
    edge = _PATCH + _REACH
    allowed[edge:-edge, edge:-edge] = True
    if where is not None:
        allowed &= where
    places = corner_points(wanted, allowed, most=_DETAILS, quality=0.02, apart=9)
    verdicts = [_found(wanted, seen, round(float(x)), round(float(y))) for x, y in places]
    judged = [verdict for verdict in verdicts if verdict is not None]
    if len(judged) < _LEAST_DETAILS:
        return None, len(judged)
    return sum(judged) / len(judged), len(judged)


def _found(wanted: Array, seen: Array, x: int, y: int) -> bool | None:
    patch = wanted[y - _PATCH : y + _PATCH + 1, x - _PATCH : x + _PATCH + 1]
    if float(patch.std()) < _LEAST_CONTRAST:
        return None
    reach = _PATCH + _REACH
    around = seen[y - reach : y + reach + 1, x - reach : x + reach + 1]
    return float(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED).max()) >= _FOUND
