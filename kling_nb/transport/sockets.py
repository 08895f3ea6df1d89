"""Opening a TCP socket so that none is left behind, however its opening ends.

``asyncio``'s own race between the addresses of a host (``happy_eyeballs_delay``) forgets the winner's socket
when it is cancelled a few steps before its end: an open connection that nobody knows of stays until the
garbage collector comes by.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from itertools import chain, zip_longest

STAGGER_S = 0.25
"""Seconds that one address of a host has before the next is tried beside it (RFC 8305 §5)."""


async def open_socket(host: str, port: int) -> socket.socket:
    """Return a connected socket that does not block.

    Parameters
    ----------
    host
        Name or address; of a name's addresses the one that answers first is taken.
    port
        TCP port.

    Raises
    ------
    OSError
        If no address can be reached: what its attempt said, for each that said something else.
    UnicodeError
        If the name cannot be one.
    """
    places = await _resolved(host, port)
    if len(places) == 1:
        return await _connected(*places[0], port)
    attempts: list[asyncio.Task[socket.socket]] = []
    won: asyncio.Task[socket.socket] | None = None
    try:
        won = await _first(places, port, attempts)
        return won.result()
    finally:
        for attempt in attempts:
            if attempt is not won:
                attempt.cancel()
                # It may have connected already: then it is too late to cancel it.
                attempt.add_done_callback(_discard)


async def _resolved(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Return families and addresses of a host, families in turn (RFC 8305 §4)."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    else:
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, host)]
    places = list(dict.fromkeys((family, str(address[0])) for family, *_, address in found))
    if not places:
        raise OSError(f"{host} has no address")
    families = dict.fromkeys(family for family, _ in places)
    columns = [[place for place in places if place[0] == family] for family in families]
    return [place for place in chain.from_iterable(zip_longest(*columns)) if place is not None]


async def _first(
    places: list[tuple[socket.AddressFamily, str]], port: int, attempts: list[asyncio.Task[socket.socket]]
) -> asyncio.Task[socket.socket]:
    """Return the first attempt that succeeds; ``attempts`` has all that were begun, also after an error."""
    waiting = iter(places)
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[BaseException] = []
    while True:
        place = next(waiting, None)
        if place is not None:
            attempts.append(asyncio.ensure_future(_connected(*place, port)))
            running.add(attempts[-1])
        if not running:
            texts = list(dict.fromkeys(map(str, errors)))
            raise errors[0] if len(texts) == 1 else OSError("; ".join(texts))
        limit = None if place is None else STAGGER_S
        done, running = await asyncio.wait(running, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            error = attempt.exception()
            if error is None:
                return attempt
            errors.append(error)


async def _connected(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def _discard(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
