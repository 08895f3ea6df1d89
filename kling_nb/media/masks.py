"""Masks in and out, by ``spec/official-api.md`` §5.5: white is selected, black is the rest."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kling_nb.domain.images import ImageRef
from kling_nb.errors import MediaError
from kling_nb.media.header import PNG_SIGNATURE
from kling_nb.media.images import decode_image, picture_from_array
from kling_nb.media.sources import open_source

THRESHOLD = 128


def load_mask(source: Any) -> NDArray[np.bool_]:
    """Read a mask: alpha ≥ 128 where the picture has alpha, else luminance ≥ 128.

    Parameters
    ----------
    source
        Path, bytes, ``data:`` URI, Base64 text, Pillow picture, `ImageRef` or array.  Arrays of bool are
        taken as they are; arrays whose largest value is 1 are selected where they are at least 0.5.

    Returns
    -------
    ndarray
        (H, W) bool, True where selected.

    Raises
    ------
    MediaError
        Not readable, no picture, or a URL (a mask must be at hand to be shown and checked).
    """
    if isinstance(source, ImageRef):
        source = source.data if source.data is not None else source.url
    opened = open_source(source)
    if opened.url is not None:
        raise MediaError(
            "A mask at a URL cannot be read here.",
            f"{opened.url} would have to be downloaded first.",
            "Download it and give the path.",
        )
    if opened.array is not None:
        return _from_array(opened.array)
    if opened.picture is not None:
        return _from_picture(ImageOps.exif_transpose(opened.picture))
    assert opened.data is not None
    decode_image(opened.data)
    return _from_picture(ImageOps.exif_transpose(Image.open(io.BytesIO(opened.data))))


def _from_array(array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype == np.bool_ and array.ndim == 2 and array.size:
        return array
    if array.ndim == 2 and array.size and array.dtype.kind in "iuf" and 0 < array.max() <= 1:
        return array >= 0.5
    return _from_picture(picture_from_array(array, "mask"))


def _from_picture(picture: Image.Image) -> NDArray[np.bool_]:
    if picture.has_transparency_data:
        return np.asarray(picture.convert("RGBA").getchannel("A")) >= THRESHOLD
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        return values >= (THRESHOLD << 8 if values.max(initial=0) > 255 else THRESHOLD)
    return np.asarray(picture.convert("L")) >= THRESHOLD


def mask_to_png(mask: NDArray[np.bool_], size: tuple[int, int] | None = None) -> bytes:
    """Write a mask as 8-bit RGB PNG, white on black, hard edges.

    Parameters
    ----------
    mask
        (H, W) bool.
    size
        (width, height) to scale to with nearest neighbour; None keeps the size.

    Returns
    -------
    bytes
        A PNG file of three equal 8-bit channels without alpha.
    """
    selected = np.ascontiguousarray(mask, dtype=np.bool_)
    if size is not None and size != (selected.shape[1], selected.shape[0]):
        selected = _resize_nearest(selected, size)
    height, width = selected.shape
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        PNG_SIGNATURE
        + _chunk(b"IHDR", ihdr)
        + _chunk(b"IDAT", _deflate_rows(selected))
        + _chunk(b"IEND", b"")
    )


def _resize_nearest(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    width, height = size
    rows = (np.arange(height) * 2 + 1) * mask.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * mask.shape[1] // (2 * width)
    resized: NDArray[np.bool_] = mask[rows[:, None], columns[None, :]]
    return resized


def _deflate_rows(mask: NDArray[np.bool_]) -> bytes:
    """Deflate the picture: rows equal to the row above become zeros, which cost almost nothing."""
    height, width = mask.shape
    changed = np.ones(height, dtype=np.bool_)
    changed[1:] = (mask[1:] != mask[:-1]).any(axis=1)
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[~changed, 0] = 2
    rows[changed, 1:] = np.repeat(mask[changed].view(np.uint8) * np.uint8(255), 3, axis=1)
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return packer.compress(rows.data) + packer.flush()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
