"""The AceData dialect on the wire (spec/gateways.md §2, spec/sandbox.md §4, §6, §8, §9)."""

from __future__ import annotations

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest
from callback_receiver import Receiver
from gateway_wire import TASKS, VIDEOS, AceData

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CAMERA = {"type": "simple", "config": {"zoom": 0.5}}
SHOTS = [{"index": 1, "prompt": "dawn", "duration": 2}, {"index": 2, "prompt": "noon", "duration": 3}]


@pytest.fixture
def gateway(sandbox):
    return AceData(sandbox)


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 400, "no_token"),
        ("Bearer", 400, "no_token"),
        ("Bearer wrong", 401, "invalid_token"),
        ("acedata-sandbox", 401, "invalid_token"),
        ("Bearer api-key-kling-sandbox", 401, "invalid_token"),
    ],
)
@pytest.mark.parametrize("path", [VIDEOS, TASKS])
def test_only_the_own_token_is_let_in(gateway, header, status, code, path):
    with httpx.Client(base_url=gateway.sandbox.url, trust_env=False, timeout=60) as client:
        answer = client.post(path, json={}, headers={"Authorization": header} if header else {})
    assert gateway.refusal(answer)[:2] == (status, code)


REFUSED = [
    ({"model": "kling-v1-5"}, "model is not supported"),
    ({"model": "kling-v2-1"}, "model is not supported"),
    ({"model": "kling-3.0-turbo"}, "model is not supported"),
    (
        {"action": ..., "end_image_url": "https://e.com/b.jpg"},
        "end_image_url is not supported for text2video.",
    ),
    (
        {"action": "text2video", "end_image_url": "https://e.com/b.jpg"},
        "end_image_url is not supported for text2video.",
    ),
    ({"start_image_url": ...}, "start_image_url is required"),
    ({"start_image_url": ..., "end_image_url": "https://e.com/b.jpg"}, "start_image_url is required"),
    ({"start_image_url": "pictures/a.png"}, "start_image_url is not a valid url"),
    ({"start_image_url": "data:image/png;base64,iVBORw0KGgo="}, "start_image_url is not a valid url"),
    ({"start_image_url": "iVBORw0KGgo="}, "start_image_url is not a valid url"),
    ({"end_image_url": "file:///a.png"}, "end_image_url is not a valid url"),
    ({"callback_url": "ftp://e.com"}, "callback_url is not a valid url"),
    ({"camera_control": CAMERA}, "camera_control is not supported with start_image_url"),
    (
        {
            "action": "text2video",
            "start_image_url": ...,
            "camera_control": {"type": "simple", "config": {"pan": 5}},
        },
        "camera_control.config.pan value '5' is invalid",
    ),
    (
        {"action": "text2video", "start_image_url": ..., "camera_control": {"type": "spin"}},
        "camera_control.type value 'spin' is invalid",
    ),
    ({"negative_prompt": "x" * 201}, "negative_prompt: size must be between 0 and 200"),
    ({"prompt": "x" * 2501}, "prompt: size must be between 0 and 2500"),
    ({"prompt": ...}, "prompt is required"),
    ({"prompt": ..., "multi_shot": True, "shot_type": "intelligence"}, "prompt is required"),
    ({"mode": "professional"}, "mode value 'professional' is invalid"),
    ({"duration": "5"}, "duration value '5' is invalid"),
    ({"duration": 5.5}, "duration value '5.5' is invalid"),
    ({"aspect_ratio": "4:3"}, "aspect_ratio value '4:3' is invalid"),
    ({"cfg_scale": 1.1}, "cfgScale: must be less than or equal to 1"),
    ({"generate_audio": "on"}, "generate_audio value 'on' is invalid"),
    ({"action": "edit"}, "action value 'edit' is invalid"),
    ({"action": "extend"}, "video_id is required"),
    ({"model": "kling-v3", "multi_shot": True}, "shot_type value '' is invalid"),
    (
        {
            "model": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": SHOTS,
            "duration": 6,
        },
        "multi_prompt value is invalid",
    ),
    (
        {"model": "kling-v3", "multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS[1:]},
        "multi_prompt value is invalid",
    ),
    (
        {"model": "kling-v3-omni", "image_list": [{"image_url": "https://e.com/a.jpg"}] * 7},
        "image_list: size must be between 0 and 7",
    ),
    (
        {
            "model": "kling-v3-omni",
            "image_list": [{"image_url": "https://e.com/a.jpg"}] * 4,
            "video_list": [{"video_url": "https://e.com/a.mp4", "refer_type": "feature"}],
        },
        "image_list: size must be between 0 and 4",
    ),
    (
        {"model": "kling-v3-omni", "video_list": [{"video_url": "https://e.com/a.mp4"}]},
        "first and end frames are not supported with a base video",
    ),
    (
        {
            "model": "kling-v3-omni",
            "generate_audio": True,
            "video_list": [{"video_url": "https://e.com/a.mp4", "refer_type": "feature"}],
        },
        "generate_audio is not supported with video_list",
    ),
    ({"element_list": [{"element_id": 1}] * 4}, "element_list: size must be between 0 and 3"),
    ({"voice_list": [{"voice_id": "a"}] * 3}, "voice_list: size must be between 0 and 2"),
    ({"voice_list": [{}]}, "voice_list[0].voice_id value '' is invalid"),
]


@pytest.mark.parametrize(("fields", "text"), REFUSED)
def test_refused_at_once(gateway, fields, text):
    assert gateway.refusal(gateway.create(**fields)) == (400, "bad_request", text)
    assert gateway.sandbox.tasks() == []


# What the service behind the gateway refuses, told by the task that was taken (spec/sandbox.md §9).
UPSTREAM = [
    ({"end_image_url": "+", "model": "kling-v2-master"}, "Image tail is not supported by the current model"),
    (
        {"end_image_url": "+", "model": "kling-v2-5-turbo", "duration": 10},
        "model/mode/duration(kling-v2-5-turbo/std/10) is not supported with image_tail",
    ),
    (
        {"end_image_url": "+", "model": "kling-v1", "duration": 10},
        "model/mode/duration(kling-v1/std/10) is not supported with image_tail",
    ),
    (
        {"end_image_url": "+", "mode": "pro", "generate_audio": True},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with image_tail",
    ),
    ({"end_image_url": "+", "model": "kling-v3-turbo"}, "Image tail is not supported by the current model"),
    ({"generate_audio": True}, "model/mode(kling-v2-6/std) is not supported with sound on"),
    (
        {"generate_audio": True, "model": "kling-o1"},
        "model/mode(kling-video-o1/std) is not supported with sound on",
    ),
    ({"generate_audio": False, "model": "kling-v3-turbo"}, "generate_audio value 'false' is invalid"),
    ({"mode": "4k"}, "4k mode is not supported by the current model: kling-v2-6"),
    (
        {"mode": "4k", "model": "kling-v3-turbo"},
        "4k mode is not supported by the current model: kling-3.0-turbo",
    ),
    ({"duration": 7}, "duration value '7' is invalid"),
    ({"duration": 2, "model": "kling-v3"}, "duration value '2' is invalid"),
    ({"duration": 10, "model": "kling-o1"}, "duration value '10' is invalid"),
    ({"cfg_scale": 0.5, "model": "kling-v3-omni"}, "cfg_scale is not supported by the current model"),
    (
        {"image_list": [{"image_url": "https://e.com/a.jpg"}]},
        "image_list is not supported by the current model",
    ),
    ({"element_list": [{"element_id": 1}]}, "element_list is not supported by the current model"),
    ({"voice_list": [{"voice_id": "a"}], "mode": "pro"}, "sound must be on with voice_list"),
    ({"multi_shot": True, "shot_type": "intelligence"}, "multi_shot is not supported by the current model"),
    (
        {"action": "text2video", "start_image_url": ..., "camera_control": CAMERA},
        "camera_control is only supported in std mode with 5s duration and kling-v1",
    ),
    ({"action": "extend", "video_id": "809109562028482394"}, "Video not found by id: 809109562028482394"),
]


def test_what_the_service_behind_refuses_fails_the_task(gateway):
    gateway.sandbox.config(quota=100)
    tasks = []
    for fields, text in UPSTREAM:
        tail = {"end_image_url": gateway.image} if fields.get("end_image_url") == "+" else {}
        tasks.append((gateway.created(**fields | tail), text))
    for task, text in tasks:
        record = gateway.finished(task)
        assert record["response"] == {
            "success": False,
            "task_id": task,
            "trace_id": record["trace_id"],
            "error": {"code": "api_error", "message": text},
        }
    assert gateway.sandbox.charges() == []


def test_the_same_refusal_in_blocking_mode_is_the_answer(gateway):
    answer = gateway.create(**{"async": ...}, mode="4k")
    text = "4k mode is not supported by the current model: kling-v2-6"
    assert gateway.refusal(answer) == (500, "api_error", text)


ACCEPTED = [
    ({}, ("kling-v2-6", "std", 5), "1.5"),
    ({"duration": 10.0}, ("kling-v2-6", "std", 10), "3"),
    ({"model": "kling-v2-6", "mode": "pro", "generate_audio": True}, ("kling-v2-6", "pro", 5), "5"),
    (
        {
            "mode": "pro",
            "generate_audio": True,
            "prompt": "she says <<<voice_1>>>",
            "voice_list": [{"voice_id": "a"}],
        },
        ("kling-v2-6", "pro", 5),
        "6",
    ),
    ({"model": "kling-v3-turbo", "duration": 3}, ("kling-3.0-turbo", "std", 3), "2.4"),
    ({"model": "kling-v3-omni", "duration": 3}, ("kling-v3-omni", "std", 3), "1.8"),
    (
        {
            "model": "kling-v3-omni",
            "duration": 3,
            "video_list": [{"video_url": "https://e.com/a.mp4", "refer_type": "feature"}],
        },
        ("kling-v3-omni", "std", 3),
        "2.7",
    ),
    ({"model": "kling-o1", "mode": "pro"}, ("kling-video-o1", "pro", 5), "4"),
    (
        {
            "model": "kling-v3",
            "prompt": ...,
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": SHOTS,
        },
        ("kling-v3", "std", 5),
        "3",
    ),
    (
        {
            "action": "text2video",
            "start_image_url": ...,
            "model": "kling-v1",
            "camera_control": {"type": "simple", "config": {"zoom": -0.25, "speed": 0.1}},
        },
        ("kling-v1", "std", 5),
        "1",
    ),
    (
        {"action": "text2video", "start_image_url": ..., "aspect_ratio": "9:16"},
        ("kling-v2-6", "std", 5),
        "1.5",
    ),
]


@pytest.mark.parametrize(("fields", "cell", "units"), ACCEPTED)
def test_what_is_taken_is_charged_like_on_the_official_door(gateway, fields, cell, units):
    gateway.sandbox.config(min_processing=0)
    record = gateway.delivered(**fields)
    debug = gateway.debug(record["id"])
    assert record["response"]["state"] == "succeed", record
    assert (debug["model"], debug["mode"], debug["duration"]) == cell
    assert (Decimal(debug["units"]), debug["charge"]) == (Decimal(units), "booked")


def test_the_stages_of_a_record(gateway):
    gateway.sandbox.hold()
    answer = gateway.create(static_mask="x", unknown=1).json()
    assert set(answer) == {"success", "task_id", "trace_id"}
    assert answer["success"] is True
    task = answer["task_id"]
    assert UUID4.fullmatch(task)
    assert UUID4.fullmatch(answer["trace_id"])
    queued = gateway.poll(task).json()
    assert set(queued) == {"id", "type", "trace_id", "request", "created_at", "started_at"}
    assert (queued["id"], queued["type"], queued["trace_id"]) == (task, "videos", answer["trace_id"])
    assert queued["request"] == gateway.body(static_mask="x", unknown=1)
    stages = [queued]
    gateway.sandbox.work()
    while len([stage for stage in stages if "response" in stage]) < 3:
        stages.append(gateway.poll(task).json())
    gateway.sandbox.deliver()
    while not gateway.is_ended(stages[-1]):
        stages.append(gateway.poll(task).json())
    running = [stage.get("response") for stage in stages[:-1]]
    first = running.index({"state": "processing", "task_id": task})
    # While it runs, every second poll shows a snapshot, the others nothing.
    assert running[first : first + 4] == [{"state": "processing", "task_id": task}, None] * 2
    assert set(map(json.dumps, running)) == {"null", json.dumps({"state": "processing", "task_id": task})}
    done = stages[-1]
    assert done["response"] == {
        "success": True,
        "video_id": done["response"]["video_id"],
        "video_url": done["response"]["video_url"],
        "duration": "5.041",
        "state": "succeed",
        "task_id": task,
    }
    assert gateway.sandbox.http.get(done["response"]["video_url"]).headers["content-type"] == "video/mp4"
    for name in ("created_at", "started_at", "finished_at", "elapsed"):
        assert isinstance(done[name], float)
        assert round(done[name], 3) == done[name]
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    assert done["elapsed"] == pytest.approx(done["finished_at"] - done["started_at"], abs=0.002)
    assert gateway.poll(task).json() == done
    debug = gateway.debug(task)
    assert debug["ignored"] == ["unknown"]
    assert "static_mask is ignored: the gateway has no motion brush" in debug["notes"]


def test_a_snapshot_may_claim_to_be_completed_without_a_video(gateway):
    gateway.sandbox.config(tricky_snapshots=True)
    gateway.sandbox.work()
    task = gateway.created()
    told = []
    while len(told) < 3:
        record = gateway.poll(task).json()
        assert not gateway.is_ended(record)
        if word := (record.get("response") or {}).get("state"):
            told.append(word)
    assert told[0] == "completed"
    assert set(told[1:]) == {"processing"}


def test_only_usage_of_voices_and_reference_videos_is_told(gateway):
    gateway.sandbox.config(min_processing=0)
    video = [{"video_url": "https://e.com/a.mp4", "refer_type": "feature"}]
    record = gateway.delivered(model="kling-o1", video_list=video)
    assert record["response"]["usage"] == {"duration": 5, "reference_video_seconds": 0}


def test_without_async_and_callback_the_call_waits_for_the_video(gateway):
    for fields in ({"async": ...}, {"async": False}, {"async": "true"}):
        answer = gateway.create(**fields).json()
        assert list(answer) == ["success", "video_id", "video_url", "duration", "state", "task_id"]
        assert (answer["success"], answer["duration"], answer["state"]) == (True, "5.041", "succeed")
        assert gateway.poll(answer["task_id"]).json()["response"] == answer


def test_a_call_that_waits_too_long_is_told_so_and_its_task_goes_on(gateway):
    gateway.sandbox.work()
    gateway.sandbox.config(blocking_cap=0.05)
    status, code, _ = gateway.refusal(gateway.create(**{"async": ...}))
    assert (status, code) == (504, "timeout")
    [task] = gateway.sandbox.tasks()
    gateway.sandbox.deliver()
    assert gateway.finished(task["public_id"])["response"]["success"] is True


def test_a_reset_ends_a_call_that_waits(gateway):
    gateway.sandbox.work()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(gateway.create, **{"async": ...})
        while not gateway.sandbox.tasks():
            time.sleep(0.01)
        gateway.sandbox.reset()
        assert gateway.refusal(waiting.result(timeout=60))[:2] == (504, "timeout")


def test_unknown_tasks_are_empty_and_missing_from_a_batch(gateway):
    first, second = gateway.created(), gateway.created()
    unknown = str(uuid.uuid4())
    assert (gateway.poll(unknown).status_code, gateway.poll(unknown).json()) == (200, {})
    for task in (first, second):
        gateway.finished(task)
    ids = [second, unknown, first]
    batch = gateway.request("POST", TASKS, json={"ids": ids, "action": "retrieve_batch"}).json()
    assert [item["id"] for item in batch["items"]] == [second, first]
    assert batch["count"] == 2
    assert batch["items"][1] == gateway.poll(first).json()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "action is not supported"),
        ({"id": "x"}, "action is not supported"),
        ({"action": "retrieve"}, "id is required"),
        ({"action": "retrieve", "id": 5}, "id is required"),
        ({"action": "retrieve_batch", "id": "x"}, "ids is required"),
        ({"action": "retrieve_batch", "ids": [1]}, "ids is required"),
    ],
)
def test_polls_that_ask_for_nothing(gateway, body, text):
    assert gateway.refusal(gateway.request("POST", TASKS, json=body)) == (400, "bad_request", text)


