"""Fault injection on real connections (spec/sandbox.md §8)."""

from __future__ import annotations

import json
import socket
import time

import httpx
import pytest
from legacy_wire import PATH, create, created, delivered, finished, get, query, refusal
from legacy_wire import request as body_of

FAULT = "X-Sandbox-Fault"

CODES = [
    (1000, 401, "authentication failed"),
    (1001, 401, "Authorization is empty"),
    (1002, 401, "Authorization is invalid"),
    (1003, 401, "Authorization is not yet valid"),
    (1004, 401, "Authorization has expired"),
    (1100, 429, "account exception"),
    (1101, 429, "account in arrears (postpaid)"),
    (1102, 429, "Account balance not enough"),
    (1103, 403, "no permission for API or model"),
    (1200, 400, "Failed to resolve the request body"),
    (1201, 400, "invalid key or value"),
    (1202, 404, "The requested method is invalid"),
    (1203, 404, "The requested resource does not exist"),
    (1300, 400, "platform policy"),
    (1301, 400, "content safety"),
    (1302, 429, "The API request is too fast, exceeding the platform's rate limit"),
    (1303, 429, "parallel task over resource pack limit"),
    (1304, 429, "IP whitelist"),
    (5000, 500, "internal error"),
    (5001, 503, "maintenance"),
    (5002, 504, "internal timeout, backlog"),
]


@pytest.fixture(params=["header", "directive", "queue"])
def faulty(request, sandbox):
    """Create with a fault asked for in each of the three ways."""

    def faulty(spec, **fields):
        if request.param == "header":
            return create(sandbox, headers={FAULT: spec}, **fields)
        if request.param == "directive":
            return create(sandbox, prompt=f"slow waves [[sandbox:{spec}]]", **fields)
        sandbox.fault(spec, "POST", PATH)
        return create(sandbox, **fields)

    return faulty


def sending(sandbox, spec, method="POST"):
    """Send one request; return its connection."""
    body = json.dumps(body_of()).encode() if method == "POST" else b""
    head = (
        f"{method} {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {sandbox.api_key}\r\n"
        f"{FAULT}: {spec}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = (sandbox.http.base_url.host, sandbox.http.base_url.port)
    connection = socket.create_connection(address, timeout=60)
    connection.sendall(head.encode() + body)
    return connection


def raw(sandbox, spec, method="POST"):
    """Send one request by socket; return every byte that came back until the connection closed."""
    received = b""
    with sending(sandbox, spec, method) as connection:
        while part := connection.recv(65536):
            received += part
    return received


@pytest.mark.parametrize(("code", "status", "text"), CODES)
def test_every_code(sandbox, code, status, text):
    answer = create(sandbox, headers={FAULT: f"code:{code}"})
    assert refusal(answer) == (status, code, text)
    assert sandbox.tasks() == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_html_instead_of_json(sandbox, faulty, status):
    answer = faulty(f"http:{status}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text
    assert sandbox.tasks() == []


def test_codes_three_ways_once(sandbox, faulty):
    assert refusal(faulty("code:1302"))[1] == 1302
    assert sandbox.tasks() == []
    created(sandbox)


def test_dropped_before_nothing_is_stored(sandbox, faulty):
    with pytest.raises(httpx.RemoteProtocolError):
        faulty("drop-before")
    assert sandbox.tasks() == []
    assert sandbox.charges() == []


def test_dropped_after_the_task_exists_and_is_charged_once(sandbox, faulty):
    with pytest.raises(httpx.RemoteProtocolError):
        faulty("drop-after", external_task_id="job-7")
    assert len(sandbox.charges()) == 1
    assert query(sandbox, "job-7")["task_info"] == {"external_task_id": "job-7"}
    again = create(sandbox, external_task_id="job-7")
    assert refusal(again)[2] == "External_task_id job-7 already exists"
    assert len(sandbox.charges()) == 1


def test_drops_close_the_connection_without_a_byte(sandbox):
    assert raw(sandbox, "drop-before") == b""
    assert raw(sandbox, "drop-after") == b""
    assert len(sandbox.tasks()) == 1
    assert raw(sandbox, "drop-before", "GET") == b""


def test_truncated_answers_stop_in_the_middle_of_the_json(sandbox):
    received = raw(sandbox, "truncate")
    head, _, body = received.partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert b" 200 " in head.split(b"\r\n")[0]
    assert body.startswith(b'{"code":0')
    assert len(body) == promised // 2
    assert len(sandbox.tasks()) == 1


def test_delay_longer_than_the_client_waits(sandbox):
    with sending(sandbox, "delay:9") as connection:
        deadline = time.monotonic() + 60
        while not sandbox.tasks():
            assert time.monotonic() < deadline
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    (task,) = sandbox.tasks()
    assert finished(sandbox, task["id"])["task_status"] == "succeed"


def test_delay_short_enough(sandbox):
    started = time.monotonic()
    assert create(sandbox, headers={FAULT: "delay:0.2"}).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_code_although_the_task_was_made(sandbox, faulty):
    assert refusal(faulty("code-after:5002", external_task_id="job")) == (
        504,
        5002,
        "internal timeout, backlog",
    )
    assert finished(sandbox, "job")["task_status"] == "succeed"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("async:risk", "Failure to pass the risk control system"),
        (
            "async:image",
            "The resolution or aspect ratio of the input image is invalid. "
            "Please ensure it meets the required specifications.",
        ),
        ("async:mask-ratio", "The aspect ratio of the mask must be consistent with the input image"),
        ("async:mask-size", "The resolution of static_mask and dynamic_masks must be consistent"),
        ("async:fetch", "couldn't get the contents of the file"),
        ("async:Image pixel is invalid", "Image pixel is invalid"),
        ("async:two: colons", "two: colons"),
    ],
)
def test_late_failures(sandbox, faulty, spec, text):
    task = finished(sandbox, faulty(spec).json()["data"]["task_id"])
    assert (task["task_status"], task["task_status_msg"]) == ("failed", text)
    assert sandbox.charges() == []


