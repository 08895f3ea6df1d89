"""Pictures in: anything a user may hold becomes exactly the bytes that will be sent."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from kling_nb.domain.images import ImageRef
from kling_nb.errors import MediaError, printable
from kling_nb.media.colour import in_srgb
from kling_nb.media.header import MAX_PIXELS, BrokenHeaderError, Header, read_header
from kling_nb.media.kinds import FORMATS, further_formats, no_picture
from kling_nb.media.sources import Source, open_source

JPEG_QUALITY = 95
_ORIENTATION = 0x0112


def load_image(source: Any, *, max_bytes: int = 10_000_000) -> ImageRef:
    """Read a picture and bring it into a form the service accepts (``spec/official-api.md`` §4.2).

    Acceptable JPEG and PNG bytes are passed through unchanged after a check of their structure only;
    everything else becomes an 8-bit RGB PNG (upright, flattened on white, first frame of an animation),
    or a JPEG of quality 95 when the PNG would exceed ``max_bytes``.  Size and ratio rules are not
    checked here.

    Parameters
    ----------
    source
        Path, http(s) URL, bytes, Pillow picture, numpy array ((H, W), (H, W, 3) or (H, W, 4)), ``data:``
        URI, raw Base64 text, or an `ImageRef`, which is returned as it is.
    max_bytes
        Limit in bytes that decides between PNG and JPEG after a conversion.

    Returns
    -------
    ImageRef
        The bytes as they will be sent, or the URL unread.

    Raises
    ------
    MediaError
        The picture is missing, damaged, no picture at all or unreasonably large.
    """
    if isinstance(source, ImageRef):
        return source
    opened = open_source(source)
    if opened.url is not None:
        return ImageRef(url=opened.url, source=opened.name)
    if opened.data is None:
        return _from_pixels(opened, max_bytes)
    header = _checked_header(opened.data, opened.name)
    data = opened.data if header is None else header.without_surplus(opened.data)
    left_out = len(opened.data) - len(data)
    notes = [f"{left_out} bytes that are no part of the picture were left out"] if left_out else []
    if header is not None and not header.obstacles and header.orientation == 1:
        size = (header.width, header.height)
        return _reference(data, header.format, size, name=opened.name, notes=tuple(notes))
    return _converted(data, header, opened.name, max_bytes, notes)


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode picture bytes to upright 8-bit RGB, flattened on white.

    Parameters
    ----------
    data
        A picture file in any format Pillow reads.

    Returns
    -------
    ndarray
        (H, W, 3) uint8.

    Raises
    ------
    MediaError
        The bytes are no whole picture.
    """
    picture, _ = _decode(data, "The picture")
    return np.asarray(picture, dtype=np.uint8)


def image_bytes(array: NDArray[np.uint8], format: Literal["PNG", "JPEG"] = "PNG") -> bytes:  # noqa: A002 - the word Pillow users know
    """Encode an 8-bit array as a picture file.

    Parameters
    ----------
    array
        (H, W) gray or (H, W, 3) RGB, uint8.
    format
        ``"PNG"`` or ``"JPEG"`` (quality 95).
    """
    return _encode(Image.fromarray(np.ascontiguousarray(array)), format)


def to_base64(data: bytes) -> str:
    """Encode bytes as the raw Base64 text the wire wants: no prefix, no line breaks."""
    return base64.b64encode(data).decode("ascii")


