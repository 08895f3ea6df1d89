"""Which addresses a result may be fetched from."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.transport.reach import OutOfReachError, Reach

PUBLIC = Reach.of_service("https://api-singapore.klingai.com")
LOCAL = Reach.of_service("http://127.0.0.1:8123")

INSIDE = [
    "127.0.0.1",
    "127.8.9.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "10.0.0.5",
    "172.16.3.4",
    "192.168.1.1",
    "100.100.100.200",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "198.18.0.7",
    "224.0.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::1]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "metadata",
    "metadata.google.internal",
    "printer.local",
    "router.lan",
    "１２７.0.0.1",
    "127。0。0。1",
]
OTHER_SCHEMES = [
    "file:///etc/passwd",
    "ftp://example.com/v.mp4",
    "data:video/mp4;base64,AAAA",
    "javascript:alert(1)",
    "gopher://example.com/",
    "//example.com/v.mp4",
    "/v.mp4",
    "",
    "https://",
    "https:///v.mp4",
    "ws://example.com/",
    "https://xn--a/v.mp4",
    "https://xn--/v.mp4",
]


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_inside_is_asked_for_a_public_service(scheme, host):
    with pytest.raises(OutOfReachError):
        PUBLIC.check(f"{scheme}://{host}/latest/meta-data")


@pytest.mark.parametrize("url", OTHER_SCHEMES)
@pytest.mark.parametrize("reach", [PUBLIC, LOCAL, Reach(trusted=frozenset({"example.com"}))])
def test_only_the_web(reach, url):
    with pytest.raises(OutOfReachError):
        reach.check(url)


@pytest.mark.parametrize("url", ["https://me:pw@cdn.example.com/v", "https://me@cdn.example.com/v"])
def test_no_user_name_travels(url):
    with pytest.raises(OutOfReachError) as caught:
        PUBLIC.check(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://v1-kling.klingai.com/a.mp4?Expires=1&Signature=a%2Fb",
        "http://8.8.8.8/v.mp4",
        "https://[2606:4700::1111]:8443/v.mp4",
        "https://xn--bcher-kva.example/v.mp4",
    ],
)
def test_the_public_web_is_open(url):
    assert str(PUBLIC.check(url)) == url


def test_loopback_is_open_to_services_on_loopback_only():
    for host in ("127.0.0.1", "[::1]", "localhost"):
        LOCAL.check(f"http://{host}:1/v.mp4")
    for host in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "nas", "192.168.1.1"):
        with pytest.raises(OutOfReachError):
            LOCAL.check(f"http://{host}:1/v.mp4")


def test_the_service_vouches_for_its_own_host_and_a_person_for_others():
    gateway = Reach.of_service("http://10.1.2.3:8000/proxy", named="media.corp, NAS.")
    for host in ("10.1.2.3:9000", "media.corp", "nas"):
        gateway.check(f"http://{host}/v.mp4")
    with pytest.raises(OutOfReachError):
        gateway.check("http://10.1.2.4/v.mp4")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "8.8.8.8"])
async def test_what_is_an_address_already_needs_no_resolver(monkeypatch, address):
    """It would wait for a thread, and all may be busy writing videos."""
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", None)
    assert await LOCAL.addresses(address, 80) == [address]


def resolving(monkeypatch, *addresses):
    """Let every name resolve to these addresses."""
    entries = [
        (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443))
        for text in addresses
    ]

    async def getaddrinfo(*_args, **_options):
        return entries

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%lo", "0.0.0.0"]
)
async def test_a_public_name_for_an_inner_address(monkeypatch, address):
    resolving(monkeypatch, address)
    with pytest.raises(OutOfReachError, match=r"cdn\.example\.com"):
        await PUBLIC.addresses("cdn.example.com", 443)


async def test_of_several_addresses_only_the_public_ones_are_used(monkeypatch):
    resolving(monkeypatch, "10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111")
    assert await PUBLIC.addresses("cdn.example.com", 443) == ["8.8.8.8", "2606:4700::1111"]


async def test_names_behind_a_router_of_the_whole_machine_are_reached(monkeypatch):
    resolving(monkeypatch, "198.18.0.23")
    assert await PUBLIC.addresses("cdn.example.com", 443) == ["198.18.0.23"]
    with pytest.raises(OutOfReachError):
        await PUBLIC.addresses("198.18.0.23", 443)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_spelling(address):
    number = int(address)
    spellings = [str(address), str(number), hex(number), f"[::ffff:{address}]", f"[64:ff9b::{address}]"]
    verdicts = set()
    for host in spellings:
        try:
            PUBLIC.check(f"http://{host}/")
            verdicts.add(True)
        except OutOfReachError:
            verdicts.add(False)
    assert len(verdicts) == 1
    if ipaddress.IPv4Address(address).is_private:
        assert verdicts == {False}
