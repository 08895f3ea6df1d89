"""Where the start picture is in the video: scale and shift, checked against the first frame.

A service brings a picture to the video's size by covering the frame and cutting off what is too much, or by
stretching when the shapes hardly differ; both are tried, then refined and verified by features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.features import matched_features
from kling_nb.motion.fields import carried
from kling_nb.motion.points import corner_points, fit_similarity, follow
from kling_nb.score.asked import Asked
from kling_nb.score.clip import Facts, Look

Array = NDArray[Any]

_LOOK_SIDE = 320
_ALIKE = 0.5
_SURE = 0.9
_FLAT = 6.0
_FLAT_ERROR = 16.0
_LEAST_POINTS = 16
_LEAST_SHARE = 0.4
_EXACT = 0.35
_TOLERANCE = 1.2
_MOST_TURN = 0.03

_CORNER = (0.5, 0.16)
_DIFFERS = 22.0
_SPREAD = 0.25
_PADDING = 3
_RIM, _RIM_PX = 0.4, 3


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Maps pixels of the start picture as sent to pixels of the video.

    Parameters
    ----------
    size
        (width, height) of the start picture as sent.
    matrix
        (3, 3) from its pixels to those of :attr:`~kling_nb.score.clip.Look.luma`: scale and shift.
    facts
        The clip.
    confidence
        0 to 1: 1 when many details were found where the matrix says.
    method
        ``cover``, ``stretch``, ``inside`` or ``features``; ``assumed`` when there was no picture to check.
    why
        Why the first frame cannot be brought into relation with the start picture; empty when it can.
    """

    size: tuple[int, int]
    matrix: Array
    facts: Facts
    confidence: float
    method: str
    why: str = ""

    @property
    def to_video(self) -> Array:
        """(3, 3) from pixels of the start picture to pixels of the video as shown."""
        back = _resizing(self.facts.luma_size, self.facts.size)
        return back @ self.matrix

    def points(self, points: Array) -> Array:
        """Carry (N, 2) pixels of the start picture to pixels of luma."""
        return carried(points, self.matrix)

    def mask(self, mask: Array) -> Array:
        """Carry a mask of the start picture's size over to luma; (H, W) bool."""
        share = self.picture((np.asarray(mask) > 0).astype(np.float32), outside=0)
        return np.asarray(share >= 0.5)

    def picture(self, picture: Array, *, outside: float | None = None) -> Array:
        """Carry a picture of the start picture's shape, at any scale, over to the size of luma."""
        return _carried_picture(picture, self.matrix, self.size, self.facts.luma_size, outside)


def register(asked: Asked, first: Look, facts: Facts) -> Registration | None:
    """Find the start picture in the first frame.

    Returns
    -------
    Registration or None
        None without a start picture.
    """
    size = asked.size
    if size is None and asked.start is not None:
        size = (asked.start.shape[1], asked.start.shape[0])
    if size is None:
        return None
    if asked.start is None:
        return Registration(size, placed("cover", size, facts.luma_size), facts, 0.5, "assumed")
    return located(facts.gray(asked.start), size, first.luma, facts)


def located(gray: Array, size: tuple[int, int], seen: Array, facts: Facts) -> Registration:
    """Find a gray picture, which stands for one of ``size`` pixels, in a frame."""
    options = ["cover"] if _same_shape(size, facts.luma_size) else ["cover", "stretch", "inside"]
    if _same_shape(size, facts.luma_size) and size[0] * facts.luma_size[1] != size[1] * facts.luma_size[0]:
        options.append("stretch")
    rated = []
    for method in options:
        matrix = placed(method, size, facts.luma_size)
        rated.append((_likeness(gray, size, matrix, seen), method, matrix))
    best, method, matrix = max(rated, key=lambda each: each[0])
    if best >= _ALIKE:
        refined, share = _refined(gray, size, matrix, seen)
        after = best if refined is matrix else _likeness(gray, size, refined, seen)
        if after < best:
            refined, after = matrix, best
        sure = max(share, min(1.0, max(0.0, (after - _ALIKE) / (_SURE - _ALIKE))))
        return Registration(size, refined, facts, 0.5 + 0.5 * sure, method)
    found = _by_features(gray, size, seen)
    if found is not None:
        return Registration(size, found[0], facts, found[1], "features")
    if float(gray.std()) < _FLAT and abs(float(gray.mean()) - float(seen.mean())) < _FLAT_ERROR:
        return Registration(size, matrix, facts, 0.3, "assumed")
    why = (
        "the first frame does not show the start picture, so that its masks and paths have no place in the "
        "video; check that the clip belongs to this run"
    )
    return Registration(size, matrix, facts, 0.0, "", why)


