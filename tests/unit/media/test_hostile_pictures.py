"""Pictures that mean harm or are merely odd: the right picture with a note, or three lines; in bounds."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kling_nb import media
from kling_nb.errors import MediaError
from kling_nb.media import header as headers

RNG = np.random.default_rng(5)
SMOOTH = cv2.resize(RNG.integers(0, 255, (4, 5, 3), np.uint8), (400, 320), interpolation=cv2.INTER_CUBIC)
PICTURE = Image.fromarray(SMOOTH)


def part(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels, size=(400, 320), colour=2, extra=b"", interlaced=0):
    head = part(b"IHDR", struct.pack(">IIBBBBB", *size, 8, colour, 0, 0, interlaced))
    return headers.PNG_SIGNATURE + head + extra + part(b"IDAT", pixels) + part(b"IEND", b"")


def saved(kind, picture=PICTURE, **options):
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def tiff_claiming(side):
    tags = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, side), (279, 4, 10)]
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + b"\0\0\0\0"


ROWS = zlib.compress(b"\0" * (320 * 1201))
JPEG, PNG = saved("JPEG"), saved("PNG")
ANIMATED = [Image.fromarray(np.roll(SMOOTH, step * 40, axis=1)) for step in range(3)]
FRAMES = {"picture": ANIMATED[0], "save_all": True, "append_images": ANIMATED[1:]}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ENTROPY = JPEG[JPEG.index(b"\xff\xda") :]

REFUSED = {
    "PNG of 60000 x 60000": (png(zlib.compress(bytes(1000)), (60000, 60000)), "unreasonably large"),
    "JPEG of 65535 x 65535": (
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01" + ENTROPY,
        "unreasonably large",
    ),
    "GIF of 65535 x 65535": (
        b"GIF89a\xff\xff\xff\xff\x80\0\0"
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
        + b"\x02\x02D\x01\0;",
        "unreasonably large",
    ),
    "TIFF of 100000 x 100000": (tiff_claiming(100_000), "unreasonably large"),
    "no pixels at all": (png(zlib.compress(b""), (0, 0)), "broken"),
    "no bytes": (b"", "no bytes"),
    "pixels that are no pixels": (png(b"garbage"), "cannot be unpacked"),
    "too few pixels": (png(zlib.compress(bytes(1000))), "1000 of 384320"),
    "a thousand parts": (png(ROWS, extra=part(b"tEXt", b"a\0b") * 1000), "more than 1000 parts"),
    "JPEG cut off": (JPEG[: len(JPEG) // 2], "end mark"),
    "PNG cut off": (PNG[: len(PNG) // 2], "ends in the middle"),
    "WebP cut off": (saved("WEBP")[:500], "broken"),
    "GIF cut off": (saved("GIF")[:3000], "broken"),
    "TIFF cut off": (saved("TIFF")[:5000], "broken"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "SVG"),
    "SVG with a prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg><script/></svg>', "SVG"),
    "a page": (b"<!DOCTYPE html><html></html>", "web page"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not run"),
    "PDF": (b"%PDF-1.7", "PDF"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "pillow-heif"),
    "a film": (b"\0\0\0\x18ftypisom\0\0\0\0" + bytes(99), "film"),
    "an archive": (b"PK\x03\x04" + bytes(99), "archive"),
    "a script in a GIF's clothes": (b"GIF89a/*" + bytes(10) + b"*/=1;alert(1)", "not a picture"),
    "Windows metafile": (b"\xd7\xcd\xc6\x9a" + bytes(40), "not a picture"),
}


@pytest.mark.parametrize("read", [media.load_image, media.decode_image, media.load_mask])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_three_lines_and_little_memory(read, name, monkeypatch):
    monkeypatch.setattr(headers, "MAX_PARTS", 1000)
    data, words = REFUSED[name]
    tracemalloc.start()
    with pytest.raises(MediaError, match=words) as caught:
        read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(caught.value.lines()) == 3
    assert peak < 20_000_000 + 8 * len(data)


BOMB = zlib.compress(bytes(60_000_000), 9)
INFLATED = {
    "packed text": part(b"zTXt", b"Comment\0\0" + BOMB),
    "international text": part(b"iTXt", b"Comment\0\x01\0en\0Kommentar\0" + BOMB),
    "colour profile": part(b"iCCP", b"profile\0\0" + BOMB),
    "many texts below the limit": part(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000), 9)) * 80,
}


@pytest.mark.parametrize("colour", [2, 6])
@pytest.mark.parametrize("name", INFLATED)
def test_hidden_bombs_are_left_out_and_the_picture_stays(name, colour):
    width = 400 * {2: 3, 6: 4}[colour] + 1
    data = png(zlib.compress(bytes(320 * width)), colour=colour, extra=INFLATED[name])
    tracemalloc.start()
    found = media.load_image(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.width, found.height) == (400, 320)
    assert any("no part of the picture" in note for note in found.notes)
    assert len(found.data) < 50_000
    assert media.decode_image(data).shape == (320, 400, 3)
    assert peak < 20_000_000


def test_pixels_without_end_are_not_unpacked_and_not_sent():
    data = png(zlib.compress(bytes(100_000_000), 9))
    tracemalloc.start()
    found = media.load_image(data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert "surplus data" in found.notes[0]
    assert len(found.data) < 10_000


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 1), (8, 8), (9, 17), (400, 320)])
def test_interlaced_pictures_are_whole(size):
    passes = [(-(-(size[0] - x) // dx), -(-(size[1] - y) // dy)) for x, y, dx, dy in headers._ADAM7]
    raw = sum(rows * (1 + 3 * columns) for columns, rows in passes if columns > 0 and rows > 0)
    data = png(zlib.compress(bytes(raw)), size, interlaced=1)
    assert media.decode_image(data).shape == (size[1], size[0], 3)
    assert media.load_image(data).data == data
    with pytest.raises(MediaError):
        media.load_image(png(zlib.compress(bytes(raw - 1)), size, interlaced=1))


@pytest.mark.parametrize(
    "tail", [b"PK\x03\x04" + bytes(99), b"<script>alert(1)</script>", b"\0\0\0\x18ftypmp42" * 9]
)
@pytest.mark.parametrize(
    "data", [JPEG, PNG, saved("JPEG", progressive=True)], ids=["JPEG", "PNG", "progressive"]
)
def test_what_stands_behind_a_picture_is_not_sent(data, tail):
    """A page, an archive, or the film that phones append to photographs."""
    found = media.load_image(data + tail)
    assert found.data == data
    assert found.notes == (f"{len(tail)} bytes that are no part of the picture were left out",)
    assert media.load_image(data).notes == ()


def test_of_two_photographs_in_one_file_the_first_is_sent():
    data = saved("MPO", save_all=True, append_images=[ANIMATED[1]])
    found = media.load_image(data)
    assert found.format == "JPEG"
    assert np.abs(media.decode_image(found.data).astype(int) - SMOOTH).mean() < 3


def cmyk(picture):
    return picture.convert("CMYK")


def deep(array):
    return array.astype(np.uint16) * 257


def floats(bad=()):
    values = np.asarray(PICTURE.convert("L")).astype(np.float32) / 255
    for place, value in bad:
        values[place] = value
    return saved("TIFF", Image.fromarray(values))


GREY = np.asarray(PICTURE.convert("L"))
GREY3 = np.stack([GREY] * 3, axis=2)
RIGHT = {
    "CMYK JPEG": (saved("JPEG", cmyk(PICTURE), quality=98), SMOOTH, "CMYK"),
    "grey JPEG": (saved("JPEG", PICTURE.convert("L"), quality=98), GREY3, None),
    "16-bit grey PNG": (cv2.imencode(".png", deep(GREY))[1].tobytes(), GREY3, "16-bit"),
    "16-bit colour PNG": (cv2.imencode(".png", deep(SMOOTH[:, :, ::-1]))[1].tobytes(), SMOOTH, "16-bit"),
    "16-bit grey TIFF": (cv2.imencode(".tiff", deep(GREY))[1].tobytes(), GREY3, "TIFF"),
    "16-bit colour TIFF": (cv2.imencode(".tiff", deep(SMOOTH[:, :, ::-1]))[1].tobytes(), SMOOTH, "TIFF"),
    "floats": (floats(), GREY3, "TIFF"),
    "floats with holes": (floats([((0, 0), np.nan), ((0, 1), np.inf), ((0, 2), -np.inf)]), GREY3, "TIFF"),
    "animated PNG": (saved("PNG", **FRAMES), SMOOTH, "first frame"),
    "animated GIF": (saved("GIF", **FRAMES), SMOOTH, "first frame"),
    "animated WebP": (saved("WEBP", **FRAMES, lossless=True), SMOOTH, "first frame"),
    "pages of a TIFF": (saved("TIFF", **FRAMES), SMOOTH, "first frame"),
    "turned JPEG": (saved("JPEG", exif=turned(6), quality=98), np.rot90(SMOOTH, -1), "upright"),
    "mirrored PNG": (saved("PNG", exif=turned(2)), SMOOTH[:, ::-1], "upright"),
    "turned WebP": (saved("WEBP", exif=turned(8), lossless=True), np.rot90(SMOOTH), "upright"),
    "turned by nonsense": (saved("JPEG", exif=turned(99), quality=98), SMOOTH, None),
    "broken profile": (saved("PNG", PICTURE.convert("RGBA"), icc_profile=b"junk" * 9), SMOOTH, "profile"),
    "profile of sRGB": (saved("WEBP", icc_profile=SRGB, lossless=True), SMOOTH, "WEBP"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_odd_pictures_come_out_right(name):
    data, wanted, note = RIGHT[name]
    found = media.load_image(data)
    tolerance = 12 if "GIF" in name else 4
    shown = media.decode_image(found.data).astype(int)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).mean() < tolerance
    assert (found.notes == ()) if note is None else any(note in text for text in found.notes)


def test_colours_of_a_wide_profile_are_converted():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    odd = saved("WEBP", icc_profile=lab, lossless=True)
    media.load_image(odd)  # a profile of another kind of colours is ignored or used, never an error
    named = bytearray(SRGB).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    # Red and blue exchange their primaries: what the profile says is plain to see.
    red, blue = named.index(b"rXYZ") + 4, named.index(b"bXYZ") + 4
    named[red : red + 4], named[blue : blue + 4] = named[blue : blue + 4], named[red : red + 4]
    found = media.load_image(saved("WEBP", icc_profile=bytes(named), lossless=True))
    assert any("converted to sRGB" in note for note in found.notes)
    shown = media.decode_image(found.data).astype(int)
    assert np.abs(shown - SMOOTH[:, :, ::-1]).mean() < 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_devices_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "boat.png")
    for name in (tmp_path / "boat.png", "/dev/zero"):
        with pytest.raises(MediaError, match="no file"):
            media.load_image(name)


SMALL = Image.fromarray(SMOOTH[:24, :31])
SEEDS = [
    saved("JPEG", SMALL, exif=turned(6)),
    saved("PNG", SMALL, exif=turned(6)),
    *(saved(kind, SMALL) for kind in ("GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "ICO", "PPM", "TGA")),
    saved("MPO", SMALL, save_all=True, append_images=[SMALL]),
]
CHANGES = st.lists(
    st.tuples(st.floats(0, 0.999), st.sampled_from(["set", "cut", "add"]), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=6,
)


def with_checksums(data):
    """So that a changed PNG reaches more than the first check."""
    out, position = bytearray(data[:8]), 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        if position + 12 + length > len(data):
            return data
        out += part(data[position + 4 : position + 8], data[position + 8 : position + 8 + length])
        position += 12 + length
    return bytes(out)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(SEEDS), CHANGES)
def test_damaged_files_are_read_or_refused_and_nothing_else(seed, changes):
    data = bytearray(seed)
    for place, how, what in changes:
        at = int(place * len(data))
        if how == "set":
            data[at : at + len(what)] = what
        elif how == "cut":
            del data[at : at + 7 * len(what)]
        else:
            data[at:at] = what
    hostile = with_checksums(bytes(data)) if data.startswith(headers.PNG_SIGNATURE) else bytes(data)
    for read in (media.load_image, media.decode_image, media.load_mask):
        try:
            read(hostile)
        except MediaError as error:
            assert len(error.lines()) == 3
