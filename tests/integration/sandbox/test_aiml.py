"""The AI/ML dialect on the wire (spec/gateways.md §3, spec/sandbox.md §4, §6, §9)."""

from __future__ import annotations

import itertools
import re
from datetime import datetime
from decimal import Decimal

import httpx
import pytest
from gateway_wire import GENERATIONS, NO_CREDITS, NO_KEY, V1, Aiml, hint
from legacy_wire import IMAGE, PATH_UP, group, picture

T2V = "kling-video/v1/standard/text-to-video"
V26 = "klingai/video-v2-6-pro-image-to-video"
V3 = "klingai/video-v3-standard-image-to-video"
O1 = "klingai/video-o1-image-to-video"
TURBO = "klingai/video-v3-turbo-pro-image-to-video"

# Id -> official model, tier, audio when nothing is said, form (spec/gateways.md §3.3; the ids of
# text-to-video are those of the vendor's published schemas).
IDS = {
    V1: ("kling-v1", "std", False),
    "kling-video/v1/pro/image-to-video": ("kling-v1", "pro", False),
    "kling-video/v1.5/standard/image-to-video": ("kling-v1-5", "std", False),
    "kling-video/v1.5/pro/image-to-video": ("kling-v1-5", "pro", False),
    "kling-video/v1.6/standard/image-to-video": ("kling-v1-6", "std", False),
    "kling-video/v1.6/pro/image-to-video": ("kling-v1-6", "pro", False),
    "kling-video/v2.1/standard/image-to-video": ("kling-v2-1", "std", False),
    "kling-video/v2.1/pro/image-to-video": ("kling-v2-1", "pro", False),
    "klingai/v2-master-image-to-video": ("kling-v2-master", "std", False),
    "klingai/v2.1-master-image-to-video": ("kling-v2-1-master", "std", False),
    "klingai/v2.5-turbo/pro/image-to-video": ("kling-v2-5-turbo", "pro", False),
    V26: ("kling-v2-6", "pro", True),
    V3: ("kling-v3", "std", True),
    "klingai/video-v3-pro-image-to-video": ("kling-v3", "pro", True),
    "klingai/video-v3-omni-720p-image-to-video": ("kling-v3-omni", "std", True),
    "klingai/video-v3-omni-1080p-image-to-video": ("kling-v3-omni", "pro", True),
    "klingai/video-v3-standard-turbo-image-to-video": ("kling-3.0-turbo", "std", True),
    TURBO: ("kling-3.0-turbo", "pro", True),
    O1: ("kling-video-o1", "pro", False),
    T2V: ("kling-v1", "std", False),
    "kling-video/v1/pro/text-to-video": ("kling-v1", "pro", False),
    "kling-video/v1.6/standard/text-to-video": ("kling-v1-6", "std", False),
    "kling-video/v1.6/pro/text-to-video": ("kling-v1-6", "pro", False),
    "klingai/v2-master-text-to-video": ("kling-v2-master", "std", False),
    "klingai/v2.1-master-text-to-video": ("kling-v2-1-master", "std", False),
    "klingai/v2.5-turbo/pro/text-to-video": ("kling-v2-5-turbo", "pro", False),
    "klingai/video-v2-6-pro-text-to-video": ("kling-v2-6", "pro", True),
    "klingai/video-v3-standard-text-to-video": ("kling-v3", "std", True),
    "klingai/video-v3-pro-text-to-video": ("kling-v3", "pro", True),
    "klingai/video-v3-omni-720p-text-to-video": ("kling-v3-omni", "std", True),
    "klingai/video-v3-omni-1080p-text-to-video": ("kling-v3-omni", "pro", True),
    "klingai/video-v3-standard-turbo-text-to-video": ("kling-3.0-turbo", "std", True),
    "klingai/video-v3-turbo-pro-text-to-video": ("kling-3.0-turbo", "pro", True),
}


@pytest.fixture
def gateway(sandbox):
    return Aiml(sandbox)


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "aiml-sandbox", "Bearer acedata-sandbox"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", GENERATIONS), ("GET", GENERATIONS), ("GET", "/v2/billing")]
)
def test_only_the_own_key_is_let_in(gateway, header, method, path):
    with httpx.Client(base_url=gateway.sandbox.url, trust_env=False, timeout=60) as client:
        answer = client.request(method, path, headers={"Authorization": header} if header else {})
    assert gateway.refusal(answer) == (401, NO_KEY)


