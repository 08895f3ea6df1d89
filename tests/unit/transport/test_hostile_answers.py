"""Answers of a service that mean harm: bounded, told with a reason, never repeated for ever."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import tracemalloc
import zlib

import httpx
import pytest

from kling_nb.domain.wire import Answer, Call
from kling_nb.errors import AnswerUnusable, SettingsError
from kling_nb.transport import body as reading
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.retry import RetryRule, service_code, wants_retry

QUICK = RetryRule(delays=(0.001, 0.001), jitter=0.0)
PATIENT = Timeouts(connect=60.0, get=60.0, post=60.0)
GET = Call("GET", "/v1/videos/image2video/1")
POST = Call("POST", "/v1/videos/image2video", body={"prompt": "x"}, safe=False)
KEY = "api-key-kling-sesame-0123456789"


@pytest.fixture
async def client(server):
    made = ServiceClient(server.url, Credential.api_key(KEY, "test"), timeouts=PATIENT, retry=QUICK)
    yield made
    await made.aclose()


def endless(connection, request):
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")
        while True:
            connection.sendall(b"0," * 100_000)
    return False


def endless_header(connection, request):
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"x: " + b"y" * 10_000 + b"\r\n")
    return False


class TestEcho:
    async def test_a_refusal_that_repeats_the_key_does_not_show_it(self, client, server, act):
        server.default = act.reply(401, {"message": f"Invalid API key: {KEY}"}, x_asked=f"Bearer {KEY}")
        answer = await client.send(GET)
        assert json.loads(answer.body) == {"message": "Invalid API key: ***"}
        assert KEY not in repr(dict(answer.headers))

    async def test_neither_half_of_a_pair_nor_the_token_made_of_it(self, server, act):
        pair = Credential.access_key("AK-0123456789", "sk-sesame-0123456789", "test")
        token = pair.authorization(1_000_000.0).removeprefix("Bearer ")
        server.default = act.reply(401, f"AK-0123456789 sk-sesame-0123456789 {token}".encode())
        client = ServiceClient(server.url, pair, clock=lambda: 1_000_000.0, timeouts=PATIENT, retry=QUICK)
        assert (await client.send(GET)).body == b"*** *** ***"
        await client.aclose()


class TestSize:
    @pytest.mark.parametrize("call", [GET, POST], ids=["query", "create"])
    async def test_endless(self, client, server, call):
        server.default = endless
        with pytest.raises(AnswerUnusable, match="larger than 32 MB") as caught:
            await client.send(call)
        assert len(caught.value.lines()) == 3

    async def test_announced(self, client, server, act):
        server.default = act.reply(200, b"{}", content_length="1000000000")
        with pytest.raises(AnswerUnusable, match="larger"):
            await client.send(GET)

    async def test_a_query_is_not_repeated_for_the_same_flood(self, client, server, act):
        server.default = act.reply(200, b"{}", content_length="1000000000")
        with pytest.raises(AnswerUnusable):
            await client.fetch(GET)
        assert len(server.requests) == 1

    async def test_headers_without_end(self, client, server):
        server.default = endless_header
        with pytest.raises(Exception, match=r"lost|too long|cannot"):
            await client.send(GET)

    @pytest.mark.parametrize("layers", [1, 2])
    async def test_a_packed_bomb_is_not_unpacked_beyond_the_limit(self, client, server, act, layers):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(bytes(10_000_000)) for _ in range(30)) + packer.flush()
        data = gzip.compress(bomb) if layers == 2 else bomb
        server.default = act.reply(200, data, content_encoding="gzip" if layers == 1 else "gzip, gzip")
        tracemalloc.start()
        with pytest.raises(AnswerUnusable):
            await client.send(GET)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * reading.MAX_ANSWER_BYTES


class TestPacking:
    @pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
    async def test_honest_packing_is_read(self, client, server, act, pack):
        body = json.dumps({"code": 0, "data": ["ä"] * 1000}).encode()
        server.default = act.reply(
            200, pack(body), content_encoding="gzip" if pack is gzip.compress else "deflate"
        )
        assert (await client.send(GET)).body == body

    @pytest.mark.parametrize(
        ("data", "packing"),
        [
            (b"no gzip at all", "gzip"),
            (gzip.compress(b"x" * 1000, mtime=0)[:-12], "gzip"),
            (b"\x1b\x00", "br"),
            (b"{}", "gzip, br"),
            (b"{}", "<script>"),
        ],
    )
    async def test_broken_packing(self, client, server, act, data, packing):
        server.default = act.reply(200, data, content_encoding=packing)
        with pytest.raises(AnswerUnusable, match="pack"):
            await client.send(GET)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 4000,
        b'{"a":' * 600,
        b'{"code": ' + b"9" * 4000 + b"}",
        b'{"code": NaN}',
        b'{"code": Infinity}',
        b'{"code": 1e999}',
        b'{"code": "\\ud800"}',
        b'{"code": \xff\xfe}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 100,
        b'{"code": {"code": 1302}}',
        b'{"code": true}',
        b"null",
        b'"1302"',
    ],
)
def test_whether_to_repeat_is_decided_about_any_body(body):
    answer = Answer(200, {}, body)
    assert service_code(answer)[0] is None or service_code(answer)[0] > 10**9
    assert isinstance(wants_retry(answer), str)


class TestProxies:
    @pytest.fixture(autouse=True)
    def clean(self, monkeypatch):
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    def client(self, url):
        return ServiceClient(url, Credential.api_key(KEY, "test"), timeouts=PATIENT, retry=QUICK)

    async def test_no_key_in_clear_to_a_proxy(self, server, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", server.url)
        with pytest.raises(SettingsError, match="in clear") as caught:
            await self.client("http://gateway.example").send(POST)
        assert "NO_PROXY" in str(caught.value)
        assert server.connections == 0

    async def test_through_a_tunnel_the_proxy_sees_the_host_only(self, server, act, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        server.default = act.reply(502, b"no such host")
        service = self.client("https://gateway.example")
        with pytest.raises(Exception, match="No byte of the request was sent"):
            await service.send(POST)
        await service.aclose()
        assert [request.method for request in server.requests] == ["CONNECT"]
        assert "authorization" not in server.requests[0].headers
        assert KEY not in repr(server.requests)

    async def test_loopback_never_goes_through_one(self, server, second_server, act, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", second_server.url)
        monkeypatch.setenv("ALL_PROXY", second_server.url)
        server.default = act.reply(200, {"code": 0})
        service = self.client(server.url)
        assert (await service.send(GET)).status == 200
        await service.aclose()
        assert second_server.connections == 0

    @pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://x"])
    async def test_a_proxy_that_cannot_be_used_is_told(self, monkeypatch, proxy):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(SettingsError, match="proxy"):
            await self.client("https://gateway.example").send(GET)


class TestTheKeyStaysHome:
    async def test_redirects_of_queries_and_creates_are_not_followed(
        self, client, server, second_server, act
    ):
        for call in (GET, POST):
            for status in (301, 302, 303, 307, 308):
                server.default = act.reply(status, location=f"{second_server.url}/steal")
                assert (await client.send(call)).status == status
        assert second_server.connections == 0

    async def test_cookies_of_the_service_are_not_kept(self, client, server, act):
        server.default = act.reply(200, {"code": 0}, set_cookie="id=1; Path=/")
        await client.send(GET)
        await client.send(GET)
        assert "cookie" not in server.requests[1].headers

    async def test_netrc_is_not_used(self, server, act, monkeypatch, tmp_path):
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        server.default = act.reply(200, {"code": 0})
        service = ServiceClient(server.url, None, timeouts=PATIENT)
        await service.send(GET)
        await service.aclose()
        assert "authorization" not in server.requests[0].headers

    @pytest.mark.parametrize("own_pool", [False, True])
    async def test_not_in_logs_at_debug(self, server, act, caplog, monkeypatch, own_pool):
        from kling_nb.transport import connection

        if own_pool:
            monkeypatch.setattr(connection, "DirectTransport", lambda *_a, **_o: httpx.AsyncHTTPTransport())
        caplog.set_level(logging.DEBUG)
        for name in ("httpx", "httpcore", "asyncio", "h11"):
            caplog.set_level(logging.DEBUG, logger=name)
        server.script = [act.reply(200, {"code": 0}), act.hang_up]
        server.default = act.reply(401, {"code": 1002, "message": "Authorization is invalid"})
        service = ServiceClient(server.url, Credential.api_key(KEY, "test"), timeouts=PATIENT, retry=QUICK)
        await service.send(POST)
        with contextlib.suppress(Exception):
            await service.send(POST)
        await service.send(GET)
        await service.aclose()
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in caplog.text
        assert KEY not in repr([vars(record) for record in caplog.records])
