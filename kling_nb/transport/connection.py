"""How connections are opened: timeouts, trust, certificates."""

from __future__ import annotations

import functools
import ssl
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from kling_nb.errors import SettingsError
from kling_nb.transport.direct import DirectTransport
from kling_nb.transport.reach import Reach, is_loopback

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
    if not plain or parts.query or parts.fragment or not _has_host(url):
        raise SettingsError(
            "The address of the service cannot be used.",
            "It must be an http(s) address without user name and query.",
            "Correct KLING_API_BASE.",
        )
    return url.rstrip("/")


def _has_host(url: str) -> bool:
    try:
        return bool(httpx.URL(url).host)
    except (httpx.InvalidURL, ValueError):
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


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy the environment asks for on the way to an address; None goes straight there.

    Parameters
    ----------
    url
        Where to. Loopback is never reached through a proxy.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    proxies = {} if is_loopback(url.host) else urllib.request.getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or urllib.request.proxy_bypass(f"{url.host}:{port}"):
        return None
    return found if "://" in found else f"http://{found}"


def refuse_clear_proxy(url: str) -> None:
    """Make sure that no proxy reads a credential: through a proxy it travels encrypted only.

    To https addresses a proxy opens a tunnel (CONNECT) and sees the host's name, nothing else. A request
    to an http address would be handed to the proxy itself, header and all.

    Parameters
    ----------
    url
        Address of a service that a credential is sent to.

    Raises
    ------
    SettingsError
        If it is an http address that the environment reaches through an http proxy.
    """
    target = httpx.URL(url)
    proxy = proxy_for(target) if target.scheme == "http" else None
    if proxy is not None and proxy.startswith("http"):
        raise SettingsError(
            f"Your key is not sent to {target.host} through a proxy in clear.",
            "The address begins with http:// and the environment names a proxy, which could read the key.",
            f"Use an https address, or add {target.host} to NO_PROXY.",
        )


class _NoCookies(httpx.Cookies):
    """Takes no cookie and has none, without reading each answer for them."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave the cookies of an answer where they are."""

    def set(self, name: str, value: str, domain: str = "", path: str = "/") -> None:
        """Take no cookie."""

    def __bool__(self) -> bool:
        return False


class _Client(httpx.AsyncClient):
    """A client that knows no cookies."""

    _none = _NoCookies()

    @property  # type: ignore[misc]  # nobody shall set any
    def cookies(self) -> httpx.Cookies:
        """Always empty."""
        return self._none


def new_client(
    url: str, timeouts: Timeouts, max_connections: int = MAX_CONNECTIONS, *, reach: Reach | None = None
) -> httpx.AsyncClient:
    """Return a client for one kind of host: no redirects, no credential, no cookies, no ``.netrc``.

    Parameters
    ----------
    url
        Address it will talk to: decides about proxies and certificates.
    timeouts
        Time limits.
    max_connections
        Upper bound of open connections.
    reach
        Which addresses may be connected to; None for a service whose address a person has set. Behind a
        proxy it is the proxy that resolves names, and only the text of an address can be checked.

    Raises
    ------
    SettingsError
        If the proxy that the environment names cannot be used.
    """
    target = httpx.URL(url)
    # A context without certificates fails closed, should TLS ever be asked of it.
    local = is_loopback(target.host) and target.scheme == "http"
    verify = no_trust_context() if local else tls_context()
    proxy = proxy_for(target)
    try:
        return _Client(
            verify=verify,
            trust_env=False,
            # Proxies are httpx's business, and then its own pool carries the requests.
            proxy=proxy,
            transport=None if proxy else DirectTransport(verify, max_idle=max_connections, reach=reach),
            follow_redirects=False,
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=20.0,
            ),
            timeout=httpx.Timeout(timeouts.get, connect=timeouts.connect, pool=None),
            headers={"User-Agent": "kling_nb", "Accept-Encoding": "gzip"},
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        kind = type(error).__name__
    raise SettingsError(
        "The proxy that the environment names cannot be used.",
        f"HTTP_PROXY, HTTPS_PROXY or ALL_PROXY is not understood here ({kind}).",
        "Correct it; SOCKS proxies need `%pip install httpx[socks]`.",
    )
