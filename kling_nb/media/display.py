"""Small pictures for a page: the visible part of a large picture, and flat colours with a palette."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kling_nb.media.images import decode_image

JPEG_QUALITY = 88
WORKING_SIDE = 2048
"""Longest side in pixels of the copy that larger views are cut from while the whole picture is shown."""

PALETTE_EFFORT = 6


class Viewer:
    """One picture, shown in parts.

    Parameters
    ----------
    data
        JPEG or PNG bytes.
    """

    def __init__(self, data: bytes) -> None:
        self.pixels: NDArray[np.uint8] = decode_image(data)
        self._full = Image.fromarray(self.pixels)
        factor = max(self._full.size) / WORKING_SIDE
        small = (max(1, round(self._full.width / factor)), max(1, round(self._full.height / factor)))
        self._small = self._full.resize(small, Image.Resampling.BOX) if factor > 1 else self._full

    def jpeg(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> bytes:
        """Return a part of the picture, scaled.

        Parameters
        ----------
        box
            Left, top, right, bottom in pixels between the pixels' borders; what lies outside is grey.
        size
            (width, height) of the result in pixels.
        """
        width, height = self._full.size
        left, top, right, bottom = max(0.0, box[0]), max(0.0, box[1]), min(width, box[2]), min(height, box[3])
        if right - left < 1e-6 or bottom - top < 1e-6:
            return self._encode(Image.new("RGB", size, (128, 128, 128)))
        scale = (size[0] / (box[2] - box[0]), size[1] / (box[3] - box[1]))
        place = (round((left - box[0]) * scale[0]), round((top - box[1]) * scale[1]))
        end = (round((right - box[0]) * scale[0]), round((bottom - box[1]) * scale[1]))
        inner = (max(1, end[0] - place[0]), max(1, end[1] - place[1]))
        part = self._cut((left, top, right, bottom), inner)
        if inner == size:
            return self._encode(part)
        sheet = Image.new("RGB", size, (128, 128, 128))
        sheet.paste(part, place)
        return self._encode(sheet)

    def thumbnail(self, overlay: bytes, long_side: int) -> bytes:
        """Return a small JPEG of the whole picture under a transparent PNG of the same ratio.

        Parameters
        ----------
        overlay
            PNG with transparency, of any size; empty bytes lay nothing over the picture.
        long_side
            Pixels of the longer side.
        """
        small = self._small.copy()
        small.thumbnail((long_side, long_side))
        if overlay:
            above = Image.open(io.BytesIO(overlay)).convert("RGBA").resize(small.size)
            small.paste(above, (0, 0), above)
        return self._encode(small)

    def _cut(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
        shrink = self._small.size[0] / self._full.size[0]
        # The reduced copy has all there is to see as long as it is not enlarged.
        source = self._small if size[0] <= (box[2] - box[0]) * shrink else self._full
        share = (source.size[0] / self._full.size[0], source.size[1] / self._full.size[1])
        there = (box[0] * share[0], box[1] * share[1], box[2] * share[0], box[3] * share[1])
        enlarged = size[0] > there[2] - there[0]
        # Enlarged, single pixels shall be seen, not a blur.
        how = Image.Resampling.NEAREST if size[0] > 6 * (there[2] - there[0]) else Image.Resampling.BICUBIC
        return source.resize(size, how if enlarged else Image.Resampling.BOX, box=there)

    @staticmethod
    def _encode(picture: Image.Image) -> bytes:
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=JPEG_QUALITY)
        return target.getvalue()


def palette_png(index: NDArray[np.uint8], palette: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Write flat colours as a PNG with a palette.

    Parameters
    ----------
    index
        (H, W) entry of the palette each pixel shows.
    palette
        Red, green, blue, opacity, 0 to 255 each.
    """
    picture = Image.fromarray(index, mode="P")
    picture.putpalette([value for entry in palette for value in entry[:3]])
    target = io.BytesIO()
    picture.save(
        target, "PNG", transparency=bytes(entry[3] for entry in palette), compress_level=PALETTE_EFFORT
    )
    return target.getvalue()