def placed(method: str, size: tuple[int, int], target: tuple[int, int]) -> Array:
    """Matrix that covers the target, stretches to it, or fits inside it, in the middle."""
    across, down = target[0] / size[0], target[1] / size[1]
    if method == "cover":
        across = down = max(across, down)
    elif method == "inside":
        across = down = min(across, down)
    left, top = (target[0] - across * size[0]) / 2, (target[1] - down * size[1]) / 2
    # Pixels are squares: the middle of the first one is at half its side.
    return np.array(
        [[across, 0, left + (across - 1) / 2], [0, down, top + (down - 1) / 2], [0, 0, 1.0]], dtype=np.float64
    )


def overlays(registration: Registration, gray: Array, first: Look) -> tuple[tuple[int, int, int, int], ...]:
    """Find labels and watermarks: boxes in the corners where the first frame is not the start picture.

    Returns
    -------
    tuple of (x, y, width, height)
        Pixels of luma.
    """
    wanted = _blurred(registration.picture(gray))
    seen = _blurred(first.luma)
    light = float(np.median(seen)) - float(np.median(wanted))
    differs = np.abs(seen - wanted - light) > _DIFFERS
    if differs.mean() > _CORNER[1]:
        return ()
    height, width = differs.shape
    across, down = round(_CORNER[0] * width), round(_CORNER[1] * height)
    boxes = []
    for top in (0, height - down):
        for left in (0, width - across):
            box = _box(differs[top : top + down, left : left + across])
            if box is not None:
                x, y, w, h = box
                boxes.append((left + x, top + y, w, h))
    return tuple(boxes)


def covered_by(boxes: Sequence[tuple[int, int, int, int]], shape: tuple[int, ...]) -> Array | None:
    """Return what labels cover, with the soft rim and the dark ground that they may have around them.

    Parameters
    ----------
    boxes
        (x, y, width, height) as :func:`overlays` finds them.
    shape
        Of luma.

    Returns
    -------
    ndarray or None
        (H, W) bool; None where there is no label.
    """
    if not boxes:
        return None
    covered = np.zeros(shape, np.bool_)
    for x, y, width, height in boxes:
        rim = max(_RIM_PX, math.ceil(_RIM * height))
        covered[max(0, y - rim) : y + height + rim, max(0, x - rim) : x + width + rim] = True
    return covered


def _box(differs: Array) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(differs.mean(axis=1) > 0.02), np.flatnonzero(differs.any(axis=0))
    if len(rows) < 4 or len(columns) < 4:
        return None
    inside = differs[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if inside.mean() < _SPREAD:
        return None
    x, y = max(0, int(columns[0]) - _PADDING), max(0, int(rows[0]) - _PADDING)
    right = min(differs.shape[1], int(columns[-1]) + 1 + _PADDING)
    return x, y, right - x, min(differs.shape[0], int(rows[-1]) + 1 + _PADDING) - y


def _blurred(picture: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5))


def _same_shape(size: tuple[int, int], target: tuple[int, int]) -> bool:
    return abs(size[0] * target[1] / (size[1] * target[0]) - 1) < 0.002


def _resizing(source: tuple[int, int], target: tuple[int, int]) -> Array:
    return placed("stretch", source, target)


