"""Pictures put at a URL of the sandbox, for dialects that take nothing else (``spec/sandbox.md`` §1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx

from kling_nb.sandbox.fetch import FETCH_BYTES, FetchError

PATH = "/sandbox/uploads"
NAME = re.compile(r"[0-9a-f]{64}\.[a-z]{3}")
MAGIC_SUFFIXES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"))
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Uploads:
    """The folder of the uploads: every file is named by its content and never changes.

    Parameters
    ----------
    folder
        Where they lie; created when missing.
    base_url
        Returns the present address of the server.
    """

    def __init__(self, folder: Path, base_url: Callable[[], str]) -> None:
        self._folder = folder
        self._base_url = base_url

    def add(self, data: bytes) -> str:
        """Keep ``data`` and return its URL."""
        suffix = next((name for magic, name in MAGIC_SUFFIXES if data.startswith(magic)), ".bin")
        target = self._folder / f"{hashlib.sha256(data).hexdigest()}{suffix}"
        # What is there already may be on its way to a task, and is left alone if it is whole.
        if not target.is_file() or target.stat().st_size != len(data):
            self._folder.mkdir(exist_ok=True)
            part = target.with_suffix(".part")
            part.write_bytes(data)
            part.replace(target)
        return f"{self._base_url()}{PATH}/{target.name}"

    def path(self, name: str) -> Path | None:
        """Return where the upload of this name lies, ``None`` when there is none."""
        path = self._folder / name
        return path if NAME.fullmatch(name) and path.is_file() else None

    def read(self, url: str) -> bytes | None:
        """Return what lies behind a URL of an upload, ``None`` for any other.

        The file is read where it lies: a server that fetched from itself would wait for itself, within the
        seconds that a picture may take. It is found at any port, as tasks outlive the server's address.

        Raises
        ------
        FetchError
            Larger than 50 MB.
        """
        try:
            parsed = httpx.URL(url)
            host = parsed.host
        except (httpx.InvalidURL, ValueError):
            return None
        folder, _, name = parsed.path.rpartition("/")
        mine = host in LOOPBACK_HOSTS or url.startswith(f"{self._base_url()}/")
        path = self.path(name) if mine and folder == PATH else None
        if path is None:
            return None
        if path.stat().st_size > FETCH_BYTES:
            raise FetchError("larger than 50 MB")
        return path.read_bytes()
