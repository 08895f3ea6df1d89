"""Whether the camera keeps still although much of the picture moves.

What gives way to a moving object can fill most of a picture and agree on a motion of its own, and no fit
tells that from a camera. The border does: every move of a camera carries it along. So points of the first
frame near its border, and in what was asked to keep still, are looked for at both places: where they were,
and where the camera would have carried them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.motion.points import follow
from kling_nb.score.keyframe import cell_count, near_border, same_light, spread_points

Array = NDArray[Any]

_CLOSE: Final = 0.5
_APART: Final = 1.0
_LEAST: Final = 6
_LEAST_CELLS: Final = 4
_EXPLAINED: Final = 0.9
_STAYS, _STILL_STAYS, _GOES = 0.5, 0.35, 0.2
_LABEL: Final = (0.55, 0.2)
_NEARLY_ALL: Final = 0.9


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the witnesses say of a frame.

    Parameters
    ----------
    still
        Whether the camera keeps still; None when some stay and others go, and neither prevail.
    confidence
        0 to 1: a factor for that of the camera.
    """

    still: bool | None
    confidence: float


class Witnesses:
    """Points of the first frame that only a camera would move.

    Parameters
    ----------
    small
        (H, W) uint8: the first frame.
    allowed
        (H, W) bool: neither painted nor label.
    anchored
        (H, W) bool: what was asked to keep still; None for nothing.
    labels_known
        Whether ``allowed`` leaves labels out. They keep their place whatever the camera does.
    """

    def __init__(
        self, small: Array, allowed: Array, anchored: Array | None = None, *, labels_known: bool = True
    ) -> None:
        self._first = small
        self._labels_known = labels_known
        points = spread_points(small, allowed)
        size = np.array(small.shape[::-1])
        outer = near_border(points, small.shape)
        if anchored is not None:
            columns, rows = points.astype(np.intp).T
            outer |= anchored[rows, columns]
        self._points = points[outer]
        self._corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], dtype=np.float64)
        self._still = False

    def judge(self, small: Array, matrix: Array | None) -> Verdict:
        """Say whether the camera keeps still against a homography that others made of the frame.

        Parameters
        ----------
        small
            (H, W) uint8.
        matrix
            From the first frame to this one; None when nothing agreed on one.
        """
        points, corners = self._points, self._corners
        if len(points) < _LEAST or (matrix is not None and not _ways(corners, matrix).max() > _APART):
            return Verdict(False, 1.0)
        small = same_light(small, self._first)
        stays = self._found(small, points)
        goes = (
            np.zeros(len(points), np.bool_) if matrix is None else self._found(small, carried(points, matrix))
        )
        apart = np.ones(len(points), np.bool_) if matrix is None else _ways(points, matrix) > _APART
        # On a regular pattern both may be true of the same point, which then says nothing.
        stay, go = stays & ~(goes & apart), goes & ~stays
        against, both = int((stay & apart).sum()), int(stay.sum())
        share = against / max(1, against + int((go & apart).sum()))
        explained = both / max(1, both + int(go.sum()))
        enough = both >= _LEAST and cell_count(points[stay], small.shape) >= _LEAST_CELLS
        # What explains the witnesses without a move needs none, wherever else a fit may lead.
        limit = _STILL_STAYS if self._still else _STAYS
        self._still = enough and (min(share, explained) >= limit or explained >= _EXPLAINED)
        if self._still:
            if not self._labels_known and _in_one_corner(points[stay], small.shape):
                return Verdict(None, 0.0)
            return Verdict(True, min(1.0, 1.2 * max(share, explained)) * min(1.0, 4 * both / len(points)))
        share = share if enough else 0.0
        return Verdict(False, 1 - 2 * share) if share <= _GOES else Verdict(None, 0.0)

    def _found(self, small: Array, there: Array) -> Array:
        """Which points are at given places."""
        places, sure = follow(
            self._first, small, self._points, guess=there, window=15, levels=0, tolerance=0.6
        )
        return np.asarray(sure & (np.linalg.norm(places - there, axis=1) < _CLOSE))


def _in_one_corner(points: Array, shape: tuple[int, ...]) -> bool:
    """Whether points lie where a label may be: nearly all of them in a strip in one corner."""
    height, width = shape
    xs, ys = points[:, 0] / width, points[:, 1] / height
    across, down = (np.stack([share, 1 - share]) for share in (xs, ys))
    within = (across < _LABEL[0])[:, None] & (down < _LABEL[1])[None]
    return float(within.mean(axis=2).max()) >= _NEARLY_ALL


def _ways(points: Array, matrix: Array) -> Array:
    return np.asarray(np.linalg.norm(carried(points, matrix) - points, axis=1))
