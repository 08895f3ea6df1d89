"""The zip file of a capsule: which members it may have, and reading a stranger's without harm.

Nothing is ever extracted by the name that stands in the file. Members are read one by one, against the list
of digests and sizes in ``capsule.json``; what is not in that list, or not as listed, makes the whole file
refused.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from kling_nb.errors import InputError

SCHEMA: Final = "kling_nb/capsule/1"
ABOUT: Final = "capsule.json"
CELL: Final = "cell.txt"
VIDEO: Final = "video.mp4"
POSTER: Final = "poster.jpg"
INPUTS: Final = "inputs/"
BRUSH: Final = "brush/"

MEMBER: Final = re.compile(
    r"capsule\.json|cell\.txt|video\.mp4|poster\.jpg"
    r"|inputs/[0-9a-f]{64}\.(png|jpg)|brush/[a-z0-9-]{1,40}\.(png|json)",
    re.ASCII,
)
MAX_MEMBERS: Final = 64
MAX_ABOUT: Final = 4_000_000
MAX_INPUT: Final = 64_000_000
MAX_VIDEO: Final = 2_000_000_000
MAX_DIRECTORY: Final = 64_000
"""Bytes of the list of members at the end of the file."""

MAX_RATIO: Final = 200
"""Nothing honest in a capsule becomes this many times larger."""

_ALWAYS_FINE: Final = 1_000_000
"""Bytes up to which the ratio does not matter: an empty mask is a line of zeros."""

_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_LARGE_MARK: Final = b"PK\x06\x07"
_CHUNK: Final = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a capsule file and check its list of members.

    Parameters
    ----------
    path
        The zip file.

    Raises
    ------
    InputError
        It is missing, damaged, or not what a capsule can be.
    """
    try:
        with path.open("rb") as file:
            _check_end(file, path)
            with zipfile.ZipFile(file) as archive:
                yield Archive(path, archive)
    except FileNotFoundError as error:
        raise InputError(f"There is no capsule {path}.", "", "Give the path of the zip file.") from error
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise refused(path, f"it cannot be read: {error}") from error


