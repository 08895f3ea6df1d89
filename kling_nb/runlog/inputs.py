"""Input pictures and masks by content: what is needed to rebuild a request after a restart."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from kling_nb.errors import MediaError
from kling_nb.runlog.failures import translated

_DIGEST = re.compile("[0-9a-f]{64}")
_SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "JPG": ".jpg"}
_OURS = ("runs.sqlite", "inputs", "media", "sandbox", "scores")


class InputStore:
    """``inputs/<sha256>.png|jpg`` under the home folder; a name is never rewritten.

    Parameters
    ----------
    home
        Home folder of the runs; made when first needed.
    fetch
        Brings a file that is not here by its name below the home folder, as another machine of a team left
        it; returns None where there is none.
    """

    def __init__(
        self, home: str | os.PathLike[str], fetch: Callable[[str, str], Path | None] | None = None
    ) -> None:
        self._fetch = fetch
        self._home = Path(home).expanduser().absolute()
        self._folder = self._home / "inputs"

    def __repr__(self) -> str:
        return f"InputStore({str(self._home)!r})"

    def put(self, data: bytes, format: str) -> str:  # noqa: A002 - Pillow's word
        """Store bytes; complete under their name when this returns.

        Parameters
        ----------
        data
            PNG or JPEG file.
        format
            ``"PNG"`` or ``"JPEG"``.

        Returns
        -------
        str
            SHA-256 as hex digits.

        Raises
        ------
        RunLogError
            The folder cannot be written or the disk is full.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._folder / (sha256 + _SUFFIX[format.upper()])
        with translated(str(self._folder)):
            # A crash may leave an empty file on some file systems: only a complete one counts.
            if not target.exists() or target.stat().st_size != len(data):
                self._make_folder()
                _write_atomically(target, data)
        return sha256

    def path(self, sha256: str) -> Path | None:
        """Return the file with this digest, None if there is none."""
        if not _DIGEST.fullmatch(sha256):
            return None  # Rows of a log come from others, too: a name is not to lead anywhere else.
        candidates = (self._folder / (sha256 + suffix) for suffix in (".png", ".jpg"))
        return next((path for path in candidates if path.is_file()), None)

    def get(self, sha256: str) -> bytes:
        """Return stored bytes.

        Raises
        ------
        MediaError
            The file is gone or was changed.
        """
        path = self.path(sha256) or self._fetched(sha256)
        data = path.read_bytes() if path else b""
        if path is None or hashlib.sha256(data).hexdigest() != sha256:
            raise MediaError(
                f"The input picture {sha256[:12]}… of this run is {'changed' if path else 'gone'}.",
                f"It was kept in {self._folder}.",
                "Give the original picture again; the run itself and its video are not affected.",
            )
        return data

    def _fetched(self, sha256: str) -> Path | None:
        if self._fetch is None or not _DIGEST.fullmatch(sha256):
            return None
        found = (self._fetch(f"inputs/{sha256}{suffix}", sha256) for suffix in (".png", ".jpg"))
        return next((path for path in found if path is not None), None)

    def _make_folder(self) -> None:
        ours_alone = not self._home.exists() or all(p.name.startswith(_OURS) for p in self._home.iterdir())
        self._folder.mkdir(parents=True, exist_ok=True)
        ignore = self._home / ".gitignore"
        # Videos and pictures do not belong into the user's repository. But where home is a folder with other
        # things in it, "*" would hide those from git.
        if ours_alone and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")


def _write_atomically(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