REFUSED = [
    ({"image_url": ...}, "image_url: Required"),
    ({"image_url": 5}, "image_url: Expected string, received number"),
    ({"image_url": "not base64!"}, "image_url: Invalid url"),
    ({"image_url": "data:image/png;base64,?"}, "image_url: Invalid url"),
    ({"image_url": "data:image/png;base64,"}, "image_url: Invalid url"),
    ({"image_url": "ftp://e.com/a.png"}, "image_url: Invalid url"),
    ({"model": ...}, "model: Required"),
    ({"model": V26, "prompt": ...}, "prompt: Required"),
    ({"model": V26, "prompt": "x" * 2501}, "prompt: String must contain at most 2500 character(s)"),
    ({"model": V3, "prompt": ...}, "prompt: Required"),
    ({"prompt": 5}, "prompt: Expected string, received number"),
    (
        {"model": TURBO, "multi_prompt": [{"prompt": "a", "duration": 5}]},
        "prompt and multi_prompt can not be used at the same time",
    ),
    ({"duration": 7}, "Invalid enum value. Expected '5' | '10', received '7'"),
    ({"duration": "7"}, "Invalid enum value. Expected '5' | '10', received '7'"),
    ({"duration": True}, "Invalid enum value. Expected '5' | '10', received 'true'"),
    ({"cfg_scale": 1.5}, "cfg_scale: Number must be less than or equal to 1"),
    ({"cfg_scale": -0.5}, "cfg_scale: Number must be greater than or equal to 0"),
    ({"cfg_scale": "1"}, "cfg_scale: Expected number, received string"),
    ({"model": V3, "generate_audio": "on"}, "generate_audio: Expected boolean, received string"),
    (
        {"provider": "runway"},
        "Invalid enum value. Expected 'auto' | 'kling' | 'klingai' | 'fal', received 'runway'",
    ),
    (
        {"model": V3, "shot_type": "none"},
        "Invalid enum value. Expected 'customize' | 'intelligent' | 'intelligence', received 'none'",
    ),
    ({"model": V3, "elements": [{}] * 5}, "elements: Array must contain at most 4 element(s)"),
    ({"static_mask": 5}, "static_mask: Expected string, received number"),
    ({"dynamic_masks": [group()] * 7}, "dynamic_masks: Array must contain at most 6 element(s)"),
    ({"dynamic_masks": {}}, "dynamic_masks: Expected array, received object"),
    ({"dynamic_masks": [5]}, "dynamic_masks.0: Expected object, received number"),
    ({"dynamic_masks": [{"mask": IMAGE}]}, "dynamic_masks.0.trajectories: Required"),
    (
        {"dynamic_masks": [group(trajectories=PATH_UP[:1])]},
        "dynamic_masks.0.trajectories: Array must contain at least 2 element(s)",
    ),
    (
        {"dynamic_masks": [group(trajectories=PATH_UP * 39)]},
        "dynamic_masks.0.trajectories: Array must contain at most 77 element(s)",
    ),
    (
        {"dynamic_masks": [group(trajectories=[{"x": 1, "y": 2}, {"x": 1.5, "y": 2}])]},
        "dynamic_masks.0.trajectories.1.x: Expected integer, received float",
    ),
    ({"dynamic_masks": [group(mask="?")]}, "dynamic_masks.0.mask: Invalid url"),
    ({"camera_control": "down_back"}, "camera_control: Expected object, received string"),
    (
        {"camera_control": {"type": "simple", "config": {"zoom": 11}}},
        "camera_control.config.zoom: Number must be less than or equal to 10",
    ),
    (
        {"model": T2V, "camera_control": {"type": "simple", "config": {"zoom": 1}}},
        "Invalid enum value. Expected 'down_back' | 'forward_up' | 'right_turn_forward' | "
        '\'left_turn_forward\', received \'{"type":"simple","config":{"zoom":1}}\'',
    ),
    (
        {"model": T2V, "advanced_camera_control": {"movement_type": "zoom", "movement_value": 2.5}},
        "advanced_camera_control.movement_value: Expected integer, received float",
    ),
    (
        {"model": T2V, "advanced_camera_control": {"movement_type": "zoom", "movement_value": 11}},
        "advanced_camera_control.movement_value: Number must be less than or equal to 10",
    ),
    (
        {"model": T2V, "aspect_ratio": "4:3"},
        "Invalid enum value. Expected '16:9' | '9:16' | '1:1', received '4:3'",
    ),
]


