"""What a view of many clips asks about them: rows of the log, facts of the files, small pictures."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kling_nb.errors import MediaError
from kling_nb.session.masks import RECOGNIZE

if TYPE_CHECKING:
    from kling_nb.media import VideoInfo
    from kling_nb.runlog import RunLog, RunRecord

CHUNK = 500
"""Ids asked for in one statement; databases limit how many values it may carry."""


def records_of(log: RunLog, ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return the rows of runs by id; ids that are not in the log are left out."""
    return {record.id: record for part in _chunks(ids) for record in log.records({"id": list(part)})}


def has_clip(record: RunRecord) -> bool:
    """Whether a clip of the run was ever stored, on this machine or another one."""
    return record.video_path is not None and record.form != RECOGNIZE


def clip_facts(path: Path) -> VideoInfo | None:
    """Return size, frame rate and number of frames of a video; None when it cannot be read.

    Asked again for the same file, the answer is remembered.
    """
    try:
        stat = path.stat()
    except OSError:
        return None
    return _facts(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _facts(path: Path, _changed_ns: int, _size: int) -> VideoInfo | None:
    from kling_nb.media import probe  # noqa: PLC0415 - PyAV takes 0.2 s to load

    try:
        info = probe(path)
    except MediaError:
        return None
    # A damaged file may be taken for a video of no size by its name alone.
    return info if info.width and info.height else None


def small_picture(path: Path, long_side: int) -> bytes:
    """Return a small JPEG of a picture file; empty when it cannot be read.

    Parameters
    ----------
    path
        JPEG or PNG file.
    long_side
        Longest side in pixels.
    """
    from kling_nb.media.thumbnails import thumbnail  # noqa: PLC0415 - Pillow takes a while to load

    try:
        return thumbnail(path, long_side)
    except MediaError:
        return b""


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def changed_records(log: RunLog, since: int) -> list[RunRecord]:
    """Return the rows added or changed after a state of the log.

    Parameters
    ----------
    log
        The run log.
    since
        Its ``change_counter()`` at that time.
    """
    from kling_nb.runlog.schema import RUNS  # noqa: PLC0415 - SQLAlchemy is loaded by the log itself

    return log.records(RUNS.c.revision > since)


def voter() -> str:
    """Return who sits at this notebook: the name at the hub, or that of the account."""
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError):
        # Containers may run under a number that has no name.
        return "unknown"
