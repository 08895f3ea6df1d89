"""A key frame whose background points are found again in other frames, whatever moves in front of it."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.motion.points import fit_homography, fit_similarity, follow
from kling_nb.score.homography import decomposed

Array = NDArray[Any]

_GRID = (10, 6)
_IN_CELL = 4
_TEXTURE = 0.0012
_TOLERANCE = 0.5
_LIGHT = 1.5
_BAND = 0.15
_EDGE = 10
_NO_CORNER = 0.45
_DOUBT = 0.1
_DOUBTED = 0.25
_MORE = 1.12
_RIVAL = 0.35
_PART = 0.2
_LEAST = 14
_FULL = 60
_LEAST_CELLS = 7
_LEAST_SHARE = 0.3
_KEEP = 0.3
_FAR_SCALE, _FAR_TURN = 0.09, math.radians(6)
_AS_GOOD, _AS_GOOD_PX = 1.15, 0.02


class Key:
    """A key frame with its points, and where they were last seen."""

    def __init__(self, small: Array, allowed: Array, matrix: Array) -> None:
        self._small = small
        self.matrix = matrix
        self._points = spread_points(small, allowed)
        self._places = self._points.copy()
        self._ours = np.ones(len(self._points), np.bool_)
        self._alive = np.ones(len(self._points), np.bool_)
        self._away = np.zeros((0, 2), np.float32)
        self.confidence = 1.0
        self.usable = len(self._points) >= _LEAST and cell_count(self._points, small.shape) >= _LEAST_CELLS

    def fit(self, small: Array) -> Array | None:
        """Return the homography from the key frame to another frame, None when there is none."""
        small = same_light(small, self._small)
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
        self._alive, self._ours, self._away = inside, ours, places[sure & ~ours]
        count, cells = int(ours.sum()), cell_count(places[ours], small.shape)
        share = count / max(1, int(sure.sum()))
        if count < _LEAST or cells < _LEAST_CELLS or share < _LEAST_SHARE:
            return None
        edge = int(near_border(places[ours], small.shape).sum())
        seen = _corner_count(places[ours], small.shape)
        self.confidence = float(
            min(1.0, count / _FULL)
            * min(1.0, cells / (2.5 * _LEAST_CELLS))
            * min(1.0, 0.3 + share)
            * min(1.0, (2 + edge) / _EDGE, _NO_CORNER + seen)
            * self._unrivalled(places, sure)
        )
        return matrix

    def _unrivalled(self, places: Array, sure: Array) -> float:
        """Return 1 where nothing else moves as one, and less, the wider spread what does."""
        rest, count = sure & ~self._ours, int(self._ours.sum())
        if int(rest.sum()) < max(_LEAST, _DOUBT * count):
            return 1.0
        other = fit_similarity(self._points[rest], places[rest], tolerance=_TOLERANCE, least=_LEAST)
        if other is None:
            return 1.0
        shape = self._small.shape
        rival = _spread(self._points[rest][other.inliers], shape) / _spread(self._points[self._ours], shape)
        return min(1.0, max(_DOUBTED, 1.5 - 1.25 * rival))

    def _agreed(self, places: Array, sure: Array) -> tuple[Array, Array] | None:
        """Fit those that agreed before; when they fall apart, all of them, if most are the same still."""
        for group, least in ((sure & self._ours, _RIVAL), (sure, 0.0)):
            fitted = self._widest(places, group)
            if fitted is None or int(fitted[1].sum()) < max(_LEAST, least * int(group.sum())):
                continue
            matrix, ours = fitted
            ours = sure & (np.linalg.norm(carried(self._points, matrix) - places, axis=1) < _TOLERANCE)
            if least or int((ours & self._ours).sum()) >= 0.5 * int(ours.sum()):
                return matrix, ours
        return None

    def _widest(self, places: Array, group: Array) -> tuple[Array, Array] | None:
        """Fit a group; where it falls into two, take the part that is spread wider, up to the borders."""
        first = self._fitted(places, group)
        if first is None:
            return None
        rest = group.copy()
        rest[np.flatnonzero(group)[first[1]]] = False
        if int(rest.sum()) < max(_LEAST, _PART * int(first[1].sum())):
            return first
        second = self._fitted(places, rest)
        if second is None:
            return first
        shape = self._small.shape
        widths = [
            _spread(self._points[where][close], shape)
            for where, (_, close) in ((group, first), (rest, second))
        ]
        return second if widths[1] > widths[0] else first

    def _fitted(self, places: Array, group: Array) -> tuple[Array, Array] | None:
        """Fit a group of points: a homography only where it explains clearly more of them than less freedom.

        It bends, and would follow the background and an object at once as long as they are not far apart.
        """
        source, target = self._points[group], places[group]
        best: tuple[Array, Array] | None = None
        for fit, least in ((fit_similarity, _LEAST), (fit_homography, 2 * _LEAST)):
            agreed = fit(source, target, tolerance=_TOLERANCE, least=_LEAST) if len(source) >= least else None
            if agreed is None:
                continue
            matrix = agreed.matrix
            close = np.linalg.norm(carried(source, matrix) - target, axis=1) < _TOLERANCE
            if int(close.sum()) < _LEAST:
                continue
            if best is None or int(close.sum()) > _MORE * int(best[1].sum()) + 2:
                best = (matrix, close)
        if best is None:
            return None
        matrix, close = best
        simple = _similarity(source[close], target[close])
        # The similarity of RANSAC is that of two points; all that agree make it better.
        rests = [_rest(each, source[close], target[close]) for each in (simple, matrix)]
        return (simple if rests[0] <= max(_AS_GOOD * rests[1], rests[1] + _AS_GOOD_PX) else matrix), close

    @property
    def strays(self) -> Array:
        """Points that did not go with the camera: where they would be if they had, and where they are."""
        return np.concatenate([self._places[~self._ours & self._alive], self._away])

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


def near_border(points: Array, shape: tuple[int, ...]) -> Array:
    """Which points are near the border of a frame: a camera moves them, and objects seldom do."""
    size = np.array(shape[::-1])
    return np.asarray((np.minimum(points, size - 1 - points) < _BAND * size).any(axis=1))


def _corner_count(points: Array, shape: tuple[int, ...]) -> int:
    """Count the corners of a frame that have points: seldom does an object reach into one."""
    height, width = shape
    xs, ys = points[:, 0] / width, points[:, 1] / height
    return sum(
        bool(((xs < _BAND if left else xs > 1 - _BAND) & (ys < _BAND if top else ys > 1 - _BAND)).any())
        for left in (True, False)
        for top in (True, False)
    )


def same_light(picture: Array, first: Array) -> Array:
    """Bring a picture's mean to that of another one, where they differ by more than coding makes."""
    light = float(first.mean()) - float(picture.mean())
    return np.asarray(cv2.addWeighted(picture, 1.0, picture, 0.0, light)) if abs(light) > _LIGHT else picture


