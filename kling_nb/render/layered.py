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
_HOLE_MARGIN = 0.008


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
    moves
        (F, 2) displacements in pixels over the clip.

    Attributes
    ----------
    hole
        (H, W) bool: the object with a margin for its soft edge and shadow.
    revealed
        (H, W) bool: the part of the hole that is uncovered at some time.
    """

    def __init__(self, picture: Array, mask: Array, moves: Array) -> None:
        margin = max(3, round(_HOLE_MARGIN * max(mask.shape)))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
        self.hole = cv2.dilate(mask.astype(np.uint8), disc).astype(np.bool_)
        self.revealed = self.hole & ~_always_covered(mask, moves)
        pads = _pads(mask, moves)
        wide_picture, wide_mask = _continued(picture, mask, pads)
        alpha = soft_matte(wide_mask)
        colour = Planes.from_rgb(_extend_colour(wide_picture, wide_mask))
        self._sprites = _sprites(colour, alpha, _bounds(alpha > 0), (pads[2], pads[0]))
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
    """Pixels the object covers in every frame."""
    core = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8))
    covered = core.astype(np.bool_)
    size = (mask.shape[1], mask.shape[0])
    steps = np.unique(np.linspace(0, len(moves) - 1, min(len(moves), 24)).astype(int))
    for x, y in moves[steps]:
        shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
        covered &= cv2.warpAffine(core, shift, size, flags=cv2.INTER_NEAREST).astype(np.bool_)
    return covered


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
        origin = ((left - outside[0]) // step, (top - outside[1]) // step)
        pixels = np.ascontiguousarray(plane[area])
        sprites.append(_Sprite(pixels, np.ascontiguousarray(opacity[area]), origin))
    return sprites


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
