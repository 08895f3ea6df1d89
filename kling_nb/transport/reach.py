"""Where a video may be fetched from: the public web, and what the service's own address vouches for.

A result address is a text that somebody else wrote. Followed blindly it would let a hostile answer read
what only this machine can reach: a router, a cloud's metadata service, a program on loopback. So every
address, redirects included, is resolved first, checked, and then connected to as checked: a name that
answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_FAKE = ipaddress.ip_network("198.18.0.0/15")
"""Programs that route a whole machine (Clash, Surge) answer every name with one of these; nothing else
lives there, so a name may lead to them, a literal address may not."""
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa")


class OutOfReachError(Exception):
    """An address that is not fetched from; the text says why, for people."""


@lru_cache(maxsize=256)
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


@dataclass(frozen=True, slots=True)
class Reach:
    """What results of one service may be fetched from, besides the public web.

    Parameters
    ----------
    loopback
        Whether this machine itself is allowed: only for services that run on it.
    trusted
        Hosts that are allowed whatever their address: the service's own, and those a person named.
    """

    loopback: bool = False
    trusted: frozenset[str] = frozenset()

    @classmethod
    @lru_cache(maxsize=64)
    def of_service(cls, base_url: str, named: str = "") -> Reach:
        """Return what a service at an address vouches for.

        Parameters
        ----------
        base_url
            Address of the service.
        named
            Further trusted hosts, separated by commas or blanks.
        """
        host = _plain(urlsplit(base_url).hostname or "")
        local = is_loopback(host)
        others = {_plain(name) for name in named.replace(",", " ").split()}
        return cls(local, frozenset(others if local else {host, *others}) - {""})

    def check(self, url: str) -> httpx.URL:
        """Return an address that may be asked for, as far as its text tells.

        Parameters
        ----------
        url
            Absolute address.

        Raises
        ------
        OutOfReachError
            Not http(s), a user name in it, or an address inside this machine or its network.
        """
        try:
            target = parsed(url)
            host = _plain(target.host)  # only this finds out that an "xn--" name is none
        except (httpx.InvalidURL, ValueError):
            raise OutOfReachError("Its address cannot be read.") from None
        if target.port is not None and not 0 < target.port < 65536:
            raise OutOfReachError("Its address names a port that does not exist.")
        if target.scheme not in ("http", "https") or not target.host:
            raise OutOfReachError(f"Its address is no web address ({target.scheme or 'none'}).")
        if target.userinfo:
            raise OutOfReachError("Its address carries a user name or password.")
        if host in self.trusted:
            return target
        literal = _literal(host)
        if literal is None:
            inside = "." not in host or host.endswith(_LOCAL_ENDINGS)
        else:
            inside = not self._allows(literal, named=False)
        if inside and not (self.loopback and is_loopback(host)):
            raise _inside(target.host)
        return target

    async def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host and return the addresses that may be connected to.

        Parameters
        ----------
        host
            Name or address.
        port
            For the resolver.

        Raises
        ------
        OutOfReachError
            None of its addresses is allowed.
        OSError
            The name does not resolve.
        """
        try:
            everything = [str(ipaddress.ip_address(host))]  # needs no thread, which may all be busy
        except ValueError:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            everything = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if _plain(host) in self.trusted:
            return everything
        named = _literal(_plain(host)) is None
        allowed = [text for text in everything if self._allows(ipaddress.ip_address(text), named=named)]
        if not allowed:
            raise _inside(host)
        return allowed

    def _allows(self, address: Address, *, named: bool) -> bool:
        real = _unwrapped(address)
        if real.is_loopback:
            return self.loopback
        if named and real in _FAKE:
            return True
        unicast = not real.is_multicast and (real.version == 4 or real in _GLOBAL_V6)
        return real.is_global and unicast


@lru_cache(maxsize=64)
def parsed(url: str) -> httpx.URL:
    """Read an address; the same one is asked about several times around each request.

    Raises
    ------
    httpx.InvalidURL
        It cannot be read.
    """
    return httpx.URL(url)


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


@lru_cache(maxsize=256)
def _literal(host: str) -> Address | None:
    """Return the address a host spells, in the short, octal, hexadecimal and decimal ways too."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError, ValueError):
        return None


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    embeds = address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)
    return inner or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if embeds else address)


def _inside(host: str) -> OutOfReachError:
    return OutOfReachError(
        f"{host[:200]} lies inside this machine or its network, where a service's answer must not lead."
    )
