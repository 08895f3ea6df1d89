"""From whatever the user names to bytes, a Pillow picture, an array or a URL."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kling_nb.errors import MediaError

MAX_FILE_BYTES = 256_000_000
_DATA_URI = re.compile(r"^data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_BASE64_TEXT = re.compile(r"^[A-Za-z0-9+/\s]{64,}={0,2}\s*$")
_URL = re.compile(r"^https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """One opened source: exactly one of the four values is set.

    Parameters
    ----------
    name
        For people: a path, a URL, ``"bytes"``, ``"array"``.
    """

    name: str
    data: bytes | None = None
    url: str | None = None
    picture: Image.Image | None = None
    array: np.ndarray[Any, Any] | None = None


def open_source(source: Any) -> Source:
    """Find out what ``source`` is and read files and encoded text.

    Parameters
    ----------
    source
        Path, http(s) URL, ``data:`` URI, raw Base64 text, bytes, Pillow picture, numpy array.

    Raises
    ------
    MediaError
        Missing file, directory, unreadable file, undecodable Base64, unsupported type.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Source("bytes", data=bytes(source))
    if isinstance(source, Image.Image):
        return Source("PIL image", picture=source)
    if isinstance(source, str):
        return _open_text(source)
    if isinstance(source, os.PathLike):
        return _open_file(os.fspath(source))
    if hasattr(source, "__array_interface__") or hasattr(source, "__array__"):
        return Source("array", array=np.asarray(source))
    raise MediaError(
        f"A {type(source).__name__} is not a picture.",
        "Accepted: a path, a URL, bytes, a PIL image, a numpy array or a data: URI.",
        "Give one of these.",
    )


def _open_text(text: str) -> Source:
    stripped = text.strip()
    if _URL.match(stripped):
        return Source(stripped, url=stripped)
    uri = _DATA_URI.match(stripped)
    if uri:
        if ";base64" not in uri.group(2).lower():
            raise MediaError(
                "The data: URI holds no Base64.",
                "Pictures in data: URIs must be Base64.",
                "Give a path instead.",
            )
        return Source("data URI", data=_from_base64(stripped[uri.end() :]))
    if not stripped:
        raise MediaError("No picture is named.", "The path is empty.", "Give a path, a URL or bytes.")
    if len(stripped) > 255 and _BASE64_TEXT.match(stripped):
        return Source("Base64 text", data=_from_base64(stripped))
    return _open_file(text)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(
            "The Base64 text of the picture cannot be decoded.",
            f"{str(error).rstrip('.')}.",
            "Give the file itself, or encode it again.",
        ) from error


def _open_file(name: str | bytes) -> Source:
    path = Path(os.fsdecode(name)).expanduser()
    shown = str(path)
    if path.is_dir():
        raise MediaError(
            f"{shown} is a directory.", "A single picture file is needed.", "Name the file inside it."
        )
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            # A pipe or device would be read for ever.
            raise MediaError(
                f"{shown} is no file.", "It is a pipe, a socket or a device.", "Name a picture file."
            )
        size = found.st_size
        data = path.read_bytes() if size <= MAX_FILE_BYTES else None
    except FileNotFoundError as error:
        raise MediaError(
            f"There is no file {shown}.", f"Looked in {_folder(path)}.", _similar_names(path)
        ) from error
    except MediaError:
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"{shown} cannot be read.", f"{why}.", "Check the name and the permissions."
        ) from error
    if data is None:
        raise MediaError(
            f"{shown} is too large to be a picture to send.",
            f"It has {size / 1e6:.0f} MB; files above {MAX_FILE_BYTES / 1e6:.0f} MB are not read.",
            "Scale it down first.",
        )
    return Source(shown, data=data)


def _folder(path: Path) -> str:
    try:
        return str(path.parent.resolve())
    except OSError:
        return str(path.parent)


def _similar_names(path: Path) -> str:
    """Advice for a missing file: the pictures that are there."""
    pictures = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    try:
        names = sorted(p.name for p in path.parent.iterdir() if p.suffix.lower() in pictures)
    except OSError:
        names = []
    if not names:
        return "Check the spelling and the current directory."
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"Pictures there: {', '.join(names[:5])}{more}."
