"""What kind of line a path is: straight, bent, a loop, to and fro."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from kling_nb.domain.coordinates import Points
from kling_nb.domain.resampling import resample

SAMPLES: Final = 65
"""Points a path is judged by."""

CALM: Final = 2
"""Points to either side that a judged point is averaged with: the trembling of a hand is no bend."""

STRAIGHT: Final = 0.05
"""A line that leaves its chord by less than this share of the chord's length is straight."""

FLAT: Final = 0.12
"""Width over length below which a path that goes over its own ground is a to and fro."""

CLOSED: Final = 0.2
"""A path whose ends lie nearer than this share of its length comes back to where it began."""

SETS_OUT: Final = 0.2
"""Share of its extent that a path must leave its start by to show which way it sets out."""

FULL_TURN: Final = 300.0
"""Degrees of turning that are seen as a whole loop: nobody closes one exactly."""

CORNER: Final = 40.0
"""Degrees of the least bend that counts as a corner when nearly all of the turning is in it."""


class Kind(StrEnum):
    """Kinds of lines."""

    STRAIGHT = "straight"
    ARC = "arc"
    CORNER = "corner"
    LOOP = "loop"
    BACK_AND_FORTH = "back and forth"
    S_CURVE = "s-curve"
    WAVE = "wave"


@dataclass(frozen=True, slots=True)
class PathShape:
    """How a path runs; lengths in the path's own units, y downward.

    Parameters
    ----------
    kind
        Kind of line.
    length
        Length along the path.
    net
        (dx, dy) from the first to the last point.
    extent
        Length of the path's longest direction.
    axis
        (dx, dy) of that direction, pointing to where the path goes first.
    clockwise
        Whether it turns clockwise as seen on the picture.
    loops
        Whole turns, at least 1 for a :attr:`Kind.LOOP`, else 0.
    closed
        Whether it comes back to where it began.
    bulge
        (dx, dy) from the middle of the chord to the point farthest from the chord.
    legs
        (dx, dy) before and after the corner of a :attr:`Kind.CORNER`.
    """

    kind: Kind
    length: float
    net: tuple[float, float]
    extent: float
    axis: tuple[float, float]
    clockwise: bool = False
    loops: int = 0
    closed: bool = False
    bulge: tuple[float, float] = (0.0, 0.0)
    legs: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))


def shape_of(points: Points) -> PathShape:
    """Judge a path.

    Parameters
    ----------
    points
        (N, 2) with N at least 2, y downward.
    """
    path = np.asarray(points, dtype=np.float64)
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    net = path[-1] - path[0]
    if length <= 0:
        return PathShape(Kind.STRAIGHT, 0.0, (0.0, 0.0), 0.0, (0.0, 0.0))
    even = resample(path, SAMPLES)
    axis, extent, width = _principal(even)
    bends = _bends(_calm(even))
    turning = float(bends.sum())
    chord = math.hypot(*net)
    away = _deviation(even, chord)
    corner = _corner(bends)
    kind = Kind.ARC
    runs = _runs(away, STRAIGHT * max(chord, 0.3 * extent))
    if width < FLAT * extent and length > 1.5 * extent:
        kind = Kind.BACK_AND_FORTH
    elif abs(turning) >= FULL_TURN:
        kind = Kind.LOOP
    elif float(np.abs(away).max()) <= STRAIGHT * chord:
        kind = Kind.STRAIGHT
    elif corner is not None:
        kind = Kind.CORNER
    elif runs >= 2:
        kind = Kind.S_CURVE if runs == 2 else Kind.WAVE
    farthest = even[int(np.argmax(np.abs(away)))]
    bend = 0 if corner is None else corner
    return PathShape(
        kind,
        length,
        _pair(net),
        extent,
        axis,
        clockwise=turning > 0,
        loops=max(1, round(abs(turning) / 360)) if kind is Kind.LOOP else 0,
        closed=chord < CLOSED * length,
        bulge=_pair(farthest - (even[0] + even[-1]) / 2),
        legs=(_pair(even[bend] - even[0]), _pair(even[-1] - even[bend])),
    )


def _pair(vector: Points) -> tuple[float, float]:
    return float(vector[0]), float(vector[1])


def _calm(even: Points) -> Points:
    """Average neighbours; the ends stay."""
    padded = np.concatenate([np.repeat(even[:1], CALM, 0), even, np.repeat(even[-1:], CALM, 0)])
    weights = np.ones(2 * CALM + 1) / (2 * CALM + 1)
    calm = np.stack([np.convolve(padded[:, axis], weights, "valid") for axis in (0, 1)], axis=1)
    calm[0], calm[-1] = even[0], even[-1]
    return np.asarray(calm)


def _principal(even: Points) -> tuple[tuple[float, float], float, float]:
    """Longest direction of a path, its extent along that direction and its width across."""
    centred = even - even.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    along, across = centred @ directions[0], centred @ directions[1]
    extent = float(np.ptp(along))
    # The way it sets out: the first clear departure from where it began.
    departed = (along - along[0])[np.abs(along - along[0]) >= SETS_OUT * extent]
    sign = 1.0 if len(departed) == 0 or departed[0] > 0 else -1.0
    return _pair(directions[0] * sign), extent, float(np.ptp(across))


def _bends(calm: Points) -> Points:
    """Degrees by which the path turns at each inner point, clockwise as seen above 0."""
    steps = np.diff(calm, axis=0)
    steps = steps[np.hypot(*steps.T) > 1e-9]
    headings = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    return np.asarray((np.diff(headings) + 180) % 360 - 180)


def _deviation(even: Points, chord: float) -> Points:
    """Signed distance from the chord; from the first point where there is no chord."""
    offset = even - even[0]
    if chord <= 0:
        return np.asarray(np.hypot(*offset.T), dtype=np.float64)
    unit = (even[-1] - even[0]) / chord
    return np.asarray(unit[0] * offset[:, 1] - unit[1] * offset[:, 0])


def _corner(bends: Points) -> int | None:
    """Index of the one place where nearly all of the turning happens."""
    near = 2 * CALM + 2
    if len(bends) <= near:
        return None
    sums = np.convolve(bends, np.ones(near), "same")
    sharpest = int(np.argmax(np.abs(sums)))
    total = float(np.abs(bends).sum())
    sharp = abs(float(sums[sharpest]))
    return sharpest + 1 if sharp >= CORNER and sharp >= 0.8 * total else None


def _runs(away: Points, least: float) -> int:
    """How often the path is clearly beside its chord, on one side or the other in turn."""
    signs = np.sign(away[np.abs(away) > least])
    return 0 if len(signs) == 0 else 1 + int(np.count_nonzero(np.diff(signs)))