def test_bodies_that_break_the_schema(gateway):
    for fields, text in REFUSED:
        assert hint(gateway.create(**fields)) == text, fields
    assert gateway.sandbox.tasks() == []


@pytest.mark.parametrize("model", ["kling-v1", "kling-video/v2.6/pro/image-to-video", 5])
def test_an_unknown_model_is_told_every_known_one(gateway, model):
    answer = gateway.create(model=model)
    if model == 5:
        assert hint(answer) == "model: Expected string, received number"
        return
    known = re.findall("'([^']+)'", hint(answer))
    assert hint(answer).startswith(f"Invalid enum value. Expected '{V1}' | ")
    assert known[-1] == model
    assert set(IDS) <= set(known[:-1])


def test_every_id_is_the_model_and_tier_it_names(gateway):
    gateway.sandbox.config(quota=100, min_processing=0, total_quantity=10000)
    created = {}
    for model in IDS:
        image = {} if model.endswith("image-to-video") else {"image_url": ...}
        created[model] = gateway.created(model=model, **image)
    for model, (official, mode, sound) in IDS.items():
        done = gateway.finished(created[model])
        debug = gateway.debug(created[model])
        assert done["status"] == "completed", (model, done)
        assert (debug["model"], debug["mode"], debug["sound"]) == (official, mode, sound)
        spent = Decimal(done["meta"]["usage"]["credits_used"])
        assert spent == Decimal(debug["units"]) * 90_000
        assert "credits_used is fictional: 90000 a unit" in debug["notes"]


@pytest.mark.parametrize(
    ("model", "fields", "units"),
    [
        (V26, {}, "5"),
        (V26, {"generate_audio": True}, "5"),
        (V26, {"generate_audio": False}, "2.5"),
        (V26, {"generate_audio": None}, "5"),
        (V3, {}, "4.5"),
        (V3, {"generate_audio": False, "duration": 3}, "1.8"),
        (TURBO, {"generate_audio": False, "duration": "15"}, "15"),
        (V1, {"duration": "10"}, "2"),
    ],
)
def test_absent_audio_is_priced_as_audio(gateway, model, fields, units):
    task = gateway.created(model=model, **fields)
    assert Decimal(gateway.debug(task)["units"]) == Decimal(units)


def test_the_stages_of_a_generation(gateway):
    gateway.sandbox.hold()
    answer = gateway.create()
    task = answer.json()["id"]
    assert re.fullmatch(r"[\w-]{21}", task)
    assert answer.json() == {"id": task, "status": "queued"}
    ledger = answer.headers["x-inference-id"]
    assert ledger
    seen = []

    def poll():
        found = gateway.poll(task)
        assert found.headers["x-inference-id"] == ledger
        seen.append(found.json())
        return seen[-1]["status"]

    assert poll() == poll() == "queued"
    gateway.sandbox.work()
    while poll() == "queued":
        pass
    assert poll() == "generating"
    gateway.sandbox.deliver()
    while poll() == "generating":
        pass
    stages = [seen[0], *(now for before, now in itertools.pairwise(seen) if now != before)]
    url = seen[-1]["video"]["url"]
    assert stages == [
        {"id": task, "status": "queued"},
        {"id": task, "status": "generating", "video": None, "error": None, "meta": None},
        {
            "id": task,
            "status": "completed",
            "video": {"url": url},
            "error": None,
            "meta": {"usage": {"credits_used": 90000}},
        },
    ]
    assert gateway.sandbox.http.get(url).headers["content-type"] == "video/mp4"


UPSTREAM = [
    ({"model": V1, "tail_image_url": IMAGE, "duration": 10}, "image_tail"),
    ({"model": "kling-video/v1.6/pro/image-to-video", "dynamic_masks": [group()]}, "motion brush"),
    ({"model": "kling-video/v2.1/pro/image-to-video", "static_mask": IMAGE}, "Motion brush"),
    ({"model": V1, "camera_control": {"type": "simple", "config": {"zoom": 5}}}, "camera_control"),
    ({"model": V26, "tail_image_url": IMAGE}, "image_tail"),
    ({"model": "klingai/video-v3-omni-720p-image-to-video", "tail_image_url": IMAGE}, "image_tail"),
    ({"model": V1, "tail_image_url": IMAGE, "static_mask": IMAGE}, "can not be used at the same time"),
    (
        {"model": T2V, "image_url": ..., "camera_control": "down_back", "duration": 10},
        "only supported in std",
    ),
    ({"model": "kling-video/v1.5/pro/text-to-video", "image_url": ...}, "model_name value 'kling-v1-5'"),
]


