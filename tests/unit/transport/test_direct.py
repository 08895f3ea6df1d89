"""The transport under httpx: answers as servers really send them, connections reused only when clean."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
import pytest
from awaiting import until

from kling_nb.domain.wire import Call
from kling_nb.errors import AnswerLost, NotSent
from kling_nb.transport import connection as opening
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts, proxy_for
from kling_nb.transport.direct import DirectTransport, _Connection

POST = Call("POST", "/v1/x", body={"a": 1}, safe=False)
PATIENT = Timeouts(connect=60.0, get=60.0, post=60.0)
SOON = Timeouts(connect=60.0, get=0.5, post=0.5, post_per_mb=0.1)


@pytest.fixture
async def http():
    async with httpx.AsyncClient(
        transport=DirectTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), timeout=60
    ) as client:
        yield client


def raw(data, stay=True):
    def action(connection, request):
        connection.sendall(data)
        return stay

    return action


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class TestAnswers:
    @pytest.mark.parametrize(
        ("data", "body", "stay"),
        [
            (OK, b"ok", True),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
                b"abc",
                True,
            ),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"ok", True),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
            (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end", False),
            (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok", True),
        ],
    )
    async def test_forms_of_a_complete_answer(self, http, server, data, body, stay):
        server.default = raw(data, stay)
        assert (await http.post(server.url, content=b"x")).content == body

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-le",
            b"\x16\x03\x01\x02\x00",
            b"",
        ],
    )
    async def test_broken_answers_are_errors(self, http, server, data):
        server.default = raw(data, stay=False)
        with pytest.raises(httpx.TransportError):
            await http.post(server.url, content=b"x")

    async def test_endless_head_is_an_error(self, http, server):
        server.default = raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000, stay=False)
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(server.url)

    async def test_answer_before_the_body_was_read(self, http, server, monkeypatch):
        # A server that refuses a large body early and closes: its answer counts.
        arrived, receive = threading.Event(), _Connection.data_received

        def noted(self, data):
            receive(self, data)
            arrived.set()

        def refuse(connection):
            connection.recv(10)
            connection.sendall(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            assert arrived.wait(60)  # closing resets the connection, and that may overtake the answer
            return False

        monkeypatch.setattr(_Connection, "data_received", noted)
        server.on_accept = refuse
        assert (await http.post(server.url, content=b"x" * 5_000_000)).status_code == 413


class TestReuse:
    async def test_one_connection_for_many_requests(self, http, server):
        server.default = raw(OK)
        for _ in range(5):
            await http.get(server.url)
        assert server.connections == 1

    @pytest.mark.parametrize(
        ("data", "stay"),
        [
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", True),
            (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
            (OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", True),
        ],
    )
    async def test_not_after_close_nor_when_more_came_than_asked(self, http, server, data, stay):
        server.default = raw(data, stay)
        for _ in range(2):
            assert (await http.get(server.url)).content == b"ok"
        assert server.connections == 2

    async def test_not_when_bytes_came_while_idle(self, http, server):
        late = []

        def then_more(connection, request):
            late.append(connection)
            connection.sendall(OK)
            return True

        server.default = then_more
        await http.get(server.url)
        (idle,) = http._transport._idle
        late[0].sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        await until(lambda: idle.broken)
        assert (await http.get(server.url)).content == b"ok"
        assert server.connections == 2

    async def test_not_after_the_server_closed_it(self, http, server):
        server.script = [raw(OK, stay=False)]
        server.default = raw(OK)
        await http.get(server.url)
        await asyncio.to_thread(server.wait_closed, 1)
        assert (await http.get(server.url)).content == b"ok"
        assert server.connections == 2

    async def test_not_for_another_host(self, http, server, second_server):
        server.default = second_server.default = raw(OK)
        await http.get(server.url)
        await http.get(second_server.url)
        assert (server.connections, second_server.connections) == (1, 1)

    async def test_not_when_the_body_was_left_unread(self, http, server):
        server.default = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab")
        async with http.stream("GET", server.url):
            pass
        server.default = raw(OK)
        assert (await http.get(server.url)).content == b"ok"
        assert server.connections == 2

    async def test_not_when_it_is_old(self, server):
        server.default = raw(OK)
        transport = DirectTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), keep_s=0.0)
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(server.url)
            await client.get(server.url)
        assert server.connections == 2

    async def test_not_for_a_call_that_could_not_be_looked_up(self, server):
        server.default = raw(OK)
        client = ServiceClient(server.url, None, timeouts=PATIENT)
        await client.send(Call("GET", "/v1/x"))
        await client.send(POST)
        assert server.connections == 1
        await client.send(Call("POST", "/v1/x", body={"a": 1}, safe=False, fresh=True))
        assert server.connections == 2
        await client.aclose()

    async def test_not_after_being_cancelled(self, http, server, act):
        server.script = [act.silence]
        server.default = raw(OK)
        asked = asyncio.ensure_future(http.get(server.url))
        await asyncio.to_thread(server.wait_asked, 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await http.get(server.url)).content == b"ok"
        assert server.connections == 2


class TestFlow:
    async def test_reader_that_is_slower_than_the_server(self, http, server):
        data = bytes(range(256)) * 40_000
        server.default = raw(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        got = bytearray()
        async with http.stream("GET", server.url) as response:
            async for piece in response.aiter_raw():
                got += piece
                if len(got) < 3_000_000:
                    await asyncio.sleep(0.005)
        assert bytes(got) == data

    async def test_large_body_arrives_whole(self, http, server):
        server.default = raw(OK)
        body = bytes(range(256)) * 40_000
        await http.post(server.url, content=body)
        assert server.requests[0].body == body


class TestProxySetting:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
    def test_loopback_is_always_direct(self, monkeypatch, host):
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
        assert proxy_for(httpx.URL(f"http://{host}:80")) is None

    def test_other_hosts_follow_the_environment(self, monkeypatch):
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        assert proxy_for(httpx.URL("https://api.example.com")) is None
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        assert proxy_for(httpx.URL("https://api.example.com")) == "http://proxy.example:3128"
        monkeypatch.setenv("NO_PROXY", ".example.com")
        assert proxy_for(httpx.URL("https://api.example.com")) is None


@pytest.mark.parametrize("how", ["hang_up", "reset", "half_answer", "silence"])
async def test_httpx_own_transport_is_classified_alike(server, act, monkeypatch, how):
    """Behind a proxy httpx's own pool carries the requests."""
    monkeypatch.setattr(opening, "DirectTransport", lambda *_args, **_options: httpx.AsyncHTTPTransport())
    server.default = getattr(act, how)
    client = ServiceClient(server.url, None, timeouts=SOON if how == "silence" else PATIENT)
    try:
        with pytest.raises(AnswerLost):
            await client.send(POST)
        server.stop()
        with pytest.raises(NotSent):
            await client.send(POST)
    finally:
        await client.aclose()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {cert} -days 2 -subj /CN=localhost"
    )
    names = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return Path(key), Path(cert)


