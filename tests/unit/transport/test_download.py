"""Downloads: complete or absent, resumed, bounded, anonymous."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from awaiting import until

from kling_nb.errors import DownloadError
from kling_nb.transport import download as module
from kling_nb.transport import partfile
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.download import download
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule

VIDEO = bytes(range(256)) * 12_000
DIGEST = hashlib.sha256(VIDEO).hexdigest()
HERE = Reach(loopback=True)
QUICK = RetryRule(delays=(0.001,) * 3, jitter=0.0)


@pytest.fixture
def fetch(tmp_path):
    async def run(url, **options):
        options.setdefault("retry", QUICK)
        options.setdefault("timeouts", Timeouts(connect=60.0, get=60.0))
        options.setdefault("reach", HERE)
        return await download(url, tmp_path / "media" / "r-1.mp4", **options)

    return run


def files(tmp_path):
    folder = tmp_path / "media"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def part_of(tmp_path, url):
    """The part file of a download, its folder made."""
    folder = tmp_path / "media"
    folder.mkdir()
    digest = hashlib.sha256(httpx.URL(url).path.encode()).hexdigest()[:8]
    return folder / f"r-1.mp4.{digest}.part"


def serve(data=VIDEO, stop_after=None, honour_range=True, total=None):
    """A file server that may break off after so many bytes of body."""

    def action(connection, request):
        start = 0
        span = request.headers.get("range")
        size = total or len(data)
        if span and honour_range:
            start = int(span.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                connection.sendall(
                    f"HTTP/1.1 416 X\r\ncontent-range: bytes */{size}\r\ncontent-length: 0\r\n\r\n".encode()
                )
                return True
        partial = start > 0
        head = f"HTTP/1.1 {206 if partial else 200} X\r\ncontent-type: video/mp4\r\n"
        head += f"content-length: {size - start}\r\n"
        if partial:
            head += f"content-range: bytes {start}-{size - 1}/{size}\r\n"
        body = data[start:] if stop_after is None else data[start : start + stop_after]
        connection.sendall(head.encode() + b"\r\n" + body)
        return len(body) == size - start

    return action


class TestRefused:
    @pytest.mark.parametrize("status", [403, 404, 410])
    async def test_expired_or_removed(self, fetch, server, act, tmp_path, status):
        server.default = act.reply(status, b"AccessDenied")
        with pytest.raises(DownloadError) as caught:
            await fetch(f"{server.url}/v.mp4?Signature=abc")
        assert caught.value.http_status == status
        assert "30 days" in str(caught.value)
        assert "Signature" not in str(caught.value)
        assert files(tmp_path) == []
        assert len(server.requests) == 1

    async def test_announced_size_above_the_cap(self, fetch, server, tmp_path):
        server.default = serve()
        with pytest.raises(DownloadError, match="limit"):
            await fetch(f"{server.url}/v.mp4", max_bytes=1000)
        assert files(tmp_path) == []

    async def test_unannounced_size_above_the_cap(self, fetch, server, tmp_path):
        def endless(connection, request):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(100):
                connection.sendall(b"\0x" * 50_000)
            return False

        server.default = endless
        with pytest.raises(DownloadError, match="limit"):
            await fetch(f"{server.url}/v.mp4", max_bytes=2_000_000)
        assert files(tmp_path) == []

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/v.mp4", "data:,x", "", "//host/v.mp4"])
    async def test_addresses_that_are_not_of_the_web(self, fetch, url):
        with pytest.raises(DownloadError):
            await fetch(url)

    async def test_redirect_to_a_file(self, fetch, server, act):
        server.default = act.reply(302, location="file:///etc/passwd")
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/v.mp4")

    async def test_redirects_without_end(self, fetch, server, act):
        server.default = act.reply(302, location="/again")
        with pytest.raises(DownloadError, match="redirects"):
            await fetch(f"{server.url}/v.mp4")
        assert len(server.requests) == 6

    @pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
    async def test_a_page_is_no_video(self, fetch, server, act, kind, tmp_path):
        server.default = act.reply(200, b"<html>Please log in</html>", content_type=kind)
        with pytest.raises(DownloadError, match="no video"):
            await fetch(f"{server.url}/v.mp4")
        assert files(tmp_path) == []

    async def test_empty_file(self, fetch, server, act, tmp_path):
        server.default = act.reply(200, b"", content_type="video/mp4")
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/v.mp4")
        assert files(tmp_path) == []


class TestComplete:
    async def test_file_size_and_digest(self, fetch, server, tmp_path):
        server.default = serve()
        seen = []
        done = await fetch(
            f"{server.url}/v.mp4?Expires=1", progress=lambda at, total: seen.append((at, total))
        )
        assert (done.nbytes, done.sha256) == (len(VIDEO), DIGEST)
        assert done.path.read_bytes() == VIDEO
        assert files(tmp_path) == ["r-1.mp4"]
        assert seen[-1] == (len(VIDEO), len(VIDEO))
        assert [at for at, _ in seen] == sorted(at for at, _ in seen)

    async def test_no_credential_and_no_cookie_travels(self, fetch, server, second_server, act):
        server.default = act.reply(302, location=f"{second_server.url}/v.mp4", set_cookie="a=b")
        second_server.default = serve()
        await fetch(f"{server.url}/v.mp4")
        for request in server.requests + second_server.requests:
            assert "authorization" not in request.headers
            assert "cookie" not in request.headers

    async def test_relative_redirect(self, fetch, server, act):
        server.script = [act.reply(307, location="/real.mp4")]
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).nbytes == len(VIDEO)

    async def test_replaces_an_old_file_only_when_complete(self, fetch, server, act, tmp_path):
        target = tmp_path / "media" / "r-1.mp4"
        target.parent.mkdir()
        target.write_bytes(b"old")
        server.script = [act.reply(404)]
        server.default = serve()
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/v.mp4")
        assert target.read_bytes() == b"old"
        await fetch(f"{server.url}/v.mp4")
        assert target.read_bytes() == VIDEO

    async def test_without_announced_size(self, fetch, server):
        def unannounced(connection, request):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + VIDEO)
            return False

        server.default = unannounced
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    async def test_proxy_settings_do_not_apply_to_loopback(self, fetch, server, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST


class TestResume:
    async def test_broken_connections_continue_where_they_stopped(self, fetch, server):
        server.script = [serve(stop_after=1_000_000), serve(stop_after=700_000)]
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
        spans = [request.headers.get("range") for request in server.requests]
        assert spans[0] is None
        assert spans[1:] == ["bytes=1000000-", "bytes=1700000-"]

    async def test_progress_resets_the_count_of_failures(self, fetch, server):
        server.script = [serve(stop_after=100_000)] * 12
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    async def test_size_that_never_comes_is_an_error_and_is_kept(self, fetch, server, tmp_path):
        server.default = serve(total=len(VIDEO) + 50)
        with pytest.raises(DownloadError, match="bytes arrived"):
            await fetch(f"{server.url}/v.mp4")
        assert not (tmp_path / "media" / "r-1.mp4").exists()

    async def test_part_of_an_earlier_kernel_is_continued(self, fetch, server, act, tmp_path):
        server.script = [serve(stop_after=1_000_000), act.reply(404)]
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/v.mp4?Signature=old")
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4?Signature=new")).sha256 == DIGEST
        assert server.requests[-1].headers["range"] == "bytes=1000000-"
        assert files(tmp_path) == ["r-1.mp4"]

    async def test_part_of_another_address_is_not(self, fetch, server, act):
        server.script = [serve(stop_after=1_000_000), act.reply(404)]
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/other.mp4")
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
        assert "range" not in server.requests[-1].headers

    async def test_server_without_ranges_starts_over(self, fetch, server):
        server.script = [serve(stop_after=1_000_000)]
        server.default = serve(honour_range=False)
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    async def test_part_that_is_complete_already(self, fetch, server, tmp_path, monkeypatch):
        def crash(part, target, size):
            raise OSError(errno.EACCES, "killed between the last byte and the name")

        server.default = serve()
        with monkeypatch.context() as patch:
            patch.setattr(module, "_replace", crash)
            with pytest.raises(DownloadError):
                await fetch(f"{server.url}/v.mp4")
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
        assert len(server.requests) == 2

    async def test_part_longer_than_the_file_starts_over(self, fetch, server, act, tmp_path):
        server.script = [serve(stop_after=1_000_000), act.reply(404)]
        with pytest.raises(DownloadError):
            await fetch(f"{server.url}/v.mp4")
        (part,) = (tmp_path / "media").iterdir()
        part.write_bytes(VIDEO + b"more")
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    async def test_server_errors_are_repeated(self, fetch, server, act, status):
        server.script = [act.reply(status)] * 2
        server.default = serve()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    async def test_a_stalled_server_is_left_and_continued(self, fetch, server):
        def stall(connection, request):
            serve(stop_after=500_000)(connection, request)
            connection.recv(1)  # until the client leaves
            return False

        server.script = [stall]
        server.default = serve()
        hasty = Timeouts(connect=60.0, get=0.3)
        # On a machine that stands still the one that answers may be left now and then, too.
        often = RetryRule(delays=(0.001,) * 100, jitter=0.0)
        assert (await fetch(f"{server.url}/v.mp4", timeouts=hasty, retry=often)).sha256 == DIGEST


class TestDisk:
    async def test_full_disk_keeps_the_part_and_says_so(self, fetch, server, tmp_path, monkeypatch):
        server.default = serve()
        write = module.PartWriter.write

        def full(self, data):
            if self.size > 1_000_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(self, data)

        with monkeypatch.context() as patch:
            patch.setattr(module.PartWriter, "write", full)
            with pytest.raises(DownloadError, match="disk is full") as caught:
                await fetch(f"{server.url}/v.mp4")
        assert "Make room" in caught.value.advice
        assert not (tmp_path / "media" / "r-1.mp4").exists()
        assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    async def test_full_device(self, fetch, server, tmp_path, monkeypatch):
        server.default = serve()
        monkeypatch.setattr(partfile, "_is_own", lambda _path: True)
        monkeypatch.setattr(partfile, "_NO_LINKS", 0)
        monkeypatch.setattr(module._Job, "size", property(lambda self: 0))
        folder = tmp_path / "media"
        folder.mkdir()
        digest = hashlib.sha256(b"/v.mp4").hexdigest()[:8]
        (folder / f"r-1.mp4.{digest}.part").symlink_to("/dev/full")
        with pytest.raises(DownloadError, match="disk is full"):
            await fetch(f"{server.url}/v.mp4")

    async def test_folder_that_cannot_be_made(self, server, tmp_path):
        (tmp_path / "file").write_text("in the way")
        server.default = serve()
        with pytest.raises(DownloadError, match="cannot be written"):
            await download(f"{server.url}/v.mp4", tmp_path / "file" / "r-1.mp4", retry=QUICK, reach=HERE)


async def test_cancelling_leaves_a_part_that_is_continued(fetch, server, tmp_path):
    def slow(connection, request):
        serve(stop_after=1_500_000)(connection, request)
        connection.recv(1)  # until the client leaves
        return False

    server.script = [slow]
    job = asyncio.ensure_future(fetch(f"{server.url}/v.mp4"))
    await until(lambda: any(path.stat().st_size for path in tmp_path.glob("media/*.part")))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert files(tmp_path) != ["r-1.mp4"]
    server.default = serve()
    assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
    assert "range" in server.requests[-1].headers


async def test_two_downloads_of_one_file_at_once_end_well(fetch, server, tmp_path):
    server.default = serve()

    async def whole():
        done = await fetch(f"{server.url}/v.mp4")
        return done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest() == DIGEST

    assert await asyncio.gather(*(whole() for _ in range(3))) == [True] * 3
    assert files(tmp_path) == ["r-1.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
async def test_a_download_waits_for_no_other_and_leaves_its_part_alone(fetch, server, tmp_path):
    """Another kernel fetches the same file, slowly, and may be interrupted at any time."""
    part = part_of(tmp_path, f"{server.url}/v.mp4")
    other = partfile.PartWriter(part, 0)
    other.write(VIDEO[:1000])
    server.default = serve()
    assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
    assert files(tmp_path) == ["r-1.mp4", part.name]
    assert part.read_bytes() == VIDEO[:1000]
    other.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
async def test_a_copy_of_its_own_is_cleared_away_when_it_fails(fetch, server, act, tmp_path):
    part = part_of(tmp_path, f"{server.url}/v.mp4")
    other = partfile.PartWriter(part, 0)
    other.write(VIDEO[:1000])
    server.script = [serve(), serve(stop_after=500_000)]
    server.default = act.reply(404)
    with pytest.raises(DownloadError):
        await fetch(f"{server.url}/v.mp4")
    assert files(tmp_path) == [part.name]
    other.close()


async def test_a_part_that_another_download_has_given_its_name_is_no_error(fetch, server, tmp_path):
    """It had begun, and is finished and renamed by the other before this one opens it."""
    part = part_of(tmp_path, f"{server.url}/v.mp4")
    part.write_bytes(VIDEO[:1000])
    answer = serve()

    def finished(connection, request):
        part.unlink(missing_ok=True)
        return answer(connection, request)

    server.script = [finished]
    server.default = answer
    assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
    assert (tmp_path / "media" / "r-1.mp4").read_bytes() == VIDEO


async def test_the_part_of_a_third_download_is_not_taken_for_the_finished_file(fetch, server, tmp_path):
    part = part_of(tmp_path, f"{server.url}/v.mp4")
    target = tmp_path / "media" / "r-1.mp4"

    def overtaken(connection, request):
        serve(stop_after=2_000_000, total=len(VIDEO))(connection, request)
        deadline = time.monotonic() + 60
        while not part.exists():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        part.unlink()
        target.write_bytes(VIDEO)  # the second download is complete,
        part.write_bytes(VIDEO[:10])  # and the third begins
        connection.sendall(VIDEO[2_000_000:])
        return True

    server.script = [overtaken]
    assert (await fetch(f"{server.url}/v.mp4")).sha256 == DIGEST
    assert target.read_bytes() == VIDEO
    assert part.read_bytes() == VIDEO[:10]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_in_the_middle_leaves_no_file_under_its_name(server, tmp_path):
    def slow(connection, request):
        serve(stop_after=2_000_000)(connection, request)
        connection.recv(1)  # until the client is gone
        return False

    server.script = [slow]
    target = tmp_path / "r-1.mp4"
    program = (
        "import asyncio, pathlib, sys\n"
        "from kling_nb.transport.download import download\n"
        "from kling_nb.transport.reach import Reach\n"
        "asyncio.run(download(sys.argv[1], pathlib.Path(sys.argv[2]), reach=Reach(loopback=True)))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, f"{server.url}/v.mp4", str(target)])
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not target.exists()
    server.default = serve()
    assert asyncio.run(download(f"{server.url}/v.mp4", target, reach=HERE)).sha256 == DIGEST
    assert server.requests[-1].headers["range"].startswith("bytes=")
