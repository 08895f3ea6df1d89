"""Videos to disk: anonymous, streamed, resumable, atomic (``spec/official-api.md`` §13).

The file appears under its name only when it is complete: it grows as ``<name>.<digest>.part`` beside
it, and what is there after a broken connection or a killed kernel is continued with ``Range``.

The answer is somebody else's: its addresses are checked by `Reach`, its size is bounded, a trickle is
given up, what is no video is refused, and no link inside the folder is followed when writing.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import httpx

from kling_nb.domain.wire import Answer
from kling_nb.errors import DownloadError
from kling_nb.transport.connection import Timeouts, new_client
from kling_nb.transport.partfile import (
    BATCH,
    Pace,
    PartGoneError,
    PartTakenError,
    PartWriter,
    StalledError,
    own_size,
)
from kling_nb.transport.reach import OutOfReachError, Reach, parsed
from kling_nb.transport.retry import RetryRule

Progress = Callable[[int, int | None], None]

MAX_BYTES = 2_000_000_000
"""Default size cap; the longest clips are tens of megabytes."""
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRY_STATUS = frozenset({429, 500, 502, 503, 504})
_NO_VIDEO = ("text/", "image/", "application/json", "application/xml", "application/xhtml", "application/pdf")
_TEXT_BYTES = frozenset({9, 10, 12, 13, *range(32, 256)})
"""Bytes of which texts consist; every video begins with others among its first hundred."""
_LOOKED_AT = 512


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A finished download.

    Parameters
    ----------
    path
        The file.
    nbytes
        Its size.
    sha256
        Hex digest of its content.
    """

    path: Path
    nbytes: int
    sha256: str


class _InterruptedError(Exception):
    """An attempt ended early; what is in the part file can be continued."""

    def __init__(self, cause: str, answer: Answer | None = None, *, hopeful: bool = True) -> None:
        super().__init__(cause)
        self.answer = answer
        self.hopeful = hopeful


async def download(
    url: str,
    target: Path,
    *,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
    reach: Reach | None = None,
    retry: RetryRule | None = None,
    timeouts: Timeouts | None = None,
    http: httpx.AsyncClient | None = None,
    picture: bool = False,
    then: Callable[[Downloaded], None] | None = None,
) -> Downloaded:
    """Fetch a file without any credential.

    Parameters
    ----------
    url
        Signed address from the service.
    target
        Where the file shall be; its folder is made when missing. An existing file is replaced.
    max_bytes
        Size cap.
    progress
        Told the bytes on disk and the size, if it is known.
    reach
        What may be fetched from besides the public web; asked for every address, redirects included.
    retry
        Delays after broken attempts; the count starts anew whenever bytes arrived.
    timeouts
        ``connect``, and ``get`` as the longest silence between two pieces.
    http
        Open client from ``connection.new_client`` for this host and reach, used for this host and no other;
        it stays open. None opens one for this file alone.
    picture
        Whether the file is a picture (a mask) instead of a video.
    then
        Called when the file is complete, on the thread that wrote it; must not raise.

    Returns
    -------
    Downloaded
        The complete file.

    Raises
    ------
    DownloadError
        Expired, missing, too large, no video, disk full, or broken too often; ``http_status`` is set
        when the server said so. The part file stays where it can be continued.
    """
    rule = retry or RetryRule()
    job = _Job(
        url,
        Path(target),
        max_bytes=max_bytes,
        progress=progress,
        reach=reach or Reach(),
        timeouts=timeouts or Timeouts(),
        http=http,
        picture=picture,
        then=then,
    )
    try:
        return await _in_the_end(job, rule)
    finally:
        if job.alone is not None:
            job.alone.unlink(missing_ok=True)


async def _in_the_end(job: _Job, rule: RetryRule) -> Downloaded:
    failures, reached = 0, job.size
    while True:
        try:
            return await job.attempt()
        except _InterruptedError as error:
            broken = error
        except OSError as error:
            _raise_disk(error, job)
        # Measured against the farthest point, or a file that is always too short would start over for ever.
        # A trickle makes progress, too, and would never end.
        failures = 0 if job.size > reached and broken.hopeful else failures + 1
        reached = max(reached, job.size)
        if failures >= rule.attempts:
            raise DownloadError(
                f"The video could not be fetched from {job.host}.",
                f"{broken}; {job.size} bytes arrived.",
                "`%kling resume` continues where it stopped.",
                http_status=broken.answer.status if broken.answer else None,
            )
        await asyncio.sleep(rule.delay(max(failures - 1, 0), broken.answer))


