"""One call of the official API from header to answer: steps 1-3 of ``spec/sandbox.md`` §2 and call faults."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kling_nb.sandbox.answers import html_failure, json_answer, too_large
from kling_nb.sandbox.connection import HangUp, with_fault
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.faults import HEADER, Directives, Fault, UnknownFaultError, parse, read_directives
from kling_nb.sandbox.official.auth import Generation, authorize
from kling_nb.sandbox.official.messages import HTTP_STATUS, RefusedError, parameter

LOG = logging.getLogger(__name__)
LARGEST_BODY = 64 * 1024 * 1024
OFFLOADED_BODY = 256 * 1024
ERROR_CODES = frozenset(HTTP_STATUS)


@dataclass(frozen=True, slots=True)
class Call:
    """An authorized call: its request, its body, and what its prompt asked the sandbox for."""

    request: Request
    body: dict[str, Any]
    directives: Directives
    faults: tuple[Fault, ...]

    @property
    def large(self) -> bool:
        """Whether checking the body would hold up other calls."""
        return int(self.request.headers.get("content-length", OFFLOADED_BODY)) >= OFFLOADED_BODY


Handler = Callable[[Call], Awaitable[Any]]


def envelope(data: Any) -> Response:
    """Return a success: HTTP 200, code 0 (``spec/official-api.md`` §2)."""
    return json_answer({"code": 0, "message": "SUCCEED", "request_id": str(uuid.uuid4()), "data": data})


def refusal(error: RefusedError) -> Response:
    """Return an error answer; it has no ``data``."""
    payload = {"code": error.code, "message": error.text, "request_id": str(uuid.uuid4())}
    return json_answer(payload, error.status)


class TooLargeError(Exception):
    """The body is larger than 64 MB."""


class Endpoint:
    """One official path, used as the endpoint of a route: all methods arrive here.

    Parameters
    ----------
    sandbox
        The shared state.
    handlers
        By HTTP method; other methods are refused with 404 / 1202.
    generation
        Which credentials the path takes.
    """

    def __init__(
        self, sandbox: Sandbox, handlers: Mapping[str, Handler], generation: Generation = "legacy"
    ) -> None:
        self._sandbox = sandbox
        self._handlers = handlers
        self._generation = generation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        faults: tuple[Fault, ...] = ()
        try:
            handler = self._authorized(request)
            body = await read_object(request) if request.method == "POST" else {}
            directives = _directives(body)
            faults = self._faults(request, directives)
            answer = _spoiled_before(faults)
            if answer is None:
                answer = envelope(await handler(Call(request, body, directives, faults)))
                _fail_after(faults)
        except RefusedError as error:
            answer = refusal(error)
        except TooLargeError:
            answer = too_large()
        except ClientDisconnect:
            raise
        except Exception:
            LOG.exception("%s %s", request.method, request.url.path)
            answer = refusal(RefusedError(5000))
        return await _spoiled_after(answer, faults)

    def _authorized(self, request: Request) -> Handler:
        header = request.headers.get("authorization")
        authorize(header, self._sandbox.credentials, self._sandbox.clock.now(), self._generation)
        handler = self._handlers.get(request.method)
        if handler is None:
            raise RefusedError(1202)
        return handler

    def _faults(self, request: Request, directives: Directives) -> tuple[Fault, ...]:
        creates = request.method == "POST"
        try:
            asked = tuple(parse(spec, ERROR_CODES) for spec in request.headers.getlist(HEADER))
        except UnknownFaultError as error:
            raise parameter(str(error)) from None
        return (
            asked
            or directives.faults
            or self._sandbox.faults.take(request.method, request.url.path, creates=creates)
        )


def _directives(body: dict[str, Any]) -> Directives:
    prompt = body.get("prompt")
    try:
        return read_directives(prompt, ERROR_CODES) if isinstance(prompt, str) else Directives("")
    except UnknownFaultError as error:
        raise parameter(str(error)) from None


def _spoiled_before(faults: tuple[Fault, ...]) -> Response | None:
    for fault in faults:
        if fault.kind == "drop-before":
            return HangUp()
        if fault.kind == "http":
            return html_failure(int(fault.argument))
        if fault.kind == "code":
            raise RefusedError(int(fault.argument))
    return None


def _fail_after(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        if fault.kind == "code-after":
            raise RefusedError(int(fault.argument))


async def _spoiled_after(answer: Response, faults: tuple[Fault, ...]) -> Response:
    for fault in faults:
        if fault.kind == "delay":
            await asyncio.sleep(float(fault.argument))
        answer = with_fault(answer, fault.kind)
    return answer


async def read_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises
    ------
    RefusedError
        M09: no UTF-8, no JSON, or no object.
    TooLargeError
        More than 64 MB; the rest is read and thrown away so that the client sees the answer.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
    if size > LARGEST_BODY:
        raise TooLargeError
    raw = b"".join(parts)
    return await asyncio.to_thread(_parse, raw) if size >= OFFLOADED_BODY else _parse(raw)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant)
        # An escaped half of a surrogate pair is JSON but no text; it could not be answered in UTF-8.
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError(1200) from None
    if not isinstance(value, dict):
        raise RefusedError(1200)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)
