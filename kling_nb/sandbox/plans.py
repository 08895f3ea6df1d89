"""From a job as it stood on the wire to a plan for the renderer.

This is the sandbox's own reading of the wire: trajectories are integer pixels with the origin at the
bottom-left corner (``spec/official-api.md`` §5.1); nothing of the client's encoder is used here.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kling_nb import media
from kling_nb.domain.capabilities import OutputFormat, output_size
from kling_nb.errors import MediaError
from kling_nb.render import CameraMove, Distort, MaskMotion, RenderPlan, preview_size
from kling_nb.sandbox.card import text_card
from kling_nb.sandbox.config import Config, Distortion
from kling_nb.sandbox.failures import IMAGE_INVALID
from kling_nb.sandbox.inputs import Inputs, JobFailedError
from kling_nb.sandbox.tasks import Camera, Job, MaskPath

LEAK_LEVELS = 20.0
"""Gray levels a leak varies by at ``variability`` 1."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How one task differs from the request when ``variability`` is on."""

    seed: int
    gain: float = 1.0
    turn: float = 0.0
    leak: float = 0.0


def variation(job: Job, task_id: str, config: Config) -> Variation:
    """Return the task's own deviation: none unless ``variability`` is on (``spec/sandbox.md`` §1)."""
    spread = config.variability
    if not spread:
        return Variation(job.seed)
    chance = random.Random(f"{job.seed}/{task_id}")  # noqa: S311 - repeatable variety, no secret
    return Variation(
        seed=chance.getrandbits(63),
        gain=1 + spread * chance.gauss(),
        turn=spread * chance.gauss(),
        leak=abs(spread * chance.gauss()) * LEAK_LEVELS,
    )


def render_plan(job: Job, inputs: Inputs, form: OutputFormat, config: Config, task_id: str) -> RenderPlan:
    """Return what the renderer has to do for ``job``.

    Parameters
    ----------
    job, inputs
        The order and its checked pictures.
    form
        Frame rate, frame count and resolution class of the model.
    config
        Switches: origin of y, timing, size, distortions.
    task_id
        Seeds the variation between tasks.
    """
    image = _pixels(inputs.image.data) if inputs.image else None
    tail = _pixels(inputs.tail.data) if inputs.tail else None
    varied = variation(job, task_id, config)
    start = image if image is not None else tail
    width, height = _ratio(job.aspect_ratio) if start is None else start.shape[1::-1]
    size = output_size(width, height, form.resolution_class)
    video_width, video_height = preview_size(*size) if config.render_size == "preview" else size
    if start is None:
        image = text_card(job.prompt, (video_width, video_height), varied.seed)
    static = _selection(inputs.static_mask.data) if inputs.static_mask else None
    return RenderPlan(
        image=image,
        tail=tail,
        width=video_width,
        height=video_height,
        fps=form.fps,
        frames=form.frames,
        motions=tuple(
            MaskMotion(
                _fitted(_selection(mask.data), width, height),
                turned(pixel_path(group, height, config), varied.turn),
            )
            for group, mask in zip(job.dynamic_masks, inputs.masks, strict=True)
        ),
        static_mask=_fitted(static, width, height) if static is not None else None,
        camera=_camera(job.camera),
        prompt=job.prompt,
        seed=varied.seed,
        timing=config.motion_timing,
        distort=_distort(job.distort or config.distort, varied),
        silent_audio=job.sound,
        codec=config.codec,
    )


def sequel_plan(
    job: Job, last: NDArray[np.uint8], form: tuple[int, int], config: Config, task_id: str
) -> RenderPlan:
    """Return how a finished video goes on.

    Parameters
    ----------
    job
        The order.
    last
        The last frame, (height, width, 3) uint8 RGB.
    form
        Frames per second, and the number of frames with that last one counted in.
    config, task_id
        As for every plan.
    """
    varied = variation(job, task_id, config)
    return RenderPlan(
        image=last,
        width=last.shape[1],
        height=last.shape[0],
        fps=form[0],
        frames=form[1],
        prompt=job.prompt,
        seed=varied.seed,
        distort=_distort(job.distort or config.distort, varied),
        codec=config.codec,
    )


def _ratio(words: str | None) -> tuple[int, int]:
    across, _, down = (words or "16:9").partition(":")
    return int(across), int(down)


def pixel_path(group: MaskPath, height: int, config: Config) -> NDArray[np.float64]:
    """Return a wire path as pixels of the picture, origin top-left.

    The wire counts y from the bottom row; with the switch ``brush_y_origin`` at ``top`` from the top row.
    """
    points = np.array(group.points, dtype=np.float64)
    if config.brush_y_origin == "bottom":
        points[:, 1] = height - 1 - points[:, 1]
    return points


def turned(path: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return a path rotated about its first point by ``angle`` radians."""
    if not angle:
        return path
    cosine, sine = math.cos(angle), math.sin(angle)
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    rotated: NDArray[np.float64] = path[0] + (path - path[0]) @ rotation
    return rotated


def odd_masks(plan: RenderPlan) -> list[str]:
    """Return what is accepted but worth a note: empty masks, paths that start outside or leave."""
    notes = []
    for index, motion in enumerate(plan.motions):
        height, width = motion.mask.shape
        xs, ys = np.rint(motion.path).astype(int).T
        inside = (xs >= 0) & (ys >= 0) & (xs < width) & (ys < height)
        if not motion.mask.any():
            notes.append(f"dynamic_masks[{index}].mask selects nothing")
        elif not inside[0] or not motion.mask[ys[0], xs[0]]:
            notes.append(f"dynamic_masks[{index}] starts outside its mask")
        if not inside.all():
            notes.append(f"dynamic_masks[{index}] leaves the picture")
    if plan.static_mask is not None and not plan.static_mask.any():
        notes.append("static_mask selects nothing")
    return notes


def _pixels(data: bytes) -> NDArray[np.uint8]:
    try:
        return media.decode_image(data)
    except MediaError as error:
        raise JobFailedError(IMAGE_INVALID, error.what) from error


def _selection(data: bytes) -> NDArray[np.bool_]:
    try:
        return media.load_mask(data)
    except MediaError as error:
        raise JobFailedError(IMAGE_INVALID, error.what) from error


def _fitted(mask: NDArray[np.bool_], width: int, height: int) -> NDArray[np.bool_]:
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized, dtype=np.bool_)


def _camera(camera: Camera | None) -> CameraMove | None:
    return None if camera is None else CameraMove(camera.type, **camera.config)


def _distort(asked: Distortion, varied: Variation) -> Distort:
    return Distort(
        gain=asked.gain * varied.gain,
        reverse=asked.reverse,
        leak=asked.leak + varied.leak,
        flicker=asked.flicker,
        freeze=asked.freeze,
        blur=asked.blur,
        camera={str(axis): value for axis, value in (asked.camera or {}).items()},
    )
