"""Bringing a finished video home: download, poster, JSON beside it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.errors import DownloadError, KlingError, MediaError
from kling_nb.session.forms import form_of
from kling_nb.transport.connection import Timeouts, new_client
from kling_nb.transport.download import download, origin
from kling_nb.transport.reach import OutOfReachError

if TYPE_CHECKING:
    import httpx

    from kling_nb.runlog import RunRecord
    from kling_nb.session.service import Service
    from kling_nb.session.shelf import Shelf
    from kling_nb.transport.download import Downloaded
    from kling_nb.transport.reach import Reach

MEDIA = "media"
MAX_VIDEO_BYTES = 2_000_000_000
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Ids of runs that may become names of files."""

MAX_HOSTS = 32
"""Hosts to which connections stay open between downloads."""

GONE = (401, 403, 404, 410)
"""Answers that mean: this URL will not work again, ask the service for a fresh one."""

DURATION_TOLERANCE_S = 0.2
SCHEMA = "kling_nb/run/1"

_SECTIONS = {
    "provider": ("provider", "base_url", "endpoint"),
    "task": ("task_id", "external_task_id", "video_id", "service_status"),
    "cost": (
        "estimate_units",
        "estimate_usd",
        "estimate_mark",
        "price_as_of",
        "actual_units",
        "balance_deduction",
    ),
    "times": ("created_at", "submitted_at", "started_at", "finished_at", "downloaded_at"),
    "video": ("video_url", "video_duration", "video_sha256", "video_bytes"),
    "about": ("name", "tags", "note", "notebook", "notices", "repeat"),
}
"""Columns of the sidecar, by section."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A video on this machine.

    Parameters
    ----------
    columns
        What the row of the run learns.
    notices
        What a person should know about the file.
    """

    columns: dict[str, Any]
    notices: tuple[str, ...] = ()


