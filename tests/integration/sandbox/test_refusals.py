"""Every synchronous refusal the legacy surface covers, byte by byte (spec/official-api.md §10.2)."""

from __future__ import annotations

import socket

import pytest
from legacy_wire import IMAGE, PATH, PATH_UP, create, created, group, raw64, refusal, request

CAMERA = {"type": "simple", "config": {"zoom": 5}}
BASE64 = "File is not in a valid base64 format"
EXCLUSIVE = "image_tail, dynamic_masks/static_mask and camera_control can not be used at the same time"
SHOTS = [{"index": 1, "prompt": "a", "duration": "2"}, {"index": 2, "prompt": "b", "duration": "3"}]
V3 = {"model_name": "kling-v3"}
CUSTOM = V3 | {"multi_shot": True, "shot_type": "customize"}
SPEAKING = {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "voice_list": [{"voice_id": "1"}]}


def points(count):
    return [{"x": i, "y": i} for i in range(count)]


PARAMETER_REFUSALS = [
    ("M05", {"model_name": "kling-v3-0"}, "model_name value 'kling-v3-0' is invalid"),
    ("M05", {"model_name": "kling-v1.6"}, "model_name value 'kling-v1.6' is invalid"),
    ("M05", {"model_name": 3}, "model_name value '3' is invalid"),
    ("M05", {"mode": "standard"}, "mode value 'standard' is invalid"),
    ("M05", {"mode": "professional"}, "mode value 'professional' is invalid"),
    ("M05", {"mode": "Pro"}, "mode value 'Pro' is invalid"),
    ("M05", {"duration": "99"}, "duration value '99' is invalid"),
    ("M05", {"duration": "7"}, "duration value '7' is invalid"),
    ("M05", V3 | {"duration": "16"}, "duration value '16' is invalid"),
    ("M05", V3 | {"duration": "2"}, "duration value '2' is invalid"),
    ("M05", {"duration": 99}, "duration value '99' is invalid"),
    ("M05", {"duration": 5.0}, "duration value '5.0' is invalid"),
    ("M05", {"duration": True}, "duration value 'true' is invalid"),
    ("M05", {"duration": "05"}, "duration value '05' is invalid"),
    ("M05", {"sound": True}, "sound value 'true' is invalid"),
    ("M05", {"sound": "yes"}, "sound value 'yes' is invalid"),
    ("M05", {"image": 7}, "image value '7' is invalid"),
    ("M05", {"prompt": ["x"]}, "prompt value '[\"x\"]' is invalid"),
    ("M05", {"cfg_scale": "0.5"}, "cfg_scale value '0.5' is invalid"),
    ("M05", {"cfg_scale": True}, "cfg_scale value 'true' is invalid"),
    ("M05", {"multi_shot": "maybe"}, "multi_shot value 'maybe' is invalid"),
    ("M05", V3 | {"multi_shot": True, "shot_type": "free"}, "shot_type value 'free' is invalid"),
    ("M05", {"external_task_id": 5}, "external_task_id value '5' is invalid"),
    ("M05", {"callback_url": "ftp://host/x"}, "callback_url value 'ftp://host/x' is invalid"),
    ("M05", {"watermark_info": {"enabled": "yes"}}, "watermark_info.enabled value 'yes' is invalid"),
    ("M06", {"prompt": "x" * 2501}, "prompt: size must be between 0 and 2500"),
    ("M06", {"negative_prompt": "x" * 2501}, "negativePrompt: size must be between 0 and 2500"),
    ("M07", {"cfg_scale": 1.01}, "cfgScale: must be less than or equal to 1"),
    ("M07", {"cfg_scale": -0.01}, "cfgScale: must be greater than or equal to 0"),
    ("M08", {"image": f"data:image/png;base64,{IMAGE}"}, BASE64),
    ("M08", {"image": IMAGE[:-1]}, BASE64),
    ("M08", {"image": IMAGE[:40] + "\n" + IMAGE[40:]}, BASE64),
    ("M08", {"image": "no base64!"}, BASE64),
    ("M08", {"image": "file:///etc/passwd"}, BASE64),
    ("M08", {"image_tail": "data:,"}, BASE64),
    ("M08", {"static_mask": "ü"}, BASE64),
    ("M08", {"dynamic_masks": [group("data:image/png;base64,AAAA")]}, BASE64),
    (
        "M10",
        {"model_name": "kling-v2-master", "image_tail": IMAGE},
        "Image tail is not supported by the current model",
    ),
    (
        "M10",
        {"model_name": "kling-v2-1-master", "image": ..., "image_tail": IMAGE},
        "Image tail is not supported by the current model",
    ),
    (
        "M11",
        {"mode": "std", "duration": "10", "image_tail": IMAGE},
        "model/mode/duration(kling-v2-5-turbo/std/10) is not supported with image_tail",
    ),
    (
        "M11",
        {"model_name": "kling-v1", "mode": "pro", "image": ..., "image_tail": IMAGE},
        "model/mode/duration(kling-v1/pro/5) is not supported with image_tail",
    ),
    (
        "M11",
        {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "image_tail": IMAGE},
        "model/mode/duration(kling-v2-6/pro/5) is not supported with image_tail",
    ),
    (
        "M12",
        {"model_name": "kling-v1-6", "static_mask": IMAGE},
        "kling-v1-6 is not supported with motion brush",
    ),
    (
        "M13",
        {"model_name": "kling-v2-1-master", "dynamic_masks": [group()]},
        "Motion brush is not supported by the current model",
    ),
    (
        "M13",
        {"model_name": "kling-v1", "duration": "10", "dynamic_masks": [group()]},
        "model/mode/duration(kling-v1/std/10) is not supported with motion brush",
    ),
    ("M14", {"camera_control": CAMERA}, "Camera control is not supported by the current model"),
    (
        "M14",
        {"model_name": "kling-v1-5", "camera_control": CAMERA},
        "model/mode/duration(kling-v1-5/std/5) is not supported with camera_control",
    ),
    (
        "M16",
        {"model_name": "kling-v2-6", "sound": "on"},
        "model/mode(kling-v2-6/std) is not supported with sound on",
    ),
    ("M17", {"mode": "4k"}, "4k mode is not supported by the current model: kling-v2-5-turbo"),
    (
        "M17",
        {"model_name": "kling-v2-master", "mode": "4k"},
        "4k mode is not supported by the current model: kling-v2-master",
    ),
    ("M20", {"image": ...}, "image and image_tail can not be empty at the same time"),
    ("M20", {"image": ""}, "image and image_tail can not be empty at the same time"),
    ("M20", {"image": None}, "image and image_tail can not be empty at the same time"),
    ("M21", {"image_tail": IMAGE, "camera_control": CAMERA}, EXCLUSIVE),
    ("M21", {"image_tail": IMAGE, "dynamic_masks": [group()]}, EXCLUSIVE),
    ("M21", {"static_mask": IMAGE, "camera_control": CAMERA}, EXCLUSIVE),
    ("M21", {"image": ..., "image_tail": IMAGE, "static_mask": IMAGE}, EXCLUSIVE),
    ("M22", {"image": ..., "static_mask": IMAGE}, "image is required with motion brush"),
    ("M22", {"image": ..., "dynamic_masks": [group()]}, "image is required with motion brush"),
    ("M23", V3 | {"multi_shot": True}, "shot_type value '' is invalid"),
    ("M23", V3 | {"multi_shot": "true"}, "shot_type value '' is invalid"),
    ("M24", CUSTOM, "multi_prompt value is invalid"),
    ("M24", CUSTOM | {"multi_prompt": SHOTS[:1]}, "multi_prompt value is invalid"),
    ("M24", CUSTOM | {"multi_prompt": SHOTS, "duration": "6"}, "multi_prompt value is invalid"),
    ("M24", CUSTOM | {"multi_prompt": [SHOTS[0] | {"duration": 5}]}, "multi_prompt value is invalid"),
    ("M24", CUSTOM | {"multi_prompt": [{"index": 1, "duration": "5"}]}, "multi_prompt value is invalid"),
    (
        "M24",
        CUSTOM | {"multi_prompt": [{"index": 1, "prompt": "x" * 513, "duration": "5"}]},
        "multi_prompt value is invalid",
    ),
    ("M24", CUSTOM | {"multi_prompt": "two shots"}, "multi_prompt value is invalid"),
    ("M25", SPEAKING | {"sound": "off"}, "sound must be on with voice_list"),
    (
        "M26",
        SPEAKING | {"element_list": [{"element_id": 1}]},
        "element_list and voice_list can not be used at the same time",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group()] * 7},
        "dynamicMasks: size must be between 0 and 6",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group(), group(trajectories=points(1))]},
        "dynamicMasks[1].trajectories: size must be between 2 and 77",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group(trajectories=points(78))]},
        "dynamicMasks[0].trajectories: size must be between 2 and 77",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group(trajectories=[PATH_UP[0], {"x": 5.0, "y": 1}])]},
        "dynamic_masks[0].trajectories[1].x value '5.0' is invalid",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group(trajectories=[{"x": 1, "y": 0.5}, PATH_UP[0]])]},
        "dynamic_masks[0].trajectories[0].y value '0.5' is invalid",
    ),
    (
        "M27",
        {"model_name": "kling-v1", "dynamic_masks": [group(trajectories=[{"x": 1, "y": "2"}, PATH_UP[0]])]},
        "dynamic_masks[0].trajectories[0].y value '2' is invalid",
    ),
    ("M28", {"camera_control": {"type": "simple"}}, "camera_control value is invalid"),
    (
        "M28",
        {"camera_control": {"type": "simple", "config": {"zoom": 0}}},
        "camera_control value is invalid",
    ),
    (
        "M28",
        {"camera_control": {"type": "simple", "config": {"zoom": 1, "pan": 1}}},
        "camera_control value is invalid",
    ),
    (
        "M28",
        {"camera_control": {"type": "simple", "config": {"zoom": 10.5}}},
        "camera_control value is invalid",
    ),
    (
        "M28",
        {"camera_control": {"type": "simple", "config": {"dolly": 1}}},
        "camera_control value is invalid",
    ),
    (
        "M28",
        {"camera_control": {"type": "down_back", "config": {"zoom": 1}}},
        "camera_control value is invalid",
    ),
    (
        "M28",
        {"model_name": "kling-v1-5", "mode": "pro", "camera_control": {"type": "down_back"}},
        "camera_control.type value 'down_back' is invalid",
    ),
    ("M28", {"camera_control": {"type": "spin"}}, "camera_control.type value 'spin' is invalid"),
    ("M28", {"camera_control": "zoom"}, "camera_control value is invalid"),
    (
        "M39",
        {"model_name": "kling-v3", "sound": "on", "voice_list": [{"voice_id": "1"}]},
        "voice_list is not supported by the current model",
    ),
    (
        "M39",
        {"element_list": [{"element_id": 1}]},
        "element_list is not supported by the current model",
    ),
    (
        "M39",
        {"multi_shot": True, "shot_type": "intelligence"},
        "multi_shot is not supported by the current model",
    ),
    ("M41", V3 | {"prompt": ""}, "prompt: must not be blank"),
    ("M41", V3 | {"prompt": "  "}, "prompt: must not be blank"),
    (
        "M41",
        V3 | {"prompt": ..., "multi_shot": True, "shot_type": "intelligence"},
        "prompt: must not be blank",
    ),
]


