"""What the camera did: one homography for every frame, from points that are neither painted nor label.

How far a real camera moves for a unit of the request is not documented, so that only direction and
proportions are held against it, never the amount.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.motion.points import fit_homography, fit_similarity, follow
from kling_nb.score.clip import Facts, Look

Array = NDArray[Any]

_GRID = (10, 6)
_IN_CELL = 4
_TEXTURE = 0.0012
_TOLERANCE = 1.0
_LEAST = 14
_FULL = 60
_LEAST_CELLS = 7
_LEAST_SHARE = 0.3
_KEEP = 0.6
_FAR_SCALE, _FAR_TURN = 0.09, math.radians(6)
_LOST = 4
_BRIDGE_S = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class CameraTrack:
    """The camera over a clip.

    Parameters
    ----------
    indices, times
        Frames that were looked at, and their seconds.
    matrices
        (N, 3, 3) from pixels of the first frame's luma to each frame's; not a number where unknown.
    confidences
        (N,) 0 to 1; 0 where unknown.
    why
        Why nothing is known of the camera; empty when it is.
    """

    indices: Array
    times: Array
    matrices: Array
    confidences: Array
    why: str = ""
    _places: dict[int, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._places.update({int(index): place for place, index in enumerate(self.indices)})

    @property
    def known(self) -> bool:
        """Whether there is a camera to speak of."""
        return not self.why

    @property
    def confidence(self) -> float:
        """0 to 1 for the whole clip."""
        return 0.0 if self.why else float(min(np.median(self.confidences), self.confidences[-1]))

    def at(self, index: int) -> Array | None:
        """Return the matrix of a frame, None where it is unknown."""
        place = self._places.get(index)
        if place is None or self.why or not np.isfinite(self.matrices[place]).all():
            return None
        return np.asarray(self.matrices[place])

    def step(self, index: int) -> tuple[Array, float] | None:
        """Return the matrix from a frame to the next one that was looked at, and the seconds between."""
        place = self._places.get(index)
        if place is None or self.why or place + 1 >= len(self.indices):
            return None
        here, there = self.matrices[place], self.matrices[place + 1]
        if not np.isfinite([here, there]).all():
            return None
        return there @ np.linalg.inv(here), float(self.times[place + 1] - self.times[place])


class CameraMeter:
    """Follows points of a key frame, which is renewed as it goes out of sight.

    Parameters
    ----------
    facts
        The clip.
    excluded
        (H, W) bool of the size of luma: painted objects on their way and labels, where no points are taken.
    """

    def __init__(self, facts: Facts, excluded: Array | None = None) -> None:
        self._scale = np.diag([*facts.small_scale, 1.0])
        self._back = np.linalg.inv(self._scale)
        self._size = facts.small_size
        self._allowed = np.ones(facts.small_size[::-1], np.bool_)
        if excluded is not None:
            share = cv2.resize(excluded.astype(np.float32), facts.small_size, interpolation=cv2.INTER_AREA)
            self._allowed = share < 0.01
        self._key: _Key | None = None
        self._lost = 0
        self._texture = True
        self._rows: list[tuple[int, float, Array, float]] = []

    def see(self, look: Look) -> Array | None:
        """Take in one frame; return its matrix if it is known."""
        if self._key is None:
            self._start(look)
            return np.eye(3)
        key = self._key
        step = key.fit(look.small) if self._texture and self._lost < _LOST else None
        if step is None:
            self._lost += 1
            self._rows.append((look.index, look.time_s, np.full((3, 3), np.nan), 0.0))
            return None
        self._lost = 0
        whole = step @ key.matrix
        self._rows.append((look.index, look.time_s, self._back @ whole @ self._scale, key.confidence))
        if key.worn(step):
            renewed = _Key(look.small, self._places(whole, key), whole)
            if renewed.usable:
                self._key = renewed
        return self._rows[-1][2]

    def result(self) -> CameraTrack:
        """Return the camera over the clip, short gaps bridged."""
        indices, times, matrices, confidences = (np.array(each) for each in zip(*self._rows, strict=True))
        why = ""
        if not self._texture:
            why = "the picture has too little texture outside the painted objects to tell the camera's motion"
        elif confidences[-1] <= 0 or (confidences <= 0).mean() > 0.3:
            why = (
                "too little of the picture could be followed to tell the camera's motion: it is too soft, or "
                "changes too much"
            )
        else:
            matrices, confidences = _bridged(times, matrices, confidences)
        return CameraTrack(indices, times, matrices, confidences, why)

    def _start(self, look: Look) -> None:
        self._key = _Key(look.small, self._allowed, np.eye(3))
        self._texture = self._key.usable
        self._rows.append((look.index, look.time_s, np.eye(3), 1.0 if self._texture else 0.0))

    def _places(self, whole: Array, key: _Key) -> Array:
        """Where new points may be: nowhere near what is painted or went its own way."""
        banned = cv2.warpPerspective((~self._allowed).astype(np.uint8), whole, self._size)
        for x, y in key.strays:
            cv2.circle(banned, (round(float(x)), round(float(y))), 10, 1, -1)
        return np.asarray(banned == 0)


class _Key:
    """A key frame with its points, and where they were last seen."""

    def __init__(self, small: Array, allowed: Array, matrix: Array) -> None:
        self._small = small
        self._mean = float(small.mean())
        self.matrix = matrix
        self._points = spread_points(small, allowed)
        self._places = self._points.copy()
        self._ours = np.ones(len(self._points), np.bool_)
        self._alive = np.ones(len(self._points), np.bool_)
        self.confidence = 1.0
        self.usable = len(self._points) >= _LEAST and _cells(self._points, small.shape) >= _LEAST_CELLS

    def fit(self, small: Array) -> Array | None:
        """Return the homography from the key frame to another frame, None when there is none."""
        light = self._mean - float(small.mean())
        if abs(light) > 1.5:
            small = np.asarray(cv2.addWeighted(small, 1.0, small, 0.0, light))
        places, sure = follow(
            self._small, small, self._points, guess=self._places, window=15, levels=2, tolerance=0.6
        )
        agreed = self._agreed(places, sure)
        if agreed is None:
            return None
        matrix, ours = agreed
        expected = carried(self._points, matrix)
        self._places = np.where(ours[:, None], places, expected).astype(np.float32)
        inside = np.all((expected >= 0) & (expected < np.array(small.shape[::-1])), axis=1)
        self._alive, self._ours = inside, ours
        count, cells = int(ours.sum()), _cells(places[ours], small.shape)
        share = count / max(1, int(sure.sum()))
        if count < _LEAST or cells < _LEAST_CELLS or share < _LEAST_SHARE:
            return None
        self.confidence = float(
            min(1.0, count / _FULL) * min(1.0, cells / (2.5 * _LEAST_CELLS)) * min(1.0, 0.3 + share)
        )
        return matrix

    def _agreed(self, places: Array, sure: Array) -> tuple[Array, Array] | None:
        """Fit those that agreed before; only when they fall apart, all of them."""
        for group in (sure & self._ours, sure):
            least = max(_LEAST, 0.5 * int(group.sum())) if group is not sure else _LEAST
            source, target = self._points[group], places[group]
            fit = fit_homography if len(source) >= 2 * _LEAST else fit_similarity
            agreed = fit(source, target, tolerance=_TOLERANCE, least=_LEAST)
            if agreed is None or int(agreed.inliers.sum()) < least:
                continue
            misses = np.linalg.norm(carried(self._points, agreed.matrix) - places, axis=1)
            return agreed.matrix, sure & (misses < _TOLERANCE)
        return None

    @property
    def strays(self) -> Array:
        """Points that did not go with the camera, where they would be if they had."""
        return np.asarray(self._places[~self._ours & self._alive])

    def worn(self, step: Array) -> bool:
        """Whether too much has gone or changed to go on with these points."""
        height, width = self._small.shape
        motion = decomposed(step, (width, height))
        turned = abs(motion.roll) > math.degrees(_FAR_TURN) or abs(math.log(motion.scale)) > _FAR_SCALE
        return turned or int(self._ours.sum()) < _KEEP * len(self._points)


def spread_points(picture: Array, allowed: Array) -> Array:
    """Find points of absolute texture, the best few of every cell: no corner of the frame decides alone.

    Parameters
    ----------
    picture
        (H, W) uint8.
    allowed
        (H, W) bool.

    Returns
    -------
    ndarray
        (N, 2) float32 pixels (x, y).
    """
    strength = cv2.cornerMinEigenVal(picture, 5)
    strength[~allowed] = 0
    strength[:4], strength[-4:], strength[:, :4], strength[:, -4:] = 0, 0, 0, 0
    peaks = (strength >= cv2.dilate(strength, np.ones((9, 9), np.uint8))) & (strength > _TEXTURE)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-strength[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    cells = _cell_numbers(columns, rows, picture.shape)
    by_cell = np.argsort(cells, kind="stable")
    ranks = np.empty(len(cells), np.int64)
    starts = np.searchsorted(cells[by_cell], cells[by_cell])
    ranks[by_cell] = np.arange(len(cells)) - starts
    kept = ranks < _IN_CELL
    return np.stack([columns[kept], rows[kept]], axis=1).astype(np.float32)


def _cell_numbers(xs: Array, ys: Array, shape: tuple[int, ...]) -> Array:
    across, down = _GRID if shape[1] >= shape[0] else _GRID[::-1]
    columns = np.clip((xs * across / shape[1]).astype(np.int64), 0, across - 1)
    rows = np.clip((ys * down / shape[0]).astype(np.int64), 0, down - 1)
    return np.asarray(rows * across + columns)


def _cells(points: Array, shape: tuple[int, ...]) -> int:
    return len(np.unique(_cell_numbers(points[:, 0], points[:, 1], shape))) if len(points) else 0


def _bridged(times: Array, matrices: Array, confidences: Array) -> tuple[Array, Array]:
    """Fill gaps of at most half a second between two known frames."""
    matrices, confidences = matrices.copy(), confidences.copy()
    known = np.flatnonzero(confidences > 0)
    for before, after in pairwise(known):
        if after - before > 1 and times[after] - times[before] <= _BRIDGE_S:
            for place in range(before + 1, after):
                share = (times[place] - times[before]) / (times[after] - times[before])
                matrices[place] = matrices[before] * (1 - share) + matrices[after] * share
                confidences[place] = 0.5 * min(confidences[before], confidences[after])
    return matrices, confidences


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
