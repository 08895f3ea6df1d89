"""``/tasks`` (spec/official-api.md §8.3)."""

from __future__ import annotations

import base64
import time

import pytest
from legacy_wire import create, created, delivered, finished, get, refusal
from new_wire import TEXT, accepted, ended, image_body, post, tasks

PATH = "/text-to-video/kling-2.5-turbo"
INFINITE = base64.b64encode(b"[1,2,3,1e999]").decode()
BOTH = "task_ids and external_task_ids can not be used at the same time"


def make(sandbox, prompt="waves", **options):
    return accepted(post(sandbox, PATH, {"prompt": prompt, "options": options}))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "task_ids or external_task_ids is required"),
        ("?task_ids=", "task_ids or external_task_ids is required"),
        ("?task_ids=,,&external_task_ids=", "task_ids or external_task_ids is required"),
        ("?task_ids=1&external_task_ids=a", BOTH),
        (
            f"?task_ids={','.join(map(str, range(21)))}",
            "task_ids and external_task_ids cannot exceed 20 in total",
        ),
        (
            f"?external_task_ids={','.join(map(str, range(21)))}",
            "task_ids and external_task_ids cannot exceed 20 in total",
        ),
    ],
)
def test_refusals(sandbox, query, text):
    assert refusal(sandbox.http.get(f"/tasks{query}")) == (400, 1201, text)


def test_twenty_ids_and_the_unknown_ones_left_out(sandbox):
    sandbox.config(quota=50)
    mine = [make(sandbox) for _ in range(3)]
    unknown = [str(number) for number in range(17)]
    assert [task["id"] for task in tasks(sandbox, *mine, *unknown)] == mine
    assert tasks(sandbox, "0") == []


def test_external_ids(sandbox):
    one, two = make(sandbox, external_task_id="a"), make(sandbox, external_task_id="b")
    found = tasks(sandbox, "b", "a", "c", name="external_task_ids")
    assert [(task["id"], task["external_id"]) for task in found] == [(two, "b"), (one, "a")]


def test_legacy_tasks_in_the_new_shape(sandbox):
    old = finished(sandbox, created(sandbox, external_task_id="old"))
    (new,) = tasks(sandbox, old["task_id"])
    video = old["task_result"]["videos"][0]
    assert new == {
        "id": old["task_id"],
        "status": "succeeded",
        "message": "",
        "create_time": old["created_at"],
        "update_time": old["updated_at"],
        "external_id": "old",
        "outputs": [{"type": "video", **video} | {"watermark_url": ""}],
        "billing": [{"charge_type": "unit", "amount": "1.5", "package_type": "video"}],
    }
    failed = delivered(sandbox, prompt="[[sandbox:async:risk]]")
    (new,) = tasks(sandbox, failed["task_id"])
    assert (new["status"], new["message"]) == ("failed", "Failure to pass the risk control system")
    assert (new["outputs"], new["billing"]) == ([], [])


def test_a_running_task_has_nothing_to_show_yet(sandbox):
    task = make(sandbox, "x [[sandbox:stuck]]", watermark_info={"enabled": True})
    (found,) = tasks(sandbox, task)
    assert (found["outputs"], found["billing"], found["message"]) == ([], [], "")
    assert set(found) == {
        "id",
        "status",
        "message",
        "create_time",
        "update_time",
        "external_id",
        "outputs",
        "billing",
    }


def test_the_marked_twin(sandbox):
    output = ended(sandbox, make(sandbox, watermark_info={"enabled": True}))["outputs"][0]
    assert output["watermark_url"].startswith(sandbox.url)
    assert get(output["watermark_url"]).status_code == 200


def test_a_just_lost_task_appears_later(sandbox):
    sandbox.config(frozen_clock=time.time())
    task = make(sandbox, "x [[sandbox:lost-create]]", external_task_id="lost")
    assert tasks(sandbox, task) == tasks(sandbox, "lost", name="external_task_ids") == []
    assert sandbox.http.post("/tasks", json={}).json()["data"]["result"] == []
    again = post(sandbox, PATH, {"prompt": "x", "options": {"external_task_id": "lost"}})
    assert refusal(again)[2] == "External_task_id lost already exists"
    sandbox.config(clock_offset=5)
    assert [found["id"] for found in tasks(sandbox, task)] == [task]


def test_flapping_and_an_unknown_word(sandbox):
    sandbox.work()
    task = make(sandbox, "x [[sandbox:flap:2]] [[sandbox:status:rendering]]")
    answers = [sandbox.http.get("/tasks", params={"task_ids": task}) for _ in range(2)]
    assert [refusal(answer)[1] for answer in answers] == [5000] * 2
    while (word := tasks(sandbox, task)[0]["status"]) == "submitted":
        time.sleep(0.01)
    assert word == "rendering"
    sandbox.deliver()
    while (word := tasks(sandbox, task)[0]["status"]) == "rendering":
        time.sleep(0.01)
    assert word == "succeeded"


