"""From the start picture to the end picture.

Objects that alone have moved are carried over; else both pictures follow the flow where there is one, or one
is dissolved into the other.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import identity_grid, sample
from kling_nb.motion.flow import halfway_flow
from kling_nb.render.camera import Canvas
from kling_nb.render.carry import Carry
from kling_nb.render.moved import find_moved
from kling_nb.render.planes import Planes

Array = NDArray[Any]
Cells = tuple[int, int, int, int]

_RELATED = 0.3
_DISSOLVE_ZOOM = 0.06
_DISSOLVE_BLUR = 0.02
_EDGE_SOFTNESS = 12.0
_MIX_FROM = 0.25
_SAME_WEIGHT = 1e-3


class Morph:
    """Frames between two pictures.

    Parameters
    ----------
    start, end
        RGB pictures at the video's size.

    Attributes
    ----------
    agreement
        Share of the picture where forward and backward flow agree; decides between morph and dissolve.
        None where objects are carried over instead.
    """

    def __init__(self, start: Array, end: Array) -> None:
        self._start, self._end = Planes.from_rgb(start), Planes.from_rgb(end)
        self.agreement: float | None = None
        self._inner: _Between
        if objects := find_moved(start, end):
            self._inner = Carry(start, end, objects)
            return
        flow, self.agreement = halfway_flow(start, end)
        related = self.agreement >= _RELATED
        self._inner = (
            _FlowMorph(self._start, self._end, flow) if related else _Dissolve(self._start, self._end)
        )

    def draw(self, amount: float, out: Planes) -> None:
        """Draw the state after a share of the way."""
        if amount <= 0 or amount >= 1:
            out.buffer[:] = (self._end if amount >= 1 else self._start).buffer
        else:
            self._inner.draw(amount, out)


class _Between(Protocol):
    """Draws what lies between two pictures."""

    def draw(self, amount: float, out: Planes) -> None: ...


def _ease(amount: float) -> float:
    return amount * amount * (3 - 2 * amount)


class _FlowMorph:
    """Both pictures follow one field seen from the middle of the way, and blend meanwhile."""

    def __init__(self, start: Planes, end: Planes, flow: Array) -> None:
        self._start, self._end = start, end
        self._size = width, height = start.size
        self._fields = []
        for step in (1, 2):
            size = (width // step, height // step)
            factor = np.array([size[0] / flow.shape[1], size[1] / flow.shape[0]], dtype=np.float32)
            field = cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * factor
            self._fields.append((identity_grid(*size), np.ascontiguousarray(field, dtype=np.float32)))
        # Fresh arrays of this size cost more than what is written into them.
        self._maps = [np.empty_like(field) for _, field in self._fields]
        self._spare = Planes.empty(width, height)
        coarse = (max(8, width // 16), max(8, height // 16))
        self._coarse = np.asarray(cv2.resize(self._fields[0][1], coarse, interpolation=cv2.INTER_AREA))
        cell = np.array([width / coarse[0], height / coarse[1]], dtype=np.float32)
        self._places = (identity_grid(*coarse) + np.float32(0.5)) * cell - np.float32(0.5)

    def draw(self, amount: float, out: Planes) -> None:
        mix, weights = self._weights(amount)
        if weights is None and mix in (0, 1):
            self._follow(self._end if mix else self._start, 1 - amount if mix else -amount, out)
            return
        self._follow(self._start, -amount, out)
        self._follow(self._end, 1 - amount, self._spare)
        cells = None if weights is None else _usual_cells(np.abs(weights - mix) < _SAME_WEIGHT)
        for before, after in zip(out.all, self._spare.all, strict=True):
            _blend(before, after, mix, weights, cells)

    def _follow(self, source: Planes, share: float, out: Planes) -> None:
        """Draw one picture, moved by a share of the field."""
        for (grid, field), where in zip(self._fields, self._maps, strict=True):
            cv2.scaleAdd(field, share, grid, dst=where)
        luma, chroma = self._maps
        for plane, target, where in zip(source.all, out.all, (luma, chroma, chroma), strict=True):
            sample(plane, where, out=target)

    def _weights(self, amount: float) -> tuple[float, Array | None]:
        """Share of the end picture: one number, and a coarse map of it where that is not the same all over.

        Where one of the two pictures has nothing to show, the other shows alone.
        """
        # One picture alone carries the first and the last stretch: less is seen double.
        mix = _ease(min(1.0, max(0.0, (amount - _MIX_FROM) / (1 - 2 * _MIX_FROM))))
        before = self._places - self._coarse * np.float32(amount)
        after = self._places + self._coarse * np.float32(1 - amount)
        outside = [_outside(places, self._size) for places in (before, after)]
        needed = [distance for distance, share in zip(outside, (1 - mix, mix), strict=True) if share > 0]
        if not any(distance.max() > 0 for distance in needed):
            return mix, None
        mix = min(0.99, max(0.01, mix))
        has_before, has_after = (np.clip(1 - distance / _EDGE_SOFTNESS, 0.002, 1) for distance in outside)
        weights = has_after * mix / (has_before * (1 - mix) + has_after * mix)
        return mix, np.asarray(weights, dtype=np.float32)


def _blend(before: Array, after: Array, mix: float, weights: Array | None, cells: Cells | None) -> None:
    """Blend a second picture into the first by one weight, or by a coarse map of weights.

    Parameters
    ----------
    before, after
        Planes of one size; the first is written to.
    mix, weights
        Share of the second, and the map where there is one.
    cells
        Rectangle of the map in which all is as ``mix`` says.
    """
    if weights is None or cells is None:
        cv2.addWeighted(before, 1 - mix, after, mix, 0, dst=before)
        return
    areas = _strips_around(cells, weights.shape, before.shape)
    share = cv2.resize(weights, before.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    mixed = []
    for area in areas:
        part = np.ascontiguousarray(share[area])
        mixed.append(cv2.blendLinear(after[area], before[area], part, 1 - part))
    cv2.addWeighted(before, 1 - mix, after, mix, 0, dst=before)
    for area, pixels in zip(areas, mixed, strict=True):
        before[area] = pixels


def _usual_cells(usual: Array) -> Cells:
    """Return a large rectangle (top, bottom, left, right) in which all is as usual, perhaps an empty one.

    Weights differ from the usual one near the picture's edges only, so that trimming the worst side
    again and again finds it.
    """
    top, bottom, left, right = 0, usual.shape[0], 0, usual.shape[1]
    while top < bottom and left < right:
        inner = usual[top:bottom, left:right]
        sides = [
            np.count_nonzero(side) / side.size for side in (inner[0], inner[-1], inner[:, 0], inner[:, -1])
        ]
        worst = int(np.argmin(sides))
        if sides[worst] == 1 and inner.all():
            break
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    return top, bottom, left, right


def _strips_around(cells: Cells, grid: tuple[int, ...], shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return the strips of a plane that surround a rectangle of a coarse map."""
    top, bottom, left, right = cells
    down, across = shape[0] / grid[0], shape[1] / grid[1]
    # One cell more on each side: the enlarged map runs smoothly from cell to cell.
    first, last = (int(np.ceil((top + 1) * down)), int((bottom - 1) * down))
    near, far = (int(np.ceil((left + 1) * across)), int((right - 1) * across))
    if top >= bottom or left >= right or first >= last or near >= far:
        return [(slice(0, shape[0]), slice(0, shape[1]))]
    middle = slice(first, last)
    strips = [
        (slice(0, first), slice(0, shape[1])),
        (slice(last, shape[0]), slice(0, shape[1])),
        (middle, slice(0, near)),
        (middle, slice(far, shape[1])),
    ]
    return [strip for strip in strips if strip[0].stop > strip[0].start and strip[1].stop > strip[1].start]


