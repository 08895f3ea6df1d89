"""What is done to every frame after its scene is drawn: static mask, deliberate faults, label."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.camera import half_homography
from kling_nb.render.label import Box, Label
from kling_nb.render.paths import clip_positions
from kling_nb.render.plan import RenderPlan
from kling_nb.render.planes import Planes
from kling_nb.render.scenes import static_region

Array = NDArray[Any]


class Finish:
    """The last steps of a frame, in place.

    Parameters
    ----------
    plan
        The plan.
    start
        First frame as drawn by the scene: the pixels the static mask keeps.
    """

    def __init__(self, plan: RenderPlan, start: Planes) -> None:
        self._distort = plan.distort
        self._positions = clip_positions(plan.frames)
        self._start = start
        still = static_region(plan)
        self._still: list[Array] | None = None
        if still is not None:
            blocks = cv2.resize(
                still.astype(np.float32), (plan.width // 2, plan.height // 2), interpolation=cv2.INTER_AREA
            )
            touched = (blocks > 0).astype(np.uint8)
            self._still = [still.astype(np.uint8), touched, touched]
        size = (plan.width, plan.height)
        self._label = Label(plan.label, size, still, plan.label_scale) if plan.label.strip() else None

    @property
    def label_box(self) -> Box | None:
        """(x, y, width, height) of the label, None without one."""
        return None if self._label is None else self._label.box

    def apply(self, index: int, frame: Planes) -> None:
        """Finish one frame."""
        share = float(self._positions[index])
        if self._still is not None:
            for target, source, where in zip(frame.all, self._start.all, self._still, strict=True):
                cv2.copyTo(source, where, target)
            if self._distort.leak:
                self._leak(frame.y, share)
        if self._distort.camera:
            self._shake(frame, share)
        if self._distort.blur > 0 and share > 0:
            for number, plane in enumerate(frame.all):
                sigma = self._distort.blur * share / (1 if number == 0 else 2)
                plane[:] = cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.05))
        if self._distort.flicker:
            self._flicker(frame.y, index)
        if self._label is not None:
            self._label.draw(frame)

    def _leak(self, luma: Array, share: float) -> None:
        """Change the brightness inside the static mask, alternating by stripes so that its mean stays."""
        assert self._still is not None
        height, width = luma.shape
        stripes = np.where((np.arange(width) // max(4, width // 40)) % 2 == 0, 1.0, -1.0)
        change = np.broadcast_to(stripes * self._distort.leak * share, (height, width))
        inside = self._still[0].astype(np.bool_)
        luma[inside] = np.clip(np.rint(luma[inside] + change[inside]), 16, 235).astype(np.uint8)

    def _flicker(self, luma: Array, index: int) -> None:
        swing = self._distort.flicker / 2 * (1 if index % 2 else -1)
        cv2.convertScaleAbs(luma, dst=luma, alpha=1 + swing, beta=-16 * swing)

    def _shake(self, frame: Planes, share: float) -> None:
        matrix = extra_camera(self._distort.camera, share, frame.size)
        for number, plane in enumerate(frame.all):
            local = matrix if number == 0 else half_homography(matrix)
            plane[:] = cv2.warpPerspective(
                plane, local, (plane.shape[1], plane.shape[0]), borderMode=cv2.BORDER_REFLECT_101
            )


def extra_camera(values: Any, share: float, size: tuple[int, int]) -> Array:
    """Homography of the deliberate camera motion after a share of the clip."""
    centre_x, centre_y = (size[0] - 1) / 2, (size[1] - 1) / 2
    angle = np.radians(values.get("roll", 0.0) * share)
    factor = 1 + (values.get("scale", 1.0) - 1) * share
    cosine, sine = factor * np.cos(angle), factor * np.sin(angle)
    # y points down: a positive roll turns the content counter-clockwise as seen.
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1.0]])
    to_x = centre_x + values.get("dx", 0.0) * share
    to_y = centre_y + values.get("dy", 0.0) * share
    there = np.array([[1, 0, to_x], [0, 1, to_y], [0, 0, 1.0]])
    back = np.array([[1, 0, -centre_x], [0, 1, -centre_y], [0, 0, 1.0]])
    return np.asarray(there @ turn @ back)
