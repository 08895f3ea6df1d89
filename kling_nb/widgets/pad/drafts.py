"""Drawings kept while they are made: a restart of the kernel or a closed page loses nothing."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

DELAY_S = 0.5
"""How long a drawing rests before it is written."""

FOLDER = "drafts"

logger = logging.getLogger("kling_nb")

_open: weakref.WeakSet[Draft] = weakref.WeakSet()


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is either the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


class Draft:
    """The draft of the drawing on one picture.

    Parameters
    ----------
    home
        Folder of the runs; the draft is ``drafts/<sha256 of the picture>.json`` below it.
    picture
        SHA-256 of the picture's bytes.
    content
        Returns the drawing as JSON values, None when there is nothing to keep.
    failed
        Told when the draft cannot be written.
    """

    def __init__(
        self,
        home: Path,
        picture: str,
        content: Callable[[], dict[str, Any] | None],
        failed: Callable[[OSError], None],
    ) -> None:
        self.path = home / FOLDER / f"{picture}.json"
        self._home = home
        self._content = content
        self._failed = failed
        self._timer: threading.Timer | None = None
        self._begun = 0
        self._written = 0
        self.begin_anew()
        _open.add(self)

    def begin_anew(self) -> None:
        """Have locks that nobody holds, and nothing to write: at first, and in a forked child."""
        self._lock = threading.Lock()
        # Held while the file is written. Nothing else is waited for meanwhile: the drawing has a lock, too.
        self._turn = threading.Lock()
        self._timer = None
        self._under_way = 0

    def load(self) -> tuple[dict[str, Any], float] | None:
        """Return the kept drawing and when it was written (seconds since 1970); None without one.

        A file that is no drawing any more is put aside, not deleted.
        """
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found, self.path.stat().st_mtime
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            logger.warning("the draft %s cannot be read", self.path)
        self.put_aside()
        return None

    def put_aside(self) -> None:
        """Keep an unreadable draft under another name."""
        with contextlib.suppress(OSError):
            self.path.replace(self.path.with_suffix(f".{int(time.time())}.broken"))

    def touch(self) -> None:
        """Write soon; called after every change."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(DELAY_S, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write now what has changed since the last time, also what the timer is just about to write."""
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is None and not self._under_way:
                return
            self._under_way += 1
            self._begun += 1
            number = self._begun
        if timer is not None:
            timer.cancel()
        try:
            self._write(number, self._content())
        except OSError as error:
            self._failed(error)
        finally:
            with self._lock:
                self._under_way -= 1

    def _write(self, number: int, content: dict[str, Any] | None) -> None:
        with self._turn:
            if number < self._written:
                return  # whoever began later has seen the drawing as it is now
            if content is None:
                self.path.unlink(missing_ok=True)
            else:
                if not self._home.exists():
                    self._home.mkdir(parents=True, exist_ok=True)
                    (self._home / ".gitignore").write_text("*\n", encoding="utf-8")
                write_atomically(self.path, json.dumps(content, separators=(",", ":")))
            self._written = number


@atexit.register
def flush_all() -> None:
    """Write every open draft; at the end of the process."""
    for draft in list(_open):
        draft.flush()


def _own_nothing() -> None:
    # A forked child has the objects but not the threads, and not the drawing's ownership.
    for draft in list(_open):
        draft.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_own_nothing)
