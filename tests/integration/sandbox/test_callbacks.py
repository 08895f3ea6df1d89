"""Callbacks as a receiver sees them (spec/official-api.md §9, spec/sandbox.md §5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest
from callback_receiver import Receiver
from legacy_wire import created, delivered, finished, query
from new_wire import EXTEND, TEXT, accepted, ended, post

SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def verified(headers, body):
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(expected, headers["webhook-signature"])


def test_the_bare_task_on_processing_and_at_the_end(sandbox, receiver):
    task = created(sandbox, callback_url=receiver.url, external_task_id="job-1")
    (first_headers, first), (_, second) = receiver.next(), receiver.next()
    assert first_headers["content-type"] == "application/json; charset=utf-8"
    assert "webhook-signature" not in first_headers
    states = sorted((json.loads(body) for body in (first, second)), key=lambda state: state["updated_at"])
    assert [state["task_status"] for state in states] == ["processing", "succeed"]
    assert states[-1] == query(sandbox, task)
    assert receiver.arrived.empty()


def test_the_new_api_posts_one_entry_of_its_query(sandbox, receiver):
    sandbox.config(callback_secret=SECRET)
    options = {"callback_url": receiver.url, "external_task_id": "job-2"}
    task = accepted(post(sandbox, "/text-to-video/kling-3.0", {"prompt": "a boat", "options": options}))
    deliveries = [receiver.next() for _ in range(2)]
    assert all(verified(*delivery) for delivery in deliveries)
    states = sorted((json.loads(body) for _, body in deliveries), key=lambda state: state["update_time"])
    assert [state["status"] for state in states] == ["processing", "succeeded"]
    assert states[-1] == ended(sandbox, task)


def test_legacy_text_to_video_posts_the_legacy_form(sandbox, receiver):
    task = accepted(post(sandbox, TEXT, {"prompt": "a boat", "callback_url": receiver.url}))
    bodies = [json.loads(receiver.next()[1]) for _ in range(2)]
    assert {body["task_id"] for body in bodies} == {task}
    assert {body["task_status"] for body in bodies} == {"processing", "succeed"}


def test_a_derived_task_names_its_parent(sandbox, receiver):
    video = delivered(sandbox, model_name="kling-v1")["task_result"]["videos"][0]
    accepted(post(sandbox, EXTEND, {"video_id": video["id"], "callback_url": receiver.url}))
    for _ in range(2):
        parent = json.loads(receiver.next()[1])["task_info"]["parent_video"]
        assert (parent["id"], parent["duration"]) == (video["id"], video["duration"])
        assert parent["url"].startswith(sandbox.url)


def test_failures_are_told_too(sandbox, receiver):
    created(sandbox, callback_url=receiver.url, prompt="[[sandbox:async:risk]]")
    bodies = [json.loads(receiver.next()[1]) for _ in range(2)]
    assert {body["task_status"] for body in bodies} == {"processing", "failed"}


def test_submitted_only_when_all_are_wanted(sandbox, receiver):
    sandbox.config(callback_all=True)
    created(sandbox, callback_url=receiver.url)
    bodies = [json.loads(receiver.next()[1]) for _ in range(3)]
    assert {body["task_status"] for body in bodies} == {"submitted", "processing", "succeed"}


def test_signed_when_a_secret_is_set(sandbox, receiver):
    sandbox.config(callback_secret=SECRET)
    delivered(sandbox, callback_url=receiver.url)
    seen = set()
    for _ in range(2):
        headers, body = receiver.next()
        assert verified(headers, body)
        assert not verified(headers, body[:-1] + b" ")
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        seen.add(headers["webhook-id"])
    assert len(seen) == 2


def test_a_bad_signature_on_request(sandbox, receiver):
    sandbox.config(callback_secret=SECRET)
    delivered(sandbox, callback_url=receiver.url, prompt="[[sandbox:callback-bad-sign]]")
    assert not verified(*receiver.next())


def test_a_refused_delivery_is_tried_again_with_the_same_id(sandbox, receiver):
    sandbox.config(callback_secret=SECRET, time_scale=0.05)
    receiver.statuses = [500, 302, 404]
    task = created(sandbox, callback_url=receiver.url, prompt="[[sandbox:stuck]]")
    tries = [receiver.next() for _ in range(4)]
    assert len({headers["webhook-id"] for headers, _ in tries}) == 1
    assert {json.loads(body)["task_id"] for _, body in tries} == {task}


def test_lost_and_doubled_deliveries(sandbox, receiver):
    delivered(sandbox, callback_url=receiver.url, prompt="[[sandbox:callback-lost]]")
    delivered(sandbox, callback_url=receiver.url, prompt="[[sandbox:callback-twice]]")
    bodies = [receiver.next()[1] for _ in range(4)]
    assert sorted(json.loads(body)["task_status"] for body in bodies) == ["processing"] * 2 + ["succeed"] * 2
    assert receiver.arrived.empty()


def test_a_receiver_that_is_not_there_changes_nothing(sandbox):
    assert delivered(sandbox, callback_url="http://127.0.0.1:9/")["task_status"] == "succeed"


def test_other_hosts_are_noted_not_called(sandbox):
    task = created(sandbox, callback_url="https://callback.example/done")
    assert finished(sandbox, task)["task_status"] == "succeed"
    assert sandbox.task(task)["notes"] == ["callback not delivered: network access is off"]
