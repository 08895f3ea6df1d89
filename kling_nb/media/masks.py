"""Masks in and out, by ``spec/official-api.md`` §5.5: white is selected, black is the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kling_nb.domain.images import ImageRef
from kling_nb.domain.mask import resize_nearest
from kling_nb.domain.runs import Runs
from kling_nb.errors import MediaError
from kling_nb.media.images import decoded_picture, picture_from_array
from kling_nb.media.maskpng import runs_to_png
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
    return _from_picture(decoded_picture(opened.data, "The mask"))


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


def mask_to_png(mask: NDArray[np.bool_] | Runs, size: tuple[int, int] | None = None) -> bytes:
    """Write a mask as 8-bit RGB PNG, white on black, hard edges.

    Parameters
    ----------
    mask
        (H, W) bool, or its runs.
    size
        (width, height) to scale to with nearest neighbour; None keeps the size.

    Returns
    -------
    bytes
        A PNG file of three equal 8-bit channels without alpha.
    """
    runs = mask if isinstance(mask, Runs) else Runs.from_bits(mask)
    if size is not None and size != runs.size:
        runs = Runs.from_bits(resize_nearest(runs.bits(), size))
    return runs_to_png(runs)
