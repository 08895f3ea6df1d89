"""Faults and limits as each gateway dialect shows them (spec/sandbox.md §6, §8)."""

from __future__ import annotations

import time

import httpx
import pytest
from callback_receiver import Receiver
from gateway_wire import GENERATIONS, NO_CREDITS, NO_KEY, TASKS, AceData, Aiml
from legacy_wire import create, created

from kling_nb.sandbox.app import create_app
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox

FAULT = "X-Sandbox-Fault"
INVALID = "Body validation error\ninvalid key or value"

# Code -> what AceData answers, what the AI/ML API answers.
CODES = {
    1000: ((401, "invalid_token"), (401, NO_KEY)),
    1001: ((400, "no_token"), (401, NO_KEY)),
    1002: ((401, "invalid_token"), (401, NO_KEY)),
    1003: ((401, "token_mismatched"), (401, NO_KEY)),
    1004: ((401, "token_expired"), (401, NO_KEY)),
    1100: ((403, "disabled"), (403, "Forbidden")),
    1101: ((403, "used_up"), (403, NO_CREDITS)),
    1102: ((403, "used_up"), (403, NO_CREDITS)),
    1103: ((403, "forbidden"), (403, "Forbidden")),
    1200: ((400, "bad_request"), (400, "Body validation error")),
    1201: ((400, "bad_request"), (400, INVALID)),
    1202: ((404, "no_api"), (404, f"Cannot POST {GENERATIONS}")),
    1203: ((404, "no_api"), (404, f"Cannot POST {GENERATIONS}")),
    1300: ((403, "forbidden"), (403, "Forbidden")),
    1301: ((403, "forbidden"), (403, "Forbidden")),
    1302: ((429, "too_many_requests"), (429, "Too Many Requests")),
    1303: ((429, "too_many_requests"), (429, "Too Many Requests")),
    1304: ((403, "forbidden"), (403, "Forbidden")),
    5000: ((500, "api_error"), (500, "Internal server error")),
    5001: ((500, "api_error"), (503, "Service unavailable")),
    5002: ((504, "timeout"), (504, "Generation timeout")),
}


@pytest.fixture(params=[AceData, Aiml], ids=["acedata", "aiml"])
def gateway(request, sandbox):
    sandbox.config(quota=100, min_processing=0.02)
    return request.param(sandbox)


@pytest.fixture(params=["header", "directive", "queue"])
def asked(request, gateway):
    """Create with a fault asked for in one of the three ways; returns the answer."""

    def asked(spec, **fields):
        if request.param == "header":
            return gateway.create({FAULT: spec}, **fields)
        if request.param == "directive":
            return gateway.create(prompt=f"slow waves [[sandbox:{spec}]]", **fields)
        gateway.sandbox.fault(spec, "POST", gateway.create_path)
        return gateway.create(**fields)

    return asked


def told(gateway, answer):
    """Return status and the word clients decide on."""
    return gateway.refusal(answer)[:2]


def expected(gateway, code):
    return CODES[code][isinstance(gateway, Aiml)]


def tasks_of(gateway):
    return [task["public_id"] for task in gateway.sandbox.tasks()]


def test_every_code_is_translated(gateway):
    for code in CODES:
        assert told(gateway, gateway.create({FAULT: f"code:{code}"})) == expected(gateway, code), code
    assert tasks_of(gateway) == []


