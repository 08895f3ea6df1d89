"""The masks as one small PNG at the resolution of the display: colours, outlines, stripes for what stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kling_nb.domain.runs import Runs
from kling_nb.session.drawing import palette_png

FILL_ALPHA = 115
"""Opacity of a mask's inside of 255: the picture stays readable below it."""

STRIPE_PERIOD = 10
"""Display pixels from stripe to stripe of the still region; told apart without seeing colours."""

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the picture that is shown.

    Parameters
    ----------
    width, height
        Pixels of the canvas.
    scale
        Canvas pixels per picture pixel.
    offset
        Canvas position of the middle of the picture's first pixel.
    """

    width: int
    height: int
    scale: float
    offset: tuple[float, float]

    def columns(self, count: int) -> npt.NDArray[np.intp]:
        """Return the picture column below each canvas column, -1 outside the picture of ``count`` columns."""
        return self._index(self.width, self.offset[0], count)

    def rows(self, count: int) -> npt.NDArray[np.intp]:
        """Return the picture row below each canvas row, -1 outside the picture of ``count`` rows."""
        return self._index(self.height, self.offset[1], count)

    def _index(self, shown: int, offset: float, count: int) -> npt.NDArray[np.intp]:
        middle = (np.arange(shown) + 0.5 - offset) / self.scale
        index: npt.NDArray[np.intp] = np.floor(middle + 0.5).astype(np.intp)
        index[(index < 0) | (index >= count)] = -1
        return index


def sample(region: Runs, window: Window) -> Bits:
    """Return the region as seen through a window, without making its pixels at full size.

    Parameters
    ----------
    region
        Selected pixels of the picture.
    window
        What is shown.

    Returns
    -------
    ndarray of bool, shape (window.height, window.width)
    """
    width, height = region.size
    seen = np.zeros((window.height, window.width), dtype=np.bool_)
    if region.box is None:
        return seen
    left, top, right, bottom = region.box
    rows, columns = window.rows(height), window.columns(width)
    across = np.flatnonzero((columns >= left) & (columns < right))
    down = np.flatnonzero((rows >= top) & (rows < bottom))
    # Enlarged, many rows of the display show the same row of the picture.
    row, back = np.unique(rows[down], return_inverse=True)
    positions = row[:, None] * width + columns[across][None, :]
    inside = np.searchsorted(region.edges, positions.ravel(), side="right") % 2 == 1
    seen[np.ix_(down, across)] = inside.reshape(positions.shape)[back]
    return seen


def outline(bits: Bits) -> Bits:
    """Return the selected pixels with a neighbour that is not selected; two pixels wide."""
    inner = bits.copy()
    for _ in range(2):
        shrunk = inner.copy()
        shrunk[1:] &= inner[:-1]
        shrunk[:-1] &= inner[1:]
        shrunk[:, 1:] &= inner[:, :-1]
        shrunk[:, :-1] &= inner[:, 1:]
        inner = shrunk
    return np.asarray(bits & ~inner)


def overlay_png(regions: Sequence[tuple[Bits, str]], still: Bits | None, size: tuple[int, int]) -> bytes:
    """Draw masks over nothing.

    Parameters
    ----------
    regions
        What :func:`sample` returned and its colour ``#rrggbb``; later ones lie on top.
    still
        The region that stays, drawn below the others as black and white stripes.
    size
        (width, height) in canvas pixels.

    Returns
    -------
    bytes
        PNG with a palette: a few kilobytes.
    """
    width, height = size
    index = np.zeros((height, width), dtype=np.uint8)
    palette = [(0, 0, 0, 0), (255, 255, 255, 90), (16, 16, 16, 90), (255, 255, 255, 230)]
    if still is not None:
        # Stripes by addition of small index ranges: two short vectors instead of two full pictures.
        diagonal = (np.arange(height)[:, None] + np.arange(width)[None, :]) % STRIPE_PERIOD
        index[still] = np.where(diagonal < STRIPE_PERIOD // 2, 1, 2).astype(np.uint8)[still]
        index[outline(still)] = 3
    for bits, color in regions:
        red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
        palette += [(red, green, blue, FILL_ALPHA), (red, green, blue, 255)]
        index[bits] = len(palette) - 2
        index[outline(bits)] = len(palette) - 1
    return palette_png(index, palette)
