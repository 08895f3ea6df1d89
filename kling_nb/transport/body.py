"""Reading the body of an answer within bounds, unpacking included."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 32_000_000
"""The largest answers, pages of 500 tasks, have about one million."""

_PACKINGS = {"gzip", "x-gzip", "deflate"}
_ANY_HEADER = 47
"""What zlib calls "gzip or zlib, whichever it is"."""


class UnusableBodyError(Exception):
    """The body is too large or cannot be unpacked; the text says which."""


async def read_body(response: httpx.Response, limit: int = MAX_ANSWER_BYTES) -> bytes:
    """Return the body, unpacked.

    A few kilobytes can unpack to gigabytes, so the limit holds for what comes out, and unpacking stops there.

    Parameters
    ----------
    response
        An answer whose body has not been read.
    limit
        Most bytes, packed and unpacked.

    Raises
    ------
    UnusableBodyError
        Larger, broken, or packed in a way nobody asked for.
    """
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in {"", "identity", *_PACKINGS}:
        raise UnusableBodyError(f"it is packed in a way nobody asked for ({packing[:40]!r})")
    if _announced(response) > limit:
        raise _too_large(limit)
    unpacker = zlib.decompressobj(_ANY_HEADER) if packing in _PACKINGS else None
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece if unpacker is None else _unpacked(unpacker, piece, limit - len(body) + 1)
        if len(body) > limit:
            raise _too_large(limit)
    if unpacker is not None and body and not unpacker.eof:
        raise UnusableBodyError("its packing ends too early")
    return bytes(body)


def _unpacked(unpacker: zlib._Decompress, piece: bytes, room: int) -> bytes:
    try:
        return unpacker.decompress(piece, room)
    except zlib.error:
        raise UnusableBodyError("its packing is broken") from None


def _announced(response: httpx.Response) -> int:
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _too_large(limit: int) -> UnusableBodyError:
    return UnusableBodyError(f"it is larger than {limit / 1e6:.0f} MB")
