"""Result files under signed URLs, as a hot-link protected file host serves them (``spec/sandbox.md`` §4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kling_nb.sandbox.answers import access_denied, no_such_key
from kling_nb.sandbox.clock import Clock
from kling_nb.sandbox.config import MONTH_S, Config
from kling_nb.sandbox.connection import CutShort
from kling_nb.sandbox.store import TaskStore
from kling_nb.sandbox.tasks import Task

POSTER = ".jpg"
MEDIA_TYPES = {".mp4": "video/mp4", POSTER: "image/jpeg", ".png": "image/png"}
EXPIRES = re.compile(r"[0-9]{1,12}")
REOPENS = Path("/dev/fd").is_dir()
"""Whether an open file can be opened again, whatever has become of its name."""
SLOW_BYTES = 512
SLOW_PAUSE_S = 0.25


class Files:
    """Paths, signed URLs and the route of the result files.

    Parameters
    ----------
    folder
        Where the files lie: one folder a task.
    secret
        Key of the signatures; kept by the store so that URLs outlive the process.
    base_url
        Returns the present address of the server.
    """

    def __init__(
        self,
        *,
        folder: Path,
        secret: str,
        store: TaskStore,
        clock: Clock,
        config: Callable[[], Config],
        base_url: Callable[[], str],
    ) -> None:
        self._folder = folder
        self._secret = secret.encode()
        self._store = store
        self._clock = clock
        self._config = config
        self._base_url = base_url

    def path(self, task_id: str, stem: str, suffix: str) -> Path:
        """Return where a result file of a task lies."""
        return self._folder / task_id / f"{stem}{suffix}"

    def url(self, task: Task, stem: str, suffix: str = ".mp4") -> str:
        """Return the signed URL of a result; the poster of a video has the same one with ``.jpg``."""
        expires = 1 if task.fault("url-expired") is not None else task.updated // 1000 + MONTH_S
        name = f"{stem}-missing" if task.fault("url-404") is not None else stem
        query = f"Expires={expires}&Signature={self._signature(task.id, name, expires)}"
        return f"{self._base_url()}/sandbox/files/{task.id}/{name}{suffix}?{query}"

    def remove(self, task_id: str | None = None) -> None:
        """Delete the files of one task, or of all."""
        shutil.rmtree(self._folder / task_id if task_id else self._folder, ignore_errors=True)

    def expire(self) -> None:
        """Delete files past the retention time; their tasks stay queryable."""
        for task in self._store.newest_first():
            if task.state.final and not self.kept(task):
                self.remove(task.id)

    async def serve(self, request: Request) -> Response:
        """Answer ``GET /sandbox/files/{task}/{name}``: 403, 404, whole or with ``Range``."""
        task_id, name = request.path_params["task"], request.path_params["name"]
        stem, suffix = Path(name).stem, Path(name).suffix
        if not self._signed(task_id, stem, request):
            return access_denied()
        task = self._store.get(task_id)
        path = self.path(task_id, stem, suffix)
        if task is None or suffix not in MEDIA_TYPES or not self.kept(task) or not path.is_file():
            return no_such_key()
        media_type = MEDIA_TYPES[suffix]
        if suffix != POSTER and task.fault("url-slow") is not None:
            size = {"Content-Length": str(path.stat().st_size), "Accept-Ranges": "none"}
            return StreamingResponse(_trickle(path.read_bytes()), media_type=media_type, headers=size)
        if suffix != POSTER and task.fault("url-short") is not None and "range" not in request.headers:
            return CutShort(path.read_bytes(), media_type)
        return HeldFile(path, media_type)

    def kept(self, task: Task) -> bool:
        """Whether the files of a finished task are still within the retention time."""
        return task.updated / 1000 + self._config().retention > self._clock.now()

    def _signature(self, task_id: str, stem: str, expires: int) -> str:
        return hmac.new(self._secret, f"{task_id}/{stem}?{expires}".encode(), hashlib.sha256).hexdigest()

    def _signed(self, task_id: str, stem: str, request: Request) -> bool:
        expires = request.query_params.get("Expires", "")
        if not EXPIRES.fullmatch(expires) or int(expires) <= self._clock.now():
            return False
        wanted = self._signature(task_id, stem, int(expires))
        return hmac.compare_digest(wanted.encode(), request.query_params.get("Signature", "").encode())


class HeldFile(Response):
    """A file, whole or with ``Range``, that may be deleted from the first byte of its answer on.

    Parameters
    ----------
    path
        The file; when it has gone before the answer begins, the answer is 404.
    media_type
        Its content type.
    """

    def __init__(self, path: Path, media_type: str) -> None:
        super().__init__(media_type=media_type)
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            await no_such_key()(scope, receive, send)
            return
        with file:
            # Starlette opens it once more, after it has promised the whole of it.
            path = f"/dev/fd/{file.fileno()}" if REOPENS else self._path
            answer = FileResponse(path, media_type=self.media_type)
            await answer(scope, receive, send)


async def _trickle(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), SLOW_BYTES):
        yield data[start : start + SLOW_BYTES]
        await asyncio.sleep(SLOW_PAUSE_S)
