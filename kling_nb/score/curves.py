"""Numbers over time, on one row of times, for plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kling_nb.domain.scores import ObjectScores

Series = Sequence[tuple[float, float]]
Curve = tuple[float | None, ...]

_MOST_TIMES = 61


def curves_of(
    times: Sequence[float], series: Mapping[str, Series], objects: Sequence[ObjectScores], diagonal: float
) -> dict[str, Curve]:
    """Bring everything that was measured over time to one row of times.

    Parameters
    ----------
    times
        Seconds of the frames that were looked at.
    series
        (seconds, value) by name.
    objects
        Painted objects, for their mean distance from the asked place.
    diagonal
        Of the video in pixels.
    """
    chosen = np.unique(np.linspace(0, len(times) - 1, min(len(times), _MOST_TIMES)).round().astype(int))
    row = np.array([times[place] for place in chosen])
    path = _path_error(objects, diagonal)
    curves: dict[str, Curve] = {"times": tuple(round(float(time), 3) for time in row)}
    for name, values in (("path_error", path), *series.items()):
        if len(values) >= 2:
            curves[name] = _on(row, values)
    return curves


def _path_error(objects: Sequence[ObjectScores], diagonal: float) -> Series:
    followed = [each for each in objects if each.measurable and len(each.times) >= 2]
    if not followed:
        return ()
    row = np.array(max((each.times for each in followed), key=len))
    errors = []
    for each in followed:
        gaps = [math.dist(a, m) for a, m in zip(each.asked, each.measured, strict=True)]
        errors.append(np.interp(row, each.times, gaps))
    mean = 100 * np.mean(errors, axis=0) / diagonal
    return [(float(time), float(value)) for time, value in zip(row, mean, strict=True)]


def _on(row: np.ndarray, values: Series) -> Curve:
    """Interpolate; nothing is made up before the first and after the last value, give or take a moment."""
    known = np.array(values, dtype=np.float64)
    slack = 1.5 * float(np.median(np.diff(known[:, 0])))
    read = np.interp(row, known[:, 0], known[:, 1])
    inside = (row >= known[0, 0] - slack) & (row <= known[-1, 0] + slack)
    return tuple(round(float(v), 4) if i else None for v, i in zip(read, inside, strict=True))