@pytest.mark.parametrize(("row", "fields", "text"), PARAMETER_REFUSALS)
def test_parameter_refusals(sandbox, row, fields, text):
    assert refusal(create(sandbox, **fields)) == (400, 1201, text)
    assert sandbox.tasks() == []
    assert sandbox.charges() == []


NOT_REFUSED = [
    (
        "a brush of still and moving masks",
        {"model_name": "kling-v1", "static_mask": IMAGE, "dynamic_masks": [group()]},
    ),
    ("a still mask alone", {"model_name": "kling-v1", "static_mask": IMAGE}),
    ("an empty list of masks", {"dynamic_masks": []}),
    (
        "six groups of 77 points",
        {"model_name": "kling-v1", "dynamic_masks": [group(trajectories=points(77))] * 6},
    ),
    (
        "points outside the picture",
        {
            "model_name": "kling-v1",
            "dynamic_masks": [group(trajectories=[{"x": -9, "y": 999}, {"x": 1, "y": 2}])],
        },
    ),
    ("an empty prompt before v3", {"prompt": ""}),
    ("v3 with shots instead of a prompt", CUSTOM | {"prompt": "", "multi_prompt": SHOTS}),
    ("shots without multi_shot", {"shot_type": "free", "multi_prompt": "ignored"}),
    ("cfg_scale as an integer", {"cfg_scale": 1}),
    ("empty strings for absent ones", {"callback_url": "", "external_task_id": "", "negative_prompt": ""}),
    ("2500 characters, more bytes", {"prompt": "ü" * 2500}),
    ("null for absent", {"image_tail": None, "mode": None}),
    ("std on a model without modes", {"model_name": "kling-v2-1-master", "mode": "std"}),
    ("an end frame alone", {"model_name": "kling-v1-6", "mode": "pro", "image": ..., "image_tail": IMAGE}),
    (
        "a camera with all six axes",
        {
            "model_name": "kling-v1-5",
            "mode": "pro",
            "camera_control": {
                "type": "simple",
                "config": dict.fromkeys(("horizontal", "vertical", "pan", "tilt", "roll"), 0) | {"zoom": -4},
            },
        },
    ),
]


