"""From the start picture to the end picture: along the flow where there is one, else by crossfade."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.camera import Canvas
from kling_nb.render.fields import identity_grid, invert_displacement, sample
from kling_nb.render.planes import Planes

Array = NDArray[Any]

_RELATED = 0.35
_CROSSFADE_ZOOM = 0.06


class Morph:
    """Frames between two pictures.

    Parameters
    ----------
    start, end
        RGB pictures at the video's size.
    """

    def __init__(self, start: Array, end: Array) -> None:
        self._start, self._end = Planes.from_rgb(start), Planes.from_rgb(end)
        self._spare = self._start.copy()
        flow, self.consistency = halfway_flow(start, end)
        self._flow = flow if self.consistency >= _RELATED else None
        self._canvases = (
            None if self._flow is not None else (Canvas(self._start, 0.02), Canvas(self._end, 0.02))
        )
        if self._flow is not None:
            height, width = start.shape[:2]
            self._maps = [
                (identity_grid(width // step, height // step), self._at_size(width // step, height // step))
                for step in (1, 2)
            ]

    def _at_size(self, width: int, height: int) -> Array:
        assert self._flow is not None
        factor = np.array([width / self._flow.shape[1], height / self._flow.shape[0]], dtype=np.float32)
        return np.asarray(cv2.resize(self._flow, (width, height), interpolation=cv2.INTER_LINEAR)) * factor

    def draw(self, amount: float, out: Planes) -> None:
        """Draw the state after a share of the way."""
        if amount <= 0 or amount >= 1:
            out.buffer[:] = (self._end if amount >= 1 else self._start).buffer
            return
        mix = amount * amount * (3 - 2 * amount)
        if self._canvases is not None:
            self._crossfade(amount, mix, out)
            return
        for index, (first, last, target) in enumerate(
            zip(self._start.all, self._end.all, out.all, strict=True)
        ):
            grid, flow = self._maps[min(index, 1)]
            before = sample(first, grid - flow * np.float32(amount))
            after = sample(last, grid + flow * np.float32(1 - amount))
            cv2.addWeighted(before, 1 - mix, after, mix, 0, dst=target)

    def _crossfade(self, amount: float, mix: float, out: Planes) -> None:
        assert self._canvases is not None
        width, height = out.size
        for canvas, target, zoom in (
            (self._canvases[0], out, 1 + _CROSSFADE_ZOOM * amount),
            (self._canvases[1], self._spare, 1 + _CROSSFADE_ZOOM * (1 - amount)),
        ):
            canvas.draw(zoom_about(width / 2, height / 2, zoom), target)
        cv2.addWeighted(out.buffer, 1 - mix, self._spare.buffer, mix, 0, dst=out.buffer)


def zoom_about(x: float, y: float, factor: float) -> Array:
    """Homography of a zoom that keeps a point in place."""
    return np.array([[factor, 0, x * (1 - factor)], [0, factor, y * (1 - factor)], [0, 0, 1.0]])


def halfway_flow(start: Array, end: Array) -> tuple[Array, float]:
    """Dense flow seen from the middle of the way, and how far both directions agree.

    Returns
    -------
    (ndarray, float)
        (h, w, 2) float32 displacement from start to end in pixels of the half-size grid, and the share of
        the picture where forward and backward flow agree within 1.5 pixels.
    """
    size = (max(32, start.shape[1] // 2), max(32, start.shape[0] // 2))
    grays = [
        cv2.cvtColor(cv2.resize(p, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for p in (start, end)
    ]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    forward = finder.calc(grays[0], grays[1], np.zeros((size[1], size[0], 2), np.float32))
    backward = finder.calc(grays[1], grays[0], np.zeros((size[1], size[0], 2), np.float32))
    grid = identity_grid(*size)
    back_at_target = sample(backward, grid + forward, border=cv2.BORDER_REPLICATE)
    gap = np.linalg.norm(forward + back_at_target, axis=2)
    consistency = float((gap < 1.5).mean())
    smooth = np.asarray(cv2.GaussianBlur(forward, (0, 0), 3))
    middle = invert_displacement(smooth * np.float32(0.5), rounds=8) * np.float32(2)
    return middle, consistency