def test_result_faults(sandbox):
    urls = {
        spec: ended(sandbox, make(sandbox, f"x [[sandbox:{spec}]]"))["outputs"][0]
        for spec in ("url-expired", "url-404", "wrong-duration")
    }
    assert get(urls["url-expired"]["url"]).status_code == 403
    assert get(urls["url-404"]["url"]).status_code == 404
    assert urls["wrong-duration"]["duration"] == "6.541"


def search(sandbox, **body):
    answer = sandbox.http.post("/tasks", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_search_page_by_page(sandbox):
    sandbox.config(quota=50)
    mine = [make(sandbox) for _ in range(4)]
    mine.append(accepted(post(sandbox, TEXT, {"model_name": "kling-v3", "prompt": "x"})))
    found, cursor = [], ""
    while True:
        page = search(sandbox, limit=2, cursor=cursor)
        assert page["count"] == len(page["result"]) <= 2
        found += [task["id"] for task in page["result"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
        make(sandbox)  # newer than the cursor: not on a later page
    assert found == mine[::-1]
    assert cursor == ""


def test_a_cursor_keeps_its_window(sandbox):
    first, second = make(sandbox), make(sandbox)
    page = search(sandbox, limit=1)
    rest = search(sandbox, cursor=page["next_cursor"], start_time=1, end_time=2)
    assert [task["id"] for task in page["result"] + rest["result"]] == [second, first]


def test_windows_of_time(sandbox):
    task = make(sandbox)
    at = tasks(sandbox, task)[0]["create_time"]
    assert len(search(sandbox, start_time=at, end_time=at)["result"]) == 1
    assert len(search(sandbox, start_time=str(at), end_time=str(at + 9))["result"]) == 1
    assert search(sandbox, start_time=at + 1, end_time=at + 9)["result"] == []
    assert search(sandbox, end_time=at - 1)["result"] == []
    sandbox.config(clock_offset=31 * 24 * 3600)
    assert search(sandbox)["result"] == []


def test_filters(sandbox):
    done, stuck = make(sandbox), make(sandbox, "x [[sandbox:stuck]]")
    ended(sandbox, done)

    def ids(*filters):
        return [task["id"] for task in search(sandbox, filters=list(filters))["result"]]

    assert ids({"key": "status", "values": ["succeeded"]}) == [done]
    assert ids({"key": "status", "values": ["submitted", "processing"]}) == [stuck]
    assert ids({"key": "product_type", "values": ["video"]}) == [stuck, done]
    assert ids({"key": "product_type", "values": ["image"]}) == []
    both = {"key": "status", "values": ["succeeded"]}, {"key": "product_type", "values": ["image"]}
    assert ids(*both) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"limit": 0}, "limit value '0' is invalid"),
        ({"limit": 501}, "limit value '501' is invalid"),
        ({"limit": "5"}, "limit value '5' is invalid"),
        ({"start_time": "soon"}, "start_time value 'soon' is invalid"),
        ({"end_time": -1}, "end_time value '-1' is invalid"),
        ({"end_time": 1.5}, "end_time value '1.5' is invalid"),
        ({"cursor": "x"}, "cursor value 'x' is invalid"),
        ({"cursor": "bnVsbA=="}, "cursor value 'bnVsbA==' is invalid"),
        ({"cursor": INFINITE}, f"cursor value '{INFINITE}' is invalid"),
        ({"cursor": 5}, "cursor value '5' is invalid"),
        ({"filters": {}}, "filters value is invalid"),
        ({"filters": [1]}, "filters[0] value is invalid"),
        ({"filters": [{"key": "model"}]}, "filters[0].key value 'model' is invalid"),
        (
            {"filters": [{"key": "status", "values": ["succeed"]}]},
            "filters[0].values[0] value 'succeed' is invalid",
        ),
    ],
)
def test_search_refusals(sandbox, body, text):
    assert refusal(sandbox.http.post("/tasks", json=body)) == (400, 1201, text)


def test_a_search_is_no_create(sandbox):
    sandbox.fault("async:risk")
    search(sandbox)
    assert len(sandbox.control("GET", "faults")) == 1
    assert ended(sandbox, make(sandbox))["status"] == "failed"


def test_below_it_is_nothing(sandbox):
    assert sandbox.http.get("/tasks/1").json()["error"] == "Not Found"
    assert refusal(sandbox.http.put("/tasks", json={})) == (404, 1202, "The requested method is invalid")
    sandbox.config(strict=True)
    assert sandbox.http.get("/tasks/").status_code == 404
    assert create(sandbox).status_code == 200
    assert accepted(post(sandbox, "/image-to-video/kling-3.0", image_body()))
