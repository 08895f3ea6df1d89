"""What stood behind an object that moved away: a plausible guess from its surroundings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import identity_grid, reduced_size, sample
from kling_nb.render.fields import membrane
from kling_nb.render.patches import Completion, complete

Array = NDArray[Any]
Box = tuple[slice, slice]

_SMALL_SIDE = 112
_TONE_SIDE = 160
_CONTEXT = 0.22
_SEAM = 10
_MAX_CORRECTION = 48.0
_MAX_HUE = 12.0


def fill_revealed(picture: Array, objects: Array, revealed: Array, still: Array | None = None) -> Array:
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
    still
        (H, W) bool of the static mask: it stays where it is, so no second one may appear.

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
        forbidden = np.zeros_like(part[window]) if still is None else still[window]
        filled = _fill_window(picture[window], objects[window], part[window], forbidden)
        result[window] = np.where(part[window][:, :, None], filled, result[window])
    return result


def _context(part: Array) -> Box:
    """Return the neighbourhood that a part may be completed from."""
    tight = _box(part, 0)
    extent = max(side.stop - side.start for side in tight)
    return _box(part, int(max(_CONTEXT * max(part.shape), 0.6 * extent)))


def _box(part: Array, margin: int) -> Box:
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - margin), min(part.shape[0], int(rows[-1]) + margin + 1)),
        slice(max(0, int(columns[0]) - margin), min(part.shape[1], int(columns[-1]) + margin + 1)),
    )


def _fill_window(picture: Array, objects: Array, part: Array, forbidden: Array) -> Array:
    height, width = part.shape
    size = reduced_size(width, height, _SMALL_SIDE, least=24)
    known = (~objects).astype(np.float32)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    values = cv2.resize(picture.astype(np.float32) * known[:, :, None], size, interpolation=cv2.INTER_AREA)
    values = values / np.maximum(share, 1e-3)[:, :, None]
    hole = cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    keep_off = cv2.resize(forbidden.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    completion = complete(values, (share < 0.98) | hole, hole, keep_off)
    if completion is None:
        return _bytes(_membrane_at(picture.astype(np.float32), ~objects, _TONE_SIDE))
    box = _box(part, _SEAM)
    copied = _in_hue(_copied(picture, completion, box), picture[box], ~objects[box])
    near = cv2.dilate(part[box].astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
    difference = np.clip(picture[box] - copied, -_MAX_CORRECTION, _MAX_CORRECTION)
    result = picture.copy()
    result[box] = _bytes(copied + _membrane_at(difference, near & ~objects[box], _TONE_SIDE))
    return result


def _in_hue(copied: Array, picture: Array, known: Array) -> Array:
    """Keep the copied light, but let its hue stray only a little from the surroundings' hue.

    A patch of the wrong thing then passes as texture instead of being recognised.
    """
    smooth = _membrane_at(picture.astype(np.float32), known, _TONE_SIDE)
    difference = copied - smooth
    light = difference.mean(axis=2, keepdims=True)
    return np.asarray(smooth + light + np.clip(difference - light, -_MAX_HUE, _MAX_HUE))


def _copied(picture: Array, completion: Completion, box: Box) -> Array:
    """Copy full-size pixels along the small completion, blending between its cells."""
    height, width = picture.shape[:2]
    small = completion.offsets.shape[:2]
    scale = np.array([width / small[1], height / small[0]], dtype=np.float32)
    offsets = _coherent(completion, completion.spread()) * scale
    ys, xs = np.arange(box[0].start, box[0].stop), np.arange(box[1].start, box[1].stop)
    grid = np.stack(np.meshgrid(xs, ys), axis=2).astype(np.float32)
    total = np.zeros((len(ys), len(xs), 3), np.float32)
    for rows, down in _neighbours(ys, scale[1], small[0]):
        for columns, across in _neighbours(xs, scale[0], small[1]):
            where = np.rint(grid + offsets[rows][:, columns])
            total += sample(picture, where) * (down[:, None] * across[None, :])[:, :, None]
    return total


def _neighbours(places: Array, scale: float, cells: int) -> list[tuple[Array, Array]]:
    """Return the two cells around each pixel along one direction, with their shares."""
    position = (places + 0.5) / scale - 0.5
    first = np.floor(position)
    share = (position - first).astype(np.float32)
    lower, upper = (np.clip(first + step, 0, cells - 1).astype(int) for step in (0, 1))
    return [(lower, 1 - share), (upper, share)]


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
    size = reduced_size(known.shape[1], known.shape[0], side)
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * known[:, :, None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    means = total / np.maximum(weight, 1e-6)[:, :, None]
    smooth = membrane(means, weight > 0.02)
    return np.asarray(cv2.resize(smooth, known.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _bytes(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
