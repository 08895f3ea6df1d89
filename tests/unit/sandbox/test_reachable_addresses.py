"""Which addresses the sandbox connects to, and that it asks nobody for the others."""

from __future__ import annotations

import socket

import pytest

from kling_nb.sandbox import fetch
from kling_nb.sandbox.fetch import FetchError, allowed_address, target

LOOPBACK = ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST.", "::ffff:127.0.0.1"]
NEVER = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "::",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "100.64.0.1",
    "192.0.2.1",
]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.fixture
def no_dns(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a name was resolved")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("host", NEVER)
@pytest.mark.parametrize("allow_network", [False, True])
def test_never(host, allow_network):
    with pytest.raises(FetchError):
        allowed_address(host, allow_network=allow_network)


@pytest.mark.parametrize("host", PUBLIC)
def test_public_hosts_only_with_the_switch(host):
    with pytest.raises(FetchError):
        allowed_address(host, allow_network=False)
    assert allowed_address(host, allow_network=True) == host


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_always(host, no_dns):
    allowed_address(host, allow_network=False)


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.nip.io", "2130706433", "0x7f.1", "localhost.example.com"]
)
def test_names_are_not_even_resolved_without_the_switch(host, no_dns):
    with pytest.raises(FetchError):
        allowed_address(host, allow_network=False)


def test_a_name_that_leads_into_a_private_range_is_refused(monkeypatch):
    def private(*args, **kwargs):
        return [(None, None, 0, "", ("93.184.215.14", 0)), (None, None, 0, "", ("10.0.0.1", 0))]

    monkeypatch.setattr(fetch.socket, "getaddrinfo", private)
    with pytest.raises(FetchError):
        allowed_address("two-faced.example", allow_network=True)


def test_a_name_that_cannot_be_one_is_refused():
    for host in ("a..b", "x" * 64 + ".example"):
        with pytest.raises(FetchError):
            allowed_address(host, allow_network=True)


def test_the_address_checked_is_the_address_used(monkeypatch):
    monkeypatch.setattr(
        fetch.socket, "getaddrinfo", lambda *a, **k: [(None, None, 0, "", ("93.184.215.14", 0))]
    )
    pinned = target("https://host.example:8443/a?b=c", allow_network=True)
    assert str(pinned.url) == "https://93.184.215.14:8443/a?b=c"
    assert pinned.headers == {"Host": "host.example:8443"}
    assert pinned.extensions == {"sni_hostname": "host.example"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "//127.0.0.1",
        "http://127.0.0.1:x/",
        "http://xn--a/",
        "https://xn--/",
    ],
)
def test_other_schemes_and_broken_urls(url, no_dns):
    with pytest.raises(FetchError):
        target(url, allow_network=True)
