"""What stood behind an object that moved away: a plausible guess from its surroundings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import membrane

Array = NDArray[Any]

_SEARCH_SIDE = 200
_RING = 0.35
_GOOD_MATCH = 26.0


def fill_hole(picture: Array, hole: Array, forbidden: Array) -> Array:
    """Fill a hole with the best-fitting shifted copy of the picture, its seams smoothed away.

    Parameters
    ----------
    picture
        (H, W, 3) uint8.
    hole
        (H, W) bool: to be filled.
    forbidden
        (H, W) bool: not to be copied from (other objects).

    Returns
    -------
    ndarray
        (H, W, 3) uint8, equal to the picture outside the hole.
    """
    if not hole.any() or hole.all():
        return picture
    shift = _best_shift(picture, hole, forbidden | hole)
    values = picture.astype(np.float32)
    known = ~hole
    if shift is None:
        return _bytes(np.where(hole[:, :, None], _limited_membrane(values, known & ~forbidden), values))
    moved = np.array([[1.0, 0.0, -shift[0]], [0.0, 1.0, -shift[1]]])
    size = (hole.shape[1], hole.shape[0])
    patch = cv2.warpAffine(values, moved, size, borderMode=cv2.BORDER_REFLECT_101)
    difference = _limited_membrane(values - patch, known & ~forbidden)
    return _bytes(np.where(hole[:, :, None], patch + difference, values))


def _bytes(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _limited_membrane(values: Array, known: Array) -> Array:
    """Solve the membrane in the hole's neighbourhood only; the rest of the picture is not touched."""
    rows, columns = np.nonzero(~known)
    margin = 6
    top, bottom = max(0, rows.min() - margin), rows.max() + margin + 1
    left, right = max(0, columns.min() - margin), columns.max() + margin + 1
    result = values.copy()
    result[top:bottom, left:right] = membrane(values[top:bottom, left:right], known[top:bottom, left:right])
    return result


def _best_shift(picture: Array, hole: Array, unusable: Array) -> tuple[int, int] | None:
    """Find the shift whose copy fits the ring around the hole best; None when nothing fits."""
    factor = min(1.0, _SEARCH_SIDE / max(hole.shape))
    size = (max(8, round(hole.shape[1] * factor)), max(8, round(hole.shape[0] * factor)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    blocked = cv2.resize(unusable.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.01
    gap = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.01
    reach = max(2, round(_RING * np.sqrt(gap.sum()) / 2))
    ring = cv2.dilate(gap.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)).astype(bool) & ~blocked
    whole = ring | gap
    rows, columns = np.nonzero(whole)
    if not ring.any():
        return None
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    if bottom - top >= size[1] and right - left >= size[0]:
        return None
    template = np.ascontiguousarray(small[top:bottom, left:right])
    weight = ring[top:bottom, left:right].astype(np.float32)
    error = cv2.matchTemplate(small, template, cv2.TM_SQDIFF, mask=cv2.merge([weight] * 3))
    needed = whole[top:bottom, left:right].astype(np.float32)
    overlap = cv2.matchTemplate(blocked.astype(np.float32), needed, cv2.TM_CCORR)
    cost = np.sqrt(np.maximum(error, 0) / (3 * weight.sum()))
    cost = np.where(overlap > 0.5, np.inf, cost)
    row, column = np.unravel_index(int(np.argmin(cost)), cost.shape)
    if not cost[row, column] < _GOOD_MATCH:
        return None
    return round((int(column) - int(left)) / factor), round((int(row) - int(top)) / factor)
