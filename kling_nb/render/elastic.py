"""A part of something moved with its surroundings giving way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import (
    coarse_mask,
    falloff_weight,
    fold_measure,
    grid_size,
    identity_grid,
    invert_displacement,
    sample,
)
from kling_nb.render.planes import Planes

Array = NDArray[Any]


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
        where = self._inverse * self._cell
        for index, (plane, target) in enumerate(zip(source.all, out.all, strict=True)):
            step = 1 if index == 0 else 2
            remap_by(plane, where / np.float32(step), target)


def remap_by(plane: Array, backward: Array, target: Array) -> None:
    """Draw a plane displaced by a coarse backward field given in the plane's pixels."""
    height, width = plane.shape
    field = cv2.resize(backward, (width, height), interpolation=cv2.INTER_LINEAR)
    where = identity_grid(width, height) - field
    sample(plane, where, out=target)
