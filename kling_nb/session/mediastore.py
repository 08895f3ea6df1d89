"""Videos and pictures where a team shares them: a folder, an S3 bucket, anything that fsspec speaks to."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.errors import DownloadError, KlingError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"(media|inputs)/[A-Za-z0-9][A-Za-z0-9_-]{0,79}\.[a-z0-9]{1,5}")
"""Names of files below the home folder, and below the store's address; nothing else is sent or written."""

_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "memory"})
"""Stores where a file appears whole or not at all; elsewhere it is written under another name and renamed."""

_INSTALL = {"s3": "s3", "s3a": "s3"}


class MediaStore:
    """Files by name below one address; every call may take as long as the network does.

    Parameters
    ----------
    url
        Address without credentials: those are found by the store's own client, in its usual places.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._opened: tuple[Any, str] | None = None

    def put(self, path: Path, name: str) -> None:
        """Send a file; it is there as a whole, and of the right size, when this returns.

        Raises
        ------
        DownloadError
            It is not there, or not whole.
        """
        try:
            self._put(path, _checked(name))
        except Exception as error:
            problem = self._explained(error)
        else:
            return
        raise problem

    def get(self, name: str, target: Path, *, sha256: str | None = None) -> bool:
        """Fetch a file; it appears at once and whole.

        Parameters
        ----------
        name
            Its name in the store.
        target
            Where it goes.
        sha256
            What it must be.

        Returns
        -------
        bool
            False when the store does not have it.

        Raises
        ------
        DownloadError
            It could not be fetched, or is not what it should be.
        """
        try:
            return self._get(_checked(name), target, sha256)
        except Exception as error:
            problem = self._explained(error)
        raise problem

    def _put(self, path: Path, name: str) -> None:
        files, root = self._files()
        place, size = f"{root}/{name}", path.stat().st_size
        if name.startswith("inputs/") and _size(files, place) == size:
            return  # Its name is its content.
        if _WHOLE.intersection(_protocols(files)):
            files.put_file(str(path), place)
        else:
            part = f"{place}.{secrets.token_hex(4)}.part"
            files.makedirs(place.rpartition("/")[0], exist_ok=True)
            try:
                files.put_file(str(path), part)
                files.mv(part, place)
            finally:
                if files.exists(part):
                    files.rm_file(part)
        arrived = _size(files, place)
        if arrived != size:
            raise OSError(f"{name} has {size} bytes here and {arrived} there")

    def _get(self, name: str, target: Path, sha256: str | None) -> bool:
        files, root = self._files()
        place = f"{root}/{name}"
        size = _size(files, place)
        if size is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            files.get_file(place, str(part))
            if part.stat().st_size != size:
                raise OSError(f"{name} has {size} bytes there, and {part.stat().st_size} arrived")
            if sha256 is not None and _digest(part) != sha256:
                raise OSError(f"{name} was changed in the store")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return True

    def _files(self) -> tuple[Any, str]:
        if self._opened is None:
            # Listings that are kept would hide what other machines have put there.
            self._opened = _open(self.url)
        return self._opened

    def _explained(self, error: Exception) -> KlingError:
        if isinstance(error, KlingError):
            return error
        words = " ".join(str(error).split())[:200] or type(error).__name__
        return DownloadError(
            f"The store of the videos, {self.url}, could not be used.",
            f"{type(error).__name__}: {words}.",
            "Check KLING_NB_MEDIA_URL and the store's own credentials; what is on this machine stays here.",
        )


def _open(url: str) -> tuple[Any, str]:
    scheme = url.partition("://")[0]
    missing = ""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - installed with an extra

        options: Mapping[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        files, root = url_to_fs(url, **({} if scheme == "memory" else options))
    except (ImportError, ValueError) as error:
        missing = str(error)
    else:
        return files, str(root).rstrip("/")
    raise DownloadError(
        f"There is no client for {scheme}:// here.",
        f"{missing}.",
        f'%pip install "kling-nb[{_INSTALL.get(scheme, "media")}]", or the client that fsspec names.',
    )


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise DownloadError(
            f"{name[:80]!r} is no name of a video or picture of a run.", "", "Nothing was moved."
        )
    return name


def _protocols(files: Any) -> tuple[str, ...]:
    names = files.protocol
    return (names,) if isinstance(names, str) else tuple(names)


def _size(files: Any, place: str) -> int | None:
    try:
        return int(files.info(place)["size"])
    except FileNotFoundError:
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
