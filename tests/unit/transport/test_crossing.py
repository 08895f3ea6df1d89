"""What closing, interrupting and a machine that stands still do to what is under way."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import sys
import termios
import threading
import time

import httpx
import pytest
from awaiting import until

from kling_nb.domain.wire import Call
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import MAX_CONNECTIONS, Timeouts, new_client, no_trust_context
from kling_nb.transport.direct import DirectTransport
from kling_nb.transport.partfile import PartWriter

GET, POST = Call("GET", "/v1/x"), Call("POST", "/v1/x", body={"a": 1}, safe=False)


@pytest.fixture
def gate(server, act):
    """Answers nothing before it is set."""
    go_on = threading.Event()
    answer = act.reply(200, {"code": 0})

    def held(connection, request):
        go_on.wait(60)
        return answer(connection, request)

    server.default = held
    yield go_on
    go_on.set()


@pytest.mark.parametrize("call", [GET, POST], ids=["query", "create"])
async def test_a_call_in_the_queue_of_a_client_that_is_closed_goes_out_all_the_same(server, gate, call):
    client = ServiceClient(server.url, None)
    first = [asyncio.create_task(client.send(GET)) for _ in range(MAX_CONNECTIONS)]
    await until(lambda: len(server.requests) == MAX_CONNECTIONS)
    announced = []
    waiting = asyncio.create_task(client.send(call, before=lambda: announced.append(call)))
    await asyncio.sleep(0)
    await client.aclose()
    gate.set()
    assert [answer.status for answer in await asyncio.gather(*first, waiting)] == [200] * (
        MAX_CONNECTIONS + 1
    )
    assert len(announced) == (call is POST)
    await client.aclose()


async def test_an_answer_that_comes_after_closing_leaves_no_connection_behind(server, gate):
    http = new_client(server.url, Timeouts())
    asking = asyncio.create_task(http.get(server.url))
    await until(lambda: server.requests)
    await http.aclose()
    gate.set()
    assert (await asking).status_code == 200
    await until(lambda: server.closed == 1)


async def test_an_idle_connection_is_closed_in_time_though_nobody_asks_again(server, act):
    server.default = act.reply(200)
    transport = DirectTransport(no_trust_context(), keep_s=0.05)
    async with httpx.AsyncClient(transport=transport) as http:
        await http.get(server.url)
        await until(lambda: server.closed == 1)


class SlowFile:
    """A file whose write goes on until it is told to end."""

    def __init__(self, file):
        self._file = file
        self.writing, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self.writing.set()
        assert self.go_on.wait(60)
        return self._file.write(data)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_file_that_is_written_to_is_not_closed_under_the_writer(tmp_path, number):
    """Its descriptor could be another file's by then."""
    writer = PartWriter(tmp_path / "x.part", 0)
    slow = writer._file = SlowFile((tmp_path / "x.part").open("w+b", 0))
    writing = asyncio.create_task(asyncio.to_thread(writer.write, b"abc"))
    assert await asyncio.to_thread(slow.writing.wait, 60)
    for _ in range(number):
        writer.close()
    assert not slow.closed
    slow.go_on.set()
    await writing
    assert slow.closed
    assert (tmp_path / "x.part").read_bytes() == b"abc"
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"more")


def unacknowledged(connection):
    """How many bytes have not arrived at the other side of a connection."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


async def test_an_answer_that_came_while_the_machine_stood_still_counts(server, monkeypatch):
    """By the clock its time is over, but it has arrived; a create would be uncertain for nothing."""
    loop = asyncio.get_running_loop()
    asked, sent = threading.Event(), threading.Event()

    def late(connection, request):
        asked.wait(60)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        while sys.platform == "linux" and unacknowledged(connection):
            time.sleep(0.001)
        sent.set()
        return True

    server.default = late
    async with new_client(server.url, Timeouts()) as http:
        asking = asyncio.create_task(http.get(server.url, timeout=60))
        await until(lambda: server.requests)
        asked.set()
        assert sent.wait(60)
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 3600)
        assert (await asking).content == b"ok"
