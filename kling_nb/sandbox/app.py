"""The ASGI application: dialects, control routes and files over one sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kling_nb.sandbox.acedata.routes import routes as acedata_routes
from kling_nb.sandbox.aiml.routes import routes as aiml_routes
from kling_nb.sandbox.control import Control
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official.routes import routes as official_routes

UPKEEP_S = 5.0
# The official dialect comes last: it answers every path that no other took.
DIALECTS: dict[str, Callable[[Sandbox], list[BaseRoute]]] = {
    "acedata": acedata_routes,
    "aiml": aiml_routes,
    "official": official_routes,
}


def create_app(sandbox: Sandbox) -> ASGIApp:
    """Return the application of ``sandbox``.

    Its lifespan takes up unfinished tasks at start and stops the work at the end.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        sandbox.engine.resume()
        upkeep = asyncio.get_running_loop().create_task(_upkeep(sandbox))
        yield
        upkeep.cancel()
        await sandbox.stop()

    routes = Control(sandbox).routes()
    for name, dialect in DIALECTS.items():
        if name in sandbox.config.dialects:
            routes += dialect(sandbox)
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    return _Outermost(app, sandbox)


async def _upkeep(sandbox: Sandbox) -> None:
    while True:
        sandbox.files.expire()
        await asyncio.sleep(UPKEEP_S)


class _Outermost:
    """Dates every answer by the sandbox's clock and takes paths with a trailing slash unless strict."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = scope["raw_path"]
        if len(raw) > 1 and raw.endswith(b"/") and not self._sandbox.config.strict:
            scope = {**scope, "path": scope["path"][:-1], "raw_path": raw[:-1]}

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = self._sandbox.clock.http_date().encode()
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        with self._sandbox.call():
            await self._app(scope, receive, dated)
