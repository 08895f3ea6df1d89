"""Motion paths: reading, checking, cleaning and the wire form (``spec/official-api.md`` §5.2 to §5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import (
    Origin,
    Points,
    Size,
    Units,
    YOrigin,
    normalized_to_pixel,
    pixel_to_wire,
    rnd,
    wire_to_pixel,
)
from kling_nb.domain.paths import EASES, Ease, ease_points, smooth
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.resampling import CLOSE_PX, deviation, drop_close, resample, resample_in_time
from kling_nb.errors import RequestRefused

__all__ = [
    "MAX_POINTS",
    "MIN_POINTS",
    "Ease",
    "Origin",
    "Points",
    "Size",
    "Timing",
    "Trajectory",
    "Units",
    "YOrigin",
]

Timing = Literal["drop", "density"]
"""Ignore the times, or let them space the points."""

MIN_POINTS: Final = 2
MAX_POINTS: Final = 77
"""Points of one path on the wire (``spec/official-api.md`` §5.1)."""

UNEVEN: Final = 0.05
"""Times whose steps differ by more than this share of their mean are uneven."""

DENSITY_POINTS: Final = 30
"""Fewest points of a path whose spacing shall tell its speed."""


class _Read(NamedTuple):
    """Points as given, before any conversion."""

    points: Points
    times: Points | None


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One cleaned path of a motion brush.

    Build it with :meth:`from_points`; the plain constructor takes values as they are.

    Parameters
    ----------
    pixels
        (N, 2) float pixels of the picture as sent, origin top-left; may lie outside the picture.
    size
        (width, height) of that picture.
    times
        (N,) the user's times, None when none were given. Kling has no time: they only shape the
        density of points.
    units
        How the points were given.
    wire
        (N, 2) wire coordinates when given as such; sent as they are, never flipped.
    notes
        What the linter should tell: resampling, clamping, ignored times.
    """

    pixels: Points
    size: Size
    times: Points | None = None
    units: Units = "pixel"
    wire: Points | None = None
    notes: tuple[Problem, ...] = ()

    @classmethod
    def from_points(
        cls,
        points: Sequence[Any] | npt.NDArray[Any],
        *,
        size: Size,
        units: Units = "pixel",
        origin: Origin = "top-left",
        y_origin: YOrigin = "bottom",
        timing: Timing = "drop",
        smoothing: float = 0.0,
        ease: Ease = "none",
    ) -> Trajectory:
        """Read, check, clean and if need be resample a path.

        Parameters
        ----------
        points
            ``[x, y]``, ``{"x", "y"}`` or ``{"x", "y", "t"}`` each, or an (N, 2) array.
        size
            (width, height) in pixels of the picture as sent.
        units
            ``"pixel"``: float pixels from the top-left corner. ``"normalized"``: 0...1.
            ``"wire"``: integers as sent, from the bottom-left corner. Never guessed.
        origin
            Corner the ``"normalized"`` points are counted from.
        y_origin
            How ``"wire"`` points are drawn on the picture; they are sent as given either way.
        timing
            ``"drop"`` ignores ``t``; ``"density"`` spaces the points equally in time.
        smoothing
            0 leaves the path as drawn, 1 keeps only its broad course; the ends stay.
        ease
            Where the motion is meant to be slow: more points lie there. A hint, effect unverified.

        Raises
        ------
        RequestRefused
            The points cannot be used; carries the problem.
        """
        _check_words(units, origin, y_origin, timing, ease)
        _check_shaping(smoothing, ease, timing)
        read = _read_points(points)
        _check_values(read, units)
        pixels = _to_pixels(read.points, size, units, origin, y_origin)
        notes = _unit_notes(read.points, units) + _time_notes(read, timing)
        keep = drop_close(pixels)
        times = None if read.times is None else read.times[keep]
        kept = pixels[keep]
        course = smooth(kept, smoothing)
        notes += _smoothing_notes(kept, course)
        times = times if course is kept else None
        wanted, resampled = _resampled(course, times, timing, ease)
        if resampled:
            notes += _resample_notes(course, wanted, len(points), _spacing(times, timing, ease))
        notes += _clamp_notes(wanted, size)
        wire = None
        if units == "wire":
            flipped = y_origin == "bottom"
            wire = wire_to_pixel(wanted, size, y_origin) if flipped else wanted.copy()
        path = cls(wanted, size, None if resampled else times, units, wire, notes)
        if len(path.wire_points()) < MIN_POINTS:
            hint = next((note.fix for note in notes if note.id == "L14"), "draw a longer path")
            raise _refused("the path has fewer than 2 distinct points", hint)
        return path

    def wire_points(self, size: Size | None = None, y_origin: YOrigin = "bottom") -> npt.NDArray[np.int64]:
        """Return the (N, 2) integers that are sent, equal neighbours dropped.

        Parameters
        ----------
        size
            (width, height) of the picture as sent; None takes the size the path was made for.
        y_origin
            Ignored for paths given in wire units.
        """
        width, height = size or self.size
        if self.wire is not None:
            xy = np.clip(rnd(self.wire), 0, [width - 1, height - 1])
        else:
            xy = pixel_to_wire(self.pixels, (width, height), y_origin)
        moved = np.any(np.diff(xy, axis=0) != 0, axis=1)
        distinct: npt.NDArray[np.int64] = xy[np.concatenate([[True], moved])[: len(xy)]]
        return distinct

    def to_wire(self, size: Size | None = None, y_origin: YOrigin = "bottom") -> list[dict[str, int]]:
        """Return the path as the service takes it: ``[{"x": int, "y": int}, ...]``."""
        return [{"x": int(x), "y": int(y)} for x, y in self.wire_points(size, y_origin)]

    def to_json(self) -> dict[str, Any]:
        """Return the path as plain values: cleaned pixels, times, and wire points if given so."""
        return {
            "size": list(self.size),
            "units": self.units,
            "pixels": self.pixels.tolist(),
            "times": None if self.times is None else self.times.tolist(),
            "wire": None if self.wire is None else self.wire.tolist(),
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Trajectory:
        """Rebuild a path from :meth:`to_json`."""
        width, height = row["size"]
        times, wire = row.get("times"), row.get("wire")
        return cls(
            np.array(row["pixels"], dtype=np.float64),
            (width, height),
            None if times is None else np.array(times, dtype=np.float64),
            row.get("units", "pixel"),
            None if wire is None else np.array(wire, dtype=np.float64),
        )

    def __eq__(self, other: object) -> bool:
        """Two paths are equal when they were given alike and send the same points."""
        if not isinstance(other, Trajectory):
            return NotImplemented
        same_wire = (self.wire is None) == (other.wire is None)
        return same_wire and self.size == other.size and np.array_equal(self.pixels, other.pixels)

    def __hash__(self) -> int:
        return hash((self.size, self.wire is None, self.pixels.tobytes()))


def _refused(message: str, fix: str, rule: str = "L06") -> RequestRefused:
    return RequestRefused([Problem(rule, Severity.ERROR, "trajectories", message, fix, forceable=False)])


def _warning(rule: str, message: str, fix: str) -> Problem:
    return Problem(rule, Severity.WARNING, "trajectories", message, fix)


def _check_words(units: str, origin: str, y_origin: str, timing: str, ease: str) -> None:
    allowed = {
        "units": (units, ("pixel", "normalized", "wire")),
        "origin": (origin, ("top-left", "bottom-left")),
        "y_origin": (y_origin, ("bottom", "top")),
        "timing": (timing, ("drop", "density")),
        "ease": (ease, EASES),
    }
    for name, (word, words) in allowed.items():
        if word not in words:
            raise _refused(
                f"{name}={word!r} is not known", f"use one of {', '.join(map(repr, words))}", "L24"
            )


def _check_shaping(smoothing: float, ease: Ease, timing: Timing) -> None:
    if not 0 <= smoothing <= 1:
        raise _refused(f"smoothing={smoothing!r} is outside 0...1", "give 0 for none, 1 for the most")
    if timing == "density" and (ease != "none" or smoothing):
        fix = "keep the times, or drop them and use ease and smoothing"
        raise _refused('timing="density" and a shaped path exclude each other', fix)


def _read_points(points: Sequence[Any] | npt.NDArray[Any]) -> _Read:
    rows = [_read_point(index, point) for index, point in enumerate(points)]
    if len(rows) < MIN_POINTS:
        raise _refused(f"the path has {len(rows)} point(s)", f"give {MIN_POINTS} to {MAX_POINTS} points")
    timed = [row[2] is not None for row in rows]
    if any(timed) and not all(timed):
        raise _refused("only some points carry a time 't'", "give 't' for every point or for none")
    xy = np.array([row[:2] for row in rows], dtype=np.float64)
    times = np.array([row[2] for row in rows], dtype=np.float64) if all(timed) else None
    return _Read(xy, times)


def _read_point(index: int, point: Any) -> tuple[float, float, float | None]:
    fix = 'write points as [x, y], {"x": 1, "y": 2} or {"x": 1, "y": 2, "t": 0.5}'
    try:
        if isinstance(point, Mapping):
            extra = set(point) - {"x", "y", "t"}
            if extra:
                raise _refused(f"point {index} has unknown keys: {', '.join(sorted(map(str, extra)))}", fix)
            time = point.get("t")
            return float(point["x"]), float(point["y"]), None if time is None else float(time)
        x, y = point
        return float(x), float(y), None
    except (TypeError, ValueError, KeyError) as error:
        if isinstance(error, RequestRefused):
            raise
        raise _refused(f"point {index} is not a point: {point!r}", fix) from error


def _check_values(read: _Read, units: Units) -> None:
    if not np.all(np.isfinite(read.points)):
        raise _refused("the path holds NaN or infinite coordinates", "remove those points")
    if read.times is not None and not (np.all(np.isfinite(read.times)) and np.all(np.diff(read.times) > 0)):
        raise _refused("the times 't' do not grow from point to point", "give strictly increasing times")
    outside = (read.points < 0) | (read.points > 1)
    if units == "normalized" and np.any(outside):
        x, y = read.points[int(np.argmax(np.any(outside, axis=1)))]
        raise _refused(
            f'point ({x:g}, {y:g}) is outside 0...1, but units="normalized"',
            'say units="pixel" for pixels from the top-left corner, units="wire" for wire integers',
        )
    if units == "wire" and np.any(read.points != np.floor(read.points)):
        raise _refused(
            'units="wire" takes integers only; the service has no fractions',
            'say units="pixel" for fractional pixels or units="normalized" for 0...1',
        )


def _to_pixels(points: Points, size: Size, units: Units, origin: Origin, y_origin: YOrigin) -> Points:
    if units == "normalized":
        return normalized_to_pixel(points, size, origin)
    if units == "wire":
        return wire_to_pixel(points, size, y_origin)
    return points.copy()


def _resampled(pixels: Points, times: Points | None, timing: Timing, ease: Ease) -> tuple[Points, bool]:
    n = min(MAX_POINTS, max(DENSITY_POINTS, len(pixels)))
    if timing == "density" and times is not None:
        return resample_in_time(pixels, times, n), True
    if ease != "none":
        return ease_points(pixels, ease, n), True
    if len(pixels) > MAX_POINTS:
        return resample(pixels, MAX_POINTS), True
    return pixels, False


def _spacing(times: Points | None, timing: Timing, ease: Ease) -> str:
    if timing == "density" and times is not None:
        return "equally spaced in time"
    return "equally spaced" if ease == "none" else f'spaced by ease="{ease}" (a hint, effect unverified)'


def _resample_notes(kept: Points, wanted: Points, given: int, how: str) -> tuple[Problem, ...]:
    message = (
        f"path of {given} points resampled to {len(wanted)} {how}; "
        f"it departs from the drawing by at most {deviation(kept, wanted):.1f} px"
    )
    return (Problem("L07", Severity.INFO, "trajectories", message),)


def _smoothing_notes(kept: Points, course: Points) -> tuple[Problem, ...]:
    if course is kept:
        return ()
    message = f"smoothing moves the path by at most {deviation(kept, course):.1f} px"
    return (Problem("L07", Severity.INFO, "trajectories", message),)


def _unit_notes(points: Points, units: Units) -> tuple[Problem, ...]:
    if units == "normalized" or np.any(points < 0) or np.any(points > 1):
        return ()
    message = f'all coordinates lie within 0...1 while units="{units}"'
    return (_warning("L14", message, 'did you mean units="normalized"?'),)


def _time_notes(read: _Read, timing: Timing) -> tuple[Problem, ...]:
    if timing == "density":
        message = 'timing="density" needs times: the points carry no "t", so they are sent as they are'
        fix = 'give points as {"x", "y", "t"}'
        return () if read.times is not None else (_warning("L13", message, fix),)
    if read.times is None or len(read.times) < 3:
        return ()
    steps = np.diff(read.times)
    if np.ptp(steps) <= UNEVEN * steps.mean():
        return ()
    message = "the times 't' are uneven, but Kling has no time: they are ignored"
    fix = 'timing="density" puts more points where the motion is slow (a hint, effect unverified)'
    return (_warning("L13", message, fix),)


def _clamp_notes(pixels: Points, size: Size) -> tuple[Problem, ...]:
    last = np.array([size[0] - 1, size[1] - 1])
    excess = np.maximum(-pixels, pixels - last).max(axis=1)
    count = int(np.sum(excess > CLOSE_PX))
    if not count:
        return ()
    message = f"{count} point(s) lie outside the {size[0]}x{size[1]} picture and are moved to its edge"
    fix = f"keep x within 0...{size[0] - 1} and y within 0...{size[1] - 1}"
    return (_warning("L10", message, fix),)
