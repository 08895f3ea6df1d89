"""The growing file of a download: appended, hashed, never through a link; and the least pace it must have."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCH = 1 << 20
STALL_S = 60.0
"""How long less than `STALL_BYTES` may come before the connection counts as broken."""
STALL_BYTES = 60_000
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class StalledError(Exception):
    """The body comes so slowly that it would never end."""


class PartTakenError(Exception):
    """Another download of the same file is writing to the part file."""


class PartGoneError(Exception):
    """The part file has been given its name by another download, or removed."""


def own_size(part: Path) -> int:
    """Return the bytes in a part file; a link, a device or what has another name besides holds none."""
    found = _own(part)
    return 0 if found is None else found.st_size


def _is_own(part: Path) -> bool:
    return _own(part) is not None


def _own(part: Path) -> os.stat_result | None:
    try:
        found = os.lstat(part)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None


class Pace:
    """Notices a body that comes so slowly that it would never end."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._got = 0

    def note(self, nbytes: int) -> None:
        """Count bytes that came; raises `StalledError` when they are too few."""
        self._got += nbytes
        now = time.monotonic()
        if now - self._since < STALL_S:
            return
        if self._got < STALL_BYTES:
            raise StalledError(f"only {self._got} bytes came in {STALL_S:g} s")
        self._since, self._got = now, 0


class PartWriter:
    """Appends to the part file and keeps the digest; every write goes to the system at once.

    The file is opened, and what is there already read, with the first write: on the thread that writes.
    """

    def __init__(self, part: Path, start: int) -> None:
        self._part = part
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._at_work = threading.Lock()
        self._closing = False
        self.size = start

    def _opened(self) -> BinaryIO:
        if self._file is None:
            if not self.size and os.path.lexists(self._part) and not _is_own(self._part):
                # A link: nothing may be written where it leads.
                self._part.unlink()
            create = 0 if self.size else os.O_CREAT
            try:
                descriptor = os.open(self._part, os.O_RDWR | create | _NO_LINKS, 0o666)
            except FileNotFoundError:
                raise PartGoneError from None
            file = os.fdopen(descriptor, "r+b", 0)
            try:
                self._take(file)
                self._rehash(file)
            except BaseException:
                file.close()
                raise
            self._file = file
        return self._file

    def _take(self, file: BinaryIO) -> None:
        """Keep others from writing to the file until it is closed."""
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PartTakenError from None
            except OSError:
                pass  # a file system without locks
        if not self._leads_to(file):
            raise PartGoneError
        if not self.size and os.fstat(file.fileno()).st_size:
            file.truncate(0)

    def _leads_to(self, file: BinaryIO) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._part.stat())
        except FileNotFoundError:
            return False

    def _rehash(self, file: BinaryIO) -> None:
        left = self.size
        while left > 0:
            piece = file.read(min(BATCH, left))
            if not piece:
                raise PartGoneError  # it became shorter
            self._hash.update(piece)
            left -= len(piece)

    def write(self, data: bytes) -> None:
        """Append and hash."""
        with self._working():
            file = self._opened()
            view = memoryview(data)
            while view:
                written = file.write(view)
                self._hash.update(view[:written])
                self.size += written
                view = view[written:]

    def sync(self) -> None:
        """Wait until the disk has the data, so that the name never points to a file with holes."""
        with self._working():
            os.fsync(self._opened().fileno())

    def has_its_name(self) -> bool:
        """Whether the name of the part file still leads to the file that is written to."""
        return self._leads_to(self._opened())

    def close(self) -> None:
        """Close the file, from any thread; what is written stays.

        A thread that is writing closes it when it is done: closed under its hands, the descriptor could be
        another file's at the next byte.
        """
        self._closing = True
        if self._at_work.acquire(blocking=False):
            try:
                if self._file is not None:
                    self._file.close()
            finally:
                self._at_work.release()

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            with self._at_work:
                yield
        finally:
            if self._closing:
                self.close()

    @property
    def digest(self) -> str:
        """SHA-256 of everything in the file, as hex digits."""
        return self._hash.hexdigest()
