"""Official paths the sandbox knows of but does not serve, and paths nobody knows.

Silence would look like success: a known path answers 404 / 1203 (M40), any other the body of the service's
framework (``spec/official-api.md`` §2, §15).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from kling_nb.sandbox.answers import json_answer
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official.auth import Generation, authorize
from kling_nb.sandbox.official.messages import RefusedError
from kling_nb.sandbox.official.pipeline import refusal

LEGACY_SIBLINGS = (
    "/v1/videos/omni-video",
    "/v1/videos/multi-image2video",
    "/v1/videos/motion-control",
    "/v1/videos/effects",
    "/v1/videos/identify-face",
    "/v1/videos/advanced-lip-sync",
    "/v1/videos/lip-sync",
    "/v1/videos/avatar/image2video",
    "/v1/videos/multi-elements",
    "/v1/audio/text-to-audio",
    "/v1/audio/video-to-audio",
    "/v1/audio/tts",
    "/v1/general/custom-voices",
    "/v1/general/presets-voices",
    "/v1/general/delete-voices",
    "/v1/general/advanced-custom-elements",
    "/v1/general/advanced-presets-elements",
    "/v1/general/delete-elements",
    "/v1/general/delete-advanced-elements",
    "/v1/general/ai-multi-shot",
    "/v1/images/generations",
    "/v1/images/omni-image",
    "/v1/images/multi-image2image",
    "/v1/images/editing/expand",
    "/v1/images/kolors-virtual-try-on",
    "/account/billing/balance",
)
NEW_SIBLINGS = ("/image-to-video", "/text-to-video", "/omni-video", "/motion-control")
"""Models the sandbox does not serve below the first two, everything below the others."""


class _Unserved:
    """Endpoint that authorizes and then says that nothing is here."""

    def __init__(
        self, sandbox: Sandbox, generation: Generation, answer: Callable[[Request], Awaitable[Any]]
    ) -> None:
        self._sandbox = sandbox
        self._generation = generation
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        header = request.headers.get("authorization")
        try:
            authorize(header, self._sandbox.credentials, self._sandbox.clock.now(), self._generation)
            answer = await self._answer(request)
        except RefusedError as error:
            answer = refusal(error)
        await answer(scope, receive, send)


def sibling_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return routes for every official path that is not served, with anything below it."""
    generations: tuple[tuple[tuple[str, ...], Generation], ...] = (
        (LEGACY_SIBLINGS, "legacy"),
        (NEW_SIBLINGS, "new"),
    )
    return [
        Route(path + tail, _Unserved(sandbox, generation, _not_served))
        for paths, generation in generations
        for path in paths
        for tail in ("", "/{rest:path}")
    ]


async def _not_served(_request: Request) -> Any:
    raise RefusedError(1203)


def unknown_path(
    sandbox: Sandbox, path: str = "/{rest:path}", generation: Generation = "legacy"
) -> BaseRoute:
    """Return the route of a path the service does not know; by default every path no other route took."""

    async def answer(request: Request) -> Any:
        body = {
            "timestamp": sandbox.clock.now_ms(),
            "status": 404,
            "error": "Not Found",
            "message": "No message available",
            "path": request.url.path,
        }
        return json_answer(body, 404)

    return Route(path, _Unserved(sandbox, generation, answer))
