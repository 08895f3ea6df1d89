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
        displace(source, out, self._inverse * self._cell)


def displace(source: Planes, out: Planes, backward: Array) -> None:
    """Draw a picture displaced by a coarse backward field.

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
    width, height = source.size
    left, top, right, bottom = _reach(moving, (width, height))
    field = _enlarged(backward, (width, height), (left, top, right, bottom))
    for step in (1, 2):
        area = (slice(top // step, bottom // step), slice(left // step, right // step))
        grid = identity_grid(width // step, height // step)[area]
        size = (area[1].stop - area[1].start, area[0].stop - area[0].start)
        local = field if step == 1 else cv2.resize(field, size, interpolation=cv2.INTER_AREA)
        where = cv2.scaleAdd(local, -1.0 / step, grid)
        pairs = [(source.y, out.y)] if step == 1 else [(source.u, out.u), (source.v, out.v)]
        for plane, target in pairs:
            target[area] = sample(plane, where)


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


def _enlarged(field: Array, size: tuple[int, int], box: tuple[int, int, int, int]) -> Array:
    """Enlarge a coarse field, for a rectangle of the picture only."""
    scale_x, scale_y = field.shape[1] / size[0], field.shape[0] / size[1]
    left, top, right, bottom = box
    # Pixel centres of the rectangle in cells of the coarse field.
    place = np.array(
        [
            [scale_x, 0, (left + 0.5) * scale_x - 0.5],
            [0, scale_y, (top + 0.5) * scale_y - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shape = (right - left, bottom - top)
    return np.asarray(cv2.warpAffine(field, place, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE))
