"""The JSON examples of the specification: what it sends is taken, what it shows is what comes back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from legacy_wire import IMAGE, created, finished, query
from new_wire import accepted, ended, post

GOLDEN = Path(__file__).parents[2] / "golden"


def rows(name):
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def filled(body):
    return json.loads(json.dumps(body).replace("<b64>", IMAGE))


def shape(value):
    """Names in their order and kinds of values."""
    if isinstance(value, dict):
        return [(key, shape(part)) for key, part in value.items()]
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("row", rows("official/creates"), ids=lambda row: row["source"])
def test_legacy_bodies_are_taken_as_they_stand(sandbox, row):
    task = accepted(post(sandbox, row["path"], filled(row["body"])))
    assert sandbox.task(task)["ignored"] == []
    assert ended(sandbox, task)["status"] == "succeeded"


def test_legacy_answers(sandbox):
    create, processing, succeeded, failed = (row["answer"] for row in rows("official/answers"))
    body = filled(rows("official/creates")[0]["body"])
    assert shape(post(sandbox, "/v1/videos/image2video", body).json()) == shape(create)

    def data(status):
        return [query(sandbox, task) for task in made if query(sandbox, task)["task_status"] == status]

    made = [
        created(sandbox, external_task_id="job-1", mode="pro"),
        created(sandbox, external_task_id="job-2", prompt="[[sandbox:async:risk]]"),
        created(sandbox, external_task_id="job-3", prompt="[[sandbox:stuck]]"),
    ]
    for task in made[:2]:
        finished(sandbox, task)
    deadline = time.monotonic() + 60
    while not data("processing"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for status, example in (("processing", processing), ("succeed", succeeded), ("failed", failed)):
        (found,) = data(status)
        assert shape(found) == shape(example["data"]), status
    same = ("watermark_info", "final_unit_deduction")
    (done,) = data("succeed")
    assert {key: done[key] for key in same} == {key: succeeded["data"][key] for key in same}
    assert done["task_result"]["videos"][0]["duration"] == "5.041"
    (lost,) = data("failed")
    same = ("task_status_msg", "final_unit_deduction", "task_result")
    assert {key: lost[key] for key in same} == {key: failed["data"][key] for key in same}


def test_the_new_api_from_body_to_result(sandbox):
    """Ids, times and addresses are all that differ from §8."""
    (example,) = rows("official_new/creates")
    create, queried = (row["answer"] for row in rows("official_new/answers"))
    answer = post(sandbox, example["path"], filled(example["body"])).json()
    assert shape(answer) == shape(create)
    assert answer["data"]["external_id"] == create["data"]["external_id"]
    ended(sandbox, answer["data"]["id"])
    query = sandbox.http.get("/tasks", params={"task_ids": answer["data"]["id"]}).json()
    assert shape(query) == shape(queried)
    same = ("status", "message", "external_id", "billing")
    found, wanted = query["data"][0], queried["data"][0]
    assert {key: found[key] for key in same} == {key: wanted[key] for key in same}
    video, promised = found["outputs"][0], wanted["outputs"][0]
    same = ("type", "watermark_url", "duration")
    assert {key: video[key] for key in same} == {key: promised[key] for key in same}
