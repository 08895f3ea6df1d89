"""Control routes under ``/sandbox``: never part of a wire test (``spec/sandbox.md`` §1)."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.answers import json_answer, no_such_key
from kling_nb.sandbox.body import TooLargeError, read_object
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import ERROR_CODES
from kling_nb.sandbox.faults import UnknownFaultError
from kling_nb.sandbox.official.auth import authorize
from kling_nb.sandbox.official.messages import RefusedError
from kling_nb.sandbox.tasks import Task
from kling_nb.sandbox.uploads import LOOPBACK_HOSTS, PATH

LARGEST_UPLOAD = 64 * 1024 * 1024

ControlHandler = Callable[[Request], Awaitable[Response]]


class Control:
    """Faults, switches, debug records, uploads, reset and health."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        """Return the control routes and the files, which need no credential."""
        guarded: tuple[tuple[str, str, ControlHandler], ...] = (
            ("GET", "/sandbox/health", self._health),
            ("POST", "/sandbox/reset", self._reset),
            ("GET", "/sandbox/config", self._config),
            ("PATCH", "/sandbox/config", self._configure),
            ("POST", "/sandbox/faults", self._add_fault),
            ("GET", "/sandbox/faults", self._faults),
            ("DELETE", "/sandbox/faults", self._clear_faults),
            ("GET", "/sandbox/tasks", self._tasks),
            ("GET", "/sandbox/tasks/{id:path}", self._task),
            ("POST", PATH, self._upload),
        )
        return [
            *(Route(path, self._guard(handler), methods=[method]) for method, path, handler in guarded),
            Route(PATH + "/{name}", self._uploaded, methods=["GET"]),
            Route("/sandbox/files/{task}/{name}", self._sandbox.files.serve, methods=["GET"]),
        ]

    def _guard(self, handler: ControlHandler) -> ControlHandler:
        async def guarded(request: Request) -> Response:
            # A page in a browser could reach loopback under a name of its own (DNS rebinding).
            if request.url.hostname not in LOOPBACK_HOSTS:
                return json_answer({"error": "control routes answer loopback hosts only"}, 403)
            try:
                self._authorize(request.headers.get("authorization"))
                return await handler(request)
            except RefusedError as error:
                return json_answer({"error": error.text}, error.status)
            except TooLargeError:
                return json_answer({"error": "larger than 64 MB"}, 413)
            except (UnknownFaultError, ValidationError) as error:
                return json_answer({"error": str(error)}, 400)

        return guarded

    def _authorize(self, header: str | None) -> None:
        """Take any valid credential of any dialect."""
        keys = self._sandbox.credentials
        given = (header or "").encode()
        if any(
            hmac.compare_digest(given, f"Bearer {key}".encode())
            for key in (keys.acedata_token, keys.aimlapi_key)
        ):
            return
        authorize(header, keys, self._sandbox.clock.now())

    async def _health(self, _request: Request) -> Response:
        box = self._sandbox
        if box.ending():
            # Whoever finds a server goes on to use it: this one will not be there.
            return json_answer({"status": "ending"}, 503)
        unfinished = len(box.store.unfinished())
        return json_answer(
            {"status": "ok", "pid": os.getpid(), "home": str(box.home), "unfinished": unfinished}
        )

    async def _reset(self, _request: Request) -> Response:
        await self._sandbox.reset()
        return json_answer({"status": "ok"})

    async def _config(self, _request: Request) -> Response:
        return self._switches()

    def _switches(self) -> Response:
        return json_answer(self._sandbox.config.model_dump(mode="json"))

    async def _configure(self, request: Request) -> Response:
        self._sandbox.reconfigure(self._sandbox.config.patched(await read_object(request)))
        return self._switches()

    async def _add_fault(self, request: Request) -> Response:
        queued = self._sandbox.faults.add(await read_object(request), ERROR_CODES)
        return json_answer(queued.to_json(), 201)

    async def _faults(self, _request: Request) -> Response:
        return json_answer([queued.to_json() for queued in self._sandbox.faults.waiting])

    async def _clear_faults(self, _request: Request) -> Response:
        self._sandbox.faults.waiting.clear()
        return json_answer([])

    async def _tasks(self, _request: Request) -> Response:
        return json_answer([task.model_dump(mode="json") for task in self._sandbox.store.newest_first()])

    async def _task(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        store = self._sandbox.store
        task = store.get(wanted) or store.by_external_id(wanted) or store.by_public_id(wanted)
        if task is None:
            return json_answer({"error": f"no task {wanted}"}, 404)
        return json_answer(task.model_dump(mode="json") | {"truth": self._truth(task)})

    def _truth(self, task: Task) -> Any:
        """Return what was really rendered, kept beside the video; empty when nothing was."""
        if task.video is None:
            return {}
        path = self._sandbox.files.path(task.id, task.video.id, ".json")
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    async def _upload(self, request: Request) -> Response:
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > LARGEST_UPLOAD:
                raise TooLargeError
        return json_answer({"url": self._sandbox.uploads.add(bytes(data))}, 201)

    async def _uploaded(self, request: Request) -> Response:
        path = self._sandbox.uploads.path(request.path_params["name"])
        return no_such_key() if path is None else FileResponse(path)