def _similarity(source: Array, target: Array) -> Array:
    """Shift, turn and scale of least squares."""
    middle, there = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    a, b = source - middle, target - there
    size = max(1e-9, float((a * a).sum()))
    cosine = float((a * b).sum()) / size
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, there - turn @ middle
    return matrix


def _rest(matrix: Array, source: Array, target: Array) -> float:
    return float(np.sqrt(((carried(source, matrix) - target) ** 2).sum(axis=1).mean()))


def _cell_numbers(xs: Array, ys: Array, shape: tuple[int, ...]) -> Array:
    across, down = _GRID if shape[1] >= shape[0] else _GRID[::-1]
    columns = np.clip((xs * across / shape[1]).astype(np.int64), 0, across - 1)
    rows = np.clip((ys * down / shape[0]).astype(np.int64), 0, down - 1)
    return np.asarray(rows * across + columns)


def _spread(points: Array, shape: tuple[int, ...]) -> int:
    """Cells with points; those at the border, where a background is and an object seldom, count twice."""
    across, down = _GRID if shape[1] >= shape[0] else _GRID[::-1]
    rows, columns = np.divmod(np.unique(_cell_numbers(points[:, 0], points[:, 1], shape)), across)
    border = (rows == 0) | (rows == down - 1) | (columns == 0) | (columns == across - 1)
    return len(rows) + int(border.sum())


def cell_count(points: Array, shape: tuple[int, ...]) -> int:
    """Count the cells of a coarse grid that have points."""
    return len(np.unique(_cell_numbers(points[:, 0], points[:, 1], shape))) if len(points) else 0
