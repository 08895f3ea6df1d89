"""Shaping of motion paths: smoothing, ease, thinning, and the ready-made ones.

All take and return (N, 2) float pixels, origin top-left, y downward. Kling has no time: ease only changes
how densely points lie along a path, which is a hint with unverified effect (``spec/official-api.md`` §5.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Points
from kling_nb.domain.resampling import resample

__all__ = [
    "EASES",
    "PRESETS",
    "Ease",
    "Preset",
    "arc",
    "circle",
    "ease_points",
    "line",
    "simplify",
    "smooth",
    "sway",
]

Ease = Literal["none", "in", "out", "in-out"]
"""Where the motion is meant to be slow: nowhere, at the start, at the end, at both ends."""

Preset = Literal["line", "arc", "circle", "sway"]

EASES: Final[tuple[Ease, ...]] = ("none", "in", "out", "in-out")
PRESETS: Final[tuple[Preset, ...]] = ("line", "arc", "circle", "sway")

PRESET_POINTS: Final = 25
SMOOTH_POINTS: Final = 96
SMOOTH_REACH: Final = 0.12
"""Share of the path's length that full smoothing looks to either side (standard deviation)."""

SHARPEST: Final = 0.2
"""A narrower kernel weighs nothing but the point itself."""

_SPEEDS: Final[dict[str, Callable[[Points], Points]]] = {
    "in": lambda share: share**2,
    "out": lambda share: 1 - (1 - share) ** 2,
    "in-out": lambda share: share**2 * (3 - 2 * share),
}


def line(start: npt.ArrayLike, end: npt.ArrayLike) -> Points:
    """Return the straight path between two points."""
    return np.array([start, end], dtype=np.float64)


def arc(start: npt.ArrayLike, end: npt.ArrayLike, bend: float = 0.25, n: int = PRESET_POINTS) -> Points:
    """Return a bow between two points.

    Parameters
    ----------
    start, end
        (x, y) in pixels.
    bend
        Height of the bow as a share of the distance; above 0 to the left seen along the way.
    n
        Number of points.
    """
    first, last = np.array(start, dtype=np.float64), np.array(end, dtype=np.float64)
    way = last - first
    # A parabola: as near to a circle as the eye asks for, and never degenerate.
    share = np.linspace(0, 1, n)[:, None]
    bow: Points = first + share * way + 4 * bend * share * (1 - share) * np.array([way[1], -way[0]])
    return bow


def circle(
    start: npt.ArrayLike,
    center: npt.ArrayLike,
    turns: float = 1.0,
    clockwise: bool = True,
    n: int = 2 * PRESET_POINTS,
) -> Points:
    """Return a path around a centre, beginning at ``start``.

    Parameters
    ----------
    start, center
        (x, y) in pixels.
    turns
        Share of a full turn.
    clockwise
        As seen on the picture.
    n
        Number of points.
    """
    middle = np.array(center, dtype=np.float64)
    dx, dy = np.array(start, dtype=np.float64) - middle
    turn = np.linspace(0, math.tau * turns * (1 if clockwise else -1), n)
    cos, sin = np.cos(turn), np.sin(turn)
    round_it: Points = middle + np.stack([dx * cos - dy * sin, dx * sin + dy * cos], axis=1)
    return round_it


def sway(start: npt.ArrayLike, end: npt.ArrayLike, swings: float = 1.0, n: int = 2 * PRESET_POINTS) -> Points:
    """Return a path to and fro on a line, ending where it began.

    Parameters
    ----------
    start
        (x, y) of the middle, where the path begins.
    end
        Farthest point to one side; the other side is as far.
    swings
        How often it goes to both sides.
    n
        Number of points.
    """
    first = np.array(start, dtype=np.float64)
    reach = np.sin(np.linspace(0, math.tau * swings, n))[:, None]
    swung: Points = first + reach * (np.array(end, dtype=np.float64) - first)
    return swung


def smooth(points: npt.ArrayLike, amount: float) -> Points:
    """Even out a trembling path; both ends stay exactly where they are.

    Parameters
    ----------
    points
        (N, 2) pixels.
    amount
        0 leaves the path alone, 1 keeps only its broad course.
    """
    path = np.asarray(points, dtype=np.float64)
    n = max(SMOOTH_POINTS, len(path))
    sigma = min(amount, 1.0) * SMOOTH_REACH * n
    if sigma < SHARPEST or len(path) < 3 or not np.any(np.diff(path, axis=0)):
        return path
    even = resample(path, n)
    reach = min(n - 1, math.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    # Mirrored through its ends, the path passes through them.
    before, after = 2 * even[0] - even[reach:0:-1], 2 * even[-1] - even[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, even, after])
    out = np.stack(
        [np.convolve(padded[:, axis], kernel / kernel.sum(), mode="valid") for axis in (0, 1)], axis=1
    )
    out[0], out[-1] = path[0], path[-1]
    return out


def ease_points(points: npt.ArrayLike, kind: Ease, n: int = 60) -> Points:
    """Space points along a path so that slow parts get more of them.

    Parameters
    ----------
    points
        (N, 2) pixels, N at least 2.
    kind
        Where to be slow.
    n
        Number of points of the result.
    """
    path = np.array(points, dtype=np.float64)
    if kind == "none":
        return path
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    targets = along[-1] * _SPEEDS[kind](np.linspace(0, 1, n))
    out: Points = np.stack([np.interp(targets, along, path[:, axis]) for axis in (0, 1)], axis=1)
    return out


def simplify(points: npt.ArrayLike, tolerance: float) -> Points:
    """Drop points of a freehand path that lie within ``tolerance`` pixels of the path without them."""
    path = np.array(points, dtype=np.float64)
    keep = np.zeros(len(path), dtype=np.bool_)
    keep[[0, -1]] = True
    todo = [(0, len(path) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        gap = _distance(path[first + 1 : last], path[first], path[last])
        far = int(np.argmax(gap))
        if gap[far] > tolerance:
            middle = first + 1 + far
            keep[middle] = True
            todo += [(first, middle), (middle, last)]
    kept: Points = path[keep]
    return kept


def _distance(points: Points, start: Points, end: Points) -> npt.NDArray[np.float64]:
    step = end - start
    length = float(step @ step)
    share = np.clip((points - start) @ step / length, 0, 1) if length else np.zeros(len(points))
    rest = points - start - share[:, None] * step
    return np.asarray(np.hypot(rest[:, 0], rest[:, 1]))
