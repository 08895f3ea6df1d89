"""A region of a picture found again in others: shift, turn and scale to a fraction of a pixel.

The region is held against its look in the first picture every time, so that errors do not add up
(inverse compositional alignment, Baker and Matthews 2004, with robust weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_PIXELS = 900
_ROUNDS = 10
_SHORT = 0.02
_OUTLIER = 3.0
_LEAST_SPREAD = 4.0
_LEAST_PIXELS = 24
_GOLDEN = 0.6180339887498949
_BLOCK = 8
"""Side of the blocks within which what a codec leaves over hangs together, in pixels."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a region is, compared with the first picture.

    Parameters
    ----------
    dx, dy
        Shift of its middle in pixels.
    a, b
        Turn and scale about its middle: scale times cosine, scale times sine; 1 and 0 for none.
    """

    dx: float = 0.0
    dy: float = 0.0
    a: float = 1.0
    b: float = 0.0

    @property
    def scale(self) -> float:
        """How much larger it is."""
        return math.hypot(self.a, self.b)

    @property
    def degrees(self) -> float:
        """By how much it is turned, clockwise as seen."""
        return math.degrees(math.atan2(self.b, self.a))

    def matrix(self, middle: Array) -> Array:
        """(3, 3) from the first picture's pixels, for a region with this middle."""
        x, y = float(middle[0]), float(middle[1])
        return np.array(
            [
                [self.a, -self.b, x + self.dx - self.a * x + self.b * y],
                [self.b, self.a, y + self.dy - self.b * x - self.a * y],
                [0.0, 0.0, 1.0],
            ]
        )

    def after(self, other: Pose) -> Pose:
        """Return the pose of doing ``other`` first, then this one."""
        return Pose(
            self.dx + self.a * other.dx - self.b * other.dy,
            self.dy + self.b * other.dx + self.a * other.dy,
            self.a * other.a - self.b * other.b,
            self.b * other.a + self.a * other.b,
        )

    def inverse(self) -> Pose:
        """Return the pose that takes it back."""
        square = max(1e-9, self.a * self.a + self.b * self.b)
        a, b = self.a / square, -self.b / square
        return Pose(-a * self.dx + b * self.dy, -b * self.dx - a * self.dy, a, b)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a region was found again.

    Parameters
    ----------
    pose
        Where it is.
    zncc
        Correlation of its pixels with the first picture's, -1 to 1, whatever the light.
    visible
        Share of its pixels inside the picture.
    precision
        Standard error of the shift in pixels along its worse axis: by its texture, and by what is left over,
        which coding makes in blocks (a cluster-robust estimate: Liang and Zeger 1986).
    """

    pose: Pose
    zncc: float
    visible: float
    precision: float


class Template:
    """A region's look in the first picture.

    Parameters
    ----------
    picture
        (H, W) uint8 or float32 gray; blurred a little, as the pictures to come.
    where
        (H, W) bool: the region.
    middle
        (2,) pixels (x, y) that poses refer to.
    origin
        Where this picture's corner lies in the pictures to come.
    hidden
        (H, W) bool: pixels of the pictures to come that never show it, such as a label; None for none.
    """

    def __init__(
        self,
        picture: Array,
        where: Array,
        middle: Array,
        origin: tuple[int, int] = (0, 0),
        hidden: Array | None = None,
    ) -> None:
        ys, xs = _spread(*np.nonzero(where))
        self._hidden = hidden
        gray = np.asarray(picture, dtype=np.float32)
        self._middle = np.array(middle, dtype=np.float32)
        self._x, self._y = (
            (xs - self._middle[0]).astype(np.float32),
            (ys - self._middle[1]).astype(np.float32),
        )
        self._middle += np.array(origin, dtype=np.float32)
        self._look = gray[ys, xs]
        gx = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=0.125)[ys, xs]
        gy = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=0.125)[ys, xs]
        self._slopes = np.stack([gx, gy, gx * self._x + gy * self._y, gy * self._x - gx * self._y], axis=1)
        self._products = (self._slopes[:, :, None] * self._slopes[:, None, :]).reshape(len(xs), 16)
        _, self._blocks = np.unique(xs // _BLOCK * picture.shape[0] + ys // _BLOCK, return_inverse=True)
        self.contrast = float(self._look.std())
        self.radius = float(np.sqrt(np.mean(self._x**2 + self._y**2))) if len(xs) else 0.0

    def fit(self, picture: Array, guess: Pose, *, turning: bool = True) -> Fit:
        """Find the region again near a guess.

        Parameters
        ----------
        picture
            (H, W) uint8 gray.
        guess
            Where it may be, good to a few pixels.
        turning
            Whether turn and scale are fitted too; else the guess's are kept.
        """
        pose, size = guess, 4 if turning else 2
        visible, found = self._seen(picture, pose)
        for _ in range(_ROUNDS):
            count = int(np.count_nonzero(visible))
            if count < _LEAST_PIXELS:
                break
            error, weights = self._residual(found, visible)
            normal = (weights @ self._products).reshape(4, 4)[:size, :size]
            gradient = (self._slopes[:, :size].T @ (weights * error)).astype(np.float64)
            normal = normal.astype(np.float64)
            normal[np.diag_indices(size)] *= 1.001
            normal[np.diag_indices(size)] += 1e-3
            move = np.linalg.solve(normal, gradient)
            longest = max(abs(move[0]), abs(move[1]))
            if size == 4:
                longest = max(longest, self.radius * math.hypot(move[2], move[3]))
            if longest > 3:
                move *= 3 / longest
            turn = (float(1 + move[2]), float(move[3])) if size == 4 else (1.0, 0.0)
            pose = pose.after(Pose(float(move[0]), float(move[1]), *turn).inverse())
            visible, found = self._seen(picture, pose)
            if longest < _SHORT or not 0.3 < pose.scale < 3:
                break
        return self._judged(pose, visible, found)

    def _seen(self, picture: Array, pose: Pose) -> tuple[Array, Array]:
        """Which of the region's pixels are inside the picture, and what is seen at all their places."""
        x = np.float32(pose.a) * self._x - np.float32(pose.b) * self._y
        y = np.float32(pose.b) * self._x + np.float32(pose.a) * self._y
        x += np.float32(self._middle[0] + pose.dx)
        y += np.float32(self._middle[1] + pose.dy)
        height, width = picture.shape
        visible = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        if self._hidden is not None:
            rows, columns = (
                np.clip(np.rint(at), 0, most - 1).astype(np.intp) for at, most in ((y, height), (x, width))
            )
            visible &= ~self._hidden[rows, columns]
        found = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return visible, np.asarray(found).ravel().astype(np.float32)

    def _residual(self, found: Array, visible: Array) -> tuple[Array, Array]:
        """Difference after the light was matched, and how far each pixel is to be trusted."""
        weights = visible.astype(np.float32)
        error = _matched(found, self._look, weights) - self._look
        spread = 1.4826 * float(np.median(np.abs(error[visible])))
        ratio = error / np.float32(_OUTLIER * max(spread, _LEAST_SPREAD))
        weights = weights * np.maximum(0, 1 - ratio * ratio) ** 2
        if float(weights.sum()) > 0:
            error = _matched(found, self._look, weights) - self._look
        return error, weights

    def _judged(self, pose: Pose, visible: Array, found: Array) -> Fit:
        count = int(np.count_nonzero(visible))
        share = count / max(1, len(visible))
        if count < _LEAST_PIXELS or not 0.3 < pose.scale < 3:
            return Fit(pose, -1.0, share, math.inf)
        now, before = found[visible], self._look[visible]
        now, before = now - now.mean(), before - before.mean()
        energy = math.sqrt(float(now @ now) * float(before @ before))
        zncc = float(now @ before) / energy if energy > 1e-6 else -1.0
        return Fit(pose, zncc, share, self._precision(visible, found))

    def _precision(self, visible: Array, found: Array) -> float:
        """Return by how much the shift may be wrong: each pixel errs by itself, or each block as one."""
        weights = visible.astype(np.float32)
        error = (_matched(found, self._look, weights) - self._look) * weights
        slopes = self._slopes[:, :2].astype(np.float64)
        spread = np.linalg.inv((slopes * weights[:, None]).T @ slopes + 1e-9 * np.eye(2))
        pulls = np.stack([np.bincount(self._blocks, slopes[:, axis] * error) for axis in (0, 1)])
        alone = float(error @ error) / float(weights.sum()) * spread
        together = spread @ (pulls @ pulls.T) @ spread
        return math.sqrt(max(0.0, _largest(alone), _largest(together)))