class Archive:
    """The members of a capsule.

    Parameters
    ----------
    path
        Its file, for messages.
    archive
        The zip file, open.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        self._infos = _members(path, archive.infolist())
        self.about = self._read_about()
        self._files = _listed(path, self.about, set(self._infos))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    @property
    def inputs(self) -> dict[str, str]:
        """Digest of each input -> its member."""
        return {digest: name for name, (digest, _) in self._files.items() if name.startswith(INPUTS)}

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a member."""
        return self._files[name][0]

    def size(self, name: str) -> int:
        """Return the size of a member in bytes."""
        return self._files[name][1]

    def read(self, name: str) -> bytes:
        """Return a member; its size and digest are as listed."""
        return b"".join(self.chunks(name))

    def check(self) -> None:
        """Read every member once: all are as listed, the video is an MP4, the poster a JPEG.

        Raises
        ------
        InputError
            One of them is not.
        """
        for name in self._files:
            begin = b""
            for chunk in self.chunks(name):
                begin = begin or chunk[:12]
            if name == VIDEO and begin[4:8] != b"ftyp":
                raise refused(self.path, f"{VIDEO} is no MP4 video")
            if name == POSTER and not begin.startswith(b"\xff\xd8\xff"):
                raise refused(self.path, f"{POSTER} is no JPEG picture")
        if VIDEO not in self._files:
            raise refused(self.path, "it has no video")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member in pieces; raises at its end when its digest is another one."""
        digest, size = self._files[name]
        hashed, got = hashlib.sha256(), 0
        with self._archive.open(self._infos[name]) as member:
            while chunk := member.read(_CHUNK):
                got += len(chunk)
                if got > size:
                    break
                hashed.update(chunk)
                yield chunk
        if got != size or hashed.hexdigest() != digest:
            raise refused(self.path, f"{name} is not what {ABOUT} says: it was changed or damaged")

    def _read_about(self) -> Mapping[str, Any]:
        info = self._infos.get(ABOUT)
        if info is None:
            raise refused(self.path, f"it has no {ABOUT}")
        with self._archive.open(info) as member:
            text = member.read(MAX_ABOUT + 1)
        try:
            about = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise refused(self.path, f"{ABOUT} is no JSON: {str(error)[:200]}") from error
        if not isinstance(about, dict) or not str(about.get("schema", "")).startswith("kling_nb/capsule/"):
            raise refused(self.path, f"{ABOUT} does not describe a run")
        if about["schema"] != SCHEMA:
            raise refused(
                self.path, f"it is of the kind {str(about['schema'])[:60]!r}", "Install a newer kling-nb."
            )
        return about


def refused(path: Path, why: str, advice: str = "Ask for the file again.") -> InputError:
    """Return the error for a file that is not used."""
    return InputError(
        f"{path.name} cannot be used as a capsule.",
        f"{why[:1].upper()}{why[1:]}. Nothing was taken over.",
        advice,
    )


def _check_end(file: BinaryIO, path: Path) -> None:
    """Look at the end of the file before anything in it is believed: a list of millions is not read."""
    size = file.seek(0, 2)
    tail_at = max(0, size - 65_557)
    file.seek(tail_at)
    tail = file.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or len(tail) - place < _END.size:
        raise refused(path, "it is no zip file, or only a part of one")
    _, _, _, _, count, directory, _, _ = _END.unpack_from(tail, place)
    if _LARGE_MARK in tail[max(0, place - 20) : place]:
        raise refused(path, "it claims to be larger than any capsule")
    if count > MAX_MEMBERS or directory > MAX_DIRECTORY:
        raise refused(path, f"it has {count} members; a capsule has at most {MAX_MEMBERS}")
    file.seek(0)


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > MAX_MEMBERS:
        raise refused(path, f"it has {len(infos)} members; a capsule has at most {MAX_MEMBERS}")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        # The name as it is written, not as the zip module has tidied it.
        if not MEMBER.fullmatch(info.orig_filename):
            raise refused(path, f"it has a member called {info.orig_filename[:80]!r}")
        if info.filename in found:
            raise refused(path, f"it has two members called {info.filename}")
        if (reason := _oddity(info)) is not None:
            raise refused(path, f"{info.filename} {reason}")
        found[info.filename] = info
    return found


def _oddity(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or something else that is no file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that capsules are not"
    if info.file_size > _limit(info.filename):
        return f"has {info.file_size} bytes, more than it can have"
    if info.file_size > _ALWAYS_FINE and info.file_size > MAX_RATIO * max(1, info.compress_size):
        return "would become enormous when unpacked"
    return None


def _limit(name: str) -> int:
    return {VIDEO: MAX_VIDEO, ABOUT: MAX_ABOUT, CELL: MAX_ABOUT}.get(name, MAX_INPUT)


def _listed(path: Path, about: Mapping[str, Any], members: set[str]) -> dict[str, tuple[str, int]]:
    """Return digest and size of every member as listed; list and members must agree."""
    files = about.get("files")
    rows = files if isinstance(files, dict) else {}
    if set(rows) != members - {ABOUT}:
        raise refused(path, f"its members are not those that {ABOUT} lists")
    found: dict[str, tuple[str, int]] = {}
    for name, row in rows.items():
        digest = row.get("sha256") if isinstance(row, dict) else None
        size = row.get("bytes") if isinstance(row, dict) else None
        if not (isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)):
            raise refused(path, f"{ABOUT} has no digest of {name}")
        if type(size) is not int or not 0 <= size <= _limit(name):
            raise refused(path, f"{ABOUT} has no size of {name}")
        if name.startswith(INPUTS) and name[len(INPUTS) :].partition(".")[0] != digest:
            raise refused(path, f"{name} is not named by its digest")
        found[name] = (digest, size)
    return found
