"""Regions of a picture as runs of selected pixels: exact, small, and quick at any size.

A drawn region of a 4096 × 4096 picture has some thousand runs and sixteen million pixels, so everything that
can be asked or done without the pixels is done on the runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Size

Bits = npt.NDArray[np.bool_]
"""(H, W), True where selected."""

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Selected pixels as half-open intervals of the picture read row by row.

    Parameters
    ----------
    size
        (width, height) in pixels.
    edges
        (2n,) strictly increasing positions ``y * width + x``: start, stop, start, stop, ...
        A run may continue on the next row.
    """

    size: Size
    edges: Edges

    def __post_init__(self) -> None:
        self.edges.flags.writeable = False

    @classmethod
    def empty(cls, size: Size) -> Runs:
        """Return the region that selects nothing."""
        return cls(size, np.empty(0, dtype=np.int64))

    @classmethod
    def full(cls, size: Size) -> Runs:
        """Return the region that selects everything."""
        return cls(size, np.array([0, size[0] * size[1]], dtype=np.int64))

    @classmethod
    def from_bits(cls, bits: Bits) -> Runs:
        """Read a boolean picture of shape (H, W)."""
        flat = np.ascontiguousarray(bits, dtype=np.bool_).ravel()
        inner = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        first = [0] if flat.size and flat[0] else []
        last = [flat.size] if flat.size and flat[-1] else []
        return cls((bits.shape[1], bits.shape[0]), np.concatenate([first, inner, last]).astype(np.int64))

    @classmethod
    def from_spans(
        cls,
        size: Size,
        rows: npt.NDArray[np.int64],
        left: npt.NDArray[np.float64],
        right: npt.NDArray[np.float64],
    ) -> Runs:
        """Join spans of rows, in any order and overlapping at will.

        Parameters
        ----------
        size
            (width, height) in pixels.
        rows
            (n,) row of each span, inside the picture.
        left, right
            (n,) half-open whole columns; clipped to the picture, empty spans are ignored.
        """
        width = size[0]
        first = np.clip(left, 0, width).astype(np.int64)
        length = np.clip(right, 0, width).astype(np.int64) - first
        some = length > 0
        # One integer a span: sorting these is several times quicker than sorting by an index.
        shift = int(width).bit_length()
        key = np.sort(((rows[some] * width + first[some]) << shift) | length[some])
        if not len(key):
            return cls.empty(size)
        starts = key >> shift
        stops = np.maximum.accumulate(starts + (key & ((1 << shift) - 1)))
        fresh = np.concatenate([[True], starts[1:] > stops[:-1]])
        ends = np.concatenate([stops[:-1][fresh[1:]], stops[-1:]])
        return cls(size, np.stack([starts[fresh], ends], axis=1).ravel())

    def bits(self) -> Bits:
        """Return the region as a new boolean picture of shape (H, W)."""
        width, height = self.size
        flat = np.zeros(width * height, dtype=np.bool_)
        pairs = self.edges.reshape(-1, 2)
        if len(pairs) * 64 < flat.size:
            for start, stop in pairs.tolist():
                flat[start:stop] = True
        else:
            lengths = np.diff(np.concatenate([[0], self.edges, [flat.size]]))
            flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
        return flat.reshape(height, width)

    @cached_property
    def count(self) -> int:
        """Number of selected pixels."""
        return int((self.edges[1::2] - self.edges[::2]).sum())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return not len(self.edges)

    @property
    def is_full(self) -> bool:
        """Whether everything is selected."""
        return self.count == self.size[0] * self.size[1]

    def contains(self, column: int, row: int) -> bool:
        """Whether a pixel is selected; pixels outside the picture are not."""
        if not (0 <= column < self.size[0] and 0 <= row < self.size[1]):
            return False
        return bool(np.searchsorted(self.edges, row * self.size[0] + column, side="right") % 2)

    @cached_property
    def spans(self) -> npt.NDArray[np.int64]:
        """(n, 3) row, first column and half-open last column of each run, cut at the ends of rows."""
        width = self.size[0]
        start, stop = self.edges[::2], self.edges[1::2]
        first, last = start // width, (stop - 1) // width
        several = last - first + 1
        index = np.repeat(np.arange(len(start)), several)
        row = first[index] + np.arange(len(index)) - np.repeat(np.cumsum(several) - several, several)
        left = np.maximum(start[index] - row * width, 0)
        right = np.minimum(stop[index] - row * width, width)
        return np.stack([row, left, right], axis=1)

    @cached_property
    def box(self) -> tuple[int, int, int, int] | None:
        """Half-open bounds (left, top, right, bottom) of the selected pixels; None when there are none."""
        if self.is_empty:
            return None
        row, left, right = self.spans.T
        return int(left.min()), int(row[0]), int(right.max()), int(row[-1]) + 1

    @cached_property
    def centroid(self) -> tuple[float, float] | None:
        """Mean (x, y) of the selected pixels; None when there are none."""
        if self.is_empty:
            return None
        row, left, right = self.spans.astype(np.float64).T
        share = (right - left) / self.count
        return float((share * (left + right - 1) / 2).sum()), float((share * row).sum())

    def __or__(self, other: Runs) -> Runs:
        return self._joined(other, np.logical_or)

    def __and__(self, other: Runs) -> Runs:
        return self._joined(other, np.logical_and)

    def __sub__(self, other: Runs) -> Runs:
        return self._joined(other, np.greater)

    def __invert__(self) -> Runs:
        total = self.size[0] * self.size[1]
        edges = np.concatenate([[0], self.edges, [total]])
        edges = edges[2:] if len(self.edges) and self.edges[0] == 0 else edges
        edges = edges[:-2] if len(self.edges) and self.edges[-1] == total else edges
        return Runs(self.size, edges.astype(np.int64))

    def _joined(self, other: Runs, rule: Callable[[Bits, Bits], Bits]) -> Runs:
        if self.size != other.size:
            raise ValueError(f"regions of {self.size} and {other.size} cannot be joined")
        # Two sorted lists: the stable sort merges them in one pass.
        both = np.concatenate([self.edges, other.edges])
        order = np.argsort(both, kind="stable")
        at, own = both[order], order < len(self.edges)
        last = np.concatenate([at[1:] != at[:-1], [True]])[: len(at)]
        inside = rule(np.cumsum(own)[last] % 2 == 1, np.cumsum(~own)[last] % 2 == 1)
        turned = inside != np.concatenate([[False], inside[:-1]])[: len(inside)]
        return Runs(self.size, at[last][turned])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return self.size == other.size and np.array_equal(self.edges, other.edges)

    def __hash__(self) -> int:
        return hash((self.size, self.edges.tobytes()))
