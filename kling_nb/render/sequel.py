"""A finished clip that goes on: the same frames again, then a gentle move away from the last one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.errors import MediaError
from kling_nb.media.encoder import VideoWriter
from kling_nb.media.video import frames, probe
from kling_nb.render.label import Box, Label
from kling_nb.render.movie import render_planes
from kling_nb.render.plan import RenderPlan, RenderStopped
from kling_nb.render.planes import Planes

Array = NDArray[Any]

_INPAINT_RADIUS = 4


def render_sequel(
    source: Path,
    target: Path,
    plan_from: Callable[[NDArray[np.uint8]], RenderPlan],
    *,
    label_box: Box | None = None,
    stop: Callable[[], bool] | None = None,
) -> int:
    """Write a clip followed by what a plan makes of its last frame.

    Parameters
    ----------
    source
        The clip that goes on.
    target
        File to write; it appears only when complete.
    plan_from
        Gets the last frame, (height, width, 3) uint8 RGB, and returns the plan of what follows, of the same
        size and frame rate. Its first frame is the one that was there already and is left out. A label
        larger than usual is put on the old frames as well.
    label_box
        (x, y, width, height) of the label in the clip: taken out of the last frame, so that it does not move
        along under the new one.
    stop
        Asked before each frame; True ends the work.

    Returns
    -------
    int
        Frames taken from the clip.

    Raises
    ------
    RenderStopped
        ``stop`` returned True; no file is left.
    MediaError
        The clip cannot be read or the file not be written.
    """
    plan = plan_from(_without_label(_last_frame(source), label_box))
    label = Label(plan.label, (plan.width, plan.height), None, plan.label_scale)
    taken = 0
    with VideoWriter(
        target,
        plan.width,
        plan.height,
        plan.fps,
        codec=plan.codec,
        comment=plan.comment,
        silent_audio=plan.silent_audio,
    ) as writer:
        for picture in frames(source):
            _check(stop)
            larger = plan.label_scale > 1
            old = Planes.from_rgb(_without_label(picture, label_box) if larger else picture)
            if larger:
                label.draw(old)
            writer.write(old.buffer)
            taken += 1
        for number, frame in enumerate(render_planes(plan)):
            _check(stop)
            if number:
                writer.write(frame)
    return taken


def _check(stop: Callable[[], bool] | None) -> None:
    if stop is not None and stop():
        raise RenderStopped("The render was stopped.", "Nothing was written.")


def _last_frame(source: Path) -> NDArray[np.uint8]:
    probe(source)
    last = None
    for picture in frames(source):
        last = picture
    if last is None:
        raise MediaError(f"{source.name} holds no frames.", "There is nothing to go on from.")
    return last


def _without_label(picture: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8]:
    if box is None:
        return picture
    x, y, width, height = box
    hole = np.zeros(picture.shape[:2], np.uint8)
    hole[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2] = 1
    return np.asarray(cv2.inpaint(picture, hole, _INPAINT_RADIUS, cv2.INPAINT_TELEA), dtype=np.uint8)