def test_stuck_tasks_hold_their_slot_but_no_worker(sandbox, faulty):
    stuck = faulty("stuck").json()["data"]["task_id"]
    assert delivered(sandbox)["task_status"] == "succeed"
    assert query(sandbox, stuck)["task_status"] == "processing"
    assert len(sandbox.charges()) == 2


def test_slow(sandbox):
    started = time.monotonic()
    finished(sandbox, created(sandbox, headers={FAULT: "slow:0.4"}))
    assert time.monotonic() - started >= 0.4


def test_flapping_polls(sandbox):
    task = created(sandbox, headers={FAULT: "flap:3"})
    answers = [sandbox.http.get(f"{PATH}/{task}") for _ in range(2)] + [sandbox.http.get(PATH)]
    assert [refusal(answer)[1] for answer in answers] == [5000] * 3
    assert finished(sandbox, task)["task_status"] == "succeed"


def test_a_lost_create_is_invisible_at_first(sandbox):
    sandbox.config(frozen_clock=time.time())
    task = created(sandbox, headers={FAULT: "lost-create"}, external_task_id="lost")
    for wanted in (task, "lost"):
        answer = sandbox.http.get(f"{PATH}/{wanted}")
        assert refusal(answer) == (400, 1201, f"Task not found by id/external id: {wanted}")
    assert sandbox.http.get(PATH).json()["data"] == []
    assert refusal(create(sandbox, external_task_id="lost"))[2] == "External_task_id lost already exists"
    sandbox.config(clock_offset=4.9)
    assert sandbox.http.get(f"{PATH}/{task}").status_code == 400
    sandbox.config(clock_offset=5)
    assert query(sandbox, "lost")["task_id"] == task


def test_unknown_status_word_while_processing(sandbox):
    sandbox.work()
    task = created(sandbox, prompt="x [[sandbox:status:rendering-frames]]")
    while (word := query(sandbox, task)["task_status"]) == "submitted":
        time.sleep(0.01)
    assert word == "rendering-frames"
    sandbox.deliver()
    while (word := query(sandbox, task)["task_status"]) == "rendering-frames":
        time.sleep(0.01)
    assert word == "succeed"


def test_wrong_duration(sandbox):
    assert (
        delivered(sandbox, prompt="[[sandbox:wrong-duration]]")["task_result"]["videos"][0]["duration"]
        == "6.541"
    )


