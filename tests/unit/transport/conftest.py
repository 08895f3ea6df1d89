"""A scripted server on a real socket: what matters here happens between two bytes."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value


Action = Callable[[socket.socket, Request], bool]
"""Answers one request; returns whether the connection stays open."""


@dataclass
class RawServer:
    """Takes its answers from ``script`` in order; then ``default`` for ever."""

    script: list[Action] = field(default_factory=list)
    default: Action | None = None
    on_accept: Callable[[socket.socket], bool] | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)

    def wait_closed(self, number: int) -> None:
        """Wait until the server has closed so many connections: the client can see it from then on."""
        self._wait(lambda: self.closed >= number)

    def wait_asked(self, number: int) -> None:
        """Wait until so many requests have arrived."""
        self._wait(lambda: len(self.requests) >= number)

    @staticmethod
    def _wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._answer(connection)
        with self._lock:
            self.closed += 1

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            if self.on_accept is not None and not self.on_accept(connection):
                return
            while True:
                request = read_request(connection)
                if request is None:
                    return
                with self._lock:
                    self.requests.append(request)
                    action = self.script.pop(0) if self.script else self.default
                if action is None or not action(connection, request):
                    return


def read_request(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Request(method, path, headers, body)


def reply(status: int = 200, body: object = b"", **headers: str) -> Action:
    """Answer completely."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if isinstance(body, bytes) else {"content-type": "application/json;charset=utf-8"}
    named = {key.replace("_", "-"): value for key, value in headers.items()}

    def action(connection: socket.socket, request: Request) -> bool:
        fields = {"content-length": str(len(data)), **kind, **named}
        head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        connection.sendall(head.encode() + data)
        return True

    return action


def envelope(code: int, message: str, status: int, data: object = None) -> Action:
    """Answer with the service's envelope."""
    body: dict[str, object] = {"code": code, "message": message, "request_id": "req-1"}
    if data is not None:
        body["data"] = data
    return reply(status, body)


def task(task_id: str = "829611643369439283", status: str = "submitted") -> Action:
    return envelope(0, "SUCCEED", 200, {"task_id": task_id, "task_status": status})


def not_found() -> Action:
    return envelope(1201, "Task not found by id/external id: job-1", 400)


def hang_up(connection: socket.socket, request: Request) -> bool:
    """Read the request and close without an answer."""
    return False


def reset(connection: socket.socket, request: Request) -> bool:
    """Read the request and reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def half_answer(connection: socket.socket, request: Request) -> bool:
    """Promise 100 bytes, send some and close."""
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"code":0,')
    return False


def silence(connection: socket.socket, request: Request) -> bool:
    """Never answer; ends when the client gives up."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    return False


class Actions:
    """The answers by name, for tests that import nothing from here."""

    reply = staticmethod(reply)
    envelope = staticmethod(envelope)
    task = staticmethod(task)
    not_found = staticmethod(not_found)
    hang_up = staticmethod(hang_up)
    reset = staticmethod(reset)
    half_answer = staticmethod(half_answer)
    silence = staticmethod(silence)


@pytest.fixture
def act() -> type[Actions]:
    return Actions


@pytest.fixture
def server() -> Iterator[RawServer]:
    raw = RawServer()
    yield raw
    raw.stop()


@pytest.fixture
def second_server() -> Iterator[RawServer]:
    raw = RawServer()
    yield raw
    raw.stop()
