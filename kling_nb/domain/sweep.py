"""The way of a region: every pixel that it covers while it moves along its path."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from kling_nb.domain.coordinates import Points, Size
from kling_nb.domain.runs import Bits, Runs

GRID: Final = 512
"""Cells along the longer side at which the way is worked out; smaller pictures are done by the pixel."""

MARGIN: Final = 0.015
"""Room beside the way as a share of the longer side, for soft edges and shadows."""


def swept(region: Runs, path: Points) -> Runs:
    """Return what a region covers on its way, with a little room beside it.

    Parameters
    ----------
    region
        Where it is at the start.
    path
        (N, 2) pixels; the region moves by each point minus the first. Without points it stays.
    """
    points = np.ascontiguousarray(path if len(path) else np.zeros((1, 2)), dtype=np.float64)
    return _swept(region, points.tobytes())


@lru_cache(maxsize=12)
def _swept(region: Runs, path: bytes) -> Runs:
    if region.is_empty:
        return region
    points = np.frombuffer(path).reshape(-1, 2)
    cell = math.ceil(max(region.size) / GRID)
    coarse = _coarse(region, cell)
    rows, columns = np.flatnonzero(coarse.any(axis=1)), np.flatnonzero(coarse.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    piece = coarse[top : rows[-1] + 1, left : columns[-1] + 1]
    covered = np.zeros_like(coarse)
    for across, down in _steps(points, region.size, cell):
        _stamp(covered, piece, top + down, left + across)
    room = 1 + math.ceil(MARGIN * max(coarse.shape))
    return region | _fine(_grown(covered, room), region.size, cell)


def _coarse(region: Runs, cell: int) -> Bits:
    """Return the cells that a region touches."""
    width, height = (math.ceil(side / cell) for side in region.size)
    row, left, right = region.spans.T
    ends = np.zeros((height, width + 1), dtype=np.int32)
    np.add.at(ends, (row // cell, left // cell), 1)
    np.add.at(ends, (row // cell, (right - 1) // cell + 1), -1)
    return np.asarray(ends.cumsum(axis=1)[:, :width] > 0)


def _steps(points: Points, size: Size, cell: int) -> list[tuple[int, int]]:
    """Return the moves in cells, none of them longer than a cell away from the next."""
    sides = np.array(size, dtype=np.float64)
    # Farther away than that nothing of the region is left in the picture.
    moves = np.clip((points - points[:1]), -sides, sides) / cell
    dense = [moves[:1]]
    for start, end in pairwise(moves):
        count = max(1, math.ceil(np.abs(end - start).max()))
        dense.append(start + np.linspace(0, 1, count + 1)[1:, None] * (end - start))
    whole = np.unique(np.rint(np.concatenate(dense)).astype(np.int64), axis=0)
    return [(int(across), int(down)) for across, down in whole]


def _stamp(covered: Bits, piece: Bits, top: int, left: int) -> None:
    """Add a piece at a place, cut at the border."""
    height, width = covered.shape
    first, above = max(0, left), max(0, top)
    last, below = min(width, left + piece.shape[1]), min(height, top + piece.shape[0])
    if first < last and above < below:
        covered[above:below, first:last] |= piece[above - top : below - top, first - left : last - left]


def _grown(covered: Bits, room: int) -> Bits:
    grown = covered.copy()
    for step in range(1, room + 1):
        grown[step:] |= covered[:-step]
        grown[:-step] |= covered[step:]
    wide = grown.copy()
    for step in range(1, room + 1):
        wide[:, step:] |= grown[:, :-step]
        wide[:, :-step] |= grown[:, step:]
    return wide


def _fine(covered: Bits, size: Size, cell: int) -> Runs:
    """Return cells as pixels."""
    inside = np.pad(covered.astype(np.int8), ((0, 0), (1, 1)))
    turns = np.diff(inside, axis=1)
    (row, left), (_, right) = np.nonzero(turns == 1), np.nonzero(turns == -1)
    pixel_row = (row[:, None] * cell + np.arange(cell)).ravel()
    within = pixel_row < size[1]
    first, stop = (np.repeat(side * cell, cell)[within].astype(np.float64) for side in (left, right))
    return Runs.from_spans(size, pixel_row[within], first, stop)
