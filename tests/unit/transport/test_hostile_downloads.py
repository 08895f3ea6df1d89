"""Answers to a download that mean harm: refused with a reason, nothing written elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import time

import pytest

from kling_nb.errors import DownloadError
from kling_nb.transport import partfile
from kling_nb.transport.connection import Timeouts, new_client
from kling_nb.transport.download import download
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule

VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 300
QUICK = RetryRule(delays=(0.001,) * 2, jitter=0.0)
HERE = Reach(loopback=True)


@pytest.fixture
def fetch(tmp_path):
    async def run(url, **options):
        given = {"retry": QUICK, "timeouts": Timeouts(connect=60.0, get=60.0), "reach": HERE, **options}
        return await download(url, tmp_path / "media" / "r-1.mp4", **given)

    return run


def found(tmp_path):
    folder = tmp_path / "media"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def three_lines(caught):
    assert len(caught.value.lines()) == 3
    return str(caught.value)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/v.mp4",
        "javascript:alert(1)",
        "data:video/mp4;base64,AAAA",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/v.mp4",
        "http://[::ffff:10.0.0.1]/v.mp4",
        "http://me:pw@127.0.0.1/v.mp4",
        "http://127.0.0.1:99999/v.mp4",
        "http://[broken/v.mp4",
    ],
)
async def test_redirects_are_checked_hop_by_hop(fetch, server, act, tmp_path, location):
    server.script = [act.reply(302, location="/next")]
    server.default = act.reply(302, location=location)
    with pytest.raises(DownloadError) as caught:
        await fetch(f"{server.url}/v.mp4")
    assert "pw" not in three_lines(caught)
    assert len(server.requests) == 2
    assert found(tmp_path) == []


async def test_a_public_service_never_leads_to_this_machine(fetch, server, act):
    """The first host is allowed by name and stands for a public one; its redirect is not."""
    server.default = act.reply(302, location=f"http://localhost:{server.port}/v.mp4")
    reach = Reach(trusted=frozenset({"127.0.0.1"}))
    with pytest.raises(DownloadError, match="inside this machine") as caught:
        await fetch(f"{server.url}/v.mp4", reach=reach)
    assert "KLING_NB_RESULT_HOSTS" in str(caught.value)
    assert len(server.requests) == 1


async def test_the_address_that_was_checked_is_the_one_connected_to(server, act, tmp_path, monkeypatch):
    """A name that turns public first and inner afterwards gains nothing: it is resolved once."""
    server.default = act.reply(200, VIDEO)
    answers = ["8.8.8.8", "127.0.0.1"]

    async def getaddrinfo(_host, port, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    dialled = []

    async def sock_connect(_sock, address):
        dialled.append(address[0])

    async def create_connection(_factory, *, sock, server_hostname, **_options):
        sock.close()
        dialled.append(server_hostname)
        raise ConnectionRefusedError("nobody there")

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    monkeypatch.setattr(loop, "create_connection", create_connection)
    with pytest.raises(DownloadError):
        await download(
            "https://cdn.example.com/v.mp4", tmp_path / "v.mp4", retry=RetryRule(delays=()), reach=Reach()
        )
    assert dialled == ["8.8.8.8", "cdn.example.com"]
    with pytest.raises(DownloadError, match="inside"):
        await download(
            "https://cdn.example.com/v.mp4", tmp_path / "v.mp4", retry=RetryRule(delays=()), reach=Reach()
        )
    assert dialled == ["8.8.8.8", "cdn.example.com"]


async def test_nothing_personal_travels(fetch, server, act, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("default login me password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.script = [act.reply(302, location="/again", set_cookie="id=1; Path=/"), act.reply(200, VIDEO)]
    server.default = act.reply(200, VIDEO)
    async with new_client(server.url, Timeouts(), reach=HERE) as http:
        await fetch(f"{server.url}/v.mp4", http=http)
        await fetch(f"{server.url}/w.mp4", http=http)
    assert len(server.requests) == 3
    for request in server.requests:
        assert not {"authorization", "cookie", "referer", "proxy-authorization"} & set(request.headers)


@pytest.mark.parametrize(
    ("body", "kind", "word"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "video/mp4", "web page"),
        (b"\xef\xbb\xbf  <html>", "application/octet-stream", "text"),
        (b"<Error><Code>AccessDenied</Code></Error>" * 100, "", "web page"),
        (b'{"code": 1201}', "video/mp4", "text"),
        (b"Not found", "binary/octet-stream", "text"),
        (VIDEO, "text/html; charset=utf-8", "text/html"),
        (VIDEO, "application/json", "application/json"),
        (VIDEO, "image/gif", "image/gif"),
    ],
)
async def test_what_is_no_video(fetch, server, act, tmp_path, body, kind, word):
    headers = {"content_type": kind} if kind else {}
    server.default = act.reply(200, body, **headers)
    with pytest.raises(DownloadError, match="no video") as caught:
        await fetch(f"{server.url}/v.mp4")
    assert word in three_lines(caught)
    assert found(tmp_path) == []
    assert len(server.requests) == 1


async def test_a_packed_body_is_not_stored_as_a_video(fetch, server, act, tmp_path):
    server.default = act.reply(200, b"\x1f\x8b\x08\0" + bytes(100), content_encoding="gzip")
    with pytest.raises(DownloadError, match="packed"):
        await fetch(f"{server.url}/v.mp4")
    assert found(tmp_path) == []


async def test_a_trickle_is_given_up_though_it_makes_progress(fetch, server, monkeypatch):
    monkeypatch.setattr(partfile, "STALL_S", 0.05)
    monkeypatch.setattr(partfile, "STALL_BYTES", 10_000)

    def slow(connection, request):
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        head = f"HTTP/1.1 {206 if start else 200} X\r\ncontent-range: bytes {start}-99998/99999\r\n"
        connection.sendall(head.encode() + f"content-length: {99999 - start}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"\0")
                time.sleep(0.01)
        return False

    server.default = slow
    with pytest.raises(DownloadError, match="bytes came in"):
        await fetch(f"{server.url}/v.mp4")
    assert server.count("GET") == QUICK.attempts


class TestLinks:
    """Somebody else may write into a shared media folder, too."""

    @pytest.fixture
    def outside(self, tmp_path):
        target = tmp_path / "outside.txt"
        target.write_bytes(b"precious")
        (tmp_path / "media").mkdir()
        return target

    def part(self, tmp_path):
        digest = hashlib.sha256(b"/v.mp4").hexdigest()[:8]
        return tmp_path / "media" / f"r-1.mp4.{digest}.part"

    @pytest.mark.parametrize("how", ["symlink", "hard link"])
    async def test_a_link_in_place_of_the_part_file(self, fetch, server, act, tmp_path, outside, how):
        server.default = act.reply(200, VIDEO)
        part = self.part(tmp_path)
        (part.symlink_to if how == "symlink" else part.hardlink_to)(outside)
        await fetch(f"{server.url}/v.mp4")
        assert outside.read_bytes() == b"precious"
        assert (tmp_path / "media" / "r-1.mp4").read_bytes() == VIDEO
        assert found(tmp_path) == ["r-1.mp4"]
        assert "range" not in server.requests[0].headers

    async def test_a_link_in_place_of_the_video_is_replaced(self, fetch, server, act, tmp_path, outside):
        server.default = act.reply(200, VIDEO)
        video = tmp_path / "media" / "r-1.mp4"
        video.symlink_to(outside)
        await fetch(f"{server.url}/v.mp4")
        assert outside.read_bytes() == b"precious"
        assert not video.is_symlink()
        assert video.read_bytes() == VIDEO

    async def test_a_pipe_in_place_of_the_part_file(self, fetch, server, act, tmp_path, outside):
        server.default = act.reply(200, VIDEO)
        os.mkfifo(self.part(tmp_path))
        await fetch(f"{server.url}/v.mp4")
        assert (tmp_path / "media" / "r-1.mp4").read_bytes() == VIDEO