class _Job:
    """One file on its way."""

    def __init__(
        self,
        url: str,
        target: Path,
        *,
        max_bytes: int,
        progress: Progress | None,
        reach: Reach,
        timeouts: Timeouts,
        http: httpx.AsyncClient | None,
        picture: bool = False,
        then: Callable[[Downloaded], None] | None = None,
    ) -> None:
        self.url = url
        self.then = then
        self.picture = picture
        self.http = http
        self.target = target
        self.max_bytes = max_bytes
        self.progress = progress
        self.reach = reach
        self.timeouts = timeouts
        # The signature in the query changes with every look at the task, the path does not: a part is
        # continued only by the address that began it.
        path = url.partition("://")[2].partition("?")[0].partition("#")[0].partition("/")[2]
        digest = hashlib.sha256(f"/{path}".encode(errors="replace")).hexdigest()[:8]
        self.part = target.with_name(f"{target.name}.{digest}.part")
        self.alone: Path | None = None
        self.host = host_of(url)

    @property
    def size(self) -> int:
        """Bytes in the part file."""
        return own_size(self.part)

    async def attempt(self) -> Downloaded:
        if not self.target.parent.is_dir():
            self.target.parent.mkdir(parents=True, exist_ok=True)
        url, hops = self.url, 0
        while True:
            self._check(url)
            async with self._client(url) as http:
                try:
                    done, url = await self._request(http, url)
                except OutOfReachError as error:
                    raise self._refused(str(error)) from None
                except (httpx.InvalidURL, ValueError):
                    raise self._refused(f"{self.host} leads to an address that cannot be read.") from None
                except httpx.HTTPError as error:
                    raise _InterruptedError(f"{type(error).__name__}: {error}".rstrip(": ")) from None
            if done is not None:
                return done
            hops += 1
            if hops > MAX_REDIRECTS:
                raise self._refused("It redirects too often.")

    def _client(self, url: str) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        # A redirect may lead to a host with other rules about proxies and certificates.
        if self.http is not None and origin(url) == origin(self.url):
            return nullcontext(self.http)
        return new_client(url, self.timeouts, max_connections=1, reach=self.reach)

    async def _request(self, http: httpx.AsyncClient, url: str) -> tuple[Downloaded | None, str]:
        """Return the file, or the address a redirect leads to."""
        start = self.size
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        async with http.stream("GET", parsed(url), headers=headers) as response:
            status = response.status_code
            if status in _REDIRECTS and "location" in response.headers:
                return None, urljoin(url, response.headers["location"])
            if status == 416 and start:
                return await self._at_end(response, start), url
            self._check_status(response)
            resumed = status == 206 and _range_start(response) == start
            if status == 206 and not resumed:
                self.part.unlink(missing_ok=True)
                raise _InterruptedError("the server answered with another range")
            total = _total(response, start if resumed else 0)
            self._check_size(total)
            return await self._store(response, start if resumed else 0, total), url

    async def _store(self, response: httpx.Response, start: int, total: int | None) -> Downloaded:
        with self._writer(start) as writer:
            rest = await self._copy(response, writer, total)
            # One trip to a thread for what most videos are: a single batch.
            return await asyncio.to_thread(self._seal, writer, rest, total)

    @contextmanager
    def _writer(self, start: int) -> Iterator[PartWriter]:
        """Give what the part file is written with; whatever ends the writing says whether to try again."""
        writer = PartWriter(self.part, start)
        try:
            yield writer
        except StalledError as error:
            raise _InterruptedError(str(error), hopeful=False) from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise _InterruptedError(f"the connection broke ({type(error).__name__})") from None
        except (PartGoneError, FileNotFoundError):
            raise _InterruptedError("the part file has gone") from None
        except PartTakenError:
            # Whoever has it may be slow or stop: this one fetches a copy for itself.
            self.part = self.alone = self.part.with_suffix(f".{secrets.token_hex(4)}.part")
            raise _InterruptedError("another download of the same file is under way") from None
        finally:
            writer.close()

    async def _copy(self, response: httpx.Response, writer: PartWriter, total: int | None) -> bytes:
        """Write all full batches and return what is left to write."""
        batch = bytearray()
        pace = Pace()
        beginning = writer.size == 0
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in response.aiter_raw():
                batch += piece
                pace.note(len(piece))
                if beginning and len(batch) >= _LOOKED_AT:
                    self._check_kind(batch)
                    beginning = False
                if len(batch) >= BATCH:
                    # The next piece is received while the last batch is hashed and written.
                    if writing is not None:
                        await writing
                    self._check_size(writer.size + len(batch))
                    writing = asyncio.ensure_future(asyncio.to_thread(writer.write, bytes(batch)))
                    batch.clear()
                    self._report(writer.size, total)
        except BaseException:
            # A broken connection leaves pieces that are good: they need not come again.
            if writing is not None:
                await asyncio.shield(writing)
            if beginning:
                self._check_kind(batch)
            self._check_size(writer.size + len(batch))
            await asyncio.to_thread(writer.write, bytes(batch))
            raise
        if writing is not None:
            await writing
        if beginning:
            self._check_kind(batch)
        self._check_size(writer.size + len(batch))
        self._report(writer.size + len(batch), total)
        return bytes(batch)

    def _seal(self, writer: PartWriter, rest: bytes, total: int | None) -> Downloaded:
        """Write the end, wait for the disk, and give the file its name."""
        writer.write(rest)
        if total is not None and writer.size != total:
            raise _InterruptedError(f"{writer.size} of {total} bytes arrived")
        if writer.size == 0:
            self.part.unlink(missing_ok=True)
            raise _InterruptedError("the file is empty")
        writer.sync()
        named = writer.has_its_name()
        writer.close()
        # Another download of the same file may have finished first, and a third begun under the part's name.
        if named or not _is_whole(self.target, writer.size):
            _replace(self.part, self.target, writer.size)
        done = Downloaded(self.target, writer.size, writer.digest)
        if self.then is not None:
            self.then(done)
        return done

    async def _at_end(self, response: httpx.Response, start: int) -> Downloaded:
        total = _range_total(response.headers.get("content-range", ""))
        if total != start:
            self.part.unlink(missing_ok=True)
            raise _InterruptedError("the part file does not belong to this video")
        with self._writer(start) as writer:
            return await asyncio.to_thread(self._seal, writer, b"", start)

    def _report(self, size: int, total: int | None) -> None:
        if self.progress is not None:
            self.progress(size, total)

    def _check(self, url: str) -> None:
        try:
            self.reach.check(url)
        except OutOfReachError as error:
            why = str(error)
        else:
            return
        raise self._refused(why)

    def _check_kind(self, begin: bytes | bytearray) -> None:
        """Refuse a text: an error page that is sent as if it were a video."""
        if begin and all(byte in _TEXT_BYTES for byte in begin[:_LOOKED_AT]):
            self.part.unlink(missing_ok=True)
            kind = "a web page" if begin.lstrip()[:1] == b"<" else "a text"
            raise self._refused(f"{self.host} sent {kind}, no video.")

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _RETRY_STATUS:
            raise _InterruptedError(f"HTTP {status}", Answer(status, dict(response.headers), b""))
        if status in (403, 404, 410):
            raise DownloadError(
                "The video's address is no longer valid."
                if status == 403
                else "The video is no longer there.",
                f"{self.host} answered HTTP {status}. Addresses are signed for a limited time, videos are "
                "removed after 30 days.",
                "`%kling resume` asks the service for a new address; after 30 days make the video again.",
                http_status=status,
            )
        if status not in (200, 206):
            raise self._refused(f"{self.host} answered HTTP {status}.", status)
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise self._refused(f"{self.host} sent it packed, though that was not asked for.", status)
        kind = response.headers.get("content-type", "").lower()
        if kind.startswith(_NO_VIDEO) and not (self.picture and kind.startswith("image/")):
            raise self._refused(f"{self.host} sent {kind.split(';')[0][:80]}, no video.", status)

    def _check_size(self, size: int | None) -> None:
        if size is not None and size > self.max_bytes:
            self.part.unlink(missing_ok=True)
            raise self._refused(f"It has {size} bytes or more, the limit is {self.max_bytes}.")

    def _refused(self, why: str, status: int | None = None) -> DownloadError:
        trust = ""
        if "lies inside" in why:
            trust = f" If you trust {self.host}: KLING_NB_RESULT_HOSTS={self.host}."
        return DownloadError(
            "The video was not fetched.",
            why,
            f"`%kling resume` tries again.{trust}",
            http_status=status,
        )