def _largest(matrix: Array) -> float:
    """Return the larger eigenvalue of a symmetric (2, 2) matrix."""
    half = float(matrix[0, 0] - matrix[1, 1]) / 2
    return float(matrix[0, 0] + matrix[1, 1]) / 2 + math.hypot(half, float(matrix[0, 1]))


def _spread(ys: Array, xs: Array) -> tuple[Array, Array]:
    """Return some of many pixels, unevenly far apart: no row or column of a rectangle is favoured."""
    step = math.ceil(len(xs) / MOST_PIXELS)
    if step <= 1:
        return ys, xs
    order = np.sort((np.arange(len(xs) // step) * _GOLDEN % 1 * len(xs)).astype(np.intp))
    return ys[order], xs[order]


def _matched(found: Array, look: Array, weights: Array) -> Array:
    """Bring brightness and contrast to those of the first picture."""
    total = float(weights.sum())
    mean, wanted = float(found @ weights) / total, float(look @ weights) / total
    spread, usual = (
        math.sqrt(max(1e-6, float((values - middle) ** 2 @ weights) / total))
        for values, middle in ((found, mean), (look, wanted))
    )
    factor = min(2.0, max(0.5, usual / max(spread, 1e-3)))
    return np.asarray((found - np.float32(mean)) * np.float32(factor) + np.float32(wanted))
