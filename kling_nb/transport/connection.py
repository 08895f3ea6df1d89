"""How connections are opened: timeouts, trust, certificates."""

from __future__ import annotations

import functools
import ipaddress
import ssl
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from kling_nb.errors import SettingsError
from kling_nb.transport.direct import DirectTransport

MAX_CONNECTIONS = 8
"""httpcore rescans every connection for each queued request: few connections are faster than many."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits of one call (``spec/official-api.md`` §2), in seconds.

    Parameters
    ----------
    connect
        To open a connection, TLS included.
    get
        From the request to the last byte of the answer.
    post
        Same for a POST, plus ``post_per_mb`` for each MB of body.
    post_per_mb
        Seconds per 1 000 000 bytes of body.
    """

    connect: float = 10.0
    get: float = 30.0
    post: float = 30.0
    post_per_mb: float = 4.0

    def answer(self, method: str, body_bytes: int) -> float:
        """Return the time limit from the first byte sent to the last byte received.

        Parameters
        ----------
        method
            HTTP method.
        body_bytes
            Size of the request body.
        """
        return self.post + self.post_per_mb * body_bytes / 1e6 if method == "POST" else self.get


def base_address(url: str) -> str:
    """Return the address of a service as paths are appended to it.

    The settings have cleaned it already; here it is made sure that nothing in it can lead a credential
    elsewhere.

    Parameters
    ----------
    url
        Absolute http(s) URL.

    Raises
    ------
    SettingsError
        If it is none, or carries a user name, a query or a fragment.
    """
    parts = urlsplit(url)
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not plain or parts.query or parts.fragment:
        raise SettingsError(
            "The address of the service cannot be used.",
            "It must be an http(s) address without user name and query.",
            "Correct KLING_API_BASE.",
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine; proxies and environment never apply to it.

    Parameters
    ----------
    host
        Host name or address, without brackets.
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context of this process; building it costs tens of milliseconds."""
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@functools.cache
def no_trust_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for clients that speak plain http to loopback only."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def behind_proxy(url: httpx.URL) -> bool:
    """Return whether the environment may ask for a proxy on the way to an address.

    Parameters
    ----------
    url
        Where to.
    """
    return not is_loopback(url.host) and bool(urllib.request.getproxies())


def new_client(url: str, timeouts: Timeouts, max_connections: int = MAX_CONNECTIONS) -> httpx.AsyncClient:
    """Return a client for one kind of host; it follows no redirects and holds no credential.

    Parameters
    ----------
    url
        Address it will talk to: decides about proxies and certificates.
    timeouts
        Time limits.
    max_connections
        Upper bound of open connections.
    """
    target = httpx.URL(url)
    local = is_loopback(target.host)
    # A context without certificates fails closed, should TLS ever be asked of it.
    verify = no_trust_context() if local and target.scheme == "http" else tls_context()
    # Proxies are httpx's business, and then its own pool carries the requests.
    transport = None if behind_proxy(target) else DirectTransport(verify, max_idle=max_connections)
    return httpx.AsyncClient(
        verify=verify,
        trust_env=not local,
        transport=transport,
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=20.0
        ),
        timeout=httpx.Timeout(timeouts.get, connect=timeouts.connect, pool=None),
        headers={"User-Agent": "kling_nb"},
    )
