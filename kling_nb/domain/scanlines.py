"""Which pixels lie inside an outline: rows of polygons, ellipses and strokes with a radius.

A pixel is selected when its middle lies inside; the middle of pixel (column, row) has exactly these
coordinates, as everywhere in the domain (``spec/official-api.md`` §5.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Points, Size
from kling_nb.domain.runs import Runs

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

BATCH_ROWS: Final = 400_000
"""Rows worked on at once: keeps a broad stroke on a large picture within some ten megabytes."""

NO_LENGTH: Final = 1e-9
"""Pixels that are none: a direction or a slope over so few drowns in rounding, or overflows."""


def polygon_runs(points: Points, size: Size) -> Runs:
    """Fill a closed outline, by the non-zero rule that canvases use too.

    Left and upper border belong to the region, right and lower border do not, so that rectangles with
    whole corners are what array slices with the same numbers are, and neighbours do not overlap.

    Parameters
    ----------
    points
        (N, 2) corners.
    size
        (width, height) in pixels.
    """
    start, end = points, np.roll(points, -1, axis=0)
    way = np.sign(end[:, 1] - start[:, 1])
    upper = np.where(way[:, None] > 0, start, end)
    lower = np.where(way[:, None] > 0, end, start)
    edge, row = _rows(np.ceil(upper[:, 1]), np.ceil(lower[:, 1]), size[1])
    share = (row - upper[edge, 1]) / (lower[edge, 1] - upper[edge, 1])
    x = upper[edge, 0] + share * (lower[edge, 0] - upper[edge, 0])
    order = np.lexsort((x, row))
    row, x = row[order], np.ceil(x[order])
    inside = np.cumsum(way[edge][order]) != 0
    keep = inside[:-1] & (row[1:] == row[:-1])
    return Runs.from_spans(size, row[:-1][keep], x[:-1][keep], x[1:][keep])


def ellipse_runs(center: tuple[float, float], radii: tuple[float, float], angle: float, size: Size) -> Runs:
    """Fill an ellipse, border included.

    Parameters
    ----------
    center, radii
        In pixels.
    angle
        Clockwise turn of the first radius on the picture, in degrees.
    size
        (width, height) in pixels.
    """
    turn = np.deg2rad(angle)
    cos, sin = np.cos(turn), np.sin(turn)
    a, b = 1 / radii[0] ** 2, 1 / radii[1] ** 2
    # Inside means xx·dx² + 2·xy·dx·dy + yy·dy² ≤ 1.
    xx, xy, yy = a * cos * cos + b * sin * sin, (a - b) * cos * sin, a * sin * sin + b * cos * cos
    reach = np.sqrt(xx / (a * b))
    _, row = _rows(
        np.array([np.ceil(center[1] - reach)]), np.array([np.floor(center[1] + reach) + 1]), size[1]
    )
    dy = row - center[1]
    root = (xy * dy) ** 2 - xx * (yy * dy * dy - 1)
    half = np.sqrt(np.maximum(root, 0)) / xx
    middle = center[0] - xy * dy / xx
    right = np.where(root >= 0, np.floor(middle + half) + 1, -np.inf)
    return Runs.from_spans(size, row, np.ceil(middle - half), right)


def stroke_runs(points: Points, radii: Floats, size: Size) -> Runs:
    """Fill a stroke with round ends: discs along the points and what lies between neighbours.

    Parameters
    ----------
    points
        (N, 2) pixels, N at least 1.
    radii
        (N,) in pixels, one a point.
    size
        (width, height) in pixels.
    """
    parts = [*_discs(points, radii, size), *_bands(points, radii, size)]
    row, left, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Runs.from_spans(size, row, left, right)


Spans = tuple[npt.NDArray[np.int64], Floats, Floats]


def _discs(points: Points, radii: Floats, size: Size) -> Iterator[Spans]:
    first, stop = np.ceil(points[:, 1] - radii), np.floor(points[:, 1] + radii) + 1
    for part in _batches(first, stop, size[1]):
        index, row = _rows(first[part], stop[part], size[1])
        centre, radius = points[part][index], radii[part][index]
        half = np.sqrt(np.maximum(radius**2 - (row - centre[:, 1]) ** 2, 0))
        yield _merged(size, row, np.ceil(centre[:, 0] - half), np.floor(centre[:, 0] + half) + 1)


def _bands(points: Points, radii: Floats, size: Size) -> Iterator[Spans]:
    corners = _tangents(points, radii)
    first, stop = np.ceil(corners[..., 1].min(axis=1)), np.floor(corners[..., 1].max(axis=1)) + 1
    for part in _batches(first, stop, size[1]):
        index, row = _rows(first[part], stop[part], size[1])
        left = np.full(len(row), np.inf)
        right = np.full(len(row), -np.inf)
        for side in range(4):
            start, end = corners[part, side], corners[part, (side + 1) % 4]
            rise = end[:, 1] - start[:, 1]
            level = np.abs(rise) < NO_LENGTH
            slope = (end[:, 0] - start[:, 0]) / np.where(level, 1, rise)
            low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
            met = ~level[index] & (row >= low[index]) & (row <= high[index])
            x = start[index, 0] + (row - start[index, 1]) * slope[index]
            left = np.where(met, np.minimum(left, x), left)
            right = np.where(met, np.maximum(right, x), right)
        some = right >= left
        yield _merged(size, row[some], np.ceil(left[some]), np.floor(right[some]) + 1)


def _tangents(points: Points, radii: Floats) -> npt.NDArray[np.float64]:
    """Return (N-1, 4, 2) corners of the bands that touch neighbouring discs outside."""
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    # Where one disc holds the other there is nothing between them; next to no length has no direction.
    apart = length > np.maximum(np.abs(np.diff(radii)), NO_LENGTH)
    start, step, length = start[apart], step[apart], length[apart]
    one, two = radii[:-1][apart], radii[1:][apart]
    along = step / length[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    lean = ((one - two) / length)[:, None]
    upright = np.sqrt(1 - lean**2)
    normals = along * lean + across * upright, along * lean - across * upright
    ends = start, start + step
    return np.stack(
        [
            ends[0] + normals[0] * one[:, None],
            ends[1] + normals[0] * two[:, None],
            ends[1] + normals[1] * two[:, None],
            ends[0] + normals[1] * one[:, None],
        ],
        axis=1,
    )


def _rows(first: Floats, stop: Floats, height: int) -> tuple[Index, npt.NDArray[np.int64]]:
    """Return, for half-open ranges of rows, the index of the range and the row, within the picture."""
    top = np.clip(first, 0, height).astype(np.int64)
    several = np.maximum(np.clip(stop, 0, height).astype(np.int64) - top, 0)
    index = np.repeat(np.arange(len(top)), several)
    within = np.arange(len(index)) - np.repeat(np.cumsum(several) - several, several)
    return index, top[index] + within


def _batches(first: Floats, stop: Floats, height: int) -> Iterator[slice]:
    rows = np.cumsum(np.clip(np.clip(stop, 0, height) - np.clip(first, 0, height), 0, None))
    begin = 0
    while begin < len(rows):
        done = rows[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(rows, done + BATCH_ROWS)))
        yield slice(begin, end)
        begin = end


def _merged(size: Size, row: npt.NDArray[np.int64], left: Floats, right: Floats) -> Spans:
    if len(row) < BATCH_ROWS // 2:
        return row, left, right
    spans = Runs.from_spans(size, row, left, right).spans
    return spans[:, 0], spans[:, 1].astype(np.float64), spans[:, 2].astype(np.float64)
