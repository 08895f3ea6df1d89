"""The label on every frame: small, readable, in a known place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kling_nb.render.planes import NEUTRAL, Planes, half_size

Array = NDArray[Any]
Box = tuple[int, int, int, int]

MIN_TEXT_HEIGHT = 0.03
_TEXT_LUMA, _BACK_LUMA, _BACK_OPACITY = 235, 16, 0.55
_FREE_SHARE = 0.001


class Label:
    """Text in a dark rounded box, placed in a corner the static mask leaves free.

    The capitals are at least 3 % of the picture's height.  Corners are tried in the order bottom right,
    bottom left, top right, top left; when the static mask covers all of them, the least covered one
    is taken.

    Parameters
    ----------
    text
        What to write; too long a text is broken at its spaces.
    size
        (width, height) of the video.
    avoid
        (height, width) bool of the static mask, or None.
    scale
        1 is 3 % of the height.
    """

    def __init__(
        self, text: str, size: tuple[int, int], avoid: Array | None = None, scale: float = 1.0
    ) -> None:
        alpha = _text_alpha(text, size, scale)
        height, width = alpha.shape
        self.box = _free_corner((width, height), size, avoid)
        opacity = np.maximum(alpha, _BACK_OPACITY * _rounded_box(width, height))
        shade = _BACK_LUMA + (_TEXT_LUMA - _BACK_LUMA) * alpha
        self._keep = (256 * (1 - opacity)).astype(np.uint16)
        self._ink = (256 * opacity * shade + 128).astype(np.uint16)
        chroma = half_size(opacity.astype(np.float32))
        self._keep_chroma = (256 * (1 - chroma)).astype(np.uint16)
        self._ink_chroma = (256 * chroma * NEUTRAL + 128).astype(np.uint16)

    def draw(self, planes: Planes) -> None:
        """Draw onto a frame, in place."""
        x, y, width, height = self.box
        _mix(planes.y[y : y + height, x : x + width], self._keep, self._ink)
        rows, columns = slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2)
        for plane in (planes.u, planes.v):
            _mix(plane[rows, columns], self._keep_chroma, self._ink_chroma)


def _mix(target: Array, keep: Array, ink: Array) -> None:
    target[:] = (target * keep + ink) >> 8


def _text_alpha(text: str, size: tuple[int, int], scale: float) -> Array:
    """Render the text as opacity 0…1; the array has even sides."""
    width, height = size
    wanted = max(7.0, MIN_TEXT_HEIGHT * height) * scale
    font = _font_for(wanted)
    lines = _fit(text, font, 0.94 * width - 2 * wanted)
    gap, pad = round(0.45 * wanted), round(0.6 * wanted)
    boxes = [font.getbbox(line) for line in lines]
    cap = font.getbbox("H")
    line_height = round(cap[3] - cap[1])
    across = min(width, 2 * pad + round(max(b[2] - b[0] for b in boxes)))
    down = min(height, 2 * pad + line_height * len(lines) + gap * (len(lines) - 1))
    canvas = Image.new("L", (across + across % 2, down + down % 2), 0)
    draw = ImageDraw.Draw(canvas)
    for row, (line, bounds) in enumerate(zip(lines, boxes, strict=True)):
        draw.text((pad - bounds[0], pad + row * (line_height + gap) - cap[1]), line, fill=255, font=font)
    return np.asarray(canvas, dtype=np.float32) / 255


def _font_for(cap_height: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    size = 1.35 * cap_height
    for _ in range(12):
        font = ImageFont.load_default(size)
        box = font.getbbox("H")
        if box[3] - box[1] >= cap_height:
            break
        size *= 1.04
    return font


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _rounded_box(width: int, height: int) -> Array:
    canvas = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(canvas).rounded_rectangle(
        (0, 0, width * 2 - 1, height * 2 - 1), radius=height // 2, fill=255
    )
    return np.asarray(canvas.resize((width, height)), dtype=np.float32) / 255


def _free_corner(box: tuple[int, int], size: tuple[int, int], avoid: Array | None) -> Box:
    width, height = box
    margin = 2 * max(1, round(min(size) * 0.01))
    left = min(margin, (size[0] - width) // 2)
    top = min(margin, (size[1] - height) // 2)
    right, bottom = size[0] - width - left, size[1] - height - top
    corners = [(right, bottom), (left, bottom), (right, top), (left, top)]
    places = [(x - x % 2, y - y % 2, width, height) for x, y in corners]
    if avoid is None:
        return places[0]
    covered = [float(avoid[y : y + h, x : x + w].mean()) for x, y, w, h in places]
    for place, share in zip(places, covered, strict=True):
        if share <= _FREE_SHARE:
            return place
    return places[int(np.argmin(covered))]
