"""Whatever a gateway answers, it becomes a task with the id it names or an error of the one tree."""

from __future__ import annotations

import json

import golden
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb import providers
from kling_nb.domain.task import RunStatus
from kling_nb.domain.wire import Answer
from kling_nb.errors import KlingError

DOORS = ("acedata", "aimlapi")
IDS = {"acedata": ("id", "task_id"), "aimlapi": ("id",)}
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["succeed", "completed", "failed", "error", "\ud800", "\0", "9" * 400]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from([10**400, -1, 1e308, 0.1])
)
KEYS = st.sampled_from(
    [
        *(
            "id",
            "task_id",
            "status",
            "state",
            "response",
            "error",
            "message",
            "msg",
            "detail",
            "code",
            "success",
        ),
        *(
            "meta",
            "video_url",
            "video",
            "url",
            "usage",
            "credits_used",
            "finished_at",
            "created_at",
            "duration",
        ),
        *("items", "trace_id", "requestId", "current_balance", "currency"),
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
STATUS = st.sampled_from([200, 200, 200, 201, 302, 400, 401, 403, 404, 429, 500, 503, 504])
HEADERS = st.dictionaries(st.sampled_from(["x-inference-id", "location", "retry-after"]), TEXTS, max_size=3)


def read_everything(door, answer):
    """Every decoder; returns the task if there is one."""
    found = providers.get(door)
    for decode in (found.decode_list, found.decode_check, found.decode_account, found.decode_recognize):
        try:
            decode(answer)
        except KlingError as error:
            assert 1 <= len(error.lines()) <= 3
    try:
        task = found.decode_task(answer)
    except KlingError as error:
        assert 1 <= len(error.lines()) <= 3
        return None
    if task.status is RunStatus.FAILED:
        str(found.failure(task))
    return task


def check(door, value, task):
    """A task has the id that stands in its place, and nothing that a file or a log cannot hold."""
    if task is None:
        return
    named = [value[key] for key in IDS[door] if value.get(key) is not None]
    assert task.task_id in {str(name).strip().encode("utf-8", "replace").decode() for name in named}
    for text in (task.task_id, task.message, task.service_status, task.video_url or "", task.duration or ""):
        text.encode()
    assert task.units is None and all(cash.amount.is_finite() for cash in task.cash)
    assert task.status is not RunStatus.SUCCEEDED or door == "aimlapi" or task.video_url


@pytest.mark.parametrize("door", DOORS)
@given(value=JSON, status=STATUS, headers=HEADERS)
@settings(max_examples=150)
def test_any_json(door, value, status, headers):
    body = json.dumps(value).encode()
    check(door, value, read_everything(door, Answer(status, headers, body)))


@pytest.mark.parametrize("door", DOORS)
@given(body=st.binary(max_size=60), status=STATUS)
def test_any_bytes(door, body, status):
    task = read_everything(door, Answer(status, {}, body))
    assert task is None or json.loads(body)["id" if door == "aimlapi" else "task_id"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"id":' * 50_000, b"1" * 100_000, b'{"id":' + b"9" * 5000 + b"}", b"\xff\xfe{"]
)
def test_endless_bodies(door, body):
    assert read_everything(door, Answer(200, {}, body)) is None


def spoiled(value, data):
    """One of the values of an example, at any depth, replaced or removed."""
    places = list(_places(value))
    *way, last = data.draw(st.sampled_from(places))
    holder = value
    for step in way:
        holder = holder[step]
    if data.draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = data.draw(SCALARS | st.just({}) | st.just([]))
    return value


def _places(value, way=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*way, key)
        yield from _places(item, (*way, key))


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
@settings(max_examples=200)
def test_spoiled_examples(door, data):
    row = data.draw(st.sampled_from(golden.rows(f"{door}/answers")))
    value = spoiled(json.loads(json.dumps(row["answer"])), data)
    body = json.dumps(value).encode()
    check(door, value, read_everything(door, Answer(200, {}, body)))
