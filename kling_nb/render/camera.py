"""Camera moves as homographies, drawn from a softly outpainted canvas."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kling_nb.render.fields import membrane
from kling_nb.render.plan import CameraMove
from kling_nb.render.planes import Planes

Array = NDArray[Any]

MAX_SHIFT = 0.12
MAX_TURN = math.radians(8)
MAX_ROLL = math.radians(10)
ZOOM_BASE = 1.25
FOCAL = 1.0
_PRESETS = {
    "down_back": CameraMove(vertical=-6.0, zoom=6.0),
    "forward_up": CameraMove(zoom=-7.0, tilt=4.0),
    "right_turn_forward": CameraMove(pan=6.0, zoom=-6.0),
    "left_turn_forward": CameraMove(pan=-6.0, zoom=-6.0),
}
_TURN_FIRST = frozenset({"right_turn_forward", "left_turn_forward"})
_MARGIN = 0.4
_TEXTURE_SIGMA = 0.006
_TEXTURE_REACH = 0.08
_TEXTURE_LEVELS = 14.0
_MEMBRANE_SIDE = 240


def homography(move: CameraMove, amount: float, size: tuple[int, int]) -> Array:
    """Map a pixel of the first frame to its place after a share of a move.

    The picture's content moves opposite to the camera; a negative zoom makes it grow
    (``spec/official-api.md`` §6).  At value 10 a translation is 12 % of the side, a turn 8°, a roll
    10° and the zoom factor 1.25.

    Parameters
    ----------
    move
        The camera move.
    amount
        0 for none of it, 1 for all of it.
    size
        (width, height) in pixels.

    Returns
    -------
    ndarray
        (3, 3) float64.
    """
    if move.type != "simple":
        return _preset(move.type, amount, size)
    width, height = size
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    focal = FOCAL * max(size)
    share = amount / 10
    # y points down in the picture: the camera moving or looking up moves the content down.
    shift = np.array([-move.horizontal * width, move.vertical * height]) * MAX_SHIFT * share
    scale = ZOOM_BASE ** (-move.zoom * share)
    turn = _rotation(move.pan * MAX_TURN * share, move.tilt * MAX_TURN * share, move.roll * MAX_ROLL * share)
    lens = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1.0]])
    turned = lens @ turn @ np.linalg.inv(lens)
    zoomed = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])
    whole = _translation(centre) @ zoomed @ turned @ _translation(-centre)
    return np.asarray(whole / whole[2, 2])


def _preset(name: str, amount: float, size: tuple[int, int]) -> Array:
    move = _PRESETS.get(name)
    if move is None:
        raise ValueError(f"unknown camera type {name!r}")
    if name not in _TURN_FIRST:
        return homography(move, amount, size)
    turn = homography(CameraMove(pan=move.pan), _ramp(amount, 0.0, 0.6), size)
    forward = homography(CameraMove(zoom=move.zoom), _ramp(amount, 0.4, 1.0), size)
    return np.asarray(forward @ turn)


def _ramp(amount: float, start: float, end: float) -> float:
    """Rise smoothly from 0 to 1 between two amounts; a reversed move keeps its sign."""
    share = min(1.0, max(0.0, (abs(amount) - start) / (end - start)))
    return math.copysign(share * share * (3 - 2 * share), amount)


def _rotation(pan: float, tilt: float, roll: float) -> Array:
    """Rotate directions of view against a turn of the camera; z points into the picture, y down."""
    cp, sp, ct, st, cr, sr = (f(a) for a in (pan, tilt, roll) for f in (math.cos, math.sin))
    about_y = np.array([[cp, 0, -sp], [0, 1, 0], [sp, 0, cp]])
    about_x = np.array([[1, 0, 0], [0, ct, st], [0, -st, ct]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def _translation(by: Array) -> Array:
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1.0]])


def half_homography(matrix: Array) -> Array:
    """Carry a homography over to the chroma planes, whose pixels are twice as large."""
    to_full = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
    return np.asarray(np.linalg.inv(to_full) @ matrix @ to_full)


class Canvas:
    """A picture continued beyond its edges: its colours run on ever softer, its fine texture is mirrored.

    Mirroring the picture itself would show its objects twice; only what is finer than the blur is
    mirrored, and it fades with the distance.

    Parameters
    ----------
    picture
        The picture as planes.
    margin
        Width of the added border as a share of each side.
    """

    def __init__(self, picture: Planes, margin: float = _MARGIN) -> None:
        width, height = picture.size
        self._pad = (2 * round(margin * width / 2), 2 * round(margin * height / 2))
        self._planes = [
            _outpaint(plane, self._pad[0] // step, self._pad[1] // step)
            for plane, step in zip(picture.all, (1, 2, 2), strict=True)
        ]
        self._source = picture

    def draw(self, matrix: Array, out: Planes) -> None:
        """Draw the picture moved by a homography."""
        if np.allclose(matrix, np.eye(3), atol=1e-9):
            out.buffer[:] = self._source.buffer
            return
        for index, (canvas, target) in enumerate(zip(self._planes, out.all, strict=True)):
            step = 1 if index == 0 else 2
            local = matrix if index == 0 else half_homography(matrix)
            whole = local @ _translation(np.array([-self._pad[0] // step, -self._pad[1] // step]))
            cv2.warpPerspective(
                canvas,
                np.linalg.inv(whole),
                (target.shape[1], target.shape[0]),
                dst=target,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )


def _outpaint(plane: Array, pad_x: int, pad_y: int) -> Array:
    height, width = plane.shape
    sigma = _TEXTURE_SIGMA * max(width, height)
    soft = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101).astype(np.float32)
    texture = np.clip(plane.astype(np.float32) - soft, -_TEXTURE_LEVELS, _TEXTURE_LEVELS)
    border = (pad_y, pad_y, pad_x, pad_x)
    mirrored = cv2.copyMakeBorder(texture, *border, borderType=cv2.BORDER_REFLECT_101)
    fade = np.exp(-_outside(plane.shape, pad_x, pad_y) / (_TEXTURE_REACH * max(width, height)))
    canvas = _continued_colours(soft, pad_x, pad_y) + mirrored * fade
    finished: Array = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    finished[pad_y : pad_y + height, pad_x : pad_x + width] = plane
    return finished


def _outside(shape: tuple[int, ...], pad_x: int, pad_y: int) -> Array:
    """Distance of every canvas pixel to the picture."""
    height, width = shape
    xs = np.arange(width + 2 * pad_x, dtype=np.float32) - pad_x
    ys = np.arange(height + 2 * pad_y, dtype=np.float32) - pad_y
    beside = np.maximum(np.maximum(-xs, xs - (width - 1)), 0)
    above = np.maximum(np.maximum(-ys, ys - (height - 1)), 0)
    return np.asarray(np.hypot(beside[None, :], above[:, None]))


def _continued_colours(soft: Array, pad_x: int, pad_y: int) -> Array:
    """Continue a blurred plane by a membrane, at a coarse size, joined to the border's own values."""
    height, width = soft.shape
    whole = (width + 2 * pad_x, height + 2 * pad_y)
    factor = min(1.0, _MEMBRANE_SIDE / max(whole))
    size = (max(8, round(whole[0] * factor)), max(8, round(whole[1] * factor)))
    spread = cv2.copyMakeBorder(soft, pad_y, pad_y, pad_x, pad_x, borderType=cv2.BORDER_REPLICATE)
    inside = (_outside(soft.shape, pad_x, pad_y) == 0).astype(np.uint8)
    known = cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST)
    values = cv2.resize(spread, size, interpolation=cv2.INTER_AREA)
    inner = cv2.erode(known, np.ones((3, 3), np.uint8)).astype(np.bool_)
    coarse = membrane(values, inner)
    smooth = np.asarray(cv2.resize(coarse, whole, interpolation=cv2.INTER_CUBIC))
    near = np.clip(_outside(soft.shape, pad_x, pad_y) * factor / 2, 0, 1)
    return np.asarray(spread + (smooth - spread) * near)