@pytest.mark.parametrize(("what", "fields"), NOT_REFUSED)
def test_not_refused(sandbox, what, fields):
    created(sandbox, **fields)


def test_a_missing_model_counts_as_the_oldest_and_model_is_no_field(sandbox):
    task = created(sandbox, model_name=..., model="kling-v3")
    record = sandbox.task(task)
    assert record["model"] == "kling-v1"
    assert record["ignored"] == ["model"]


def test_unknown_keys_are_ignored_and_recorded(sandbox):
    record = sandbox.task(created(sandbox, aspect_ratio="16:9", seed=1))
    assert record["ignored"] == ["aspect_ratio", "seed"]


def test_a_number_for_duration_is_tolerated_unless_strict(sandbox):
    record = sandbox.task(created(sandbox, duration=5))
    assert record["notes"] == ["duration is a number; the service documents a string"]
    sandbox.config(strict=True)
    assert refusal(create(sandbox, duration=5)) == (400, 1201, "duration value '5' is invalid")
    assert refusal(create(sandbox, image_tail=None)) == (400, 1201, "image_tail value 'null' is invalid")
    assert sandbox.http.get(PATH + "/").status_code == 404


def test_a_trailing_slash_is_tolerated(sandbox):
    assert sandbox.http.post(PATH + "/", json=request()).status_code == 200
    assert len(sandbox.http.get(PATH + "/").json()["data"]) == 1


