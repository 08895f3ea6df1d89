"""Whether what should not change stayed as it was."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.score.clip import Facts, Look
from kling_nb.score.likeness import ssim_map

Array = NDArray[Any]

_LOOKS = 24
_MARGIN = 5
_LEAST_PIXELS = 60
_GRID = 24
_LEAST_IN_CELL = 0.25
_WORST = 0.1
_GAIN = (0.85, 1.18)
# Square of the gray levels that are noise: of hardly any contrast none is made.
_NOISE = 16.0
_EXPLAINED = 0.25
_MOVED = 0.5

_TOO_SMALL = "the static mask is too small to be seen in the video; paint a larger one"
_COVERED = "a label covers the static mask"


@dataclass(slots=True)
class Leak:
    """What :class:`StaticMeter` found.

    Parameters
    ----------
    leak, likeness
        Mean change in gray levels and SSIM in the worst tenth of the clip; None where there is none.
    why
        Why there is none.
    curve
        (time in seconds, mean change).
    map
        Mean change by cell, rows from the top; None outside the mask.
    share
        Share of the frame that was looked at.
    """

    leak: float | None = None
    likeness: float | None = None
    why: str = ""
    curve: list[tuple[float, float]] = field(default_factory=list)
    map: tuple[tuple[float | None, ...], ...] = ()
    share: float = 0.0


class StaticMeter:
    """Compares the static mask with its first frame, after the light was matched.

    A camera that carries the whole picture along is a matter of the camera scores: the mask counts as
    unchanged when it looks the same on screen or, with the camera's motion taken out, in the picture.

    Parameters
    ----------
    mask
        (H, W) bool of the size of :attr:`Look.luma`.
    facts
        The clip.
    covered
        (H, W) bool of the same size: labels and watermarks. They stay as they are whatever leaks below them,
        and no camera carries them along.
    """

    def __init__(self, mask: Array, facts: Facts, covered: Array | None = None) -> None:
        self._every = max(1, math.ceil(facts.frames / _LOOKS))
        free = np.ones_like(mask, np.bool_) if covered is None else ~covered
        self._mask = _inner(mask & free, facts.small_size)
        self._free = _small(free, facts.small_size)
        self._scale = np.diag([*facts.small_scale, 1.0])
        self._first: Array | None = None
        self._found = Leak(share=float(self._mask.mean()))
        self._likeness: list[float] = []
        self._sum = np.zeros(self._mask.shape, np.float32)
        if int(self._mask.sum()) < _LEAST_PIXELS:
            self._found.why = _TOO_SMALL if mask.sum() < 2 * (mask & free).sum() else _COVERED

    def see(self, look: Look, camera: Array | None) -> None:
        """Take in one frame; ``camera`` carries pixels of the first frame's luma to this one's."""
        if self._found.why:
            return
        if self._first is None:
            self._first = look.small
            return
        if look.index % self._every and not look.last:
            return
        options = [self._compared(look.small, self._mask)]
        if camera is not None and self._far(camera):
            options.append(self._through(look.small, camera))
        change, likeness, picture = min(options, key=lambda option: option[0])
        self._sum += picture
        self._found.curve.append((look.time_s, change))
        self._likeness.append(likeness)

    def result(self) -> Leak:
        """Return what was found."""
        found = self._found
        if self._likeness:
            worst = max(1, round(_WORST * len(self._likeness)))
            found.leak = float(np.sort([change for _, change in found.curve])[-worst:].mean())
            found.likeness = float(np.sort(self._likeness)[:worst].mean())
            found.map = self._cells(self._sum / len(self._likeness))
        return found

    def _far(self, camera: Array) -> bool:
        matrix = self._scale @ camera @ np.linalg.inv(self._scale)
        height, width = self._mask.shape
        corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], dtype=np.float64)
        return bool(np.abs(cv2.perspectiveTransform(corners, matrix) - corners).max() > _MOVED)

    def _through(self, small: Array, camera: Array) -> tuple[float, float, Array]:
        matrix = self._scale @ camera @ np.linalg.inv(self._scale)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (small.shape[1], small.shape[0])
        back = np.asarray(
            cv2.warpPerspective(small, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )
        seen = cv2.warpPerspective(self._free, matrix, size, flags=flags)
        mask = self._mask & (cv2.erode(seen, np.ones((7, 7), np.uint8)) > 0)
        if int(mask.sum()) < max(_LEAST_PIXELS, 0.2 * int(self._mask.sum())):
            return math.inf, 0.0, np.zeros(small.shape, np.float32)
        return self._compared(back, mask)

    def _compared(self, picture: Array, mask: Array) -> tuple[float, float, Array]:
        assert self._first is not None
        matched = _same_light(picture, self._first, mask)
        change = np.abs(matched - self._first.astype(np.float32))
        change[~mask] = 0
        likeness = float(ssim_map(self._first, matched)[mask].mean())
        return float(change[mask].mean()), likeness, change

    def _cells(self, mean: Array) -> tuple[tuple[float | None, ...], ...]:
        height, width = self._mask.shape
        columns = _GRID if width >= height else max(4, round(_GRID * width / height))
        rows = _GRID if height > width else max(4, round(_GRID * height / width))
        inside = cv2.resize(self._mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        total = cv2.resize(mean, (columns, rows), interpolation=cv2.INTER_AREA)
        return tuple(
            tuple(
                round(float(t / i), 2) if i >= _LEAST_IN_CELL else None for t, i in zip(ts, ks, strict=True)
            )
            for ts, ks in zip(total, inside, strict=True)
        )


def _inner(mask: Array, size: tuple[int, int]) -> Array:
    """Reduce a mask and leave its rim out, where the encoder mixes in what moves beside it."""
    small = _small(mask, size)
    inner = cv2.erode(small, np.ones((_MARGIN, _MARGIN), np.uint8), borderValue=1)
    return np.asarray((inner if int(inner.sum()) >= 0.3 * int(small.sum()) else small) > 0)


def _small(mask: Array, size: tuple[int, int]) -> Array:
    """Reduce a mask to what lies in it wholly; (h, w) uint8."""
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return (share > 0.99).astype(np.uint8)


def _same_light(picture: Array, first: Array, mask: Array) -> Array:
    """Match the mean inside the mask and, within bounds, the contrast where that explains the change.

    Contrast is that of what both show (least squares): what only one of them shows is a change. A region has
    few parts that are independent, and any change is a little like it by chance.
    """
    there, here = first[mask].astype(np.float32), picture[mask].astype(np.float32)
    wanted, found = there - there.mean(), here - here.mean()
    common = max(0.0, float((wanted * found).mean()))
    gain = float(np.clip((float((wanted * wanted).mean()) + _NOISE) / (common + _NOISE), *_GAIN))
    change, rest = (float(((factor * found - wanted) ** 2).mean()) for factor in (1, gain))
    gain = gain if change - rest >= _EXPLAINED * change else 1.0
    return np.asarray((picture.astype(np.float32) - here.mean()) * np.float32(gain) + there.mean())