class TestTls:
    @pytest.fixture
    async def secure(self, certificate):
        key, cert = certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        seen = []

        async def serve(reader, writer):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{"code":0}')
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        yield listening.sockets[0].getsockname()[1], cert, seen
        listening.close()

    def trusting(self, monkeypatch, cafile):
        context = ssl.create_default_context(cafile=cafile)
        monkeypatch.setattr(opening, "tls_context", lambda: context)

    async def send(self, port, host="localhost"):
        client = ServiceClient(f"https://{host}:{port}", None, timeouts=PATIENT)
        try:
            return await client.send(Call("GET", "/x"))
        finally:
            await client.aclose()

    async def test_trusted_certificate(self, secure, monkeypatch):
        port, cert, _ = secure
        self.trusting(monkeypatch, cert)
        assert (await self.send(port)).body == b'{"code":0}'

    async def test_unknown_certificate_is_refused_before_anything_is_sent(self, secure):
        port, _, seen = secure
        with pytest.raises(NotSent, match=r"(?i)certificate"):
            await self.send(port)
        assert seen == []

    async def test_certificate_of_another_name_is_refused(self, secure, monkeypatch):
        port, cert, seen = secure
        self.trusting(monkeypatch, cert)
        with pytest.raises(NotSent):
            await self.send(port, host="127.0.0.1")
        assert seen == []