def _carried_picture(
    picture: Array,
    matrix: Array,
    size: tuple[int, int],
    target: tuple[int, int],
    outside: float | None,
) -> Array:
    """Warp a picture of any scale that stands for ``size`` pixels; a much larger one is shrunk before."""
    have = (picture.shape[1], picture.shape[0])
    whole = matrix @ _resizing(have, size)
    across, down = float(whole[0, 0]), float(whole[1, 1])
    if min(across, down) < 0.8:
        smaller = (max(8, round(have[0] * min(1, across))), max(8, round(have[1] * min(1, down))))
        picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA))
        whole = matrix @ _resizing(smaller, size)
    method = cv2.INTER_CUBIC if max(across, down) > 1.2 and outside is None else cv2.INTER_LINEAR
    rule = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.warpAffine(picture, whole[:2], target, flags=method, borderMode=rule, borderValue=outside or 0)
    )


def _likeness(gray: Array, size: tuple[int, int], matrix: Array, seen: Array) -> float:
    """Normalised correlation of picture and frame at a small size, over what the picture covers."""
    factor = min(1.0, _LOOK_SIDE / max(seen.shape))
    target = (max(8, round(seen.shape[1] * factor)), max(8, round(seen.shape[0] * factor)))
    down = _resizing((seen.shape[1], seen.shape[0]), target) @ matrix
    covered = _carried_picture(np.ones(gray.shape, np.float32), down, size, target, 0) > 0.99
    if covered.mean() < 0.1:
        return -1.0
    a = _carried_picture(gray, down, size, target, None).astype(np.float64)[covered]
    b = cv2.resize(seen, target, interpolation=cv2.INTER_AREA).astype(np.float64)[covered]
    a, b = a - a.mean(), b - b.mean()
    # Two flat pictures are alike although nothing in them agrees: noise must not decide.
    return float((a * b).mean() / max(a.std() * b.std(), 9.0))


def _refined(gray: Array, size: tuple[int, int], matrix: Array, seen: Array) -> tuple[Array, float]:
    """Fit scale and shift to details; return the matrix and the share of details that agree."""
    target = (seen.shape[1], seen.shape[0])
    here = _carried_picture(gray, matrix, size, target, None)
    points = corner_points(here, most=160, quality=0.02, apart=max(target) / 60)
    places, sure = follow(here, seen, points, window=21, levels=3)
    source, found = points[sure].astype(np.float64), places[sure].astype(np.float64)
    if len(source) < _LEAST_POINTS:
        return matrix, 0.0
    fits, kept = [], np.ones(len(source), np.bool_)
    for _ in range(4):
        fits = [np.polyfit(source[kept, axis], found[kept, axis], 1) for axis in (0, 1)]
        misses = np.hypot(*(np.polyval(fits[axis], source[:, axis]) - found[:, axis] for axis in (0, 1)))
        kept = misses < max(_TOLERANCE, 1.5 * float(np.median(misses)))
        if int(kept.sum()) < _LEAST_POINTS:
            return matrix, 0.0
    share = float((misses < _TOLERANCE).sum() / len(points))
    step = np.array([[fits[0][0], 0, fits[0][1]], [0, fits[1][0], fits[1][1]], [0, 0, 1.0]])
    corners = np.array([[0.0, 0], [target[0], target[1]]])
    if share < _LEAST_SHARE or np.abs(carried(corners, step) - corners).max() < _EXACT:
        return matrix, share
    return step @ matrix, share


def _by_features(gray: Array, size: tuple[int, int], seen: Array) -> tuple[Array, float] | None:
    have = (gray.shape[1], gray.shape[0])
    source, target = matched_features(gray, seen, side=640)
    agreed = fit_similarity(source, target, tolerance=3.0, least=_LEAST_POINTS)
    if agreed is None or abs(float(np.arctan2(agreed.matrix[1, 0], agreed.matrix[0, 0]))) > _MOST_TURN:
        return None
    scale = float(np.hypot(agreed.matrix[0, 0], agreed.matrix[1, 0]))
    shift = np.median(target[agreed.inliers] - scale * source[agreed.inliers], axis=0)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])
    return matrix @ _resizing(size, have), min(0.9, 0.4 + int(agreed.inliers.sum()) / 100)
