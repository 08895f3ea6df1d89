"""Which picture formats are read, and what the bytes are that are none."""

from __future__ import annotations

from PIL import Image

from kling_nb.errors import MediaError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Always there, and tried first."""

_FURTHER = ("AVIF", "HEIF", "MPO", "JPEG2000", "ICO", "PPM", "TGA", "DIB", "QOI")
"""Read where this Pillow can; HEIF when the package pillow-heif has been registered."""

_EXPORT = "Export it as JPEG or PNG."
_HEIC = "Export it as JPEG, or `%pip install pillow-heif` and run `pillow_heif.register_heif_opener()`."
_FRAME = "Give one of its frames as JPEG or PNG."
_SIGNS: tuple[tuple[int, tuple[bytes, ...], str, str], ...] = (
    (
        4,
        (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"),
        "a HEIC photograph, unknown here",
        _HEIC,
    ),
    (4, (b"ftypavif", b"ftypavis"), "an AVIF picture, unknown to this Pillow", _EXPORT),
    (4, (b"ftyp",), "a film", _FRAME),
    (0, (b"\x1a\x45\xdf\xa3",), "a film", _FRAME),
    (0, (b"%PDF",), "a PDF document", _EXPORT),
    (0, (b"%!PS", b"\xc5\xd0\xd3\xc6"), "a PostScript program, which is not run", _EXPORT),
    (0, (b"8BPS",), "a Photoshop file", _EXPORT),
    (0, (b"PK\x03\x04",), "an archive or an office document", _EXPORT),
)
"""Position, what stands there, what the file is, what to do."""


def further_formats() -> list[str]:
    """Return the less usual formats that this Pillow reads."""
    Image.init()
    return [name for name in _FURTHER if name in Image.OPEN]


def no_picture(data: bytes, name: str) -> MediaError:
    """Return the error for bytes that are no picture of pixels.

    Parameters
    ----------
    data
        The file.
    name
        For people.
    """
    for position, signs, kind, advice in _SIGNS:
        if (
            data[position:].startswith(signs)
            if position == 0
            else data[position : position + 8].startswith(signs)
        ):
            return MediaError(f"{name} is not a picture that can be read.", f"It is {kind}.", advice)
    begin = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in begin and begin.startswith(b"<"):
        return MediaError(f"{name} is not a picture of pixels.", "It is an SVG drawing.", "Export it as PNG.")
    if begin.startswith(b"<"):
        return MediaError(
            f"{name} is not a picture.", "It is a web page or XML.", "Download the picture itself."
        )
    return MediaError(
        f"{name} is not a picture.",
        "Its bytes are no JPEG, PNG, WebP, GIF, BMP or TIFF.",
        "Give a JPEG or PNG file.",
    )
