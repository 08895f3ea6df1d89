"""Faults of the TCP connection itself: closed without an answer, or in the middle of one.

uvicorn finishes every answer an application begins, so these faults need the transport. The protocol class
below hands it to the application in ``scope["extensions"]``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from h11 import LocalProtocolError
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

EXTENSION = "kling_nb.transport"


class FaultyProtocol(H11Protocol):
    """HTTP/1.1 whose requests carry the connection's transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Wrap the application so that it can reach this connection."""
        super().connection_made(transport)
        served: Any = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[EXTENSION] = transport
            try:
                await served(scope, receive, send)
            except LocalProtocolError:
                # uvicorn has refused the rest of the request by itself: nobody waits for an answer.
                if not transport.is_closing():
                    raise

        self.app = with_transport


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection and return when it is closed; what was sent before still arrives."""
    transport: asyncio.Transport | None = scope.get("extensions", {}).get(EXTENSION)
    if transport is None:
        raise RuntimeError("connection faults need the server's own protocol class")
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


class HangUp(Response):
    """No answer at all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Close the connection."""
        await hang_up(scope, receive)


class CutShort(Response):
    """An answer whose ``Content-Length`` is honest but whose body stops halfway.

    Parameters
    ----------
    body
        The whole body.
    media_type
        Its content type.
    status_code
        HTTP status.
    """

    def __init__(self, body: bytes, media_type: str, status_code: int = 200) -> None:
        super().__init__(body, status_code, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and half of the body, then close the connection."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await hang_up(scope, receive)


def with_fault(answer: Response, kind: str) -> Response:
    """Return ``answer`` as the call fault ``kind`` leaves it."""
    if kind == "drop-after":
        return HangUp()
    if kind == "truncate":
        return CutShort(bytes(answer.body), answer.headers["content-type"], answer.status_code)
    return answer