def _outside(places: Array, size: tuple[int, int]) -> Array:
    """How far places lie outside the picture, 0 or less inside."""
    beside = np.maximum(-places[:, :, 0], places[:, :, 0] - (size[0] - 1))
    above = np.maximum(-places[:, :, 1], places[:, :, 1] - (size[1] - 1))
    return np.asarray(np.maximum(beside, above))


class _Dissolve:
    """Unrelated pictures: one goes out of focus as the other comes into it, with a slight zoom."""

    def __init__(self, start: Planes, end: Planes) -> None:
        self._canvases = (Canvas(start, 0.02), Canvas(end, 0.02))
        self._spare = start.copy()

    def draw(self, amount: float, out: Planes) -> None:
        width, height = out.size
        softness = np.sin(np.pi * amount) ** 2 * _DISSOLVE_BLUR * max(out.size)
        zooms = (1 + _DISSOLVE_ZOOM * amount, 1 + _DISSOLVE_ZOOM * (1 - amount))
        for canvas, target, zoom in zip(self._canvases, (out, self._spare), zooms, strict=True):
            canvas.draw(zoom_about((width - 1) / 2, (height - 1) / 2, zoom), target)
        mix = _ease(min(1.0, max(0.0, (amount - 0.15) / 0.7)))
        cv2.addWeighted(out.buffer, 1 - mix, self._spare.buffer, mix, 0, dst=out.buffer)
        for number, plane in enumerate(out.all):
            defocus(plane, float(softness) / (1 if number == 0 else 2))


def defocus(plane: Array, sigma: float) -> None:
    """Blur a plane in place; a wide blur is done at a reduced size."""
    if sigma < 0.3:
        return
    step = 1
    while sigma / step > 4:
        step *= 2
    if step == 1:
        plane[:] = cv2.GaussianBlur(plane, (0, 0), sigma)
        return
    height, width = plane.shape
    small = cv2.resize(plane, (max(2, width // step), max(2, height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    cv2.resize(small, (width, height), dst=plane, interpolation=cv2.INTER_CUBIC)


def zoom_about(x: float, y: float, factor: float) -> Array:
    """Homography of a zoom that keeps a point in place."""
    return np.array([[factor, 0, x * (1 - factor)], [0, factor, y * (1 - factor)], [0, 0, 1.0]])
