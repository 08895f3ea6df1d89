"""The main motion of a clip against a direction that its prompt names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.score.camera import CameraTrack
from kling_nb.score.steadiness import Pace

Array = NDArray[Any]

_LEAST_SPEED = 0.6
_LEAST_SHARE = 0.01
_LEAST_WAY = 0.004


@dataclass(frozen=True, slots=True)
class MainMotion:
    """Where the picture's content mainly goes.

    Parameters
    ----------
    cosine
        Between that and the asked heading; None when hardly anything moves.
    confidence
        0 to 1.
    why
        Why there is none.
    """

    cosine: float | None
    confidence: float = 0.0
    why: str = ""


def main_motion(
    heading: tuple[float, float],
    paces: list[Pace],
    camera: CameraTrack,
    size: tuple[int, int],
    *,
    camera_asked: bool = False,
) -> MainMotion:
    """Compare the motion of what moves in front of the background; of the whole picture when nothing does.

    Parameters
    ----------
    heading
        (x, y) unit vector, y downward.
    paces
        Dense motion.
    camera
        The camera, which is taken out where it is known.
    size
        (width, height) of luma.
    camera_asked
        Whether a camera move was asked for beside the words: then that of the whole picture is no answer.
    """
    if not paces:
        return MainMotion(None, 0.0, "too few frames")
    diagonal = math.hypot(*size)
    own, whole, seconds = np.zeros(2), np.zeros(2), 0.0
    shares, steadiness = [], []
    for pace in paces:
        rest = pace.flow - _of_camera(pace, camera, size)
        moving = np.linalg.norm(rest, axis=2) > _LEAST_SPEED * pace.seconds * diagonal / 100
        shares.append(float(moving.mean()))
        step = rest[moving].sum(axis=0) / moving.size if moving.any() else np.zeros(2)
        own += step
        steadiness.append(float(np.linalg.norm(step)))
        whole += pace.flow.reshape(-1, 2).mean(axis=0)
        seconds += pace.seconds
    direction = np.asarray(heading) / max(1e-9, math.hypot(*heading))
    share = float(np.median(shares))
    if camera.known and share >= _LEAST_SHARE and np.linalg.norm(own) > _LEAST_WAY * share * diagonal:
        agreement = float(np.linalg.norm(own) / max(1e-9, sum(steadiness)))
        return MainMotion(float(own @ direction / np.linalg.norm(own)), min(1.0, 0.3 + 0.7 * agreement))
    if camera_asked:
        return MainMotion(None, 0.0, "nothing is seen to move by itself, beside the asked camera move")
    if np.linalg.norm(whole) > _LEAST_WAY * diagonal:
        return MainMotion(float(whole @ direction / np.linalg.norm(whole)), 0.4)
    return MainMotion(None, 0.0, "hardly anything moves")


def _of_camera(pace: Pace, camera: CameraTrack, size: tuple[int, int]) -> Array:
    """Displacement by the camera on the grid of a pace, 0 where the camera is unknown."""
    step = camera.step(pace.index)
    if step is None:
        return np.zeros_like(pace.flow)
    matrix, seconds = step
    rows, columns = pace.flow.shape[:2]
    xs = (np.arange(columns) + 0.5) * size[0] / columns - 0.5
    ys = (np.arange(rows) + 0.5) * size[1] / rows - 0.5
    grid = np.stack(np.meshgrid(xs, ys), axis=2).reshape(-1, 2)
    way = (carried(grid, matrix) - grid) * (pace.seconds / seconds)
    return np.asarray(way.reshape(pace.flow.shape), dtype=np.float32)
