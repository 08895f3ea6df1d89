"""The JSON examples of ``spec/gateways.md``, both ways, and every error text of its two doors."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal

import golden
import pytest

from kling_nb import errors, providers
from kling_nb.domain.request import ReferenceImage, ReferenceVideo
from kling_nb.domain.task import Cash, Task
from kling_nb.domain.wire import Answer
from kling_nb.errors import ApiError

DOORS = ("acedata", "aimlapi")
PATHS = {"acedata": "/kling/videos", "aimlapi": "/v2/video/generations"}
TRACE = "0a907f69-4ae2-4a08-b34c-ee15c1c47077"
UNSET = {field.name: field.default for field in dataclasses.fields(Task)}


def examples(kind):
    return [(door, row) for door in DOORS for row in golden.rows(f"{door}/{kind}")]


def named(value):
    if isinstance(value, dict):
        return value.get("source") or f"{value['status']} {value.get('code') or value['message'][:24]}"
    return value


def provider(door):
    found = providers.get(door)
    # Raw Base64 is what the examples write; the other form has a test of its own.
    return dataclasses.replace(found, images="base64") if door == "aimlapi" else found


def request(fields):
    fields = dict(fields)
    for name, kind in (("image_list", ReferenceImage), ("video_list", ReferenceVideo)):
        if name in fields:
            fields[name] = tuple(kind(**row) for row in fields[name])
    return golden.request(fields)


def answer(body, status=200, **headers):
    return Answer(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(("door", "row"), examples("creates"), ids=named)
def test_body_is_written_as_the_example(door, row):
    call = provider(door).create(request(row["request"]), "never-sent")
    assert (call.method, call.path, call.safe) == ("POST", PATHS[door], False)
    assert golden.shown(dict(call.body)) == row["body"]


@pytest.mark.parametrize(("door", "row"), examples("answers"), ids=named)
def test_answer_is_read_as_the_example(door, row):
    task = provider(door).decode_task(answer(row["answer"]))
    wanted = golden.expected(row["task"])
    wanted["cash"] = tuple(Cash(Decimal(amount), currency) for amount, currency in row.get("cash", []))
    assert {name: getattr(task, name) for name in wanted} == wanted
    silent = set(UNSET) - set(wanted) - {"raw"}
    assert {name: getattr(task, name) for name in silent} == {name: UNSET[name] for name in silent}
    assert task.raw == row["answer"]


def test_batch_is_read_as_the_records_in_it_and_unknown_ids_are_missing():
    records = [row for row in golden.rows("acedata/answers") if "id" in row["answer"]]
    body = {"items": [row["answer"] for row in records], "count": len(records)}
    tasks = providers.get("acedata").decode_list(answer(body))
    assert [task.status for task in tasks] == [row["task"]["status"] for row in records]
    assert providers.get("acedata").decode_list(answer({"items": [], "count": 0})) == []


@pytest.mark.parametrize("row", golden.rows("acedata/errors"), ids=named)
@pytest.mark.parametrize(
    "form",
    [
        lambda code, text: {"error": {"code": code, "message": text}, "trace_id": TRACE},
        lambda code, text: {"success": False, "error": {"code": code, "message": text}, "trace_id": TRACE},
        lambda code, text: {"code": code, "detail": text, "trace_id": TRACE},
    ],
    ids=["plain", "with success", "lip-sync"],
)
def test_every_error_of_acedata(row, form):
    found = refusal("acedata", answer(form(row["code"], "what went wrong"), row["status"]))
    assert type(found) is getattr(errors, row["kind"])
    assert (found.code, found.http_status, found.request_id) == (row["code"], row["status"], TRACE)
    assert found.service_message == "what went wrong"
    assert len(found.lines()) == 3


@pytest.mark.parametrize("row", golden.rows("aimlapi/errors"), ids=named)
@pytest.mark.parametrize("spelled", [int, str])
def test_every_error_of_the_aiml_api(row, spelled):
    body = {
        "message": row["message"],
        "path": "/v2/video/generations",
        "requestId": TRACE,
        "statusCode": spelled(row["status"]),
        "timestamp": "2026-08-01T10:00:00.000Z",
    }
    found = refusal("aimlapi", answer(body, row["status"]))
    assert type(found) is getattr(errors, row["kind"])
    assert (found.http_status, found.request_id) == (row["status"], TRACE)
    assert found.service_message == row["message"]
    assert len(found.lines()) == 3


def refusal(door, said):
    with pytest.raises(ApiError) as caught:
        providers.get(door).decode_task(said)
    return caught.value
