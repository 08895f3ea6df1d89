"""What stood behind an object that moved away: a plausible guess from its surroundings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import identity_grid, membrane, sample
from kling_nb.render.patches import Completion, complete

Array = NDArray[Any]

_SMALL_SIDE = 150
_TONE_SIDE = 160
_CONTEXT = 0.22
_JITTER = ((0, 0, 2.0), (2, 0, 1.0), (-2, 0, 1.0), (0, 2, 1.0), (0, -2, 1.0))
_MAX_CORRECTION = 48.0


def fill_revealed(picture: Array, objects: Array, revealed: Array) -> Array:
    """Fill what the objects uncover from the rest of the picture.

    A small version is completed patch by patch; the places its patches came from then say where to copy
    the full-size pixels from, and a membrane bends their brightness to the surroundings.

    Parameters
    ----------
    picture
        (H, W, 3) uint8.
    objects
        (H, W) bool: pixels that show moving objects; never copied from.
    revealed
        (H, W) bool, part of ``objects``: what has to be filled.

    Returns
    -------
    ndarray
        (H, W, 3) uint8, equal to the picture outside ``objects``.
    """
    if not revealed.any() or objects.all():
        return picture
    result = picture.copy()
    count, labels = cv2.connectedComponents(revealed.astype(np.uint8))
    for label in range(1, count):
        part = labels == label
        window = _context(part)
        filled = _fill_window(picture[window], objects[window], part[window])
        result[window] = np.where(part[window][:, :, None], filled, result[window])
    return result


def _context(part: Array) -> tuple[slice, slice]:
    """Return the neighbourhood that a part may be completed from."""
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    extent = max(np.ptp(rows), np.ptp(columns))
    margin = int(max(_CONTEXT * max(part.shape), 0.6 * extent))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


def _fill_window(picture: Array, objects: Array, part: Array) -> Array:
    height, width = part.shape
    factor = min(1.0, _SMALL_SIDE / max(part.shape))
    size = (max(24, round(width * factor)), max(24, round(height * factor)))
    known = (~objects).astype(np.float32)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    values = cv2.resize(picture.astype(np.float32) * known[:, :, None], size, interpolation=cv2.INTER_AREA)
    values = values / np.maximum(share, 1e-3)[:, :, None]
    hole = cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    completion = complete(values, (share < 0.98) | hole, hole)
    if completion is None:
        return _bytes(_membrane_at(picture.astype(np.float32), ~objects, _TONE_SIDE))
    copied = _copied(picture, completion)
    near = cv2.dilate(part.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_) & ~objects
    difference = np.clip(picture - copied, -_MAX_CORRECTION, _MAX_CORRECTION)
    return _bytes(copied + _membrane_at(difference, near, _TONE_SIDE))


def _copied(picture: Array, completion: Completion) -> Array:
    """Copy full-size pixels along the small completion; neighbouring opinions are averaged."""
    height, width = picture.shape[:2]
    small = completion.offsets.shape[:2]
    scale = np.array([width / small[1], height / small[0]], dtype=np.float32)
    offsets = _coherent(completion, _spread(completion)) * scale
    grid = identity_grid(width, height)
    total = np.zeros(picture.shape, np.float32)
    for down, right, weight in _JITTER:
        rows = np.clip(np.arange(small[0]) + down, 0, small[0] - 1)
        columns = np.clip(np.arange(small[1]) + right, 0, small[1] - 1)
        moved = np.ascontiguousarray(offsets[rows][:, columns])
        where = grid + cv2.resize(moved, (width, height), interpolation=cv2.INTER_NEAREST)
        total += sample(picture, np.rint(where)) * np.float32(weight)
    return total / np.float32(sum(weight for *_, weight in _JITTER))


def _spread(completion: Completion) -> Array:
    """Offsets where there are none yet: those of the nearest covered pixel."""
    outside = (~completion.covered).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros((int(labels.max()) + 1, 2), np.float32)
    table[labels[completion.covered]] = completion.offsets[completion.covered]
    return np.asarray(table[labels])


def _coherent(completion: Completion, offsets: Array) -> Array:
    """Let the majority decide, so that larger pieces are copied whole; never from a hole."""
    calm = np.dstack([cv2.medianBlur(np.ascontiguousarray(offsets[:, :, axis]), 5) for axis in (0, 1)])
    height, width = completion.sources.shape
    columns, rows = np.rint(identity_grid(width, height) + calm).astype(int).transpose(2, 0, 1)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    usable = inside & completion.sources[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.asarray(np.where(usable[:, :, None], calm, offsets), dtype=np.float32)


def _membrane_at(values: Array, known: Array, side: int) -> Array:
    """Solve a membrane at a reduced size, from known values only."""
    factor = min(1.0, side / max(known.shape))
    size = (max(8, round(known.shape[1] * factor)), max(8, round(known.shape[0] * factor)))
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * known[:, :, None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    means = total / np.maximum(weight, 1e-6)[:, :, None]
    smooth = membrane(means, weight > 0.02)
    return np.asarray(cv2.resize(smooth, known.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _bytes(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
