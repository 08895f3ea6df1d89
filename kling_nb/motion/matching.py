"""What a picture's part looks like elsewhere: correlation with every place, and even light."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LOOKALIKE_SIDE = 64
_LOOKALIKE_REACH = 48
_DETAIL = 5.0


def evened(picture: Array) -> Array:
    """Return a picture without its slow changes of light and contrast."""
    gray = picture.astype(np.float32)
    detail = gray - cv2.GaussianBlur(gray, (0, 0), _DETAIL)
    spread = cv2.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * _DETAIL)) + 2
    return np.asarray(np.clip(128 + 50 * detail / spread, 0, 255).astype(np.uint8))


def lookalike(picture: Array, where: Array, apart: float) -> float:
    """Return how much the most similar place around a region, up to 48 pixels away, looks like it.

    Parameters
    ----------
    picture
        (h, w) uint8.
    where
        (h, w) bool: the region.
    apart
        Pixels from which on a place is another one.

    Returns
    -------
    float
        Highest correlation, -1 to 1; -1 where there is no other place.
    """
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    reach = max(_LOOKALIKE_REACH, math.ceil(2 * apart))
    area = (
        slice(max(0, top - reach), min(picture.shape[0], bottom + reach)),
        slice(max(0, left - reach), min(picture.shape[1], right + reach)),
    )
    look, mask = picture[top:bottom, left:right], where[top:bottom, left:right]
    factor = min(1.0, _LOOKALIKE_SIDE / max(look.shape))
    values = correlation(picture[area], look, mask, factor)
    if values is None:
        return -1.0
    ys, xs = np.mgrid[: values.shape[0], : values.shape[1]]
    away = np.hypot(xs - (left - area[1].start) * factor, ys - (top - area[0].start) * factor)
    others = values[away >= max(2.0, apart * factor)]
    return float(others.max()) if others.size else -1.0


def correlation(picture: Array, look: Array, mask: Array, factor: float) -> Array | None:
    """Correlation of a masked look with every place of a picture, at a reduced size.

    Parameters
    ----------
    picture
        (H, W) where to look.
    look
        (h, w) what to look for.
    mask
        (h, w) bool: what of it counts.
    factor
        Scale at which they are compared, 0 to 1.

    Returns
    -------
    ndarray or None
        -1 to 1 for every place of the look's upper left corner; None where it does not fit in.
    """
    parts: list[Array] = []
    for part, method in (
        (picture, cv2.INTER_AREA),
        (look, cv2.INTER_AREA),
        (mask.astype(np.float32), cv2.INTER_AREA),
    ):
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        small = part if factor == 1 else cv2.resize(part, size, interpolation=method)
        parts.append(np.asarray(small, dtype=np.float32))
    wide, small_look, weights = parts
    weights = (weights >= 0.5).astype(np.float32)
    if wide.shape[0] < small_look.shape[0] or wide.shape[1] < small_look.shape[1] or weights.sum() < 9:
        return None
    values = cv2.matchTemplate(wide, small_look, cv2.TM_CCOEFF_NORMED, mask=weights)
    return np.nan_to_num(np.asarray(values), nan=-1.0, posinf=-1.0, neginf=-1.0)