def picture_from_array(array: NDArray[Any], name: str = "array") -> Image.Image:
    """Turn an array into a Pillow picture.

    Parameters
    ----------
    array
        (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); bool, 8-bit, 16-bit, or float in 0…1.

    Raises
    ------
    MediaError
        Another shape or type, floats outside 0…1, no pixels.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise MediaError(
            f"The {name} of shape {tuple(array.shape)} is not a picture.",
            "Accepted shapes: (H, W), (H, W, 3) RGB, (H, W, 4) RGBA.",
            "Transpose or slice it; the channels come last.",
        )
    return Image.fromarray(np.ascontiguousarray(_to_8bit(array, name)))


def _to_8bit(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < -1e-6 or array.max() > 1 + 1e-6:
            raise MediaError(
                f"The {name} of floats cannot be a picture.",
                "Floats must lie between 0 and 1.",
                "Use array.astype('uint8') for values 0-255.",
            )
        return np.clip(np.rint(array * 255.0), 0, 255).astype(np.uint8)
    if np.issubdtype(array.dtype, np.integer) and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    raise MediaError(
        f"The {name} of {array.dtype} cannot be a picture.",
        "Accepted: uint8, uint16, bool, integers 0-255, floats 0-1.",
        "Convert it with array.astype('uint8').",
    )


def _checked_header(data: bytes, name: str) -> Header | None:
    if not data:
        raise MediaError(f"{name} is empty.", "The file has no bytes.", "Give another picture.")
    try:
        header = read_header(data)
    except BrokenHeaderError as error:
        raise _broken(name, str(error)) from error
    if header is not None:
        _check_pixels(header.width, header.height, name)
    return header


def _check_pixels(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1:
        raise _broken(name, f"it claims {width}×{height} pixels")
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{name} is unreasonably large: {width}×{height} pixels.",
            f"Pictures above {MAX_PIXELS // 1_000_000} million pixels are not decoded (decompression bomb).",
            "Scale it down first; the service makes at most 4K video.",
        )


def _broken(name: str, why: str) -> MediaError:
    return MediaError(
        f"{name} is a broken picture.",
        f"{why[:1].upper()}{why[1:].rstrip('.')}.",
        "Export or download it again.",
    )


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder makes of hostile bytes into a `MediaError`, and keep its warnings to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except MediaError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise MediaError(
                f"{name} is unreasonably large.",
                f"Pictures above {MAX_PIXELS // 1_000_000} million pixels are not decoded.",
                "Scale it down first; the service makes at most 4K video.",
            ) from error
        except Exception as error:
            # Decoders of a dozen formats: with damaged files every kind of error has been seen.
            raise _broken(name, printable(str(error)) or type(error).__name__) from error


def open_picture(data: bytes, name: str) -> Image.Image:
    """Open a picture file of a known format, whose pixels are still to be decoded.

    Only formats of pixels are tried: others that Pillow knows are programs for other programs (EPS).

    Raises
    ------
    MediaError
        Another format, broken, or too large.
    """
    with _decoding(name):
        for formats in (FORMATS, further_formats):
            try:
                return Image.open(io.BytesIO(data), formats=formats() if callable(formats) else formats)
            except UnidentifiedImageError:
                continue
    raise no_picture(data, name)


def decoded_picture(data: bytes, name: str) -> Image.Image:
    """Return a picture with its pixels decoded, upright, in whatever mode it is stored.

    Raises
    ------
    MediaError
        The bytes are no whole picture, or too large.
    """
    header = _checked_header(data, name)
    picture = open_picture(data if header is None else header.without_surplus(data), name)
    _check_pixels(picture.width, picture.height, name)
    with _decoding(name):
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        # Kept for the notes; a transposed picture has neither.
        upright.format = picture.format
        upright.info["turned"] = picture.getexif().get(_ORIENTATION, 1) in range(2, 9)
        upright.info["animated"] = getattr(picture, "is_animated", False)
        return upright


def _decode(data: bytes, name: str) -> tuple[Image.Image, list[str]]:
    """Decode fully; return 8-bit RGB and what had to be changed."""
    picture = decoded_picture(data, name)
    notes = []
    if picture.info["animated"] and picture.format != "MPO":
        notes.append("only the first frame of the animation is used")
    if picture.info["turned"] and picture.format not in ("JPEG", "PNG", "MPO"):
        notes.append("turned upright as its EXIF tag says, the tag dropped")
    with _decoding(name):
        rgb, flattened = _to_rgb(in_srgb(picture, notes))
    if flattened:
        notes.append("transparency flattened on white")
    return rgb, notes


def _to_rgb(picture: Image.Image) -> tuple[Image.Image, bool]:
    if picture.mode in {"I;16", "I;16B", "I;16L", "I;16N", "I"}:
        values = np.asarray(picture).astype(np.int64)
        shift = 8 if values.max(initial=0) > 255 or picture.mode != "I" else 0
        picture = Image.fromarray(np.clip(values >> shift, 0, 255).astype(np.uint8))
    elif picture.mode == "F":
        values_f = np.nan_to_num(np.asarray(picture), posinf=0.0, neginf=0.0)
        scale = 255.0 if values_f.max(initial=0.0) <= 1.0 else 1.0
        picture = Image.fromarray(np.clip(np.rint(values_f * scale), 0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        opaque = rgba.getchannel("A").getextrema() == (255, 255)
        return Image.alpha_composite(white, rgba).convert("RGB"), not opaque
    return picture.convert("RGB"), False


def _converted(data: bytes, header: Header | None, name: str, max_bytes: int, more: list[str]) -> ImageRef:
    picture, notes = _decode(data, name)
    notes += more
    if header is None:
        kind = open_picture(data, name).format or "this format"
        reason = f"{kind} is not accepted by the service"
    elif header.obstacles:
        reason = f"{header.format} with {' and '.join(header.obstacles)}"
    else:
        reason = ""
    if header is not None and header.orientation != 1:
        notes.insert(0, "turned upright as its EXIF tag says, the tag dropped")
    keep_jpeg = header is not None and header.format == "JPEG" and not header.obstacles
    encoded, kind = _encode_within(picture, max_bytes, prefer_jpeg=keep_jpeg)
    if reason:
        notes.insert(0, f"converted to {kind}: {reason}")
    return _reference(encoded, kind, picture.size, name=name, notes=tuple(notes))


def _from_pixels(opened: Source, max_bytes: int) -> ImageRef:
    if opened.picture is not None:
        _check_pixels(opened.picture.width, opened.picture.height, opened.name)
        with _decoding(opened.name):
            upright = ImageOps.exif_transpose(opened.picture)
    else:
        assert opened.array is not None
        upright = picture_from_array(opened.array)
        _check_pixels(upright.width, upright.height, opened.name)
    rgb, flattened = _to_rgb(upright)
    encoded, kind = _encode_within(rgb, max_bytes, prefer_jpeg=False)
    notes = ("transparency flattened on white",) if flattened else ()
    return _reference(encoded, kind, rgb.size, name=opened.name, notes=notes)


def _encode_within(
    picture: Image.Image, max_bytes: int, *, prefer_jpeg: bool
) -> tuple[bytes, Literal["PNG", "JPEG"]]:
    if not prefer_jpeg:
        png = _encode(picture, "PNG")
        if len(png) <= max_bytes:
            return png, "PNG"
    return _encode(picture, "JPEG"), "JPEG"


def _encode(picture: Image.Image, kind: Literal["PNG", "JPEG"]) -> bytes:
    buffer = io.BytesIO()
    if kind == "PNG":
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _reference(
    data: bytes, kind: str, size: tuple[int, int], *, name: str, notes: tuple[str, ...] = ()
) -> ImageRef:
    digest = hashlib.sha256(data).hexdigest()
    return ImageRef(
        data=data, sha256=digest, width=size[0], height=size[1], format=kind, source=name, notes=notes
    )
