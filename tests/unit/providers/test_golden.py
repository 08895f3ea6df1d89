"""The JSON examples of the specification: what leaves is written like them, what arrives is read so."""

from __future__ import annotations

import dataclasses
import json

import golden
import pytest

from kling_nb import providers
from kling_nb.domain.task import Task
from kling_nb.domain.wire import Answer

DOORS = {"official": "official", "official-new": "official_new"}
CREATES = [(door, row) for door, folder in DOORS.items() for row in golden.rows(f"{folder}/creates")]
ANSWERS = [(door, row) for door, folder in DOORS.items() for row in golden.rows(f"{folder}/answers")]
UNSET = {field.name: field.default for field in dataclasses.fields(Task)}


def named(pair):
    return pair["source"] if isinstance(pair, dict) else pair


@pytest.mark.parametrize(("door", "row"), CREATES, ids=named)
def test_body_is_written_as_the_example(door, row):
    call = providers.get(door).create(golden.request(row["request"]), row.get("external_task_id", "job-9"))
    sent = golden.shown(dict(call.body))
    if "external_task_id" not in row:
        # The example leaves it out; kling_nb never does.
        assert sent.pop("external_task_id") == "job-9"
    assert (call.method, call.path, call.safe) == ("POST", row["path"], False)
    assert sent == golden.without_empty(row["body"])


@pytest.mark.parametrize(("door", "row"), ANSWERS, ids=named)
def test_answer_is_read_as_the_example(door, row):
    provider = providers.get(door)
    task = provider.decode_task(Answer(200, {}, json.dumps(row["answer"]).encode()))
    wanted = golden.expected(row["task"])
    assert {name: getattr(task, name) for name in wanted} == wanted
    silent = set(UNSET) - set(wanted) - {"raw"}
    assert {name: getattr(task, name) for name in silent} == {name: UNSET[name] for name in silent}
    data = row["answer"]["data"]
    assert task.raw == (data[0] if isinstance(data, list) else data)


@pytest.mark.parametrize(("door", "row"), ANSWERS, ids=named)
def test_list_is_read_as_the_example(door, row):
    data = row["answer"]["data"]
    body = {**row["answer"], "data": data if isinstance(data, list) else [data]}
    (task,) = providers.get(door).decode_list(Answer(200, {}, json.dumps(body).encode()))
    assert task.task_id == row["task"]["task_id"]
