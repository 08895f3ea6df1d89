"""A small HTTP/1.1 transport for httpx: one request a connection at a time, no scanning pool.

httpcore's pool looks at every connection for every queued request and passes each byte through two
abstraction layers; with hundreds of tasks that is most of the client's CPU. Here a free connection is
popped from a list and bytes go straight from asyncio's transport to h11, which keeps the protocol's rules.
Connections are bounded by the callers (`ServiceClient`'s queue, the session's download slots).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn, cast

import h11
import httpx

from kling_nb.transport.sockets import open_socket

if TYPE_CHECKING:
    from kling_nb.transport.reach import Reach

_READ_AHEAD = 1 << 20
"""Bytes received ahead of the reader before the socket is paused."""

_ONE_WRITE = 1 << 16
"""Bytes of a request that are handed over at once."""

_ONE_ADDRESS_S = 3.0
"""Seconds for one of several addresses of a host, before the next is tried."""

FRESH = "kling_nb_fresh"
"""Request extension: whether the request needs a connection that nothing was sent over before."""

Trace = Callable[[str, dict[str, Any]], Awaitable[None]]


class DirectTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections of its own; use it on one event loop.

    Parameters
    ----------
    ssl_context
        Context for https.
    max_idle
        Connections kept open between requests.
    keep_s
        Seconds after which an idle connection is closed.
    reach
        Decides which addresses are connected to; None connects to any.
    """

    def __init__(
        self,
        ssl_context: ssl.SSLContext,
        *,
        max_idle: int = 8,
        keep_s: float = 20.0,
        reach: Reach | None = None,
    ) -> None:
        self._reach = reach
        self._ssl = ssl_context
        self._max_idle = max_idle
        self._keep_s = keep_s
        self._idle: list[_Connection] = []
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is still to be read."""
        timeout: dict[str, float | None] = request.extensions.get("timeout", {})
        kept = None if request.extensions.get(FRESH) else self._take(request.url)
        connection = kept or await self._connect(request.url, timeout.get("connect"))
        try:
            trace = cast("Trace | None", request.extensions.get("trace"))
            if trace is not None:
                await trace("http11.send_request_headers.started", {})
            await connection.send(request, timeout.get("write"))
            head = await connection.receive_head(timeout.get("read"))
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            head.status_code,
            headers=[(name, value) for name, value in head.headers],
            stream=_Body(connection, timeout.get("read"), self._give_back),
            extensions={"http_version": b"HTTP/" + head.http_version},
        )

    async def aclose(self) -> None:
        """Close the idle connections now, and those in use when their answer is complete."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self, url: httpx.URL) -> _Connection | None:
        origin = _origin(url)
        oldest = time.monotonic() - self._keep_s
        # The youngest first: the others grow old and close.
        for number in range(len(self._idle) - 1, -1, -1):
            connection = self._idle[number]
            if connection.broken or connection.idle_since < oldest:
                connection.close()
                del self._idle[number]
            elif connection.origin == origin:
                connection.start()
                return self._idle.pop(number)
        return None

    def _give_back(self, connection: _Connection) -> None:
        if self._closed or len(self._idle) >= self._max_idle or not connection.start_next():
            connection.close()
            return
        connection.rest(self._keep_s)
        self._idle.append(connection)

    async def _connect(self, url: httpx.URL, limit: float | None) -> _Connection:
        try:
            async with asyncio.timeout(limit):
                return await self._open(_origin(url))
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection within {limit:g} s") from None
        except (OSError, UnicodeError) as error:  # refused, unknown or impossible name, certificates, TLS
            raise httpx.ConnectError(str(error)) from None

    async def _open(self, origin: tuple[str, str, int]) -> _Connection:
        if self._reach is None:
            return await self._open_at(origin, origin[1])
        addresses = await self._reach.addresses(origin[1], origin[2])
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(_ONE_ADDRESS_S):
                    return await self._open_at(origin, address)
        return await self._open_at(origin, addresses[-1])

    async def _open_at(self, origin: tuple[str, str, int], address: str) -> _Connection:
        scheme, host, port = origin
        secure = scheme == "https"
        made = await open_socket(address, port)
        # From its first step on the socket is asyncio's, which closes it should this be cancelled.
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(origin),
            sock=made,
            ssl=self._ssl if secure else None,
            server_hostname=host if secure else None,
        )
        return connection


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