@pytest.mark.parametrize(
    "model", ["kling-v1", "kling-v1-5", "kling-v1-6", "kling-v2-master", "kling-v2-1", "kling-v2-1-master"]
)
def test_retired_models(sandbox, model):
    created(sandbox, model_name=model)
    sandbox.config(retired="2026-09")
    text = f"The model '{model}' has been discontinued and is no longer available."
    assert refusal(create(sandbox, model_name=model)) == (400, 1201, text)


def test_retirement_covers_the_absent_model_and_spares_the_served_ones(sandbox):
    sandbox.config(retired="2026-09")
    text = "The model 'kling-v1' has been discontinued and is no longer available."
    assert refusal(create(sandbox, model_name=...)) == (400, 1201, text)
    for model in ("kling-v2-5-turbo", "kling-v2-6", "kling-v3"):
        created(sandbox, model_name=model)


def test_unowned_elements_and_voices(sandbox):
    sandbox.config(elements=["1"], voices=["7"])
    owned = {"model_name": "kling-v3", "element_list": [{"element_id": 1}]}
    created(sandbox, **owned)
    answer = create(sandbox, **owned | {"element_list": [{"element_id": 1}, {"element_id": 2}]})
    assert refusal(answer) == (400, 1201, "Element id not found: 2")
    assert refusal(create(sandbox, **SPEAKING)) == (400, 1201, "Voice id not found")


