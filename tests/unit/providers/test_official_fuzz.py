"""Whatever a service answers, a decoder returns what it promises or raises a member of the error tree."""

from __future__ import annotations

import copy
import json

import golden
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_nb import providers
from kling_nb.domain.cost import plain_decimal
from kling_nb.domain.task import RunStatus, Task
from kling_nb.domain.wire import Answer
from kling_nb.errors import KlingError, TaskFailed
from kling_nb.providers.base import Deductions, Pack, Segment

FOLDERS = {"official": "official", "official-new": "official_new"}
PACK = {
    "resource_pack_name": "Video", "resource_pack_id": "509", "resource_pack_type": "decreasing_total",
    "total_quantity": 1000.0, "remaining_quantity": 997.5, "invalid_time": 1767225600000, "status": "online",
}  # fmt: skip
DEDUCTION = {
    "task_id": "829611643369439283", "model_name": "kling-v3", "resolution": "720p", "duration": "5",
    "deduction_amount": "3", "deduction_time": "1765823500112", "video_sound": "off",
}  # fmt: skip
ENVELOPE = {"code": 0, "message": "SUCCEED", "request_id": "x"}
SAMPLES = [
    *(row["answer"] for folder in FOLDERS.values() for row in golden.rows(f"{folder}/answers")),
    {**ENVELOPE, "data": {"code": 0, "msg": "ok", "resource_pack_subscribe_infos": [PACK]}},
    {
        **ENVELOPE,
        "data": {"result": {"detail": [DEDUCTION], "count": 1}, "next_cursor": "c", "has_more": True},
    },
    {
        **ENVELOPE,
        "data": {"task_result": {"images": [{"type": "object_seg", "is_contain": True, "url": "u"}]}},
    },
    {"code": 1201, "message": "Task not found by id/external id: job-1", "request_id": "x"},
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["\ud800", "x" * 100_000, "9" * 5000, "1e999999", "-1e-999999", "NaN", "0", "\x00", 10**400]
    ),
    st.lists(st.none() | st.text(max_size=3) | st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=3), max_size=3),
)


def places(value, path=()):
    """Every place inside a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def spoiled(value, path, odd, drop):
    """The value with one place missing or holding something odd."""
    if not path:
        return odd
    value = copy.deepcopy(value)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = odd
    return value


@st.composite
def answers(draw):
    body = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(body))))
        body = spoiled(body, path, draw(ODD), draw(st.booleans()))
    return Answer(draw(st.sampled_from([200, 201, 302, 400, 404, 429, 500])), {}, json.dumps(body).encode())


def is_sound(task):
    """What a task promises to those who print, store and follow it."""
    assert isinstance(task, Task)
    assert task.task_id
    assert isinstance(task.status, RunStatus)
    for text in (
        task.task_id,
        task.service_status,
        task.message,
        task.video_url,
        task.video_id,
        task.duration,
    ):
        assert text is None or text.encode() is not None
    for amount in [task.units, *(cash.amount for cash in task.cash)]:
        assert amount is None or len(plain_decimal(amount)) < 100
    json.dumps(task.raw, allow_nan=False)


def decode(provider, answer):
    """Everything a provider can read from an answer; what it refuses is a KlingError."""
    checks = {
        provider.decode_task: is_sound,
        provider.decode_list: lambda tasks: [is_sound(task) for task in tasks],
        provider.decode_account: lambda packs: all(isinstance(pack, Pack) for pack in packs) or pytest.fail(),
        provider.decode_deductions: lambda page: isinstance(page, Deductions) or pytest.fail(),
        provider.decode_recognize: lambda found: all(isinstance(s, Segment) for s in found) or pytest.fail(),
        provider.decode_check: lambda _none: None,
    }
    for read, check in checks.items():
        try:
            result = read(answer)
        except KlingError as error:
            assert 1 <= len(error.lines()) <= 3
            str(error).encode()
            continue
        check(result)
        if isinstance(result, Task):
            assert isinstance(provider.failure(result), TaskFailed)


@pytest.mark.parametrize("door", FOLDERS)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(answer=answers())
def test_spoiled_answers(door, answer):
    decode(providers.get(door), answer)


@pytest.mark.parametrize("door", FOLDERS)
@given(body=st.binary(max_size=200), status=st.integers(100, 599))
def test_bytes_that_are_no_answer(door, body, status):
    decode(providers.get(door), Answer(status, {}, body))


@pytest.mark.parametrize("door", FOLDERS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"code":0,"data":' * 50_000,
        b'{"code":' + b"9" * 10_000 + b"}",
        b'{"code":0,"data":[{"id":"1","task_id":"1","x":NaN,"y":1e999}]}',
        b'{"code":0,"data":{"id":"1","task_id":"1","status":"\\ud800","message":"\\udfff"}}',
        b"\xef\xbb\xbf{}",
        '{"code":0,"data":{"id":"1"}}'.encode("utf-16"),
        b'{"code":0,"data":{"id":"1"},"data":[]}',
    ],
    ids=["deep", "deeper", "digits", "nan", "surrogates", "mark", "utf-16", "twice"],
)
def test_bodies_made_to_break_parsers(door, body):
    decode(providers.get(door), Answer(200, {}, body))


@given(code=ODD, message=ODD, request_id=ODD, status=st.sampled_from([200, 400, 401, 429, 503]))
def test_any_error_envelope_is_told_in_three_lines(code, message, request_id, status):
    body = json.dumps({"code": code, "message": message, "request_id": request_id}).encode()
    for door in FOLDERS:
        decode(providers.get(door), Answer(status, {}, body))
