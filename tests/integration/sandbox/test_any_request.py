"""Whatever reaches any route, the server answers in time, shows nothing and keeps its books."""

from __future__ import annotations

import pytest
from any_request import leaks, log_of, nested, raw, requests, send, troubles
from hypothesis import HealthCheck, given, settings


@pytest.fixture
def quiet(sandbox):
    sandbox.config(
        quota=100_000, total_quantity=1_000_000, workers=8, queued=0, min_processing=0, blocking_cap=0.2
    )
    before = log_of(sandbox)
    yield sandbox
    assert troubles(sandbox, before) == []


@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=requests())
def test_any_request(quiet, asked):
    status, answer = send(quiet, asked)
    assert leaks(quiet, answer) == []
    # The gateway that waits for the end answers with that: the task's own failure, or too late.
    waits = asked["path"].startswith("/kling/videos") and status in (500, 504)
    assert 200 <= status < 500 or waits, answer[:400]
    assert b"internal error" not in answer


GARBAGE = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00",
    "two lengths": b"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}{}",
    "length of words": b"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n{}",
    "shorter than told": b"POST /kling/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{}",
    "chunks of words": b"POST /tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "chunks cut off": b"POST /tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "no host": b"GET /v2/billing HTTP/1.1\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "whole address": b"GET http://[::1/v2/billing HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long head": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000 + b"\r\n\r\n",
    "upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_hardly_http_is_refused_or_hung_up_on(quiet, sent):
    status, answer = raw(quiet, sent)
    assert status == 0 or 400 <= status < 500, answer[:200]
    assert leaks(quiet, answer) == []


@pytest.mark.parametrize("depth", [200, 260, 900, 3000])
@pytest.mark.parametrize("kind", ["[", "{"])
def test_deep_bodies_are_taken_or_refused_whole(quiet, depth, kind):
    """A gateway repeats the request in its record: what cannot be repeated must not be charged."""
    body = (
        f'{{"action":"text2video","async":true,"model":"kling-v2-6","prompt":"w","x":{nested(depth, kind)}}}'
    )
    before = len(quiet.tasks())
    answer = quiet.http.post(
        "/kling/videos", content=body, headers={"Authorization": f"Bearer {quiet.acedata_token}"}
    )
    assert answer.status_code in (200, 400)
    assert len(quiet.tasks()) - before == (answer.status_code == 200)


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "127.0.0.1:99999"])
@pytest.mark.parametrize("path", ["/sandbox/health", "/v2/billing", "/kling/x", "/nowhere"])
def test_a_host_that_is_none(quiet, host, path):
    asked = {"method": "GET", "path": path, "headers": {"Host": host}, "body": b"", "chunked": False}
    status, answer = send(quiet, asked)
    assert 400 <= status < 500, answer[:300]


def test_an_upload_with_a_name_no_file_can_have(quiet):
    quiet.upload(b"the folder of uploads exists")
    for name in ("a" * 300, "%00", "..%2f..%2fetc%2fpasswd", "%2e%2e"):
        assert quiet.http.get(f"/sandbox/uploads/{name}").status_code == 404