def test_what_the_service_behind_refuses_fails_the_task(gateway):
    gateway.sandbox.config(quota=100, tricky_errors=True)
    for number, (fields, text) in enumerate(UPSTREAM):
        done = gateway.delivered(**fields)
        assert done["status"] == "error"
        if number % 2:  # every second one comes in the unusual form
            assert set(done) == {"id", "status", "error"}
            [detail] = done["error"]["detail"]
            assert set(detail) == {"loc", "msg", "type", "input"}
            assert text in detail["msg"]
        else:
            assert (done["video"], done["meta"]) == (None, None)
            assert done["error"]["name"] == "UpstreamError"
            assert text in done["error"]["message"]
    assert gateway.sandbox.charges() == []


def test_one_form_of_errors_without_the_switch(gateway):
    for _ in range(2):
        assert set(gateway.delivered(model=V26, tail_image_url=IMAGE)["error"]) == {"name", "message"}


def test_three_ways_to_give_a_picture_are_one(gateway):
    loopback = gateway.sandbox.upload(picture())
    for given in (loopback, f"data:image/png;base64,{IMAGE}", IMAGE):
        done = gateway.delivered(image_url=given, tail_image_url=given)
        assert done["status"] == "completed", given


def test_camera_of_text_to_video_is_a_word_or_a_number(gateway):
    for fields in (
        {"camera_control": "down_back"},
        {"advanced_camera_control": {"movement_type": "zoom", "movement_value": -10}},
    ):
        done = gateway.delivered(model=T2V, image_url=..., **fields)
        assert done["status"] == "completed"
        assert gateway.debug(done["id"])["ignored"] == []


def test_fields_an_id_does_not_have_are_ignored(gateway):
    done = gateway.delivered(
        model="kling-video/v1.6/standard/image-to-video",
        dynamic_masks="nonsense",
        tail_image_url=5,
        generate_audio="on",
        external_task_id="mine",
    )
    assert done["status"] == "completed"
    ignored = gateway.debug(done["id"])["ignored"]
    assert sorted(ignored) == ["dynamic_masks", "external_task_id", "generate_audio", "tail_image_url"]


def test_masks_without_effect_on_the_answer_are_rendered(gateway):
    done = gateway.delivered(static_mask=f"data:image/png;base64,{IMAGE}", dynamic_masks=[group()])
    assert done["status"] == "completed"


def test_ids_that_need_escaping(gateway):
    gateway.sandbox.config(awkward_ids=True, min_processing=0)
    tasks = [gateway.created() for _ in range(3)]
    plain, awkward = tasks[:2], tasks[2]
    assert all(re.fullmatch(r"[\w-]{21}", task) for task in plain)
    assert re.fullmatch(rf"[0-9a-f-]{{36}}:{re.escape(V1)}", awkward)
    assert gateway.finished(awkward)["id"] == awkward
    assert gateway.debug(awkward)["public_id"] == awkward


def test_polls_of_nothing(gateway):
    assert hint(gateway.request("GET", GENERATIONS)) == "generation_id: Required"
    answer = gateway.poll("unknown")
    assert gateway.refusal(answer) == (404, "Generation not found")
    assert answer.json()["timestamp"].endswith("Z")
    assert datetime.fromisoformat(answer.json()["timestamp"])


def test_a_body_that_is_no_object(gateway):
    for content in (b"", b"[]", b"{", b"\xff"):
        answer = gateway.request("POST", GENERATIONS, content=content)
        assert gateway.refusal(answer) == (400, "Body validation error")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", GENERATIONS), ("GET", "/v2/logs"), ("POST", "/v2/billing")]
)
def test_other_paths_are_unknown(gateway, method, path):
    assert gateway.refusal(gateway.request(method, path)) == (404, f"Cannot {method} {path}")


def test_the_balance_is_what_is_left_of_the_one_pack(gateway):
    def balance():
        answer = gateway.request("GET", "/v2/billing").json()
        assert answer["currency"] == "USD"
        return answer["current_balance"]

    assert balance() == 140.0
    gateway.delivered(duration=10)
    assert balance() == pytest.approx(140 - 2 * 0.14)
    gateway.delivered(duration=10, prompt="[[sandbox:async:risk]]")
    assert balance() == pytest.approx(140 - 2 * 0.14)
    gateway.sandbox.config(total_quantity="0.5")
    assert gateway.refusal(gateway.create()) == (403, NO_CREDITS)
