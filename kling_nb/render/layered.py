"""A whole object cut out, moved over the filled background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import membrane
from kling_nb.render.memory import Memory
from kling_nb.render.planes import Planes, half_size

Array = NDArray[Any]

_FEATHER = 1.6
_RAMP_PIXELS = 3.0
_HOLE_MARGIN = 0.008
_EDGE = 2
_COVER_STEPS = 32


@dataclass(slots=True, eq=False)
class _Sprite:
    """One plane of the cut-out within its bounding box, widened so that a small shift needs no border."""

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
    moves
        (F, 2) displacements in pixels over the clip.
    memory
        Keeps the cut-out for the next render.

    Attributes
    ----------
    hole
        (H, W) bool: the object with a margin for its soft edge and shadow.
    revealed
        (H, W) bool: the part of the hole that is uncovered at some time, and a little more: moving it
        slightly further needs no new background.
    """

    def __init__(self, picture: Array, mask: Array, moves: Array, memory: Memory | None = None) -> None:
        margin = max(3, round(_HOLE_MARGIN * max(mask.shape)))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
        self.hole = cv2.dilate(mask.astype(np.uint8), disc).astype(np.bool_)
        self.revealed = self.hole & ~_always_covered(mask, moves)
        pads = _pads(mask, moves)
        self._sprites = (memory or Memory()).get(
            "cut-out", (picture, mask, pads), lambda: _cut_out(picture, mask, pads)
        )
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


def _always_covered(mask: Array, moves: Array) -> Array:
    """Pixels the object covers wherever in the rectangle of all its displacements it stands."""
    core = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8))
    step = max(mask.shape) / _COVER_STEPS
    low = np.floor(np.minimum(moves.min(axis=0), 0) / step - 1e-9) * step
    high = np.ceil(np.maximum(moves.max(axis=0), 0) / step + 1e-9) * step
    left, top = (min(round(-float(v)), side) for v, side in zip(low, mask.shape[::-1], strict=True))
    right, bottom = (min(round(float(v)), side) for v, side in zip(high, mask.shape[::-1], strict=True))
    kernel = np.ones((top + bottom + 1, left + right + 1), np.uint8)
    return np.asarray(
        cv2.erode(core, kernel, anchor=(right, bottom), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    ).astype(np.bool_)


def _pads(mask: Array, moves: Array) -> tuple[int, int, int, int]:
    """Pixels (top, bottom, left, right, even) by which an object cut by the border must be continued."""
    (low_x, low_y), (high_x, high_y) = moves.min(axis=0), moves.max(axis=0)
    touches = (mask[0].any(), mask[-1].any(), mask[:, 0].any(), mask[:, -1].any())
    needed = (high_y, -low_y, high_x, -low_x)
    limits = (mask.shape[0], mask.shape[0], mask.shape[1], mask.shape[1])
    top, bottom, left, right = (
        2 * round(min(max(0.0, float(move)) + 4, limit - 2) / 2) if touching else 0
        for touching, move, limit in zip(touches, needed, limits, strict=True)
    )
    return top, bottom, left, right


def _cut_out(picture: Array, mask: Array, pads: tuple[int, int, int, int]) -> list[_Sprite]:
    """Return the object in colour and opacity, one sprite a plane."""
    wide_picture, wide_mask = _continued(picture, mask, pads)
    alpha = soft_matte(wide_mask)
    colour = Planes.from_rgb(_extend_colour(wide_picture, wide_mask))
    return _sprites(colour, alpha, _bounds(alpha > 0), (pads[2], pads[0]))


def _continued(picture: Array, mask: Array, pads: tuple[int, int, int, int]) -> tuple[Array, Array]:
    """Mirror a picture and its mask beyond the borders."""
    if not any(pads):
        return picture, mask
    wide = [
        cv2.copyMakeBorder(array, *pads, borderType=cv2.BORDER_REFLECT_101)
        for array in (picture, mask.astype(np.uint8))
    ]
    return wide[0], wide[1].astype(np.bool_)


def soft_matte(mask: Array) -> Array:
    """Opacity 0…1 of a cut-out: eroded by a pixel and feathered; a sliver is only feathered."""
    hard = mask.astype(np.uint8)
    eroded = cv2.erode(hard, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    body = eroded if eroded.any() else hard
    return np.asarray(cv2.GaussianBlur(body.astype(np.float32), (0, 0), _FEATHER))


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


def _sprites(
    colour: Planes, alpha: Array, box: tuple[int, int, int, int], outside: tuple[int, int]
) -> list[_Sprite]:
    top, bottom, left, right = box
    half = half_size(alpha)
    sprites = []
    for plane, opacity, step in ((colour.y, alpha, 1), (colour.u, half, 2), (colour.v, half, 2)):
        area = (slice(top // step, bottom // step), slice(left // step, right // step))
        origin = ((left - outside[0]) // step - _EDGE, (top - outside[1]) // step - _EDGE)
        edge = (_EDGE,) * 4
        pixels = cv2.copyMakeBorder(plane[area], *edge, borderType=cv2.BORDER_REPLICATE)
        matte = cv2.copyMakeBorder(opacity[area], *edge, borderType=cv2.BORDER_CONSTANT)
        sprites.append(_Sprite(np.asarray(pixels), np.asarray(matte), origin))
    return sprites


def _composite(target: Array, sprite: _Sprite, shift: tuple[float, float]) -> None:
    """Lay a sprite over a plane at a fractional place, in place."""
    x, y = sprite.origin[0] + shift[0], sprite.origin[1] + shift[1]
    whole_x, whole_y = int(np.floor(x)), int(np.floor(y))
    height, width = sprite.colour.shape
    left, top = max(0, -whole_x), max(0, -whole_y)
    right, bottom = min(width, target.shape[1] - whole_x), min(height, target.shape[0] - whole_y)
    if right <= left or bottom <= top:
        return
    part = (slice(top, bottom), slice(left, right))
    across, down = x - whole_x, y - whole_y
    # A shift is two one-dimensional filters: twice as quick as a general warp.
    colour = cv2.sepFilter2D(sprite.colour, -1, _cubic(across), _cubic(down), anchor=_CUBIC_ANCHOR)[part]
    alpha = cv2.sepFilter2D(sprite.alpha, -1, _linear(across), _linear(down), anchor=_LINEAR_ANCHOR)[part]
    region = target[whole_y + top : whole_y + bottom, whole_x + left : whole_x + right]
    alpha, colour = np.ascontiguousarray(alpha), np.ascontiguousarray(colour)
    region[:] = cv2.blendLinear(colour, np.ascontiguousarray(region), alpha, 1 - alpha)


# Where in the filters below the pixel itself stands.
_CUBIC_ANCHOR, _LINEAR_ANCHOR = (2, 2), (1, 1)
_SHARPNESS = -0.75


def _cubic(shift: float) -> Array:
    """Weights of the pixels at −2, −1, 0 and 1 for a shift of 0…1 to the right (Keys' cubic convolution)."""
    near, far = np.array([1 - shift, shift]), np.array([2 - shift, 1 + shift])
    inner = ((_SHARPNESS + 2) * near - (_SHARPNESS + 3)) * near * near + 1
    outer = ((_SHARPNESS * far - 5 * _SHARPNESS) * far + 8 * _SHARPNESS) * far - 4 * _SHARPNESS
    return np.array([outer[0], inner[0], inner[1], outer[1]], dtype=np.float32)


def _linear(shift: float) -> Array:
    return np.array([shift, 1 - shift], dtype=np.float32)
