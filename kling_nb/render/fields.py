"""Smooth fields on a coarse grid: weights and membranes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import reduced_size

Array = NDArray[Any]

GRID_LONG_SIDE = 160
_AT_REST = 1e-3
_SWEEPS_COARSE, _SWEEPS_FINE = 40, 6


def grid_size(width: int, height: int, long_side: int = GRID_LONG_SIDE) -> tuple[int, int]:
    """Size of the coarse grid for a picture."""
    return reduced_size(width, height, long_side)


def membrane(values: Array, known: Array) -> Array:
    """Fill the unknown part of an array with the smoothest surface through the known part.

    Push-pull gives the start on every level of a pyramid, relaxation of Laplace's equation finishes it.

    Parameters
    ----------
    values
        (H, W) or (H, W, C) float32; only read where ``known``.
    known
        (H, W) bool.

    Returns
    -------
    ndarray
        Like ``values``; equal to it where known.
    """
    values = np.asarray(values, dtype=np.float32)
    fixed = known if values.ndim == 2 else known[:, :, None]
    base = np.where(fixed, values, np.float32(0))
    height, width = known.shape
    if min(height, width) <= 4 or known.all() or not known.any():
        mean = base.sum(axis=(0, 1)) / max(1, int(known.sum()))
        start = np.where(fixed, base, mean).astype(np.float32)
    else:
        size = ((width + 1) // 2, (height + 1) // 2)
        weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        total = np.asarray(cv2.resize(base, size, interpolation=cv2.INTER_AREA))
        divisor = np.maximum(weight, 1e-6)
        small = membrane(total / (divisor if values.ndim == 2 else divisor[:, :, None]), weight > 1e-3)
        start = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
        start = np.where(fixed, base, start.reshape(base.shape)).astype(np.float32)
    return _relax(start, base, fixed)


_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32) / 4


def _relax(start: Array, base: Array, fixed: Array) -> Array:
    current = start
    sweeps = _SWEEPS_COARSE if max(start.shape[:2]) <= 128 else _SWEEPS_FINE
    for _ in range(sweeps):
        smooth = cv2.filter2D(current, cv2.CV_32F, _CROSS, borderType=cv2.BORDER_REPLICATE)
        current = np.where(fixed, base, smooth.reshape(base.shape)).astype(np.float32)
    return current


def coarse_mask(mask: Array, size: tuple[int, int], margin: int = 1) -> Array:
    """Mark every coarse cell a mask touches, widened by ``margin`` cells."""
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    touched = (share > 1e-3).astype(np.uint8)
    if margin:
        touched = np.asarray(cv2.dilate(touched, np.ones((2 * margin + 1,) * 2, np.uint8)))
    return touched.astype(np.bool_)


def falloff_weight(inside: Array, still: Array, reach: float, *, hold_border: bool) -> Array:
    """Weight that is 1 inside and falls smoothly to 0 over a distance, or before what is still.

    Parameters
    ----------
    inside, still
        (h, w) bool on the coarse grid.
    reach
        Cells over which the weight falls.
    hold_border
        Keeps the border of the picture still too, except where the region itself touches it.

    Returns
    -------
    ndarray
        (h, w) float32 in 0…1.
    """
    zero = still & ~inside
    if hold_border:
        border = np.zeros_like(inside)
        border[[0, -1], :] = True
        border[:, [0, -1]] = True
        touched = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(np.bool_)
        zero |= border & ~touched
    away = _distance(inside)
    left = np.maximum(reach - away, 0)
    if zero.any():
        left = np.minimum(left, _distance(zero))
    share = left / np.maximum(away + left, 1e-6)
    soft = cv2.GaussianBlur(share * share * (3 - 2 * share), (0, 0), 1.0)
    soft[inside] = 1
    soft[zero] = 0
    return np.asarray(soft, dtype=np.float32)


def _distance(region: Array) -> Array:
    """Distance of every cell to a region."""
    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5))


def fold_measure(forward: Array) -> float:
    """Return the 0.5-percentile of det(I + ∇u) where anything moves: at or below 0 the field folds.

    Cells at rest do not count: beside a small region squeezed by a static mask they would hide its folds.
    """
    du_dy, du_dx = np.gradient(forward[:, :, 0])
    dv_dy, dv_dx = np.gradient(forward[:, :, 1])
    determinant = (1 + du_dx) * (1 + dv_dy) - du_dy * dv_dx
    moving = (np.abs(np.stack([du_dx, du_dy, dv_dx, dv_dy])).max(axis=0) > _AT_REST) | (
        np.abs(forward).max(axis=2) > _AT_REST
    )
    return float(np.percentile(determinant[moving], 0.5)) if moving.any() else 1.0
