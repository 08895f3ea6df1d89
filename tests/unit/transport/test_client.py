"""One attempt over real sockets: was it sent, was it lost, who sees the credential."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
import traceback

import httpx
import pytest
from awaiting import until

from kling_nb.domain.wire import Answer, Call
from kling_nb.errors import AnswerLost, InputError, KlingError, NotSent, SettingsError
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts, is_loopback
from kling_nb.transport.retry import RetryRule, retry_after, wants_retry

KEY = "api-key-kling-0123456789"
GET = Call("GET", "/v1/videos/image2video/x")
POST = Call("POST", "/v1/videos/image2video", body={"prompt": "waves"}, safe=False)
PATIENT = Timeouts(connect=60.0, get=60.0, post=60.0)
HASTY = Timeouts(connect=60.0, get=0.3, post=0.3, post_per_mb=0.1)
"""For answers that never come, and for no other: a busy machine takes its time."""
QUICK = RetryRule(delays=(0.001,) * 5, jitter=0.0)


@pytest.fixture
async def connect():
    clients = []

    def make(url, timeouts=PATIENT, key=KEY, **options):
        credential = Credential.api_key(key, "test") if key else None
        clients.append(ServiceClient(url, credential, timeouts=timeouts, retry=QUICK, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


async def lost(client, call=POST):
    with pytest.raises(KlingError) as caught:
        await client.send(call)
    return caught.value


class TestNotSent:
    async def test_connection_refused(self, connect):
        # Held by a socket that does not listen: a closed one's port could be another process's by now.
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
            assert isinstance(await lost(connect(f"http://127.0.0.1:{port}")), NotSent)

    async def test_name_that_does_not_resolve(self, connect, monkeypatch):
        monkeypatch.setenv("NO_PROXY", "*")
        error = await lost(connect("https://no-such-host.invalid"))
        assert isinstance(error, NotSent)
        assert "no-such-host.invalid" in error.what

    async def test_server_that_speaks_no_tls(self, connect, server):
        def complain(connection: socket.socket) -> bool:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return False

        server.on_accept = complain
        error = await lost(connect(server.url.replace("http:", "https:")))
        assert isinstance(error, NotSent)

    async def test_connection_that_is_never_accepted(self, connect):
        # A full backlog drops the handshake: the connect time limit ends it.
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            fillers = []
            for _ in range(8):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            error = await lost(connect(f"http://127.0.0.1:{port}", Timeouts(connect=0.2, post=60.0)))
            for filler in fillers:
                filler.close()
        assert isinstance(error, NotSent)

    async def test_proxy_that_refuses_the_tunnel(self, connect, server, act, monkeypatch):
        server.default = act.reply(407)
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        error = await lost(connect("https://api.example.com"))
        assert isinstance(error, NotSent)
        assert server.requests[0].method == "CONNECT"
        assert "authorization" not in server.requests[0].headers


class TestAnswerLost:
    @pytest.mark.parametrize("how", ["hang_up", "reset", "half_answer", "silence"])
    async def test_after_the_request_left(self, connect, server, act, how):
        server.default = getattr(act, how)
        error = await lost(connect(server.url, HASTY if how == "silence" else PATIENT))
        assert isinstance(error, AnswerLost)
        await until(lambda: server.count("POST") == 1)

    async def test_answer_that_is_no_http(self, connect, server):
        def nonsense(connection, request):
            connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
            return False

        server.default = nonsense
        assert isinstance(await lost(connect(server.url)), AnswerLost)

    async def test_server_that_stops_reading(self, connect, server):
        # The first bytes are taken, the rest of a large body is never read: the write times out.
        server.on_accept = lambda connection: bool(connection.recv(1)) and time.sleep(1.5) is not None
        body = {"image": "x" * 30_000_000}
        client = connect(server.url, Timeouts(connect=60.0, post=0.2, post_per_mb=0.0))
        assert isinstance(await lost(client, Call("POST", "/v1/x", body=body, safe=False)), AnswerLost)

    async def test_connection_closed_before_the_request_was_read(self, connect, server):
        server.on_accept = lambda connection: False
        assert isinstance(await lost(connect(server.url)), AnswerLost)

    async def test_answer_that_drips_for_ever_is_bounded_as_a_whole(self, connect, server, act):
        def drip(connection, request):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            for _ in range(1000):
                connection.sendall(b" ")
                time.sleep(0.05)
            return False

        server.script = [act.task()]
        server.default = drip
        client = connect(server.url)
        await client.send(GET)  # over the connection that is open then, only the answer can take long
        client.timeouts = Timeouts(connect=0.3, get=0.3, post=0.3, post_per_mb=0.0)
        assert isinstance(await lost(client), AnswerLost)

    async def test_kept_connection_that_died_meanwhile(self, connect, server, act):
        server.script = [act.task(), act.hang_up]
        client = connect(server.url)
        await client.send(POST)
        assert isinstance(await lost(client), AnswerLost)
        assert server.connections == 1


class TestCredential:
    async def test_goes_to_the_service(self, connect, server, act):
        server.default = act.task()
        await connect(server.url).send(POST)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.requests[0].headers["content-type"] == "application/json"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("call", [GET, POST])
    async def test_redirects_are_answers_and_lead_nowhere(
        self, connect, server, second_server, act, status, call
    ):
        server.default = act.reply(status, location=f"{second_server.url}/steal")
        answer = await connect(server.url).send(call)
        assert answer.status == status
        assert second_server.requests == []

    @pytest.mark.parametrize(
        "path",
        ["http://evil.example/x", "@evil.example/x", "x", "", "/a?b=c", "/a b", "/a\r\nX: y", "\\\\evil"],
    )
    async def test_calls_cannot_name_another_host(self, connect, server, path):
        with pytest.raises(InputError):
            await connect(server.url).send(Call("GET", path))
        assert server.requests == []

    async def test_double_slash_stays_on_the_host(self, connect, server, act):
        server.default = act.reply(404)
        await connect(server.url).send(Call("GET", "//evil.example/x"))
        assert server.requests[0].path == "//evil.example/x"

    @pytest.mark.parametrize(
        "url",
        [
            "https://user:pw@host",
            "https://host?x=1",
            "https://host#x",
            "host",
            "ftp://host",
            "https://",
            "https://xn--a",
        ],
    )
    async def test_addresses_that_could_lead_elsewhere_are_refused(self, url):
        with pytest.raises(SettingsError) as caught:
            ServiceClient(url, None)
        assert "pw" not in str(caught.value)

    @pytest.mark.parametrize("how", ["hang_up", "half_answer", "silence", "refused"])
    async def test_no_secret_in_errors_tracebacks_and_logs(self, connect, server, act, caplog, how):
        caplog.set_level(logging.DEBUG)
        if how == "refused":
            server.stop()
        else:
            server.default = getattr(act, how)
        error = await lost(connect(server.url, HASTY if how == "silence" else PATIENT))
        chain = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown = "".join(chain.format()) + str(error) + repr(error) + repr(vars(error)) + caplog.text
        assert KEY not in shown
        assert error.__cause__ is None
        assert error.__context__ is None

    async def test_an_error_that_quotes_the_credential_is_not_repeated(self, connect, server, monkeypatch):
        """Some libraries put the header they refuse into their message."""

        async def quoting(*_, **__):
            raise httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'")

        client = connect(server.url)
        monkeypatch.setattr(client, "_exchange", quoting)
        error = await lost(client)
        assert KEY not in str(error)
        assert "LocalProtocolError" in error.why

    async def test_an_impossible_host_name_is_not_reached(self, connect):
        client = connect(f"http://{'a' * 70}.example")
        with pytest.raises(NotSent, match="cannot be reached"):
            await client.send(POST)

    async def test_creates_are_announced_before_a_connection_is_free(self, connect, monkeypatch):
        """What is written down before creates shares a commit; queries still find a connection."""
        client, told, on_wire = connect("http://127.0.0.1:9"), [], []

        async def exchange(*_, **__):
            on_wire.append(1)
            await asyncio.sleep(60)

        monkeypatch.setattr(client, "_exchange", exchange)
        sends = [
            asyncio.ensure_future(client.send(POST, before=lambda n=number: told.append(n)))
            for number in range(50)
        ]
        await until(lambda: (len(told), len(on_wire)) == (32, 6))
        query = asyncio.ensure_future(client.send(GET))
        await until(lambda: len(on_wire) == 7)
        await asyncio.sleep(0.05)
        assert (len(told), len(on_wire)) == (32, 7)
        for task in (*sends, query):
            task.cancel()
        await asyncio.gather(*sends, query, return_exceptions=True)


class TestProxy:
    async def test_loopback_never_uses_a_proxy(self, connect, server, second_server, act, monkeypatch):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, second_server.url)
        server.default = act.task()
        assert (await connect(server.url).send(GET)).status == 200
        assert second_server.connections == 0

    async def test_other_hosts_do(self, connect, server, act, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        server.default = act.task()
        # In clear, a proxy is used for what carries no key only.
        await connect("http://api.example.com", key="").send(GET)
        assert server.requests[0].path.startswith("http://api.example.com/v1/videos")

    @pytest.mark.parametrize(
        ("host", "local"),
        [
            ("127.0.0.1", True),
            ("127.8.9.1", True),
            ("::1", True),
            ("localhost", True),
            ("LOCALHOST.", True),
            ("api.localhost", True),
            ("127.0.0.1.evil.example", False),
            ("localhost.evil.example", False),
            ("10.0.0.1", False),
        ],
    )
    def test_loopback_hosts(self, host, local):
        assert is_loopback(host) is local


class TestFetch:
    @pytest.mark.parametrize("code", [1302, 1303, 5000, 5001, 5002])
    async def test_codes_that_are_repeated(self, connect, server, act, code):
        server.script = [act.envelope(code, "wait", 429 if code < 2000 else 500)] * 2
        server.default = act.task()
        waits = []
        answer = await connect(server.url).fetch(GET, on_wait=lambda why, delay: waits.append(why))
        assert answer.status == 200
        assert server.count("GET") == 3
        assert waits == [f"code {code}"] * 2

    @pytest.mark.parametrize("code", [1000, 1002, 1004, 1100, 1101, 1102, 1103, 1201, 1301, 1304])
    async def test_codes_that_are_not(self, connect, server, act, code):
        server.default = act.envelope(code, "no", 429)
        await connect(server.url).fetch(GET)
        assert server.count("GET") == 1

    @pytest.mark.parametrize("how", ["hang_up", "half_answer", "silence"])
    async def test_network_errors_are_repeated(self, connect, server, act, how):
        client = connect(server.url, HASTY if how == "silence" else PATIENT)

        def patient_from_now_on(why, delay):
            client.timeouts = PATIENT
            server.wait_asked(1)  # the one that comes first is the one that is not answered

        server.script = [getattr(act, how)]
        server.default = act.task()
        assert (await client.fetch(GET, on_wait=patient_from_now_on)).status == 200
        assert server.count("GET") == 2

    @pytest.mark.parametrize("status", [502, 503, 504])
    async def test_gateway_errors_are_repeated_at_most_five_times(self, connect, server, act, status):
        server.default = act.reply(status, b"<html>Bad gateway</html>")
        answer = await connect(server.url).fetch(GET)
        assert answer.status == status
        assert server.count("GET") == 6

    async def test_half_json_is_repeated(self, connect, server, act):
        server.script = [act.reply(200, b'{"code":0,"data":{"task_')]
        server.default = act.task()
        assert (await connect(server.url).fetch(GET)).body.endswith(b"}")

    async def test_unreachable_ends_with_the_reason(self, connect, server):
        server.stop()
        with pytest.raises(NotSent):
            await connect(server.url).fetch(GET)

    async def test_creates_are_refused(self, connect, server):
        with pytest.raises(InputError):
            await connect(server.url).fetch(POST)
        assert server.requests == []


class TestRetryRule:
    def answer(self, status=429, body=b"", **headers):
        return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    def test_delays_of_the_specification(self):
        low, high = RetryRule(rand=lambda: 0.0), RetryRule(rand=lambda: 1.0)
        assert [low.delay(n) for n in range(5)] == pytest.approx([0.7, 1.4, 2.8, 5.6, 11.2])
        assert [high.delay(n) for n in range(5)] == pytest.approx([1.3, 2.6, 5.2, 10.4, 20.8])
        assert low.attempts == 6

    def test_retry_after_is_a_lower_bound(self):
        rule = RetryRule(rand=lambda: 0.5)
        assert rule.delay(0, self.answer(retry_after="7")) == 7.0
        assert rule.delay(4, self.answer(retry_after="7")) == 16.0

    def test_retry_after_as_date_nonsense_and_excess(self):
        date = "Tue, 14 Nov 2023 22:13:20 GMT"
        assert retry_after(self.answer(retry_after=date), now=lambda: 1_699_999_990.0) == 10.0
        assert retry_after(self.answer(retry_after="soon")) == 0.0
        assert retry_after(self.answer(retry_after="-5")) == 0.0
        assert retry_after(self.answer(retry_after="999999")) == 300.0

    def test_money_is_never_repeated_although_it_is_429(self):
        assert wants_retry(self.answer(429, b'{"code":1102,"message":"Account balance not enough"}')) == ""
        assert wants_retry(self.answer(429, b"slow down")) == "HTTP 429"

    def test_success_is_not_repeated(self):
        assert wants_retry(self.answer(200, b'{"code":0,"data":[]}')) == ""
        assert wants_retry(self.answer(200, b'{"code":0,"data":[' + b"1," * 5000 + b"1]}\n")) == ""
        assert wants_retry(self.answer(200, b'{"code":0,"data":[' + b"1," * 5000)) != ""


class TestPools:
    async def test_at_most_eight_connections(self, connect, server, act):
        def slow(connection, request):
            time.sleep(0.02)
            return act.task()(connection, request)

        server.default = slow
        client = connect(server.url)
        await asyncio.gather(*(client.send(GET) for _ in range(40)))
        assert server.connections <= 8

    async def test_queries_do_not_queue_behind_creates(self, connect, server, act):
        def endless(connection, request):
            return (act.silence if request.method == "POST" else act.task())(connection, request)

        server.default = endless
        client = connect(server.url)
        creates = [asyncio.ensure_future(client.send(POST)) for _ in range(30)]
        await until(lambda: server.count("POST") == 6)
        await client.send(GET)
        assert server.count("POST") == 6
        for create in creates:
            create.cancel()
        await asyncio.gather(*creates, return_exceptions=True)

    async def test_works_again_after_closing(self, connect, server, act):
        server.default = act.task()
        client = connect(server.url)
        await client.send(GET)
        await client.aclose()
        assert (await client.send(GET)).status == 200

    async def test_clock_skew_is_measured_from_the_date(self, connect, server, act):
        server.default = act.reply(200, {}, date="Tue, 14 Nov 2023 22:13:20 GMT")
        client = connect(server.url, clock=lambda: 1_700_000_090.0)
        await client.send(GET)
        assert client.clock_skew == 90.0

    async def test_nonsense_in_the_date_is_ignored(self, connect, server, act):
        server.default = act.reply(200, {}, date="tomorrow")
        client = connect(server.url)
        await client.send(GET)
        assert client.clock_skew is None


class TestBefore:
    async def test_runs_before_the_first_byte_and_may_stop_the_call(self, connect, server, act):
        server.default = act.task()

        async def refuse():
            raise RuntimeError("stopped")

        with pytest.raises(RuntimeError):
            await connect(server.url).send(POST, before=refuse)
        assert server.connections == 0

    async def test_plain_functions_too(self, connect, server, act):
        server.default = act.task()
        seen = []
        await connect(server.url).send(POST, before=lambda: seen.append(len(server.requests)))
        assert seen == [0]


class TestBody:
    async def test_is_utf8_json(self, connect, server, act):
        server.default = act.task()
        body = {"prompt": 'Wellen, "sanft" – 海', "cfg_scale": 0.5}
        await connect(server.url).send(Call("POST", "/v1/x", body=body, safe=False))
        assert server.requests[0].json == body
        assert "海".encode() in server.requests[0].body

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), "\ud800"])
    async def test_what_cannot_be_written_is_refused_before_connecting(self, connect, server, bad):
        with pytest.raises(InputError):
            await connect(server.url).send(Call("POST", "/v1/x", body={"prompt": bad}, safe=False))
        assert server.connections == 0


def test_time_limits_grow_with_the_body():
    limits = Timeouts()
    assert (limits.connect, limits.answer("GET", 0), limits.answer("POST", 0)) == (10.0, 30.0, 30.0)
    assert limits.answer("POST", 10_000_000) == 70.0


def test_certificates_are_checked():
    from kling_nb.transport.connection import no_trust_context, tls_context

    for context in (tls_context(), no_trust_context()):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
