"""Pixels as short text, for saved drawings and for code that rebuilds a brush."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Final

import numpy as np

from kling_nb.domain.coordinates import Size
from kling_nb.domain.runs import Runs
from kling_nb.errors import InputError

LINE: Final = 88
"""Characters of one line of packed text in code."""


def pack(region: Runs) -> str:
    """Return a region as Base64 text: each row holds what differs from the row above."""
    bits = region.bits()
    bits[1:] ^= bits[:-1].copy()
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes(), 9)).decode()


def unpack(size: Size, text: str) -> Runs:
    """Read what :func:`pack` wrote.

    Parameters
    ----------
    size
        (width, height) in pixels.
    text
        Base64; spaces and line breaks are ignored.

    Raises
    ------
    InputError
        Damaged text, or of a picture of another size.
    """
    width, height = size
    expected = (width * height + 7) // 8
    try:
        unzip = zlib.decompressobj()
        raw = unzip.decompress(base64.b64decode("".join(text.split()), validate=True), expected + 1)
    except (zlib.error, binascii.Error, ValueError) as error:
        raise _damaged(size) from error
    if min(size) < 1 or len(raw) != expected:
        raise _damaged(size)
    flat = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=width * height)
    return Runs.from_bits(np.logical_xor.accumulate(flat.reshape(height, width), axis=0))


def wrapped(text: str) -> str:
    """Return a Python literal of the text, broken into lines when it is long."""
    if len(text) <= LINE:
        return f'"{text}"'
    lines = "".join(f'\n    "{text[at : at + LINE]}"' for at in range(0, len(text), LINE))
    return f"{lines.removeprefix(chr(10) + '    ')}"


def _damaged(size: Size) -> InputError:
    return InputError(
        "A packed mask cannot be read.",
        f"The text is damaged, or is not of a {size[0]}x{size[1]} picture.",
        "Copy it again in full, or save the drawing again.",
    )
