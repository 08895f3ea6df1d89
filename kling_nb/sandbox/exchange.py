"""One call of any dialect from header to answer: steps 1-3 of ``spec/sandbox.md`` §2 and call faults (§8).

Refusals carry the codes of the official catalogue, the service behind every gateway; each dialect has its own
words for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kling_nb.sandbox.answers import html_failure, too_large
from kling_nb.sandbox.body import OFFLOADED_BODY, TooLargeError, read_object
from kling_nb.sandbox.connection import HangUp, with_fault
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.faults import HEADER, Directives, Fault, UnknownFaultError, parse, read_directives
from kling_nb.sandbox.official.messages import HTTP_STATUS, RefusedError, parameter

LOG = logging.getLogger(__name__)
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


class Manner(Protocol):
    """How a dialect lets callers in and puts its answers."""

    def authorize(self, request: Request) -> None:
        """Accept the credential of a call or raise ``RefusedError``."""

    def success(self, data: Any) -> Response:
        """Return what a handler returned as an answer."""

    def refusal(self, error: RefusedError, request: Request) -> Response:
        """Return an error answer."""

    def prompt(self, body: dict[str, Any]) -> Any:
        """Return the text of a create body that may hold directives."""


class Exchange:
    """One path, used as the endpoint of a route: all methods arrive here.

    Parameters
    ----------
    sandbox
        The shared state.
    handlers
        By HTTP method; with none at all the path is refused with code 1203, other methods with 1202.
    manner
        The dialect.
    creates
        Whether a POST makes a task, so that faults of tasks apply to it.
    """

    def __init__(
        self, sandbox: Sandbox, handlers: Mapping[str, Handler], manner: Manner, *, creates: bool = True
    ) -> None:
        self._sandbox = sandbox
        self._handlers = handlers
        self._manner = manner
        self._creates = creates

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
            directives = self._directives(body)
            faults = self._faults(request, directives)
            answer = _spoiled_before(faults)
            if answer is None:
                answer = self._manner.success(await handler(Call(request, body, directives, faults)))
                _fail_after(faults)
        except RefusedError as error:
            answer = self._manner.refusal(error, request)
        except TooLargeError:
            answer = too_large()
        except ClientDisconnect:
            raise
        except Exception:
            LOG.exception("%s %s", request.method, request.url.path)
            answer = self._manner.refusal(RefusedError(5000), request)
        return await _spoiled_after(answer, faults)

    def _authorized(self, request: Request) -> Handler:
        self._manner.authorize(request)
        handler = self._handlers.get(request.method)
        if handler is None:
            raise RefusedError(1202 if self._handlers else 1203)
        return handler

    def _directives(self, body: dict[str, Any]) -> Directives:
        prompt = self._manner.prompt(body)
        try:
            return read_directives(prompt, ERROR_CODES) if isinstance(prompt, str) else Directives("")
        except UnknownFaultError as error:
            raise parameter(str(error)) from None

    def _faults(self, request: Request, directives: Directives) -> tuple[Fault, ...]:
        creates = self._creates and request.method == "POST"
        try:
            asked = tuple(parse(spec, ERROR_CODES) for spec in request.headers.getlist(HEADER))
        except UnknownFaultError as error:
            raise parameter(str(error)) from None
        return (
            asked
            or directives.faults
            or self._sandbox.faults.take(request.method, request.url.path, creates=creates)
        )


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
