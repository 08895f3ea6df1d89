"""Patch-based completion at a small size: every patch over the hole is one that exists elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]

RADIUS = 3
_SIDE = 2 * RADIUS + 1
_FREQUENCIES = 3
_NEARNESS = 0.35
_CHUNK = 1024
_COARSEST = 28
_MIN_SOURCES = 40
_PLENTY = 1200
_FIRST_ROUNDS, _ROUNDS = 6, 2
_TRUST = 1.3


@dataclass(slots=True, eq=False)
class Completion:
    """Where each pixel near the hole was copied from.

    Parameters
    ----------
    offsets
        (h, w, 2) float32 (x, y) in pixels of the small picture; meaningful where ``covered``.
    covered
        (h, w) bool.
    sources
        (h, w) bool: what may be copied from.
    """

    offsets: Array
    covered: Array
    sources: Array

    def spread(self) -> Array:
        """Offsets everywhere: where there are none, those of the nearest covered pixel."""
        outside = (~self.covered).astype(np.uint8)
        _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
        table = np.zeros((int(labels.max()) + 1, 2), np.float32)
        table[labels[self.covered]] = self.offsets[self.covered]
        return np.asarray(table[labels])


def complete(picture: Array, unusable: Array, hole: Array, forbidden: Array) -> Completion | None:
    """Complete a hole from coarse to fine; None when nothing is left to copy from.

    Parameters
    ----------
    picture
        (h, w, 3) float32 in 0…255, small.
    unusable
        (h, w) bool: shows what must go; contains the hole.
    hole
        (h, w) bool: to be completed.
    forbidden
        (h, w) bool: true to the scene, yet not to be copied from.
    """
    pyramid = [_Level(picture, unusable, hole, forbidden)]
    while max(pyramid[-1].picture.shape[:2]) > 2 * _COARSEST:
        smaller = pyramid[-1].halved()
        if smaller.sources().sum() < _MIN_SOURCES:
            break
        pyramid.append(smaller)
    if pyramid[-1].sources().sum() < _MIN_SOURCES:
        return None
    found: Completion | None = None
    for level in reversed(pyramid):
        found = _complete_level(level, found)
    return found


@dataclass(slots=True, eq=False)
class _Level:
    """One size of the picture."""

    picture: Array
    unusable: Array
    hole: Array
    forbidden: Array

    def halved(self) -> _Level:
        size = ((self.picture.shape[1] + 1) // 2, (self.picture.shape[0] + 1) // 2)
        known = (~self.unusable).astype(np.float32)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        # Only known pixels count, so that the object does not bleed into its surroundings.
        values = cv2.resize(self.picture * known[:, :, None], size, interpolation=cv2.INTER_AREA)
        gap, forbidden = (
            cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
            for mask in (self.hole, self.forbidden)
        )
        picture = values / np.maximum(share, 1e-3)[:, :, None]
        return _Level(picture, (share < 0.5) | gap, gap, forbidden)

    def sources(self) -> Array:
        """Centres of patches to copy from."""
        return _inner(~self.unusable & ~self.forbidden)


def _inner(mask: Array) -> Array:
    """Centres of patches that lie wholly inside a mask and the picture."""
    kernel = np.ones((_SIDE, _SIDE), np.uint8)
    return np.asarray(
        cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    ).astype(np.bool_)


def _complete_level(level: _Level, start: Completion | None) -> Completion:
    picture, unusable, hole = level.picture, level.unusable, level.hole
    kernel = np.ones((_SIDE, _SIDE), np.uint8)
    targets = cv2.dilate(hole.astype(np.uint8), kernel).astype(np.bool_)
    rows, columns = np.nonzero(targets & _every(2, targets.shape))
    source_rows, source_columns = np.nonzero(_thinned(level.sources()))
    search = _Nearest(picture, source_rows, source_columns)
    values = _nearest_known(picture, unusable)
    ballot = _Ballot(unusable, hole, rows, columns)
    if start is not None:
        offsets = _enlarged(start, picture.shape[:2])[rows, columns]
        matched = _closest(source_rows, source_columns, picture.shape, (rows, columns), offsets)
        values = ballot.count(values, source_rows[matched], source_columns[matched])
    for _ in range(_ROUNDS if start is not None else _FIRST_ROUNDS):
        matched = search.find(values, rows, columns)
        values = ballot.count(values, source_rows[matched], source_columns[matched])
    field = np.zeros((*picture.shape[:2], 2), dtype=np.float32)
    known = np.zeros(picture.shape[:2], dtype=np.bool_)
    known[rows, columns] = True
    field[rows, columns, 0] = source_columns[matched] - columns
    field[rows, columns, 1] = source_rows[matched] - rows
    return Completion(field, known, ~unusable & ~level.forbidden)


def _nearest_known(picture: Array, unusable: Array) -> Array:
    """Give unusable pixels the colour of the nearest usable one.

    A smooth guess would look like nothing in the picture; this one keeps edges between two colours.
    """
    far = unusable.astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(far, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros((int(labels.max()) + 1, 3), np.float32)
    table[labels[~unusable]] = picture[~unusable]
    return np.asarray(table[labels])


def _every(step: int, shape: tuple[int, ...]) -> Array:
    """Mark a grid: patches this close still overlap, and the work falls with the square."""
    grid = np.zeros(shape, dtype=np.bool_)
    grid[::step, ::step] = True
    return grid


def _thinned(sources: Array) -> Array:
    """Keep every second source, as on a chessboard, where there are plenty."""
    if int(sources.sum()) < _PLENTY:
        return sources
    odd = np.zeros_like(sources)
    odd[::2, ::2] = True
    odd[1::2, 1::2] = True
    return sources & odd


def _enlarged(completion: Completion, shape: tuple[int, ...]) -> Array:
    """Carry offsets over to the next larger size."""
    offsets = completion.spread()
    return np.asarray(cv2.resize(offsets, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)) * 2


def _closest(
    source_rows: Array,
    source_columns: Array,
    shape: tuple[int, ...],
    centres: tuple[Array, Array],
    offsets: Array,
) -> Array:
    """Index of the source patch nearest to where each offset points."""
    empty = np.ones(shape[:2], np.uint8)
    empty[source_rows, source_columns] = 0
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(labels.max()) + 1, dtype=np.int64)
    table[labels[source_rows, source_columns]] = np.arange(len(source_rows))
    down = np.clip(np.rint(centres[0] + offsets[:, 1]).astype(int), 0, shape[0] - 1)
    right = np.clip(np.rint(centres[1] + offsets[:, 0]).astype(int), 0, shape[1] - 1)
    return np.asarray(table[labels[down, right]])


def _windows(picture: Array, rows: Array, columns: Array) -> Array:
    """Patches around the given centres as rows of numbers; the picture is mirrored at its border."""
    padded = np.pad(picture, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="reflect")
    views = sliding_window_view(padded, (_SIDE, _SIDE), axis=(0, 1))
    return np.asarray(views[rows, columns].reshape(len(rows), -1))


def _low_frequencies() -> Array:
    """Lowest cosine waves of a patch for each channel: what makes two patches look alike."""
    place = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    waves = [
        np.outer(np.cos(place * down), np.cos(place * right)).ravel()
        for down in range(_FREQUENCIES)
        for right in range(_FREQUENCIES - down)
    ]
    unit = np.array([wave / np.linalg.norm(wave) for wave in waves])
    return np.kron(np.eye(3), unit).T.astype(np.float32)


class _Nearest:
    """Finds the most similar source patch among all."""

    def __init__(self, picture: Array, rows: Array, columns: Array) -> None:
        self._basis = _low_frequencies()
        self._features = self._describe(_windows(picture, rows, columns), rows, columns)
        self._norms = (self._features**2).sum(axis=1)

    def _describe(self, patches: Array, rows: Array, columns: Array) -> Array:
        # Where a patch lies counts a little: neighbours then copy from neighbours.
        place = np.stack([rows, columns], axis=1) * (_NEARNESS * _SIDE)
        return np.hstack([patches @ self._basis, place]).astype(np.float32)

    def find(self, values: Array, rows: Array, columns: Array) -> Array:
        wanted = self._describe(_windows(values, rows, columns), rows, columns)
        found = np.empty(len(rows), dtype=np.int64)
        for first in range(0, len(rows), _CHUNK):
            part = slice(first, first + _CHUNK)
            found[part] = (self._norms - 2 * (wanted[part] @ self._features.T)).argmin(axis=1)
        return found


class _Ballot:
    """Every pixel becomes the weighted mean of what the patches over it say.

    Patches near the hole's edge know more and weigh more.
    """

    def __init__(self, unusable: Array, hole: Array, rows: Array, columns: Array) -> None:
        self._unusable = unusable
        depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
        confidence = _TRUST ** -depth[rows, columns]
        height, width = unusable.shape
        self._votes = []
        for down in range(-RADIUS, RADIUS + 1):
            for right in range(-RADIUS, RADIUS + 1):
                y, x = rows + down, columns + right
                inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
                self._votes.append((down, right, inside, (y * width + x)[inside], confidence[inside]))

    def count(self, values: Array, source_rows: Array, source_columns: Array) -> Array:
        """Return the picture with its unusable pixels voted anew."""
        height, width = self._unusable.shape
        total = np.zeros((height * width, 3))
        weight = np.zeros(height * width)
        for down, right, inside, index, share in self._votes:
            said = values[source_rows[inside] + down, source_columns[inside] + right]
            weight += np.bincount(index, share, height * width)
            for channel in range(3):
                total[:, channel] += np.bincount(index, share * said[:, channel], height * width)
        voted = (total / np.maximum(weight, 1e-9)[:, None]).reshape(height, width, 3)
        chosen = self._unusable & (weight.reshape(height, width) > 0)
        return np.where(chosen[:, :, None], voted, values).astype(np.float32)