class _Connection(asyncio.Protocol):
    """One socket and the state of the request on it."""

    def __init__(self, origin: tuple[str, str, int]) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.broken = False
        self._loop = asyncio.get_running_loop()
        self._h11 = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._busy = True
        self._rest: asyncio.TimerHandle | None = None
        self._paused = False
        self._writable: asyncio.Future[None] | None = None
        self._readable: asyncio.Future[None] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            # Nobody asked: what comes now must never be read as an answer to the next request.
            self.broken = True
            return
        self._received += data
        if len(self._received) > _READ_AHEAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake(self._readable)

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._end()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        waiting, self._writable = self._writable, None
        self._wake(waiting)

    def _end(self) -> None:
        self._ended = self.broken = True
        self._wake(self._readable)
        self.resume_writing()

    @staticmethod
    def _wake(future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            future.set_result(None)

    # What the transport calls

    async def send(self, request: httpx.Request, limit: float | None) -> None:
        """Write a request; a peer that closed early may still have answered, so that is no error here."""
        try:
            head = h11.Request(
                method=request.method, target=request.url.raw_path, headers=request.headers.raw
            )
        except h11.LocalProtocolError as error:
            reason = str(error)
        else:
            waiting = self._h11.send(head) or b""
            async for piece in cast("httpx.AsyncByteStream", request.stream):
                data = self._h11.send(h11.Data(data=piece)) or b""
                if len(waiting) + len(data) > _ONE_WRITE:
                    await self._write(waiting, limit)
                    waiting = data
                else:
                    waiting += data
            # Head and body of all but pictures leave in one packet.
            await self._write(waiting + (self._h11.send(h11.EndOfMessage()) or b""), limit)
            return
        raise httpx.LocalProtocolError(reason)

    async def _write(self, data: bytes | None, limit: float | None = None) -> None:
        if not data or self._transport is None or self._ended:
            return
        self._transport.write(data)
        if self._writable is not None:
            try:
                async with asyncio.timeout(limit):
                    await self._writable
            except TimeoutError:
                raise httpx.WriteTimeout("the service does not take the request") from None

    async def receive_head(self, limit: float | None) -> h11.Response:
        """Return status and headers, passing over 1xx answers."""
        while True:
            event = await self._event(limit)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                raise httpx.RemoteProtocolError("the server switched protocols")

    async def receive_body(self, limit: float | None) -> AsyncIterator[bytes]:
        """Yield the body; it ends only when the answer is complete."""
        while True:
            event = await self._event(limit)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    async def _event(self, limit: float | None) -> h11.Event:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                # h11 speaks of its own states here; a person wants to know that the other side hung up.
                reason = (
                    "the connection was closed before the answer was complete" if self._ended else str(error)
                )
            else:
                if event is h11.NEED_DATA:
                    self._h11.receive_data(await self._read(limit))
                    continue
                if isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                    raise httpx.RemoteProtocolError("the connection was closed without an answer")
                return cast("h11.Event", event)
            raise httpx.RemoteProtocolError(reason)

    async def _read(self, limit: float | None) -> bytes:
        """Return what has arrived; empty at the end of the stream."""
        if not self._received and not self._ended:
            self._readable = self._loop.create_future()
            try:
                async with asyncio.timeout(limit):
                    await self._readable
            except TimeoutError:
                # What came while this thread got no time to look is an answer all the same.
                if not self._received and not self._ended:
                    raise httpx.ReadTimeout("the service does not answer") from None
            finally:
                self._readable = None
        data = bytes(self._received)
        self._received.clear()
        if self._paused and self._transport is not None:
            self._paused = False
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()
        return data

    def start_next(self) -> bool:
        """Make ready for another request; False when the connection cannot carry one."""
        if self.broken or self._received or self._h11.trailing_data[0]:
            return False
        if not (self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE):
            return False
        self._h11.start_next_cycle()
        self._busy = False
        return True

    def rest(self, seconds: float) -> None:
        """Close in so many seconds, unless a request is taken up before: nobody else may ever ask."""
        self.idle_since = time.monotonic()
        self._rest = self._loop.call_later(seconds, self.close)

    def start(self) -> None:
        """Take up a new request."""
        self._busy = True
        self._stay()

    def close(self) -> None:
        """Close the socket at once."""
        self.broken = True
        self._stay()
        if self._transport is not None:
            self._transport.abort()

    def _stay(self) -> None:
        rest, self._rest = self._rest, None
        if rest is not None:
            rest.cancel()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; returns its connection when it is complete."""

    def __init__(
        self, connection: _Connection, limit: float | None, give_back: Callable[[_Connection], None]
    ) -> None:
        self._connection: _Connection | None = connection
        self._limit = limit
        self._give_back = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        connection = self._connection
        if connection is None:
            _closed()
        async for piece in connection.receive_body(self._limit):
            yield piece

    async def aclose(self) -> None:
        """Return the connection, or close it when the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._give_back(connection)


def _closed() -> NoReturn:
    raise httpx.StreamClosed
