"""Queries, lists, life cycle, money and slots (spec/official-api.md §7, §13; spec/sandbox.md §5, §6)."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import quote

import pytest
from legacy_wire import IMAGE, PATH, create, created, delivered, finished, query, refusal

STUCK = "[[sandbox:stuck]]"
COSTS = "/account/costs?start_time=1&end_time=2"


def pack(sandbox):
    data = sandbox.http.get(COSTS).json()["data"]
    assert (data["code"], data["msg"]) == (0, "SUCCEED")
    return data["resource_pack_subscribe_infos"][0]


def test_the_create_answer(sandbox):
    body = create(sandbox, external_task_id="job-1").json()
    assert list(body) == ["code", "message", "request_id", "data"]
    assert (body["code"], body["message"]) == (0, "SUCCEED")
    assert uuid.UUID(body["request_id"]).version == 4
    data = body["data"]
    assert list(data) == ["task_id", "task_status", "task_info", "created_at", "updated_at"]
    assert data["task_status"] == "submitted"
    assert data["task_info"] == {"external_task_id": "job-1"}
    assert data["created_at"] == data["updated_at"]
    assert abs(data["created_at"] / 1000 - time.time()) < 60
    assert create(sandbox).json()["data"]["task_info"] == {}


def test_ids_are_18_digits_and_increase(sandbox):
    ids = [created(sandbox, external_task_id=f"j{i}") for i in range(5)]
    assert all(len(i) == 18 and i.isdigit() and int(i) > 2**53 for i in ids)
    assert sorted(ids) == ids
    video = finished(sandbox, ids[-1])["task_result"]["videos"][0]["id"]
    assert len(video) == 18
    assert video not in ids
    sandbox.reset()
    assert int(created(sandbox)) > int(ids[-1])


def test_the_states_and_their_forms(sandbox):
    sandbox.hold()
    task = created(sandbox, external_task_id="job-1", watermark_info={"enabled": False})
    seen = {"submitted": query(sandbox, task)}
    sandbox.work()
    until(lambda: query(sandbox, task)["task_status"] != "submitted")
    seen["processing"] = query(sandbox, task)
    sandbox.deliver()
    seen["succeed"] = finished(sandbox, task)
    assert [data["task_status"] for data in seen.values()] == list(seen)
    running = ["task_id", "task_status", "task_status_msg", "task_info", "created_at", "updated_at"]
    assert list(seen["submitted"]) == list(seen["processing"]) == running
    ended = seen["succeed"]
    assert list(ended) == [
        "task_id",
        "task_status",
        "task_status_msg",
        "task_info",
        "watermark_info",
        "task_result",
        "final_unit_deduction",
        "created_at",
        "updated_at",
    ]
    assert ended["watermark_info"] == {"enabled": False}
    assert list(ended["task_result"]["videos"][0]) == ["id", "url", "duration"]
    times = [seen[state]["updated_at"] for state in seen]
    assert times == sorted(set(times))
    assert query(sandbox, task) == query(sandbox, "job-1") == ended


def test_a_second_read_differs_in_the_request_id_only(sandbox):
    task = created(sandbox)
    finished(sandbox, task)
    first, second = (sandbox.http.get(f"{PATH}/{task}").json() for _ in range(2))
    assert first.pop("request_id") != second.pop("request_id")
    assert first == second


@pytest.mark.parametrize("external", ["job-1", "a/b", "a b?c#d%e", "ü", "x" * 200, "id/"])
def test_external_ids_are_found_whatever_they_hold(sandbox, external):
    task = created(sandbox, external_task_id=external)
    assert query(sandbox, quote(external, safe=""))["task_id"] == task


def test_lists_are_newest_first_and_paged(sandbox):
    ids = [created(sandbox) for _ in range(3)]
    listed = sandbox.http.get(PATH).json()["data"]
    assert [task["task_id"] for task in listed] == ids[::-1]
    page = sandbox.http.get(PATH, params={"pageSize": 1, "pageNum": 2}).json()["data"]
    assert [task["task_id"] for task in page] == [ids[1]]
    assert sandbox.http.get(PATH, params={"pageNum": 9}).json()["data"] == []


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_worker_lets_the_others_wait(sandbox):
    sandbox.work()
    tasks = [created(sandbox) for _ in range(3)]

    def states():
        return [query(sandbox, task)["task_status"] for task in tasks]

    until(lambda: "processing" in states())
    time.sleep(0.1)
    assert states() == ["processing", "submitted", "submitted"]
    sandbox.config(workers=3)
    until(lambda: states() == ["processing"] * 3)


def test_time_scale_stretches_the_waiting(sandbox):
    sandbox.config(time_scale=0)
    started = time.monotonic()
    sandbox.config(profile="realistic")
    delivered(sandbox)
    assert time.monotonic() - started < 40, "50 s at least without"


def test_a_new_time_scale_holds_for_tasks_under_way(sandbox):
    sandbox.config(queued=600)
    queued = created(sandbox)
    sandbox.config(queued=0)
    working = created(sandbox, prompt="a boat [[sandbox:slow:600]]")
    until(lambda: query(sandbox, working)["task_status"] == "processing")
    assert query(sandbox, queued)["task_status"] == "submitted"
    sandbox.config(time_scale=0)
    for task in (queued, working):
        until(lambda each=task: query(sandbox, each)["task_status"] == "succeed")


PRICES = [
    ({"model_name": "kling-v1", "mode": "pro"}, "3.5"),
    ({"model_name": "kling-v2-5-turbo"}, "1.5"),
    ({"model_name": "kling-v2-6", "mode": "pro", "duration": "10", "sound": "on"}, "10"),
    ({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "voice_list": [{"voice_id": "1"}]}, "6"),
    ({"model_name": "kling-v3", "duration": "7"}, "4.2"),
    ({"model_name": "kling-v3", "mode": "pro", "duration": "15", "sound": "on"}, "18"),
    ({"model_name": "kling-v3", "mode": "4k", "duration": "3"}, "9"),
    ({"model_name": "kling-v2-master", "mode": "pro"}, "10"),
]


@pytest.mark.parametrize(("fields", "units"), PRICES)
def test_reserved_at_once_and_booked_at_the_end(sandbox, fields, units):
    task = created(sandbox, **fields)
    assert pack(sandbox)["remaining_quantity"] == float(1000 - Decimal(units))
    assert finished(sandbox, task)["final_unit_deduction"] == units
    assert pack(sandbox)["remaining_quantity"] == float(1000 - Decimal(units))
    assert sandbox.task(task)["charge"] == "booked"


def test_a_failed_task_gives_its_units_back(sandbox):
    sandbox.work()
    task = created(sandbox, prompt="[[sandbox:async:risk]]")
    assert pack(sandbox)["remaining_quantity"] == 998.5
    sandbox.deliver()
    assert finished(sandbox, task)["final_unit_deduction"] == "0"
    assert pack(sandbox)["remaining_quantity"] == 1000.0
    assert sandbox.task(task)["charge"] == "released"


def test_decimals_add_up(sandbox):
    sandbox.config(quota=100, total_quantity="4.2", workers=50)
    three = {"model_name": "kling-v3", "duration": "7", "prompt": "x"}
    delivered(sandbox, **three)
    assert pack(sandbox)["remaining_quantity"] == 0.0
    assert pack(sandbox)["status"] == "runOut"
    assert refusal(create(sandbox)) == (429, 1102, "Account balance not enough")
    sandbox.config(total_quantity="8.4")
    delivered(sandbox, **three)


def test_the_pack(sandbox):
    entry = pack(sandbox)
    assert entry["resource_pack_name"] == "Sandbox-Video-1000Units-5Con-1Months"
    assert entry["resource_pack_type"] == "decreasing_total"
    assert (entry["total_quantity"], entry["status"]) == (1000.0, "online")
    assert entry["invalid_time"] - entry["effective_time"] == 30 * 24 * 3600 * 1000
    assert entry["effective_time"] <= time.time() * 1000 + 1
    other = sandbox.http.get(COSTS + "&resource_pack_name=Other").json()["data"]
    assert other["resource_pack_subscribe_infos"] == []


def test_the_balance_may_lag(sandbox):
    sandbox.config(balance_lag_s=3600)
    delivered(sandbox)
    assert pack(sandbox)["remaining_quantity"] == 1000.0
    sandbox.config(balance_lag_s=0)
    assert pack(sandbox)["remaining_quantity"] == 998.5


@pytest.mark.parametrize(
    ("query_string", "text"),
    [
        ("", "start_time value '' is invalid"),
        ("?start_time=1", "end_time value '' is invalid"),
        ("?start_time=x&end_time=2", "start_time value 'x' is invalid"),
        ("?start_time=1&end_time=2.5", "end_time value '2.5' is invalid"),
    ],
)
def test_costs_need_two_times(sandbox, query_string, text):
    assert refusal(sandbox.http.get("/account/costs" + query_string)) == (400, 1201, text)


def test_costs_once_a_second_when_strict(sandbox):
    text = "The API request is too fast, exceeding the platform's rate limit"
    sandbox.config(strict_qps=True, frozen_clock=time.time())
    for seconds in (0, 1, 5, 1):  # the last one: a clock that was set back
        sandbox.config(clock_offset=seconds)
        assert sandbox.http.get(COSTS).status_code == 200
        sandbox.config(clock_offset=seconds + 0.9)
        assert refusal(sandbox.http.get(COSTS)) == (429, 1302, text)


def test_six_parallel_creates_of_one_model_give_one_refusal(sandbox):
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: create(sandbox, prompt=STUCK), range(6)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [refusal(answer) for answer in refused] == [(429, 1303, "parallel task over resource pack limit")]
    created(sandbox, model_name="kling-v3")
    assert len(sandbox.tasks()) == 6


def test_a_slot_is_held_until_the_end_failures_included(sandbox):
    sandbox.config(quota=1)
    for prompt in ("fine", "[[sandbox:async:risk]]"):
        sandbox.work()
        task = created(sandbox, prompt=prompt)
        assert refusal(create(sandbox))[1] == 1303
        sandbox.deliver()
        finished(sandbox, task)
    created(sandbox)


def test_one_external_id_sent_by_many_at_once_makes_one_task(sandbox):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: create(sandbox, external_task_id="same"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert len(sandbox.charges()) == 1


def test_large_bodies_are_checked_and_accepted_alike(sandbox):
    huge = "A" * 400_000
    answer = create(sandbox, image=huge, image_tail=huge + "!")
    assert refusal(answer)[2] == "File is not in a valid base64 format"
    created(sandbox, image=huge)


def test_unfinished_work_is_abandoned_by_reset(sandbox):
    for _ in range(3):
        created(sandbox, prompt="[[sandbox:slow:600]]")
    sandbox.reset()
    assert sandbox.tasks() == []
    assert delivered(sandbox)["task_status"] == "succeed"
    assert pack(sandbox)["remaining_quantity"] == 998.5


def test_switches_are_checked(sandbox):
    for wrong in (
        {"quota": 0},
        {"nonsense": 1},
        {"render": "maybe"},
        {"time_scale": -1},
        {"distort": {"x": 1}},
    ):
        assert sandbox.http.patch("/sandbox/config", json=wrong).status_code == 400
    assert sandbox.config(distort={"gain": 0.5})["distort"]["gain"] == 0.5


def test_the_debug_record_of_an_unknown_task(sandbox):
    assert sandbox.http.get("/sandbox/tasks/1").status_code == 404


def test_end_frame_and_brush_requests_complete(sandbox):
    assert delivered(sandbox, mode="pro", image_tail=IMAGE)["task_status"] == "succeed"
    assert delivered(sandbox, model_name="kling-v1", static_mask=IMAGE)["task_status"] == "succeed"