class Filer:
    """Downloads finished videos into one folder.

    Parameters
    ----------
    home
        Folder of the runs; videos go to ``media/`` in it.
    posters
        Whether a poster is made of each video.
    parallel
        Downloads at the same time.
    shelf
        Where a team has copies.
    """

    def __init__(
        self, home: Path, *, posters: bool = True, parallel: int = 4, shelf: Shelf | None = None
    ) -> None:
        self._shelf = shelf
        self.home = home
        self._posters = posters
        self._parallel = parallel
        self._slots = asyncio.Semaphore(parallel)
        self._clients: dict[tuple[str, str, Reach], httpx.AsyncClient] = {}

    async def close(self) -> None:
        """Close the connections to the places videos come from."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def file(self, record: RunRecord, service: Service, say: Callable[[str], None]) -> Filed:
        """Fetch the video of a finished run.

        Parameters
        ----------
        record
            Row with ``video_url``.
        service
            Asked for a fresh URL when the stored one no longer works.
        say
            Called with a sentence while the download goes on.

        Raises
        ------
        DownloadError
            The video could not be fetched or stored; the URL and the task id stay in the log.
        """
        if not FILE_NAME.fullmatch(record.id):
            raise DownloadError(
                f"The video of {record.id[:80]!r} is not stored.",
                "A log that others can write to too gave it a name that is no name of a file.",
                "Runs made here have names like r-2mta00000000.",
                run_id=record.id,
            )
        target = self.home / MEDIA / f"{record.id}.mp4"
        async with self._slots:
            filed = await self._fetch(record, service, target, say)
        if isinstance(filed, Exception):
            raise filed
        if self._shelf is not None:
            await asyncio.to_thread(self._shelf.keep_clip, record)
        return filed

    async def from_shelf(self, record: RunRecord) -> str | None:
        """Bring home what a colleague's kernel has filed already.

        Returns
        -------
        str or None
            A sentence when the store could not be used; whether the clip is here, the caller sees.
        """
        shelf = self._shelf
        if shelf is None or record.downloaded_at is None or not FILE_NAME.fullmatch(record.id):
            return None
        try:
            async with self._slots:
                await asyncio.to_thread(shelf.fetch_clip, record)
        except KlingError as error:
            return f"{error.what} {error.why}"
        return None

    async def _fetch(
        self, record: RunRecord, service: Service, target: Path, say: Callable[[str], None]
    ) -> Filed | Exception:
        """Return what became of the file; an error after the download is none of the download."""
        filed: list[Filed | Exception] = []

        def progress(got: int, total: int | None) -> None:
            of = f" of {total / 1e6:.1f}" if total else ""
            say(f"downloading {got / 1e6:.1f}{of} MB")

        def finish(got: Downloaded) -> None:
            try:
                filed.append(self._finish(record, target, got, url))
            except Exception as error:
                filed.append(error)

        url = record.video_url or await self._fresh_url(record, service) or ""
        for last in (False, True):
            try:
                if not url:
                    raise DownloadError("The service gave no address for the video.", http_status=404)
                where = service.resolve(url)
                await download(
                    where,
                    target,
                    max_bytes=MAX_VIDEO_BYTES,
                    progress=progress,
                    retry=service.download_retry,
                    reach=service.reach,
                    http=self._client(where, service.reach),
                    # On the thread that has just written the file: every hop to one costs the loop its pace.
                    then=finish,
                )
            except DownloadError as error:
                fresh = (
                    None if last or error.http_status not in GONE else await self._fresh_url(record, service)
                )
                if not fresh:
                    raise _kept(record, error) from error
                url = fresh
            else:
                return filed[0]
        raise AssertionError("the last attempt returns or raises")

    def _client(self, url: str, reach: Reach) -> httpx.AsyncClient | None:
        """Return the open connections to one host; None for what is not asked for at all."""
        try:
            reach.check(url)
        except OutOfReachError:
            return None
        place = (*origin(url), reach)
        if place not in self._clients and len(self._clients) >= MAX_HOSTS:
            # Videos of one service come from a handful of hosts; a new one each time would pile up sockets.
            return None
        if place not in self._clients:
            self._clients[place] = new_client(url, Timeouts(), self._parallel, reach=reach)
        return self._clients[place]

    @staticmethod
    async def _fresh_url(record: RunRecord, service: Service) -> str | None:
        """Ask the service once more: a signed URL is made new with each answer."""
        try:
            task = await service.query(record.task_id or "", form_of(record))
        except KlingError:
            return None
        # An answer about another task leads to another run's video.
        return task.video_url if task.task_id == record.task_id else None

    def _finish(self, record: RunRecord, target: Path, got: Downloaded, url: str) -> Filed:
        notices = []
        columns: dict[str, Any] = {
            "video_path": f"{MEDIA}/{target.name}",
            "video_url": url,
            "video_sha256": got.sha256,
            "video_bytes": got.nbytes,
            "downloaded_at": datetime.now(UTC),
        }
        facts: dict[str, Any] = {}
        try:
            facts = self._look_at(target, columns)
        except (MediaError, OSError) as error:
            notices.append(f"The video was stored but cannot be read here: {str(error).splitlines()[0]}")
        told, real = record.video_duration, facts.get("duration_s")
        if told is not None and real is not None and abs(told - real) > DURATION_TOLERANCE_S:
            notices.append(f"The service says the video lasts {told:g} s; the file lasts {real:g} s.")
        try:
            write_sidecar(self.home, record, columns, facts)
        except OSError as error:
            raise _cannot_store(record, error) from error
        return Filed(columns, tuple(notices))

    def _look_at(self, target: Path, columns: dict[str, Any]) -> dict[str, Any]:
        from kling_nb import media  # noqa: PLC0415 - the decoder loads with the first video

        if not self._posters:
            return {}
        poster = target.with_suffix(".jpg")
        part = _cleared(target.with_suffix(".jpg.part"))
        info = media.look(target, part)
        part.replace(poster)
        columns["poster_path"] = f"{MEDIA}/{poster.name}"
        return {item.name: getattr(info, item.name) for item in fields(info)}


def write_sidecar(home: Path, record: RunRecord, columns: dict[str, Any], facts: dict[str, Any]) -> Path:
    """Write the JSON beside a video: everything a person needs when the log is gone.

    Media appear by digest and size; credentials are not part of a row and so cannot appear.

    Parameters
    ----------
    home
        Folder of the runs.
    record, columns
        The row and what it has learned since.
    facts
        What the decoder found in the file.
    """

    def value(name: str) -> Any:
        return columns[name] if name in columns else getattr(record, name)

    about: dict[str, Any] = {"schema": SCHEMA, "run": record.id}
    for section, names in _SECTIONS.items():
        about[section] = {name: value(name) for name in names}
    about |= {"request": value("request"), "sent": value("wire"), "versions": value("versions")}
    about["video"]["file"] = facts
    target = (home / str(value("video_path"))).with_suffix(".json")
    part = _cleared(target.with_suffix(".json.part"))
    text = json.dumps(about, indent=1, ensure_ascii=False, default=plain)
    part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    part.replace(target)
    return target


def _cleared(part: Path) -> Path:
    """Return a path where nothing is, so that no link there leads what is written elsewhere."""
    part.unlink(missing_ok=True)
    return part


def plain(value: object) -> object:
    """Return a value of a row as JSON can hold it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value)


def _cannot_store(record: RunRecord, error: OSError) -> DownloadError:
    return DownloadError(
        f"The video of {record.id} cannot be stored.",
        f"{error.strerror or error} ({error.filename or MEDIA}). The task succeeded and is kept there.",
        "Make room or choose another home folder, then %kling resume: nothing is charged again.",
        run_id=record.id,
    )


def _kept(record: RunRecord, error: DownloadError) -> DownloadError:
    command = f"%kling resume {record.id}"
    # A full disk or a broken line has advice of its own, what to do before.
    before, resumes, after = error.advice.partition("`%kling resume`")
    return DownloadError(
        error.what,
        " ".join(part for part in (error.why, "The task succeeded and its id is kept.") if part),
        f"{before}{command}{after} Nothing is charged again."
        if resumes
        else f"{command} fetches it again, free of charge; results are kept for 30 days.",
        http_status=error.http_status,
        run_id=record.id,
    )
