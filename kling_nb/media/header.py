"""What a JPEG or PNG file says about itself, read without decoding a pixel."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
_EXIF_PREFIX = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112
_SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_OBSTACLES = {b"tRNS": "transparency", b"acTL": "animation"}
_PACKED_TEXTS = frozenset({b"zTXt", b"iTXt", b"iCCP"})
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""(left, top, step right, step down) of the passes of an interlaced PNG."""
MAX_PIXELS = 100_000_000
MAX_PARTS = 100_000
MAX_TEXT_BYTES = 1_000_000
"""Most bytes of hidden texts and profile, unpacked; more is a bomb, and decoders refuse it."""


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
    surplus
        (start, end) of what is no part of the picture: bytes behind its end, oversized hidden texts.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    obstacles: tuple[str, ...] = ()
    surplus: tuple[tuple[int, int], ...] = ()

    def without_surplus(self, data: bytes) -> bytes:
        """Return the file without what is no part of the picture."""
        kept, position = [], 0
        for start, end in self.surplus:
            kept.append(data[position:start])
            position = end
        return b"".join([*kept, data[position:]]) if kept else data


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


def _png_parts(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of every part, checked, up to the end mark."""
    position = len(PNG_SIGNATURE)
    view = memoryview(data)
    for _ in range(MAX_PARTS):
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
        yield kind, position, body_end + 4
        position = body_end + 4
        if kind == b"IEND":
            return
    raise BrokenHeaderError(f"the PNG file has more than {MAX_PARTS} parts")


def _read_png(data: bytes) -> Header:
    ihdr = b""
    obstacles: list[str] = []
    surplus: list[tuple[int, int]] = []
    pixels: list[memoryview] = []
    orientation, texts, end = 1, 0, 0
    for kind, start, end in _png_parts(data):
        body = slice(start + 8, end - 4)
        if kind in _PNG_OBSTACLES:
            obstacles.append(_PNG_OBSTACLES[kind])
        elif kind == b"IHDR":
            ihdr = data[body]
        elif kind == b"eXIf":
            orientation = _orientation(data[body])
        elif kind == b"IDAT":
            pixels.append(memoryview(data)[body])
        elif kind in _PACKED_TEXTS:
            texts += _text_length(kind, data[body])
            if texts > MAX_TEXT_BYTES:
                surplus.append((start, end))
    if len(ihdr) != 13 or not pixels:
        raise BrokenHeaderError("the PNG file holds no picture")
    width, height, depth, colour = struct.unpack_from(">IIBB", ihdr)
    obstacles += _png_obstacles(depth, colour)
    # What is too large is refused by its size, before anything is unpacked.
    if 0 < width * height <= MAX_PIXELS and _has_more_pixels(pixels, ihdr):
        obstacles.append("surplus data")
    if end < len(data):
        surplus.append((end, len(data)))
    return Header("PNG", width, height, orientation, tuple(dict.fromkeys(obstacles)), tuple(surplus))


def _has_more_pixels(pixels: list[memoryview], ihdr: bytes) -> bool:
    """Unpack the pixels without keeping them; return whether there are more than the picture has.

    Raises
    ------
    BrokenHeaderError
        They cannot be unpacked, or there are fewer.
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", ihdr)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    wanted = sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 < rows)
    unpacker, got = zlib.decompressobj(), 0
    try:
        for piece in pixels:
            rest: bytes | memoryview = piece
            while len(rest) and got <= wanted:
                got += len(unpacker.decompress(rest, 1 << 20))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        raise BrokenHeaderError("the pixels of the PNG file cannot be unpacked") from None
    if got < wanted:
        raise BrokenHeaderError(f"the PNG file holds {got} of {wanted} bytes of pixels")
    return bool(got > wanted)


def _text_length(kind: bytes, body: bytes) -> int:
    """Return how long the packed text of a part becomes; nothing is unpacked beyond `MAX_TEXT_BYTES`."""
    _name, _, rest = body.partition(b"\0")
    if kind != b"iTXt":
        packed = rest[1:]  # behind the method
    elif rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]  # behind flag, method, language and translated name
    else:
        return 0
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_TEXT_BYTES + 1))
    except zlib.error:
        return 0


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
    for _ in range(MAX_PARTS):
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
    else:
        raise BrokenHeaderError(f"the JPEG file has more than {MAX_PARTS} parts")
    if frame is None:
        raise BrokenHeaderError("the JPEG file names no size")
    end = _jpeg_end(data, position)
    width, height, depth, components = frame
    obstacles = []
    if components == 4:
        obstacles.append("CMYK colours")
    if depth != 8:
        obstacles.append(f"{depth}-bit samples")
    surplus = ((end, len(data)),) if end < len(data) else ()
    return Header("JPEG", width, height, orientation, tuple(obstacles), surplus)


def _jpeg_end(data: bytes, position: int) -> int:
    """Return where the picture ends: phones and forgers put more behind it, a film or a page.

    Parameters
    ----------
    position
        Of the first scan.
    """
    for _ in range(MAX_PARTS):
        found = _MARKER_IN_SCAN.search(data, position + 2)
        if found is None:
            break
        position = found.start()
        marker = data[position + 1]
        if marker == _END_OF_IMAGE:
            return position + 2
        if position + 4 > len(data):
            break
        if marker not in _STANDALONE_MARKERS:
            # The header of the next scan, or tables before it: their content may hold anything.
            position += struct.unpack_from(">H", data, position + 2)[0]
    raise BrokenHeaderError("the JPEG file ends before its end mark")


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
