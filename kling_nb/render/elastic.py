"""A part of something moved with its surroundings giving way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.motion.fields import identity_grid, invert_displacement, sample
from kling_nb.render.fields import coarse_mask, falloff_weight, fold_measure, grid_size
from kling_nb.render.planes import Planes

Array = NDArray[Any]

_STILL = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class ElasticRegion:
    """A region that pulls its surroundings along.

    Parameters
    ----------
    mask
        (H, W) bool at the video's size.
    reach
        Pixels over which the surroundings give way.
    hold_border
        Whether the picture's border stays in place.
    """

    mask: Array
    reach: float
    hold_border: bool = True


class ElasticField:
    """Elastic regions, all in one field.

    Parameters
    ----------
    regions
        The regions; each is still for the others.
    still
        (H, W) bool that must not move, or None.
    size
        (width, height) of the video.
    """

    def __init__(self, regions: list[ElasticRegion], still: Array | None, size: tuple[int, int]) -> None:
        self._grid_size = grid_size(*size)
        self._cell = np.array([size[0] / self._grid_size[0], size[1] / self._grid_size[1]], dtype=np.float32)
        coarse = [coarse_mask(region.mask, self._grid_size) for region in regions]
        fixed = np.zeros(self._grid_size[::-1], dtype=np.bool_)
        if still is not None:
            fixed = coarse_mask(still, self._grid_size, margin=0)
        self._weights = []
        for index, region in enumerate(regions):
            others = np.any([fixed, *coarse[:index], *coarse[index + 1 :]], axis=0)
            inside, reach = coarse[index] & ~others, region.reach / float(self._cell[0])
            self._weights.append(falloff_weight(inside, others, reach, hold_border=region.hold_border))
        self._inverse: Array | None = None
        self._size = size

    @cached_property
    def _displacer(self) -> Displacer:
        return Displacer(self._size)

    def forward(self, shifts: Array) -> Array:
        """Displacement of every coarse cell, in cells, for one displacement in pixels per region."""
        field = np.zeros((*self._grid_size[::-1], 2), dtype=np.float32)
        for weight, shift in zip(self._weights, shifts, strict=True):
            field += weight[:, :, None] * (np.asarray(shift, dtype=np.float32) / self._cell)
        return field

    def folds(self, shifts: Array) -> float:
        """Return the fold measure (see `fold_measure`) of a displacement."""
        return fold_measure(self.forward(shifts))

    def draw(self, source: Planes, out: Planes, shifts: Array) -> None:
        """Draw the source with its regions moved."""
        if not np.any(shifts):
            out.buffer[:] = source.buffer
            return
        self._inverse = invert_displacement(self.forward(shifts), self._inverse, rounds=5)
        self._displacer.draw(source, out, self._inverse * self._cell)


class Displacer:
    """Draws a picture displaced by a coarse backward field, frame by frame.

    Parameters
    ----------
    size
        (width, height) of the video.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        # Fresh arrays of this size cost more than what is written into them.
        self._fields, self._maps = (
            [np.empty((size[1] // step, size[0] // step, 2), np.float32) for step in (1, 2)] for _ in range(2)
        )

    def draw(self, source: Planes, out: Planes, backward: Array) -> None:
        """Draw one frame.

        Parameters
        ----------
        source, out
            Where to read and where to write.
        backward
            (h, w, 2) float32 pixels of the video: what is seen at y came from y − v(y).
        """
        out.buffer[:] = source.buffer
        moving = np.abs(backward[:, :, 0]) + np.abs(backward[:, :, 1]) > _STILL
        if not moving.any():
            return
        box = _reach(moving, source.size)
        for step, field, where in zip((1, 2), self._fields, self._maps, strict=True):
            area = (slice(box[1] // step, box[3] // step), slice(box[0] // step, box[2] // step))
            plane_size = (source.size[0] // step, source.size[1] // step)
            # All of it, though only a part is needed: several times as quick as a warp of that part.
            cv2.resize(backward, plane_size, dst=field, interpolation=cv2.INTER_LINEAR)
            grid = identity_grid(*plane_size)[area]
            cv2.scaleAdd(field[area], -1.0 / step, grid, dst=where[area])
            pairs = [(source.y, out.y)] if step == 1 else [(source.u, out.u), (source.v, out.v)]
            for plane, target in pairs:
                sample(plane, where[area], out=target[area])


def _reach(moving: Array, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the even rectangle (left, top, right, bottom) in pixels that holds all motion."""
    sides = []
    for axis, length in ((1, size[0]), (0, size[1])):
        cells = np.flatnonzero(moving.any(axis=1 - axis))
        cell = length / moving.shape[axis]
        first, last = int((cells[0] - 1) * cell), int(np.ceil((cells[-1] + 2) * cell))
        sides.append((max(0, first // 2 * 2), min(length, last // 2 * 2 + 2)))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom
