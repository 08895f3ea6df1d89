"""The measured camera against the asked one (``spec/official-api.md`` §6).

A picture's content moves opposite to the camera; a negative zoom makes it grow. How far a camera goes for
a unit is not documented, so a move of several axes is held against the proportions of the request only, with
ten units being 12 % of the side, 8 degrees of turn, 10 of roll, or a factor of 1.25. A preset counts as
followed by whatever mixture of its parts comes closest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import carried
from kling_nb.score.camera import CameraTrack
from kling_nb.score.homography import about_middle, decomposed

Array = NDArray[Any]

AXES: Final = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
_PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "down_back": {"vertical": -1, "zoom": 1},
    "forward_up": {"zoom": -1, "tilt": 1},
    "right_turn_forward": {"pan": 1, "zoom": -1},
    "left_turn_forward": {"pan": -1, "zoom": -1},
}
_SHIFT, _TURN, _ROLL, _ZOOM = 0.12, math.radians(8), math.radians(10), math.log(1.25)
_STILL = 0.4
_GRID = (7, 5)


@dataclass(frozen=True, slots=True)
class CameraScores:
    """How the measured camera compares with the asked one.

    Parameters
    ----------
    direction
        Cosine between the displacements of the frame that were asked for and those that were measured.
    drift
        Mean way of the frame's corners that nobody asked for, in percent of the diagonal.
    moved
        Mean way of the frame's corners in all, in percent of the diagonal.
    why
        Why there is no direction.
    """

    direction: float | None
    drift: float
    moved: float
    why: str = ""


def asked_axes(camera: Mapping[str, Any] | None) -> tuple[dict[str, float], bool]:
    """Read a camera from the wire: its axes other than 0, and whether their proportions are given."""
    if not camera:
        return {}, True
    kind = str(camera.get("type") or "simple")
    if kind != "simple":
        return dict(_PRESETS.get(kind, {})), False
    config = camera.get("config") or {}
    values = {axis: float(config.get(axis) or 0.0) for axis in AXES}
    return {axis: value for axis, value in values.items() if value}, True


def compared(track: CameraTrack, camera: Mapping[str, Any] | None, size: tuple[int, int]) -> CameraScores:
    """Hold a camera that is known against the request.

    Parameters
    ----------
    track
        The measured camera.
    camera
        The asked one as on the wire; None when none was asked.
    size
        (width, height) of luma.
    """
    axes, proportions = asked_axes(camera)
    known = [matrix for matrix in track.matrices if np.isfinite(matrix).all()]
    drift = max(_way(_without(matrix, axes, size), size) for matrix in known)
    last = known[-1]
    moved = _way(last, size)
    if not axes:
        return CameraScores(None, drift, moved)
    if moved < _STILL:
        return CameraScores(None, drift, moved, "the camera hardly moved")
    return CameraScores(_cosine(last, axes, proportions, size), drift, moved)


def _way(matrix: Array, size: tuple[int, int]) -> float:
    """Mean way of the corners in percent of the diagonal."""
    width, height = size[0] - 1.0, size[1] - 1.0
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    ways = np.linalg.norm(carried(corners, matrix) - corners, axis=1)
    return float(100 * ways.mean() / math.hypot(*size))


def _cosine(matrix: Array, axes: Mapping[str, float], proportions: bool, size: tuple[int, int]) -> float:
    grid = _grid(size)
    seen = (carried(grid, matrix) - grid).ravel()
    fields = [_field(axis, value, size).ravel() for axis, value in axes.items()]
    if not proportions and len(fields) == 2:
        # The best mixture of both parts; an amount below 0 would be the opposite of a part.
        amounts, *_ = np.linalg.lstsq(np.stack(fields, axis=1), seen, rcond=None)
        if (amounts >= 0).all():
            return _between(seen, amounts[0] * fields[0] + amounts[1] * fields[1])
    return _between(seen, np.sum(fields, axis=0))


def _between(first: Array, second: Array) -> float:
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.clip(first @ second / size, -1, 1)) if size else 0.0


def _grid(size: tuple[int, int]) -> Array:
    xs, ys = np.linspace(0, size[0] - 1, _GRID[0]), np.linspace(0, size[1] - 1, _GRID[1])
    return np.stack([each.ravel() for each in np.meshgrid(xs, ys)], axis=1)


def _field(axis: str, value: float, size: tuple[int, int]) -> Array:
    """Displacement of a grid of places by a part of a move."""
    grid = _grid(size)
    return carried(grid, _pure(axis, value / 10, size)) - grid


def _pure(axis: str, share: float, size: tuple[int, int]) -> Array:
    """Homography of one axis in pixels of a frame; y points down."""
    focal = float(max(size))
    if axis == "horizontal":
        local = _affine(1.0, 0.0, -_SHIFT * share * size[0], 0.0)
    elif axis == "vertical":
        local = _affine(1.0, 0.0, 0.0, _SHIFT * share * size[1])
    elif axis == "roll":
        local = _affine(1.0, _ROLL * share, 0.0, 0.0)
    elif axis == "zoom":
        local = _affine(math.exp(-_ZOOM * share), 0.0, 0.0, 0.0)
    else:
        local = _turned(axis, _TURN * share, focal)
    return _back_from_middle(local, size)


def _affine(scale: float, turn: float, dx: float, dy: float) -> Array:
    """Scale, counter-clockwise turn as seen, and shift, about the origin."""
    cosine, sine = scale * math.cos(turn), scale * math.sin(turn)
    return np.array([[cosine, sine, dx], [-sine, cosine, dy], [0, 0, 1.0]])


def _turned(axis: str, angle: float, focal: float) -> Array:
    """Pure turn of a camera: content goes left when it pans right, down when it tilts up."""
    cosine, sine = math.cos(angle), math.sin(angle)
    lens = np.diag([focal, focal, 1.0])
    if axis == "pan":
        turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    else:
        turn = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    return np.asarray(lens @ turn @ np.linalg.inv(lens))


def _back_from_middle(local: Array, size: tuple[int, int]) -> Array:
    x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
    there, back = (
        np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]),
        np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]),
    )
    return np.asarray(there @ local @ back)


def _without(matrix: Array, axes: Mapping[str, float], size: tuple[int, int]) -> Array:
    """Take the asked axes out of a homography, by whatever amount they are in it."""
    focal = float(max(size))
    for axis, place in (("pan", 0), ("tilt", 1)):
        if axis in axes:
            # A turn is told from a shift by its perspective, which says nothing exact: take all of the way.
            motion = decomposed(matrix, size)
            way = -motion.dx if place == 0 else motion.dy
            turn = _turned(axis, math.atan2(way, focal), focal)
            matrix = np.linalg.inv(_back_from_middle(turn, size)) @ matrix
    about = about_middle(matrix, size)
    motion = decomposed(matrix, size)
    shift, tail = about[:2, 2].copy(), about[2, :2].copy()
    slope = about[:2, :2] - np.outer(shift, tail)
    if "zoom" in axes:
        slope = slope / motion.scale
    if "roll" in axes:
        slope = _affine(1.0, math.radians(-motion.roll), 0.0, 0.0)[:2, :2] @ slope
    for axis, place in (("horizontal", 0), ("pan", 0), ("vertical", 1), ("tilt", 1)):
        if axis in axes:
            shift[place] = 0.0
        if axis in axes and axis in ("pan", "tilt"):
            tail[place] = 0.0
    rest = np.eye(3)
    rest[:2, :2], rest[:2, 2], rest[2, :2] = slope + np.outer(shift, tail), shift, tail
    return _back_from_middle(rest, size)
