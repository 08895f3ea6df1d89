"""From the start picture to the end picture: along the flow where there is one, else through softness."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.camera import Canvas
from kling_nb.render.fields import identity_grid, sample
from kling_nb.render.flow import halfway_flow
from kling_nb.render.planes import Planes

Array = NDArray[Any]

_RELATED = 0.3
_DISSOLVE_ZOOM = 0.06
_DISSOLVE_BLUR = 0.02
_EDGE_SOFTNESS = 12.0
_MIX_FROM = 0.2
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
    """

    def __init__(self, start: Array, end: Array) -> None:
        self._start, self._end = Planes.from_rgb(start), Planes.from_rgb(end)
        flow, self.agreement = halfway_flow(start, end)
        self._inner = _FlowMorph(self._start, self._end, flow) if self.agreement >= _RELATED else None
        self._dissolve = None if self._inner is not None else _Dissolve(self._start, self._end)

    def draw(self, amount: float, out: Planes) -> None:
        """Draw the state after a share of the way."""
        if amount <= 0 or amount >= 1:
            out.buffer[:] = (self._end if amount >= 1 else self._start).buffer
        elif self._inner is not None:
            self._inner.draw(amount, out)
        elif self._dissolve is not None:
            self._dissolve.draw(amount, out)


def _ease(amount: float) -> float:
    return amount * amount * (3 - 2 * amount)


class _FlowMorph:
    """Both pictures follow one field seen from the middle of the way, and blend meanwhile."""

    def __init__(self, start: Planes, end: Planes, flow: Array) -> None:
        # Both chroma planes in one array: they move alike.
        self._first = (start.y, np.dstack([start.u, start.v]))
        self._last = (end.y, np.dstack([end.u, end.v]))
        self._size = width, height = start.size
        self._fields = []
        for step in (1, 2):
            size = (width // step, height // step)
            factor = np.array([size[0] / flow.shape[1], size[1] / flow.shape[0]], dtype=np.float32)
            field = cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * factor
            self._fields.append((identity_grid(*size), np.ascontiguousarray(field, dtype=np.float32)))
        coarse = (max(8, width // 16), max(8, height // 16))
        self._coarse = np.asarray(cv2.resize(self._fields[0][1], coarse, interpolation=cv2.INTER_AREA))
        cell = np.array([width / coarse[0], height / coarse[1]], dtype=np.float32)
        self._places = (identity_grid(*coarse) + np.float32(0.5)) * cell - np.float32(0.5)

    def draw(self, amount: float, out: Planes) -> None:
        weights = self._weights(amount)
        for (grid, field), first, last in zip(self._fields, self._first, self._last, strict=True):
            before = after = None
            if not isinstance(weights, float) or weights < 1:
                before = sample(first, cv2.scaleAdd(field, -amount, grid))
            if not isinstance(weights, float) or weights > 0:
                after = sample(last, cv2.scaleAdd(field, 1 - amount, grid))
            mixed = _mixed(before, after, weights)
            if mixed.ndim == 2:
                out.y[:] = mixed
            else:
                out.u[:], out.v[:] = mixed[:, :, 0], mixed[:, :, 1]

    def _weights(self, amount: float) -> Array | float:
        """Share of the end picture: where one of the two has nothing to show, the other shows alone."""
        # One picture alone carries the first and the last stretch: less is seen double.
        mix = _ease(min(1.0, max(0.0, (amount - _MIX_FROM) / (1 - 2 * _MIX_FROM))))
        before = self._places - self._coarse * np.float32(amount)
        after = self._places + self._coarse * np.float32(1 - amount)
        outside = [_outside(places, self._size) for places in (before, after)]
        needed = [distance for distance, share in zip(outside, (1 - mix, mix), strict=True) if share > 0]
        if not any(distance.max() > 0 for distance in needed):
            return mix
        mix = min(0.99, max(0.01, mix))
        has_before, has_after = (np.clip(1 - distance / _EDGE_SOFTNESS, 0.002, 1) for distance in outside)
        return np.asarray(has_after * mix / (has_before * (1 - mix) + has_after * mix), dtype=np.float32)


def _mixed(before: Array | None, after: Array | None, weights: Array | float) -> Array:
    """Blend two pictures by one weight, or by a coarse map of weights."""
    if before is None or after is None:
        only = after if before is None else before
        assert only is not None
        return only
    if isinstance(weights, float):
        return np.asarray(cv2.addWeighted(before, 1 - weights, after, weights, 0))
    usual = float(np.median(weights))
    mixed = np.asarray(cv2.addWeighted(before, 1 - usual, after, usual, 0))
    share = cv2.resize(weights, before.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    for area in _frame_around(np.abs(weights - usual) < _SAME_WEIGHT, before.shape):
        part = np.ascontiguousarray(share[area])
        mixed[area] = cv2.blendLinear(after[area], before[area], part, 1 - part)
    return mixed


def _frame_around(usual: Array, shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return the strips around the largest inner rectangle found in which all is as usual.

    Weights differ from the usual one near the picture's edges only, so that trimming the worst side
    again and again finds it.
    """
    top, bottom, left, right = 0, usual.shape[0], 0, usual.shape[1]
    while top < bottom and left < right and not usual[top:bottom, left:right].all():
        inner = ~usual[top:bottom, left:right]
        sides = [inner[0].mean(), inner[-1].mean(), inner[:, 0].mean(), inner[:, -1].mean()]
        worst = int(np.argmax(sides))
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        left, right = left + (worst == 2), right - (worst == 3)
    down, across = shape[0] / usual.shape[0], shape[1] / usual.shape[1]
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
