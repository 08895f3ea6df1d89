"""What a JPEG or PNG file says about itself, read without decoding a pixel."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
_EXIF_PREFIX = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112
_SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN = 0xDA


class BrokenHeaderError(ValueError):
    """The file ends early or its structure is damaged; the text says where."""


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of one JPEG or PNG file.

    Parameters
    ----------
    format
        ``"JPEG"`` or ``"PNG"``.
    width, height
        Stored pixels, before any EXIF rotation.
    orientation
        EXIF orientation 1 to 8; 1 means upright.
    obstacles
        Why the bytes cannot be sent as they are (``spec/official-api.md`` §4.2), empty when they can.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    obstacles: tuple[str, ...] = ()


def read_header(data: bytes) -> Header | None:
    """Read the header of a JPEG or PNG and check that the file is whole.

    Parameters
    ----------
    data
        The complete file.

    Returns
    -------
    Header or None
        None when the bytes are neither JPEG nor PNG.

    Raises
    ------
    BrokenHeaderError
        The file is cut off or structurally damaged.
    """
    if data.startswith(PNG_SIGNATURE):
        return _read_png(data)
    if data.startswith(JPEG_START):
        return _read_jpeg(data)
    return None


def _read_png(data: bytes) -> Header:
    position = len(PNG_SIGNATURE)
    ihdr = b""
    obstacles: list[str] = []
    orientation = 1
    view = memoryview(data)
    has_pixels = False
    while True:
        if position + 12 > len(data):
            raise BrokenHeaderError("the PNG file ends before its end mark")
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        body_end = position + 8 + length
        if body_end + 4 > len(data):
            raise BrokenHeaderError("the PNG file ends in the middle of its data")
        (stored,) = struct.unpack_from(">I", data, body_end)
        if zlib.crc32(view[position + 4 : body_end]) != stored:
            raise BrokenHeaderError(f"the checksum of the PNG part {kind.decode('latin-1')!r} is wrong")
        if kind == b"IHDR":
            ihdr = data[position + 8 : body_end]
        elif kind == b"tRNS":
            obstacles.append("transparency")
        elif kind == b"acTL":
            obstacles.append("animation")
        elif kind == b"eXIf":
            orientation = _orientation(data[position + 8 : body_end])
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            break
        position = body_end + 4
    if len(ihdr) != 13 or not has_pixels:
        raise BrokenHeaderError("the PNG file holds no picture")
    width, height, depth, colour = struct.unpack_from(">IIBB", ihdr)
    obstacles += _png_obstacles(depth, colour)
    return Header("PNG", width, height, orientation, tuple(dict.fromkeys(obstacles)))


def _png_obstacles(depth: int, colour: int) -> list[str]:
    found = []
    if depth == 16:
        found.append("16-bit samples")
    elif depth < 8 and colour != 3:
        found.append(f"{depth}-bit samples")
    if colour == 3:
        found.append("a palette")
    if colour in {4, 6}:
        found.append("transparency")
    return found


def _read_jpeg(data: bytes) -> Header:
    position = 2
    orientation = 1
    frame: tuple[int, int, int, int] | None = None
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 4 > len(data):
            raise BrokenHeaderError("the JPEG file ends inside its header")
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE_MARKERS:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if marker in _SOF_MARKERS and len(body) >= 6:
            depth, height, width, components = struct.unpack_from(">BHHB", body)
            frame = (width, height, depth, components)
        elif marker == 0xE1 and body.startswith(_EXIF_PREFIX):
            orientation = _orientation(body[len(_EXIF_PREFIX) :])
        elif marker == _START_OF_SCAN:
            break
        position += 2 + length
    if frame is None:
        raise BrokenHeaderError("the JPEG file names no size")
    if data.rfind(b"\xff\xd9", position) < 0:
        raise BrokenHeaderError("the JPEG file ends before its end mark")
    width, height, depth, components = frame
    obstacles = []
    if components == 4:
        obstacles.append("CMYK colours")
    if depth != 8:
        obstacles.append(f"{depth}-bit samples")
    return Header("JPEG", width, height, orientation, tuple(obstacles))


def _orientation(tiff: bytes) -> int:
    """Return the orientation stored in a TIFF block; damaged EXIF counts as upright."""
    if len(tiff) < 14 or tiff[:2] not in (b"II", b"MM"):
        return 1
    order = "<" if tiff[:2] == b"II" else ">"
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    if offset + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    for index in range(count):
        start = offset + 2 + 12 * index
        if start + 12 > len(tiff):
            break
        tag, kind = struct.unpack_from(order + "HH", tiff, start)
        if tag == _ORIENTATION_TAG and kind == 3:
            (value,) = struct.unpack_from(order + "H", tiff, start + 8)
            return int(value) if 1 <= value <= 8 else 1
    return 1