def test_duplicate_external_id(sandbox):
    created(sandbox, external_task_id="job-1")
    answer = create(sandbox, external_task_id="job-1")
    assert refusal(answer) == (400, 1201, "External_task_id job-1 already exists")
    sandbox.config(legacy_idempotency="ignore")
    second = created(sandbox, external_task_id="job-1")
    assert len(sandbox.tasks()) == 2
    assert sandbox.http.get(f"{PATH}/job-1").json()["data"]["task_id"] == second


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe{}",
        b'{"cfg_scale":NaN}',
        b'{"prompt":"\\ud800"}',
        b"[" * 9999,
    ],
)
def test_unreadable_body(sandbox, body):
    answer = sandbox.http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert refusal(answer) == (400, 1200, "Failed to resolve the request body")


def test_body_above_64_mb(sandbox):
    answer = sandbox.http.post(PATH, content=b" " * (64 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("wanted", ["missing", "0", "9" * 30, "a/b:c?d e", "%41", "ü"])
def test_unknown_task(sandbox, wanted):
    from urllib.parse import quote

    answer = sandbox.http.get(f"{PATH}/{quote(wanted, safe='')}")
    assert refusal(answer) == (400, 1201, f"Task not found by id/external id: {wanted}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pageNum", "0"),
        ("pageNum", "1001"),
        ("pageNum", "x"),
        ("pageSize", "0"),
        ("pageSize", "501"),
        ("pageSize", "-1"),
    ],
)
def test_list_page_out_of_range(sandbox, name, value):
    answer = sandbox.http.get(PATH, params={name: value})
    assert refusal(answer) == (400, 1201, f"{name} value '{value}' is invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", PATH),
        ("DELETE", PATH),
        ("DELETE", f"{PATH}/1"),
        ("POST", f"{PATH}/1"),
        ("POST", "/account/costs"),
    ],
)
def test_wrong_method(sandbox, method, path):
    answer = sandbox.http.request(method, path, json={})
    assert refusal(answer) == (404, 1202, "The requested method is invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/videos/omni-video",
        "/v1/videos/lip-sync",
        "/v1/videos/effects/123",
        "/v1/videos/multi-elements/init-selection",
        "/v1/images/generations",
        "/v1/audio/tts",
        "/v1/general/presets-voices",
        "/account/billing/balance",
        "/omni-video/kling-o1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_official_paths_that_are_not_served(sandbox, method, path):
    answer = sandbox.http.request(method, path, json={})
    assert refusal(answer) == (404, 1203, "The requested resource does not exist")


@pytest.mark.parametrize("path", ["/v1/videos/text-to-video", "/v1/task/list", "/nowhere", "/", "/v3/x"])
def test_unknown_path(sandbox, path):
    answer = sandbox.http.get(path)
    assert answer.status_code == 404
    body = answer.json()
    assert set(body) == {"timestamp", "status", "error", "message", "path"}
    assert (body["status"], body["error"], body["path"]) == (404, "Not Found", path)


def test_no_answer_names_the_server(sandbox):
    for answer in (sandbox.http.get(PATH), sandbox.http.get("/nowhere"), create(sandbox)):
        assert "server" not in answer.headers
        assert len(answer.headers.get_list("date")) == 1


def test_a_stalled_client_does_not_hold_up_others(sandbox):
    with socket.create_connection((sandbox.http.base_url.host, sandbox.http.base_url.port)) as stalled:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.api_key}\r\n"
        stalled.sendall(f"{head}Content-Length: 100000\r\n\r\n{{".encode())
        created(sandbox)