def video_url(sandbox, spec):
    task = finished(sandbox, created(sandbox, headers={FAULT: spec}))
    return task["task_result"]["videos"][0]["url"]


def test_result_urls_that_fail(sandbox):
    expired = get(video_url(sandbox, "url-expired"))
    assert (expired.status_code, expired.text) == (403, "AccessDenied")
    assert get(video_url(sandbox, "url-404")).status_code == 404


def test_a_result_shorter_than_promised_recovers_with_range(sandbox):
    url = video_url(sandbox, "url-short")
    received = b""
    with httpx.stream("GET", url, timeout=60, trust_env=False) as answer:
        promised = int(answer.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError):
            for part in answer.iter_bytes():
                received += part
    assert len(received) == promised // 2
    rest = get(url, headers={"Range": f"bytes={len(received)}-"})
    assert rest.status_code == 206
    assert len(received) + len(rest.content) == promised
    assert (received + rest.content)[4:8] == b"ftyp"


def test_a_slow_result(sandbox):
    started = time.monotonic()
    with httpx.stream("GET", video_url(sandbox, "url-slow"), timeout=60, trust_env=False) as answer:
        received = b""
        for part in answer.iter_raw():
            received += part
            if len(received) >= 2048:
                break
    assert time.monotonic() - started >= 0.7


def test_the_header_comes_before_the_directive_and_that_before_the_queue(sandbox):
    sandbox.fault("code:5000", "POST", PATH)
    prompt = "x [[sandbox:code:5001]]"
    assert refusal(create(sandbox, prompt=prompt, headers={FAULT: "code:5002"}))[1] == 5002
    assert refusal(create(sandbox, prompt=prompt))[1] == 5001
    assert refusal(create(sandbox))[1] == 5000
    created(sandbox)


def test_queued_faults_match_method_and_path_and_run_out(sandbox):
    sandbox.fault("code:1302", "GET", PATH + "/*", times=2)
    task = created(sandbox)
    assert sandbox.http.get(PATH).status_code == 200
    assert [sandbox.http.get(f"{PATH}/{task}").status_code for _ in range(3)] == [429, 429, 200]
    assert sandbox.control("GET", "faults") == []


def test_a_queued_task_fault_waits_for_a_create(sandbox):
    sandbox.fault("async:risk")
    assert sandbox.http.get(PATH).status_code == 200
    assert len(sandbox.control("GET", "faults")) == 1
    assert delivered(sandbox)["task_status"] == "failed"


def test_queue_can_be_seen_and_emptied(sandbox):
    sandbox.fault("code:1303", "POST", PATH, times=2)
    wanted = [{"spec": "code:1303", "match": {"method": "POST", "path": PATH}, "times": 2}]
    assert sandbox.control("GET", "faults") == wanted
    assert sandbox.control("DELETE", "faults") == []
    created(sandbox)


@pytest.mark.parametrize(
    "spec",
    [
        "nonsense",
        "code:9999",
        "code:",
        "code",
        "http:404",
        "delay:soon",
        "delay:-1",
        "slow:inf",
        "drop-after:1",
        "async:",
    ],
)
def test_typing_errors_are_told(sandbox, spec):
    entry = {"spec": spec}
    assert sandbox.http.post("/sandbox/faults", json=entry).status_code == 400
    assert create(sandbox, headers={FAULT: spec}).status_code == 400
    assert create(sandbox, prompt=f"[[sandbox:{spec}]]").status_code == 400
    assert sandbox.tasks() == []


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"spec": 1},
        {"spec": "stuck", "times": 0},
        {"spec": "stuck", "match": {"host": "x"}},
        {"spec": "stuck", "once": 1},
    ],
)
def test_malformed_queue_entries_are_told(sandbox, entry):
    assert sandbox.http.post("/sandbox/faults", json=entry).status_code == 400


def test_several_directives_are_all_heeded(sandbox):
    task = created(sandbox, prompt="a [[sandbox:async:risk]] boat [[sandbox:callback-lost]]")
    assert sandbox.task(task)["faults"] == ["async:risk", "callback-lost"]
