"""Opening sockets: the address that answers is taken, and no socket is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import warnings

import httpx
import pytest

from kling_nb.transport import sockets
from kling_nb.transport.connection import no_trust_context
from kling_nb.transport.direct import DirectTransport
from kling_nb.transport.sockets import open_socket

STEPS = 24
"""More than an opening on loopback takes, as a rule."""
AFTERWARDS = 3
"""How often an opening that was through is cancelled, too."""


@pytest.fixture(autouse=True)
def little_garbage():
    """What was there before the test is not looked at again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
async def port():
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def resolving(monkeypatch):
    """Let every name resolve to these addresses."""

    def resolving(*addresses):
        async def getaddrinfo(_host, port, **_options):
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
            return [
                (family, socket.SOCK_STREAM, 6, "", (address, port))
                for family, address in zip(families, addresses, strict=True)
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return resolving


@pytest.fixture
async def dialled(monkeypatch):
    """Addresses in the order they are tried; those from 192.0.2.0/24 never answer, 198.51.100.0/24 refuse."""
    seen = []
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(sock, address):
        seen.append(address[0])
        if address[0].startswith("192.0.2."):
            await asyncio.Event().wait()
        if address[0].startswith("198.51.100."):
            raise ConnectionRefusedError(f"{address[0]} refused")
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    monkeypatch.setattr(sockets, "STAGGER_S", 0.01)
    return seen


async def left_behind() -> list[str]:
    """Return the sockets that nobody closed and nobody knows of any more."""
    for _ in range(5):
        await asyncio.sleep(0)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    return [str(warning.message) for warning in found]


async def steps_of(work, number: int) -> bool:
    """Let work take so many steps, then cancel it; whether that came too late."""
    task = asyncio.ensure_future(work)
    for _ in range(number):
        await asyncio.sleep(0)
    late = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if late:
        task.result().close()
    return late


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_request_cancelled_at_any_step_of_its_opening_leaves_no_socket(port, scheme) -> None:
    for number in range(STEPS):
        transport = DirectTransport(no_trust_context())
        request = httpx.Request("GET", f"{scheme}://127.0.0.1:{port}/")
        assert not await steps_of(transport.handle_async_request(request), number)
        assert await left_behind() == [], f"after {number} steps"


async def test_a_race_cancelled_at_any_step_leaves_no_socket(port, resolving, dialled) -> None:
    resolving("198.51.100.1", "192.0.2.1", "127.0.0.1", "127.0.0.2")
    # Without a pause between the attempts the last two connect at about the same moment.
    sockets.STAGGER_S = 0
    number = late = 0
    while late < AFTERWARDS:
        late += await steps_of(open_socket("a.example", port), number)
        assert await left_behind() == [], f"after {number} steps"
        number += 1
    assert number > AFTERWARDS


async def test_an_address_that_does_not_answer_is_not_waited_for(port, resolving, dialled) -> None:
    resolving("192.0.2.1", "127.0.0.1")
    with await open_socket("a.example", port) as made:
        assert made.getpeername() == ("127.0.0.1", port)
        assert not made.getblocking()
    assert dialled == ["192.0.2.1", "127.0.0.1"]
    assert await left_behind() == []


async def test_families_are_tried_in_turn_and_one_that_answers_ends_it(port, resolving, dialled) -> None:
    resolving("198.51.100.1", "198.51.100.2", "::1", "127.0.0.1")
    with contextlib.suppress(OSError):
        (await open_socket("a.example", port)).close()
    assert dialled == ["198.51.100.1", "::1", "198.51.100.2", "127.0.0.1"]


async def test_what_every_address_said_is_in_the_error(resolving, dialled) -> None:
    resolving("198.51.100.1", "198.51.100.2")
    with pytest.raises(OSError, match=r"198\.51\.100\.1 refused; 198\.51\.100\.2 refused"):
        await open_socket("a.example", 1)
    resolving("198.51.100.1", "198.51.100.1")
    with pytest.raises(ConnectionRefusedError, match=r"^198\.51\.100\.1 refused$"):
        await open_socket("a.example", 1)


async def test_a_name_without_an_address_is_an_error(resolving) -> None:
    resolving()
    with pytest.raises(OSError, match=r"a\.example has no address"):
        await open_socket("a.example", 1)