def origin(url: str) -> tuple[str, str]:
    """Return scheme and host with port of an address.

    Parameters
    ----------
    url
        Absolute address.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def host_of(url: str) -> str:
    """Return the host of an address for people: without user name, and never the signature in its query."""
    try:
        return urlsplit(url).hostname or "the service"
    except ValueError:
        return "the service"


def _replace(part: Path, target: Path, size: int) -> None:
    try:
        part.replace(target)
    except FileNotFoundError:
        # Another kernel finished the same file first.
        if not _is_whole(target, size):
            raise


def _is_whole(target: Path, size: int) -> bool:
    return target.is_file() and target.stat().st_size == size


def _range_start(response: httpx.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(found.group(1)) if found else None


def _range_total(header: str) -> int | None:
    found = re.search(r"/(\d+)$", header)
    return int(found.group(1)) if found else None


def _total(response: httpx.Response, start: int) -> int | None:
    total = _range_total(response.headers.get("content-range", ""))
    if total is not None:
        return total
    length = response.headers.get("content-length", "")
    return start + int(length) if length.isdigit() else None


def _raise_disk(error: OSError, job: _Job) -> NoReturn:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    raise DownloadError(
        "The disk is full." if full else f"{job.target} cannot be written.",
        f"{error.strerror or error}; {job.size} bytes of the video are in {job.part.name}.",
        f"{'Make room' if full else 'Check the folder'}, then `%kling resume` continues where it stopped.",
    ) from None
