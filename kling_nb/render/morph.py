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
        self._start, self._end = start, end
        width, height = start.size
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
        start, end = self._start, self._end
        groups = (
            ((start.y, end.y, out.y),),
            ((start.u, end.u, out.u), (start.v, end.v, out.v)),
        )
        for (grid, field), group in zip(self._fields, groups, strict=True):
            to_start, to_end = cv2.scaleAdd(field, -amount, grid), cv2.scaleAdd(field, 1 - amount, grid)
            if isinstance(weights, float):
                for first, last, target in group:
                    before, after = sample(first, to_start), sample(last, to_end)
                    cv2.addWeighted(before, 1 - weights, after, weights, 0, dst=target)
                continue
            share = cv2.resize(weights, grid.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            rest = 1 - share
            for first, last, target in group:
                cv2.blendLinear(sample(last, to_end), sample(first, to_start), share, rest, dst=target)

    def _weights(self, amount: float) -> Array | float:
        """Share of the end picture: where one of the two has nothing to show, the other shows alone."""
        mix = _ease(amount)
        before = self._places - self._coarse * np.float32(amount)
        after = self._places + self._coarse * np.float32(1 - amount)
        outside = [_outside(places, self._start.size) for places in (before, after)]
        if not any(distance.max() > 0 for distance in outside):
            return mix
        has_before, has_after = (np.clip(1 - distance / _EDGE_SOFTNESS, 0.002, 1) for distance in outside)
        return np.asarray(has_after * mix / (has_before * (1 - mix) + has_after * mix), dtype=np.float32)


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