class TestOrderOfChecks:
    """The first failing step wins (spec/sandbox.md §2)."""

    BROKEN = b"{"

    def test_authorization_before_path_method_and_body(self, sandbox):
        for method, path in (
            ("GET", "/nowhere"),
            ("PUT", PATH),
            ("POST", PATH),
            ("GET", "/v1/videos/effects"),
        ):
            answer = sandbox.http.request(method, path, content=self.BROKEN, headers={"Authorization": ""})
            assert refusal(answer) == (401, 1001, "Authorization is empty")

    def test_method_before_body(self, sandbox):
        answer = sandbox.http.put(PATH, content=self.BROKEN)
        assert refusal(answer)[1] == 1202

    def test_body_before_fault_and_fault_before_fields(self, sandbox):
        fault = {"X-Sandbox-Fault": "code:1304"}
        assert refusal(sandbox.http.post(PATH, content=self.BROKEN, headers=fault))[1] == 1200
        assert refusal(create(sandbox, headers=fault, model_name="none"))[1] == 1304

    @pytest.mark.parametrize(
        ("fields", "first"),
        [
            ({"model_name": "x", "image": "!"}, "model_name value 'x' is invalid"),
            ({"image": "!", "prompt": "x" * 2501}, BASE64),
            ({"prompt": "x" * 2501, "mode": "x"}, "prompt: size must be between 0 and 2500"),
            ({"cfg_scale": 2, "mode": "x"}, "cfgScale: must be less than or equal to 1"),
            ({"mode": "x", "duration": "x"}, "mode value 'x' is invalid"),
            ({"duration": "x", "external_task_id": 5}, "duration value 'x' is invalid"),
            ({"external_task_id": 5, "image": ...}, "external_task_id value '5' is invalid"),
            (
                {"image": ..., "image_tail": ..., "camera_control": {}},
                "image and image_tail can not be empty at the same time",
            ),
            ({"image_tail": IMAGE, "dynamic_masks": [group()] * 7}, EXCLUSIVE),
            ({"dynamic_masks": [group()] * 7, "mode": "4k"}, "dynamicMasks: size must be between 0 and 6"),
            ({"camera_control": {"type": "simple"}, "mode": "4k"}, "camera_control value is invalid"),
        ],
    )
    def test_field_by_field_then_rules_then_brush_camera_table(self, sandbox, fields, first):
        assert refusal(create(sandbox, **fields))[2] == first

    def test_table_before_duplicate_before_money_before_slots(self, sandbox):
        sandbox.config(quota=1, total_quantity=2)
        first = {"external_task_id": "job", "prompt": "[[sandbox:stuck]]"}
        created(sandbox, **first)
        assert refusal(create(sandbox, **first, mode="4k"))[2].startswith("4k mode is not supported")
        assert refusal(create(sandbox, **first))[2] == "External_task_id job already exists"
        assert refusal(create(sandbox))[1] == 1102
        sandbox.config(total_quantity=1000)
        assert refusal(create(sandbox))[1] == 1303

    def test_pictures_are_only_looked_at_after_the_answer(self, sandbox):
        created(sandbox, image=raw64(b"no picture at all"))
