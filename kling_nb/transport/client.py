"""The client of one service: one attempt, or a safe call with retries.

Whether a lost call may have been carried out is decided by one fact: had the first byte of the
request been handed to the socket (``spec/official-api.md`` §11).
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import urlencode

import httpx

from kling_nb.domain.wire import Answer, Call
from kling_nb.errors import AnswerLost, AnswerUnusable, InputError, NotSent, TransportError
from kling_nb.transport.auth import Credential, HostAuth
from kling_nb.transport.body import UnusableBodyError, read_body
from kling_nb.transport.connection import (
    MAX_CONNECTIONS,
    Timeouts,
    base_address,
    new_client,
    refuse_clear_proxy,
)
from kling_nb.transport.direct import FRESH
from kling_nb.transport.reach import parsed
from kling_nb.transport.retry import RetryRule, wants_retry

Before = Callable[[], "Awaitable[None] | None"]
OnWait = Callable[[str, float], None]


class _Wire:
    """What belongs to one process and one loop: connections and the queue in front of them."""

    def __init__(self, base_url: str, timeouts: Timeouts) -> None:
        self.owner = (os.getpid(), asyncio.get_running_loop())
        self.http = new_client(base_url, timeouts)
        self.all = asyncio.Semaphore(MAX_CONNECTIONS)
        # Queries must not queue behind hundreds of creates with megabytes of pictures.
        self.creates = asyncio.Semaphore(MAX_CONNECTIONS - 2)
        # What is written down before a create can share a commit with others, if they may come this far.
        self.announced = asyncio.Semaphore(4 * MAX_CONNECTIONS)

    @property
    def usable(self) -> bool:
        return self.owner == (os.getpid(), asyncio.get_running_loop()) and not self.http.is_closed


class ServiceClient:
    """Carries calls to one service; use it on one event loop.

    Parameters
    ----------
    base_url
        Address of the service, without path.
    credential
        How to authenticate; None sends no credential.
    clock
        Unix time in seconds, for signing and for the clock skew.
    timeouts
        Time limits.
    retry
        Retry rule of safe calls.

    Raises
    ------
    SettingsError
        If the address is none, or carries a user name or a query.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential | None,
        *,
        clock: Callable[[], float] = time.time,
        timeouts: Timeouts | None = None,
        retry: RetryRule | None = None,
    ) -> None:
        self.base_url = base_address(base_url)
        self.credential = credential
        self.clock = clock
        self.timeouts = timeouts or Timeouts()
        self.retry = retry or RetryRule()
        self.clock_skew: float | None = None
        self._auth = HostAuth(self.base_url, credential, clock) if credential else None
        self._wire: _Wire | None = None

    def __repr__(self) -> str:
        return f"<ServiceClient {self.base_url}>"

    async def send(self, call: Call, *, before: Before | None = None) -> Answer:
        """Make one attempt.

        Parameters
        ----------
        call
            What to send.
        before
            For a create: called, and awaited if it returns an awaitable, when its turn is near and
            nothing has been sent yet; its exceptions stop the call.

        Returns
        -------
        Answer
            Whatever the service answered, errors and redirects included.

        Raises
        ------
        NotSent
            No byte of the request left: nothing can have been created.
        AnswerLost
            Bytes may have left and no complete answer arrived: the task may exist. `AnswerUnusable` when one
            arrived that is too large or broken.
        SettingsError
            The way there leads through a proxy that could read the credential.
        InputError
            The call itself cannot be written (its path is no path, its body is no JSON).
        """
        url, content = self._address(call), _encode(call)
        wire = self._connected()
        if call.safe:
            async with wire.all:
                return await self._attempt(wire, call, url, content)
        async with wire.announced:
            if before is not None:
                waiting = before()
                if inspect.isawaitable(waiting):
                    await waiting
            async with wire.creates, wire.all:
                return await self._attempt(wire, call, url, content)

    async def fetch(self, call: Call, *, on_wait: OnWait | None = None) -> Answer:
        """Carry a safe call, with retries (``spec/official-api.md`` §11 rule 2).

        Parameters
        ----------
        call
            A call that may be repeated without effect.
        on_wait
            Told the reason and the seconds before each wait.

        Returns
        -------
        Answer
            The last answer; it may still be an error.

        Raises
        ------
        TransportError
            The network failed at every attempt, or an answer is too large to be read.
        """
        if not call.safe:
            raise InputError("A create is never repeated blindly.", "It is not safe.", "Use create_task().")
        for attempt in range(self.retry.attempts):
            last = attempt == self.retry.attempts - 1
            answer: Answer | None = None
            failure: TransportError | None = None
            try:
                answer = await self.send(call)
            except AnswerUnusable:
                raise
            except TransportError as error:
                failure = error
            reason = str(failure.what) if failure else wants_retry(answer) if answer else ""
            if answer is not None and (last or not reason):
                return answer
            if failure is not None and last:
                raise failure
            delay = self.retry.delay(attempt, answer)
            if on_wait is not None:
                on_wait(reason, delay)
            await asyncio.sleep(delay)
        raise AssertionError("a retry rule has at least one attempt")

    async def aclose(self) -> None:
        """Close the connections; the client opens new ones when used again."""
        wire, self._wire = self._wire, None
        if wire is not None and wire.usable:
            await wire.http.aclose()

    def _connected(self) -> _Wire:
        if self._wire is None or not self._wire.usable:
            if self.credential is not None:
                refuse_clear_proxy(self.base_url)
            self._wire = _Wire(self.base_url, self.timeouts)
        return self._wire

    def _address(self, call: Call) -> str:
        if not call.path.startswith("/") or any(bad in call.path for bad in "?#\\ \r\n"):
            raise InputError(f"{call.path!r} is no path.", "Calls never leave the service's host.", "")
        query = f"?{urlencode(call.query)}" if call.query else ""
        return f"{self.base_url}{call.path}{query}"

    async def _attempt(self, wire: _Wire, call: Call, url: str, content: bytes | None) -> Answer:
        progress = _Progress()
        limit = self.timeouts.answer(call.method, len(content or b""))
        failure: BaseException | None = None
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self.timeouts.connect + limit):
                # While the call waited for its turn the client may have been closed: it opens again.
                http = (wire if wire.usable else self._connected()).http
                answer = await self._exchange(http, call, url, content, progress=progress, limit=limit)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, UnusableBodyError) as error:
            failure = error
        # Raised outside the handler: no traceback then leads to frames that hold the header.
        if answer is None:
            assert failure is not None
            _raise_lost(failure, progress.sent, self.base_url, self._unsaid(str(failure)))
        self._note_skew(answer)
        return answer

    async def _exchange(
        self,
        http: httpx.AsyncClient,
        call: Call,
        url: str,
        content: bytes | None,
        *,
        progress: _Progress,
        limit: float,
    ) -> Answer:
        request = http.build_request(
            call.method,
            parsed(url),
            content=content,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            timeout=httpx.Timeout(limit, connect=self.timeouts.connect, pool=None),
            extensions={"trace": progress.trace, FRESH: call.fresh},
        )
        response = await http.send(request, auth=self._auth, stream=True)
        try:
            body = await read_body(response)
        finally:
            await response.aclose()
        return self._veiled(Answer(response.status_code, dict(response.headers), body))

    def _veiled(self, answer: Answer) -> Answer:
        """Return an answer without the credential, which some services repeat when they refuse it."""
        if self.credential is None:
            return answer
        veil = self.credential.veiled
        headers = {
            name: veil(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
            for name, value in answer.headers.items()
        }
        return Answer(answer.status, headers, veil(answer.body))

    def _unsaid(self, words: str) -> str:
        """Return an error's words, or nothing when they quote the credential."""
        quotes = self.credential is not None and self.credential.contains(words)
        return "" if quotes else " ".join(words.split())

    def _note_skew(self, answer: Answer) -> None:
        text = answer.headers.get("date")
        if text is None:
            return
        try:
            self.clock_skew = self.clock() - parsedate_to_datetime(text).timestamp()
        except ValueError:
            return


class _Progress:
    """Watches one request: have bytes of it been handed to the socket."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = False

    async def trace(self, event: str, info: dict[str, Any]) -> None:  # noqa: ARG002 - httpcore's signature
        if event.endswith("send_request_headers.started"):
            self.sent = True
        elif event.endswith(("start_tls.started", "connect_tcp.started")):
            # A proxy's CONNECT is over, the request itself has not begun.
            self.sent = False


def _encode(call: Call) -> bytes | None:
    if call.body is None:
        return None
    try:
        return json.dumps(call.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:  # NaN, infinity, lone surrogates
        raise InputError(
            "The request cannot be written as JSON.", str(error), "Check numbers and texts."
        ) from None


def _raise_lost(failure: BaseException, sent: bool, base_url: str, words: str) -> NoReturn:
    if isinstance(failure, UnusableBodyError):
        raise AnswerUnusable(
            f"The answer of {base_url} cannot be used.",
            f"{words[:1].upper()}{words[1:]}. The service may have carried the request out.",
            "Check the address of the service (`%kling doctor`).",
        )
    cause = f"{type(failure).__name__}{f': {words}' if words else ''}"
    if not sent or isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        raise NotSent(
            f"{base_url} cannot be reached.",
            f"{cause}. No byte of the request was sent.",
            "Check network, proxy and address (`%kling doctor`), then run the cell again.",
        )
    raise AnswerLost(
        f"The connection to {base_url} was lost before the answer arrived.",
        f"{cause}. The service may have carried the request out.",
        "kling_nb looks the task up before anything is sent again.",
    )
