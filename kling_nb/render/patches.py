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
_HUE_WEIGHT = 1.6
_STRIDE = 2
_PASSES = 3
_NEIGHBOURS = [np.array(step) * _STRIDE for step in ((0, -1), (-1, 0), (0, 1), (1, 0))]
_TOLERANCE = 49 * 3 * 12.0**2
_WEAR, _WORN_OUT = 49 * 3 * 5.0**2, 12
_OPPONENT = np.array(
    [
        np.array([1, 1, 1]) / np.sqrt(3),
        np.array([1, 0, -1]) / np.sqrt(2) * _HUE_WEIGHT,
        np.array([1, -2, 1]) / np.sqrt(6) * _HUE_WEIGHT,
    ]
)


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
    shape = level.hole.shape
    kernel = np.ones((_SIDE, _SIDE), np.uint8)
    near = cv2.dilate(level.hole.astype(np.uint8), kernel).astype(np.bool_)
    targets = np.argwhere(near & _every(_STRIDE, shape))
    search = _Nearest(level.picture, level.sources())
    values = _nearest_known(level.picture, level.unusable)
    ballot = _Ballot(level, targets)
    if start is not None:
        offsets = _enlarged(start, shape)[targets[:, 0], targets[:, 1]]
        values = ballot.count(values, search.closest(targets + np.rint(offsets[:, ::-1]).astype(int)))
    found = search.find(values, targets)
    for _ in range((_ROUNDS if start is not None else _FIRST_ROUNDS) - 1):
        values = ballot.count(values, found)
        found = search.find(values, targets)
    field = np.zeros((*shape, 2), dtype=np.float32)
    covered = np.zeros(shape, dtype=np.bool_)
    covered[targets[:, 0], targets[:, 1]] = True
    field[targets[:, 0], targets[:, 1]] = (found - targets)[:, ::-1]
    return Completion(field, covered, ~level.unusable & ~level.forbidden)


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


def _windows(picture: Array) -> Array:
    """Patches around all pixels, (h, w, numbers); the picture is mirrored at its border."""
    padded = np.pad(picture, ((RADIUS, RADIUS), (RADIUS, RADIUS), (0, 0)), mode="reflect")
    views = sliding_window_view(padded, (_SIDE, _SIDE), axis=(0, 1))
    return np.asarray(views.reshape(*picture.shape[:2], -1))


def _low_frequencies() -> Array:
    """Lowest cosine waves of a patch, of its light and its two hues: what makes patches look alike."""
    place = (np.arange(_SIDE) + 0.5) * np.pi / _SIDE
    waves = [
        np.outer(np.cos(place * down), np.cos(place * right)).ravel()
        for down in range(_FREQUENCIES)
        for right in range(_FREQUENCIES - down)
    ]
    unit = np.array([wave / np.linalg.norm(wave) for wave in waves])
    return np.kron(_OPPONENT, unit).T.astype(np.float32)