def test_call_faults_before_a_task_exists(gateway, asked):
    assert told(gateway, asked("code:1303")) == expected(gateway, 1303)
    for status in (502, 503, 504):
        answer = asked(f"http:{status}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    with pytest.raises(httpx.RemoteProtocolError):
        asked("drop-before")
    assert tasks_of(gateway) == []


def test_call_faults_after_the_task_exists(gateway, asked):
    assert told(gateway, asked("code-after:5002")) == expected(gateway, 5002)
    with pytest.raises(httpx.RemoteProtocolError):
        asked("drop-after")
    with pytest.raises(httpx.RemoteProtocolError):
        asked("truncate")
    start = time.monotonic()
    assert asked("delay:0.3").status_code == 200
    assert time.monotonic() - start >= 0.3
    assert len(tasks_of(gateway)) == len(gateway.sandbox.charges()) == 4
    for task in tasks_of(gateway):
        gateway.url(gateway.finished(task))


ASYNC = {
    "risk": "Failure to pass the risk control system",
    "image": "The resolution or aspect ratio of the input image is invalid. "
    "Please ensure it meets the required specifications.",
    "mask-ratio": "The aspect ratio of the mask must be consistent with the input image",
    "mask-size": "The resolution of static_mask and dynamic_masks must be consistent",
    "fetch": "couldn't get the contents of the file",
    "any words at all": "any words at all",
}


def test_failures_after_the_answer_cost_nothing(gateway, asked):
    tasks = {word: gateway.task_id(asked(f"async:{word}").json()) for word in ASYNC}
    for word, task in tasks.items():
        assert gateway.message(gateway.finished(task)) == ASYNC[word]
    assert gateway.sandbox.charges() == []


def test_a_status_word_nobody_knows_and_a_task_that_never_ends(gateway, asked):
    for spec, word in (("status:napping", "napping"), ("stuck", None)):
        gateway.sandbox.work()
        task = gateway.task_id(asked(spec).json())
        words = set()
        deadline = time.monotonic() + 60
        while (word or "processing") not in words and "generating" not in words:
            record = gateway.poll(task).json()
            words.add(record.get("status") or (record.get("response") or {}).get("state"))
            assert time.monotonic() < deadline, words
            assert not gateway.is_ended(record)
    assert not gateway.is_ended(gateway.poll(task).json())


def test_polls_that_fail_in_a_row(gateway, asked):
    task = gateway.task_id(asked("flap:2").json())
    for _ in range(2):
        assert told(gateway, gateway.poll(task)) == expected(gateway, 5000)
    assert gateway.finished(task)


def test_a_batch_flaps_as_a_whole(sandbox):
    gateway = AceData(sandbox)
    steady, shaky = gateway.created(), gateway.created({FAULT: "flap:1"})
    body = {"ids": [steady, shaky], "action": "retrieve_batch"}
    assert told(gateway, gateway.request("POST", TASKS, json=body)) == (500, "api_error")
    assert gateway.request("POST", TASKS, json=body).json()["count"] == 2


def test_a_task_not_visible_at_first(gateway, asked):
    gateway.sandbox.config(frozen_clock=time.time())
    task = gateway.task_id(asked("lost-create").json())
    answer = gateway.poll(task)
    if isinstance(gateway, AceData):
        assert (answer.status_code, answer.json()) == (200, {})
        batch = gateway.request("POST", TASKS, json={"ids": [task], "action": "retrieve_batch"})
        assert batch.json() == {"items": [], "count": 0}
    else:
        assert told(gateway, answer) == (404, "Generation not found")
    assert len(gateway.sandbox.charges()) == 1
    gateway.sandbox.config(clock_offset=5)
    assert gateway.url(gateway.finished(task))


@pytest.mark.parametrize(("spec", "status"), [("url-expired", 403), ("url-404", 404)])
def test_results_that_cannot_be_had(gateway, spec, status):
    url = gateway.url(gateway.delivered({FAULT: spec}))
    assert gateway.sandbox.http.get(url).status_code == status


def test_results_that_come_short_or_slowly(gateway):
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.sandbox.http.get(gateway.url(gateway.delivered({FAULT: "url-short"})))
    url = gateway.url(gateway.delivered({FAULT: "url-slow"}))
    with gateway.sandbox.http.stream("GET", url) as answer:
        assert len(next(answer.iter_raw())) <= 512


def test_a_length_that_differs_from_the_file(sandbox):
    response = AceData(sandbox).delivered({FAULT: "wrong-duration"})["response"]
    assert response["duration"] == "6.541"
    aiml = Aiml(sandbox)
    task = aiml.created({FAULT: "wrong-duration"})
    assert "wrong-duration has no effect: no answer tells a duration here" in aiml.debug(task)["notes"]


def test_callbacks_lost_or_doubled(sandbox):
    gateway, receiver = AceData(sandbox), Receiver()
    try:
        gateway.delivered({FAULT: "callback-lost"}, callback_url=receiver.url)
        twice = gateway.created({FAULT: "callback-twice"}, callback_url=receiver.url)
        first, second = receiver.next()[1], receiver.next()[1]
        assert first == second
        assert twice.encode() in first
        task = gateway.created({FAULT: "callback-bad-sign"}, callback_url=receiver.url)
        assert (
            "callback-bad-sign has no effect: callbacks are not signed here" in gateway.debug(task)["notes"]
        )
    finally:
        receiver.close()
    aiml = Aiml(sandbox)
    task = aiml.created({FAULT: "callback-lost"})
    assert "callback-lost has no effect: there are no callbacks here" in aiml.debug(task)["notes"]


def test_polls_take_call_faults_too_but_no_task_faults(gateway):
    task = gateway.created()
    gateway.sandbox.fault("code:1302", gateway.poll_method, gateway.poll_path)
    gateway.sandbox.fault("stuck", gateway.poll_method, gateway.poll_path, times=9)
    seen = [told(gateway, answer) for answer in [gateway.poll(task)] if answer.status_code != 200]
    assert seen == [expected(gateway, 1302)]
    assert gateway.finished(task)


def test_a_mistyped_fault_is_told(gateway):
    for answer in (gateway.create({FAULT: "cod:5"}), gateway.create(prompt="[[sandbox:code:1]]")):
        assert answer.status_code == 400
        assert "sandbox fault" in answer.text
    assert tasks_of(gateway) == []


def test_one_counter_of_slots_for_all_dialects(sandbox):
    sandbox.config(quota=3)
    sandbox.work()
    acedata, aiml = AceData(sandbox), Aiml(sandbox)
    created(sandbox, model_name="kling-v1")
    acedata.created(model="kling-v1")
    aiml.created()
    assert acedata.refusal(acedata.create(model="kling-v1")) == (
        429,
        "too_many_requests",
        "parallel task over resource pack limit",
    )
    assert aiml.refusal(aiml.create()) == (429, "Too Many Requests")
    assert create(sandbox, model_name="kling-v1").json()["code"] == 1303
    acedata.created(model="kling-v2-6")


def test_one_pack_of_units_for_all_dialects(sandbox):
    sandbox.config(total_quantity=3, quota=100)
    acedata, aiml = AceData(sandbox), Aiml(sandbox)
    aiml.delivered()
    acedata.delivered(model="kling-v1")
    created(sandbox, model_name="kling-v1")
    costs = sandbox.http.get("/account/costs", params={"start_time": 0, "end_time": 1}).json()
    assert costs["data"]["resource_pack_subscribe_infos"][0]["remaining_quantity"] == 0
    assert acedata.refusal(acedata.create()) == (403, "used_up", "Account balance not enough")
    assert aiml.refusal(aiml.create()) == (403, NO_CREDITS)
    assert create(sandbox, model_name="kling-v1").json()["code"] == 1102
    assert aiml.request("GET", "/v2/billing").json()["current_balance"] == 0


def test_control_routes_take_any_valid_credential(sandbox):
    for gateway in (AceData(sandbox), Aiml(sandbox)):
        assert gateway.request("GET", "/sandbox/health").json()["status"] == "ok"
        gateway.headers["Authorization"] += "x"
        assert gateway.request("GET", "/sandbox/health").status_code == 401


async def test_a_dialect_can_be_left_out(tmp_path):
    sandbox = Sandbox(tmp_path, Config(dialects=("acedata",)))
    app = httpx.ASGITransport(create_app(sandbox))
    bearer = {"Authorization": f"Bearer {sandbox.credentials.acedata_token}"}
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1", headers=bearer) as client:
        assert (await client.post(TASKS, json={"id": "x", "action": "retrieve"})).json() == {}
        for path in ("/v2/billing", "/v1/videos/image2video"):
            assert (await client.get(path)).status_code == 404
    await sandbox.stop()