def test_a_body_that_is_no_object(gateway):
    for content in (b"", b"[]", b"{", b"\xff"):
        answer = gateway.request("POST", VIDEOS, content=content)
        assert gateway.refusal(answer)[:2] == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"{VIDEOS}/some-task"), ("GET", VIDEOS), ("POST", "/kling/motion"), ("POST", "/kling/lip-sync")],
)
def test_other_paths_are_no_api(gateway, method, path):
    assert gateway.refusal(gateway.request(method, path))[:2] == (404, "no_api")


def test_traps_without_an_error_are_noted(gateway):
    record = gateway.delivered(action=..., model=...)
    debug = gateway.debug(record["id"])
    assert {
        "action is missing: treated as text2video",
        "start_image_url is ignored for text2video",
        "model is missing: kling-v1 is used, published defaults differ",
    } <= set(debug["notes"])
    assert record["response"]["success"] is True


def test_extension_by_video_id(gateway):
    gateway.sandbox.config(min_processing=0)
    first = gateway.delivered(model="kling-v1-6")["response"]
    longer = gateway.delivered(action="extend", start_image_url=..., video_id=first["video_id"])
    assert float(longer["response"]["duration"]) == float(first["duration"]) + 4.5
    assert gateway.debug(longer["id"])["units"] == "2"
    other = gateway.delivered(model="kling-v2-6")["response"]
    failed = gateway.delivered(action="extend", start_image_url=..., video_id=other["video_id"])
    assert gateway.message(failed) == f"video_id value '{other['video_id']}' is invalid"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [("slow waves", "succeed"), ("slow waves [[sandbox:async:risk]]", None)],
)
def test_the_callback_is_the_response_unsigned(gateway, prompt, expected):
    gateway.sandbox.config(callback_secret="whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=")
    receiver = Receiver()
    try:
        task = gateway.created(**{"async": ...}, prompt=prompt, callback_url=receiver.url)
        headers, body = receiver.next()
        record = gateway.finished(task)
        assert not {name for name in headers if name.startswith("webhook-")}
        told = json.loads(body)
        assert told == record["response"] | {"trace_id": record["trace_id"]}
        assert (told["success"], told.get("state")) == (expected is not None, expected)
        assert receiver.arrived.empty()
    finally:
        receiver.close()


def test_tasks_are_seen_in_their_own_dialect_only(gateway):
    record = gateway.delivered()
    internal = gateway.debug(record["id"])["id"]
    box = gateway.sandbox
    for task_id in (record["id"], internal):
        assert box.http.get(f"/v1/videos/image2video/{task_id}").json()["code"] == 1201
        found = box.http.get(
            "/v2/video/generations",
            params={"generation_id": task_id},
            headers={"Authorization": f"Bearer {box.aimlapi_key}"},
        )
        assert found.status_code == 404
        assert box.http.get("/tasks", params={"task_ids": task_id}).json()["data"] == []
    assert box.http.get("/v1/videos/image2video").json()["data"] == []
    assert gateway.poll(internal).json() == {}


def test_records_survive_a_restart_of_the_store(gateway):
    from kling_nb.sandbox.store import TaskStore

    record = gateway.delivered()
    store = TaskStore(gateway.sandbox.home / "sandbox.sqlite")
    try:
        found = store.by_public_id(record["id"], "acedata")
        assert found.request == record["request"]
        assert store.by_public_id(record["id"], "aiml") is None
    finally:
        store.close()
