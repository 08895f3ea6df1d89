"""Reaching URLs others gave us without becoming a way into other networks (``spec/sandbox.md`` §3, §5)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urljoin

import httpx

from kling_nb.sandbox.home import trust

FETCH_SECONDS = 10.0
FETCH_BYTES = 50_000_000
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FetchError(Exception):
    """The URL may not or cannot be reached; the text is for the debug record, never for the wire."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL with its host resolved and checked: the address checked is the address connected to."""

    url: httpx.URL
    headers: dict[str, str]
    extensions: dict[str, Any]


@cache
def tls(own_cert: str = "") -> ssl.SSLContext:
    """Return the one TLS context; making another costs tens of milliseconds.

    Parameters
    ----------
    own_cert
        PEM file of the sandbox's own certificate, trusted too: a picture may be one of its files.
    """
    context = ssl.create_default_context()
    if own_cert:
        trust(context, own_cert)
    return context


def target(url: str, *, allow_network: bool) -> Target:
    """Check ``url`` and pin it to its address.

    Loopback is always allowed, public addresses when ``allow_network`` is set, private ranges never.

    Raises
    ------
    FetchError
        Not http(s), or an address that may not be used.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # only this finds out that an "xn--" name is none
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError("not a URL") from error
    if parsed.scheme not in ("http", "https") or not host:
        raise FetchError("only http and https are used")
    address = allowed_address(host, allow_network=allow_network)
    headers = {"Host": parsed.netloc.decode("ascii")}
    return Target(parsed.copy_with(host=address), headers, {"sni_hostname": host})


def allowed_address(host: str, *, allow_network: bool) -> str:
    """Return the address to connect to for ``host``.

    With ``allow_network`` off no name is ever resolved, except ``localhost``: a DNS query is outbound, too.

    Raises
    ------
    FetchError
        The host is or resolves to an address that may not be used.
    """
    name = host.rstrip(".").lower()
    if name == "localhost":
        return "127.0.0.1"
    try:
        addresses = [ipaddress.ip_address(name)]
    except ValueError:
        if not allow_network:
            raise FetchError("network access is off") from None
        addresses = _resolved(host)
    for address in addresses:
        plain = getattr(address, "ipv4_mapped", None) or address
        if not (plain.is_loopback or (allow_network and plain.is_global)):
            raise FetchError("the address is private or network access is off")
    return str(addresses[0])


def _resolved(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a name that cannot be one is the latter
        raise FetchError("the name does not resolve") from error
    return [ipaddress.ip_address(str(info[4][0])) for info in found]


def fetch(url: str, *, allow_network: bool, own_cert: str = "") -> bytes:
    """Return the bytes behind an http(s) URL.

    Raises
    ------
    FetchError
        Not allowed, not reachable, not 200, larger than 50 MB, more than 3 redirects or later than 10 s.
        Every redirect is checked again.
    """
    deadline = time.monotonic() + FETCH_SECONDS
    try:
        with httpx.Client(trust_env=False, follow_redirects=False, verify=tls(own_cert)) as client:
            for _ in range(MAX_REDIRECTS + 1):
                found, url = _get(client, url, deadline, allow_network=allow_network)
                if found is not None:
                    return found
    except (httpx.HTTPError, OSError) as error:
        raise FetchError(f"cannot fetch: {type(error).__name__}") from error
    raise FetchError("too many redirects")


def _get(client: httpx.Client, url: str, deadline: float, *, allow_network: bool) -> tuple[bytes | None, str]:
    to = target(url, allow_network=allow_network)
    request = client.build_request(
        "GET", to.url, headers=to.headers, timeout=_left(deadline), extensions=to.extensions
    )
    answer = client.send(request, stream=True)
    try:
        if answer.status_code in REDIRECTS and "location" in answer.headers:
            return None, urljoin(url, answer.headers["location"])
        if answer.status_code != 200:
            raise FetchError(f"answered {answer.status_code}")
        return _read(answer, deadline), url
    finally:
        answer.close()


def _read(answer: httpx.Response, deadline: float) -> bytes:
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > FETCH_BYTES:
            raise FetchError("larger than 50 MB")
        _left(deadline)
        parts.append(part)
    return b"".join(parts)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchError("took longer than 10 s")
    return left
