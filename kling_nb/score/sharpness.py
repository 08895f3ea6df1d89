"""How much of the first frame's sharpness is lost.

Frames are compared with the first one as the camera carried it, and only where both show the same: what comes
into view or moves away then makes a clip neither sharper nor softer, and neither does a zoom by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.score.clip import Facts, Look

Array = NDArray[Any]

_LOOKS = 18
_ENDS = 3
_COARSE = 4.0
_SAME = 10.0
_DETAIL = 3.0
_LEAST_SHARE, _LEAST_SEEN = 0.01, 0.1
_VAGUE = 0.5
_STILL = 0.15
# Mean levels of difference: good coding alone makes one or two.
_STAYED, _WENT = 3, 8


@dataclass(slots=True)
class Sharpness:
    """What :class:`SharpnessMeter` found.

    Parameters
    ----------
    decay
        Percent of the first frame's sharpness that is lost at the end; None where there is none.
    confidence
        0 to 1.
    why
        Why there is none.
    curve
        (seconds, sharpness in percent of the first frame's).
    """

    decay: float | None = None
    confidence: float = 0.0
    why: str = ""
    curve: list[tuple[float, float]] = field(default_factory=list)


class SharpnessMeter:
    """Sees the frames that trackers see.

    Parameters
    ----------
    facts
        The clip.
    covered
        (H, W) bool of the size of luma: labels and watermarks. They stay on the screen and sharp, whatever
        the camera and the picture do.
    """

    def __init__(self, facts: Facts, covered: Array | None = None) -> None:
        self._every = facts.stride * max(1, math.ceil(facts.frames / (facts.stride * _LOOKS)))
        half = (max(16, facts.luma_size[0] // 2), max(16, facts.luma_size[1] // 2))
        self._size = half
        self._covered = covered
        self._free = np.ones(half[::-1], np.bool_) if covered is None else self._clear(~covered)
        self._first: Array | None = None
        self._curve: list[tuple[float, float, float]] = []

    def see(self, look: Look, camera: Array | None) -> None:
        """Take in one frame; ``camera`` carries pixels of the first frame's luma to this one's."""
        if look.index % self._every and not look.last:
            return
        half = self._halved(look.luma)
        if self._first is None:
            self._first, self._first_half = look.luma, half
            return
        if camera is not None:
            found = self._compared(half, camera)
            if found is not None:
                self._curve.append((look.time_s, found, 1.0))
                return
        first, now = (_detail(picture)[self._free] for picture in (self._first_half, half))
        if first.any():
            self._curve.append((look.time_s, float(now.mean() / first.mean()), _VAGUE))

    def result(self) -> Sharpness:
        """Return what was found."""
        assert self._first is not None
        sharp = (_energy(_detail(self._first_half)) > _DETAIL) & self._free
        if float(sharp.mean()) < _LEAST_SHARE or not self._curve:
            return Sharpness(why="the first frame has nothing sharp in it")
        ends = self._curve[-_ENDS:]
        share = float(np.median([value for _, value, _ in ends]))
        curve = [(time_s, 100 * value) for time_s, value, _ in self._curve]
        return Sharpness(100 * (1 - share), min(sure for *_, sure in ends), "", [(0.0, 100.0), *curve])

    def _halved(self, luma: Array) -> Array:
        return np.asarray(cv2.resize(luma, self._size, interpolation=cv2.INTER_AREA))

    def _clear(self, inside: Array) -> Array:
        """Halve a mask, and leave out what lies so near to its edge that the outside is mixed in."""
        white = self._halved(np.where(inside, np.uint8(255), np.uint8(0)))
        return np.asarray(cv2.erode(white, np.ones((9, 9), np.uint8), borderValue=255) == 255)

    def _carried(self, half: Array, camera: Array, first: Array) -> tuple[Array, Array]:
        """Return the first frame as the camera carried it, and where it and the frame show the picture."""
        size = (first.shape[1], first.shape[0])
        # Carried at full size and halved then, as the frame was: the other way round fine detail differs.
        # And by the plainest means: what any resampling costs is the move's price and no blur.
        whole = cv2.warpPerspective(
            first, camera, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        carried = self._halved(np.asarray(whole))
        stayed = self._stayed(half, carried)
        shown = np.asarray(cv2.resize((~stayed).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST))
        if self._covered is not None:
            shown[self._covered] = 0
        inside = cv2.warpPerspective(shown, camera, size, flags=cv2.INTER_NEAREST)
        return carried, self._free & ~stayed & self._clear(np.asarray(inside))

    def _stayed(self, half: Array, carried: Array) -> Array:
        """Return what keeps its place on the screen although the camera moves: labels nobody told of."""
        as_before, as_carried = (
            cv2.blur(cv2.absdiff(half, other), (9, 9)) for other in (self._first_half, carried)
        )
        sharp = _energy(_detail(self._first_half)) > _DETAIL
        found = (sharp & (as_before < _STAYED) & (as_carried > _WENT)).astype(np.uint8)
        return np.asarray(cv2.dilate(found, np.ones((15, 15), np.uint8)) > 0)

    def _compared(self, half: Array, camera: Array) -> float | None:
        assert self._first is not None
        carried, seen = self._first_half, self._free
        if _way(camera, self._first.shape) > _STILL:
            carried, seen = self._carried(half, camera, self._first)
        if seen.mean() < _LEAST_SEEN:
            return None
        change = _softened(half) - _softened(carried)
        change -= float(np.median(change[seen]))
        before, now = _detail(carried), _detail(half)
        same = seen & (np.abs(change) < _SAME) & (_energy(before) > _DETAIL)
        if same.mean() < _LEAST_SHARE:
            return None
        return float(now[same].mean() / before[same].mean())


def _way(matrix: Array, shape: tuple[int, ...]) -> float:
    """Longest way of a corner in pixels."""
    height, width = shape
    corners = np.array([[0.0, 0], [width, 0], [width, height], [0, height]])
    return float(np.abs(carried(corners, matrix) - corners).max())


def _detail(picture: Array) -> Array:
    return np.abs(cv2.Laplacian(picture, cv2.CV_16S)).astype(np.float32)


def _energy(detail: Array) -> Array:
    return np.asarray(cv2.blur(detail, (9, 9)))


def _softened(picture: Array) -> Array:
    height, width = picture.shape
    small = cv2.resize(picture, (max(8, width // 4), max(8, height // 4)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _COARSE / 4 + 0.5)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))
