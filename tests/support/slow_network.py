"""A far-away server: a TCP proxy on loopback that delays every byte in both directions."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Traffic:
    """Bytes from the page and to the page that page and kernel exchange.

    What a page fetches, and what it asks its server for time and again, is not in it: that goes by the clock.
    """

    up: int = 0
    down: int = 0


class SlowNetwork:
    """Another port of a server, through which everything takes longer.

    Parameters
    ----------
    port
        The server's own port.
    delay
        Seconds, each way.
    """

    def __init__(self, port: int, delay: float) -> None:
        self.traffic = Traffic()
        self._target = port
        self._delay = delay
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._start(self._accept)

    def close(self) -> None:
        """Cut all connections."""
        for each in (self._server, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                page, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for each in (page, far):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open += [page, far]
                counted = threading.Event()
                for source, sink, way in ((page, far, "up"), (far, page, "down")):
                    waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    self._start(self._read, source, waiting, way, counted)
                    self._start(self._write, sink, waiting)

    def _read(
        self, source: socket.socket, waiting: queue.SimpleQueue, way: str, counted: threading.Event
    ) -> None:
        data = b"x"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            if counted.is_set():
                setattr(self.traffic, way, getattr(self.traffic, way) + len(data))
            elif way == "up" and b"upgrade: websocket" in data.lower():
                counted.set()
            waiting.put((time.monotonic() + self._delay, data))

    def _write(self, sink: socket.socket, waiting: queue.SimpleQueue) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = waiting.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)


@contextlib.contextmanager
def slow_network(port: int, delay: float) -> Iterator[SlowNetwork]:
    """Open another port for a server for a while; see :class:`SlowNetwork`."""
    network = SlowNetwork(port, delay)
    try:
        yield network
    finally:
        network.close()
