"""A whole object cut out, moved over the filled background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import membrane
from kling_nb.render.planes import Planes, half_size

Array = NDArray[Any]

_FEATHER = 1.6
_RAMP_PIXELS = 3.0


@dataclass(slots=True, eq=False)
class _Sprite:
    """One plane of the cut-out within its bounding box."""

    colour: Array
    alpha: Array
    origin: tuple[int, int]


class Layer:
    """One cut-out object and the background behind it.

    Parameters
    ----------
    picture
        The start picture, RGB, at the video's size.
    mask
        (H, W) bool.
    """

    def __init__(self, picture: Array, source: Planes, mask: Array) -> None:
        self.hole = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
        alpha = soft_matte(mask)
        colour = Planes.from_rgb(_extend_colour(picture, mask))
        box = _bounds(alpha > 0)
        self._sprites = _sprites(colour, alpha, box)
        self._source = source
        top, bottom, left, right = _bounds(self.hole)
        self._area = (slice(top, bottom), slice(left, right))
        self._area_half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))

    def reveal(self, plate: Planes, filled: Planes, ramp: float) -> None:
        """Blend the filled background into a picture where the object was, in place."""
        for index, (target, fresh) in enumerate(zip(plate.all, filled.all, strict=True)):
            area = self._area if index == 0 else self._area_half
            target[area] = cv2.addWeighted(
                np.ascontiguousarray(target[area]), 1 - ramp, np.ascontiguousarray(fresh[area]), ramp, 0
            )

    def ramp(self, displacement: Array) -> float:
        """How far the filled background has replaced the original: 0 at rest, 1 a few pixels away."""
        share = min(1.0, float(np.hypot(*displacement)) / _RAMP_PIXELS)
        return share * share * (3 - 2 * share)

    def draw(self, out: Planes, displacement: Array) -> None:
        """Composite the object at its place over a frame, in place."""
        if not np.any(displacement):
            return
        for index, (sprite, target) in enumerate(zip(self._sprites, out.all, strict=True)):
            step = 1.0 if index == 0 else 0.5
            _composite(target, sprite, (float(displacement[0]) * step, float(displacement[1]) * step))


def soft_matte(mask: Array) -> Array:
    """Opacity 0…1 of a cut-out: eroded by a pixel and feathered."""
    hard = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(hard.astype(np.float32), (0, 0), _FEATHER))


def _extend_colour(picture: Array, mask: Array) -> Array:
    """Continue the object's colour beyond its outline, so that the feather shows no background."""
    core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    if not core.any():
        return picture
    near = cv2.dilate(mask.astype(np.uint8), np.ones((13, 13), np.uint8)).astype(np.bool_)
    top, bottom, left, right = _bounds(near)
    region = (slice(top, bottom), slice(left, right))
    extended = picture.copy()
    smooth = membrane(picture[region].astype(np.float32), core[region])
    extended[region] = np.where(
        core[region][:, :, None], picture[region], np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    )
    return extended


def _bounds(mask: Array) -> tuple[int, int, int, int]:
    """Rows and columns a mask occupies, widened to even pixels: top, bottom, left, right."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        int(rows[0]) // 2 * 2,
        min(height, (int(rows[-1]) + 2) // 2 * 2),
        int(columns[0]) // 2 * 2,
        min(width, (int(columns[-1]) + 2) // 2 * 2),
    )


def _sprites(colour: Planes, alpha: Array, box: tuple[int, int, int, int]) -> list[_Sprite]:
    top, bottom, left, right = box
    half = half_size(alpha)
    full = (slice(top, bottom), slice(left, right))
    small = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
    return [
        _Sprite(np.ascontiguousarray(colour.y[full]), np.ascontiguousarray(alpha[full]), (left, top)),
        *(
            _Sprite(
                np.ascontiguousarray(plane[small]), np.ascontiguousarray(half[small]), (left // 2, top // 2)
            )
            for plane in (colour.u, colour.v)
        ),
    ]


def _composite(target: Array, sprite: _Sprite, shift: tuple[float, float]) -> None:
    x, y = sprite.origin[0] + shift[0], sprite.origin[1] + shift[1]
    height, width = sprite.colour.shape
    left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
    right, bottom = (
        min(target.shape[1], int(np.ceil(x)) + width),
        min(target.shape[0], int(np.ceil(y)) + height),
    )
    if right <= left or bottom <= top:
        return
    move = np.array([[1.0, 0.0, x - left], [0.0, 1.0, y - top]])
    size = (right - left, bottom - top)
    colour = cv2.warpAffine(sprite.colour, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.asarray(cv2.warpAffine(sprite.alpha, move, size, flags=cv2.INTER_LINEAR))
    region = target[top:bottom, left:right]
    cv2.blendLinear(colour, np.ascontiguousarray(region), alpha, 1 - alpha, dst=colour)
    region[:] = colour