class _Nearest:
    """Finds for each place the source patch that looks most like what is there.

    Parameters
    ----------
    picture
        (h, w, 3) float32.
    sources
        (h, w) bool: centres of patches that may be copied.
    """

    def __init__(self, picture: Array, sources: Array) -> None:
        self._basis = _low_frequencies()
        self._sources = sources
        self._features = self._describe(picture)
        self._places = np.argwhere(_thinned(sources))
        self._table = self._features[self._places[:, 0], self._places[:, 1]]
        self._norms = (self._table**2).sum(axis=1)
        self._wear = np.zeros_like(self._norms)

    def _describe(self, picture: Array) -> Array:
        rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
        # Where a patch lies counts a little: neighbours then copy from neighbours.
        place = np.stack([rows, columns], axis=2) * (_NEARNESS * _SIDE)
        return np.concatenate([_windows(picture) @ self._basis, place], axis=2).astype(np.float32)

    def find(self, values: Array, targets: Array) -> Array:
        """Return (N, 2) rows and columns of the best sources, coherent among neighbours."""
        wanted = self._describe(values)[targets[:, 0], targets[:, 1]]
        found = np.empty(len(targets), dtype=np.int64)
        for first in range(0, len(targets), _CHUNK):
            part = slice(first, first + _CHUNK)
            found[part] = (self._norms + self._wear - 2 * (wanted[part] @ self._table.T)).argmin(axis=1)
        # A source taken by many becomes dearer next time, lest one plain patch is repeated all over.
        self._wear = (
            np.bincount(found, minlength=len(self._norms)).clip(0, _WORN_OUT).astype(np.float32) * _WEAR
        )
        return self._coherent(wanted, targets, self._places[found])

    def closest(self, places: Array) -> Array:
        """Return the sources nearest to the given places."""
        _, labels = cv2.distanceTransformWithLabels(
            (~self._sources).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
        )
        all_sources = np.argwhere(self._sources)
        table = np.zeros((int(labels.max()) + 1, 2), dtype=np.int64)
        table[labels[self._sources]] = all_sources
        inside = np.clip(places, 0, np.array(self._sources.shape) - 1)
        return np.asarray(table[labels[inside[:, 0], inside[:, 1]]])

    def _coherent(self, wanted: Array, targets: Array, found: Array) -> Array:
        """Continue a neighbour's copy where that looks almost as good: larger pieces show no repetition."""
        index = np.full(self._sources.shape, -1)
        index[targets[:, 0], targets[:, 1]] = np.arange(len(targets))
        limit = np.array(self._sources.shape)
        cost = self._cost(wanted, found)
        for step in _NEIGHBOURS * _PASSES:
            beside = targets + step
            there = np.clip(beside, 0, limit - 1)
            neighbour = index[there[:, 0], there[:, 1]]
            offered = found[neighbour] - step
            inside = np.clip(offered, 0, limit - 1)
            usable = (neighbour >= 0) & (there == beside).all(axis=1) & (inside == offered).all(axis=1)
            usable &= self._sources[inside[:, 0], inside[:, 1]]
            offered_cost = self._cost(wanted, inside)
            better = usable & (offered_cost <= cost + _TOLERANCE)
            found = np.where(better[:, None], inside, found)
            cost = np.where(better, offered_cost, cost)
        return found

    def _cost(self, wanted: Array, places: Array) -> Array:
        return np.asarray(((wanted - self._features[places[:, 0], places[:, 1]]) ** 2).sum(axis=1))


class _Ballot:
    """Every pixel becomes the weighted mean of what the patches over it say.

    Patches near the hole's edge know more and weigh more.
    """

    def __init__(self, level: _Level, targets: Array) -> None:
        self._unusable = level.unusable
        rows, columns = targets.T
        depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3)
        confidence = _TRUST ** -depth[rows, columns]
        height, width = self._unusable.shape
        self._votes = []
        for down in range(-RADIUS, RADIUS + 1):
            for right in range(-RADIUS, RADIUS + 1):
                y, x = rows + down, columns + right
                inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
                self._votes.append((down, right, inside, (y * width + x)[inside], confidence[inside]))

    def count(self, values: Array, sources: Array) -> Array:
        """Return the picture with its unusable pixels voted anew."""
        height, width = self._unusable.shape
        total = np.zeros((height * width, 3))
        weight = np.zeros(height * width)
        for down, right, inside, index, share in self._votes:
            said = values[sources[inside, 0] + down, sources[inside, 1] + right]
            weight += np.bincount(index, share, height * width)
            for channel in range(3):
                total[:, channel] += np.bincount(index, share * said[:, channel], height * width)
        voted = (total / np.maximum(weight, 1e-9)[:, None]).reshape(height, width, 3)
        chosen = self._unusable & (weight.reshape(height, width) > 0)
        return np.where(chosen[:, :, None], voted, values).astype(np.float32)
