"""Text to video on the legacy API (spec/official-api.md §15, spec/capabilities.md §3)."""

from __future__ import annotations

import pytest
from legacy_wire import IMAGE, refusal
from new_wire import TEXT, accepted, ended, post, tasks

MODELS = {
    "kling-v1": ("std", "pro"),
    "kling-v1-6": ("std", "pro"),
    "kling-v2-master": (),
    "kling-v2-1-master": (),
    "kling-v2-5-turbo": ("std", "pro"),
    "kling-v2-6": ("std", "pro"),
    "kling-v3": ("std", "pro", "4k"),
}
CAMERAS = ("down_back", "forward_up", "right_turn_forward", "left_turn_forward")
ZOOM = {"type": "simple", "config": {"zoom": 5}}
SHOTS = {"multi_shot": True, "shot_type": "intelligence"}
VOICE = {"voice_list": [{"voice_id": "1"}]}
ASK = {
    "plain": {},
    "zoom": {"camera_control": ZOOM},
    "sound": {"sound": "on"},
    "voice": {"sound": "on"} | VOICE,
    "shots": SHOTS,
}
M15 = "camera_control is only supported in std mode with 5s duration and kling-v1"


def create(sandbox, **fields):
    body = {"model_name": "kling-v2-5-turbo", "prompt": "a fox"} | fields
    return post(sandbox, TEXT, {key: value for key, value in body.items() if value is not ...})


def expected_text(model, mode, seconds, ask):
    """The refusal by the specification, None where the combination is offered."""
    lengths = range(3, 16) if model == "kling-v3" else (5, 10)
    if seconds not in lengths:
        return f"duration value '{seconds}' is invalid"
    if mode == "4k" and model != "kling-v3":
        return f"4k mode is not supported by the current model: {model}"
    audio = model == "kling-v3" or (model, mode) == ("kling-v2-6", "pro")
    if ask == "zoom" and (model, mode, seconds) != ("kling-v1", "std", 5):
        return M15
    if ask in ("sound", "voice") and not audio:
        return f"model/mode({model}/{mode}) is not supported with sound on"
    if ask == "voice":
        return "voice_list is not supported by the current model"
    if ask == "shots" and model != "kling-v3":
        return "multi_shot is not supported by the current model"
    return None


@pytest.mark.parametrize("model", MODELS)
def test_every_cell(sandbox, model):
    sandbox.config(quota=1000, total_quantity=1_000_000, workers=50)
    accepted_modes = set()
    for mode in ("std", "pro", "4k"):
        for seconds in (2, 3, 5, 6, 10, 15, 16):
            for ask, fields in ASK.items():
                answer = create(sandbox, model_name=model, mode=mode, duration=str(seconds), **fields)
                wanted = expected_text(model, mode, seconds, ask)
                if wanted is None:
                    assert answer.status_code == 200, (mode, seconds, ask, answer.text)
                    accepted_modes.add(mode)
                else:
                    assert refusal(answer) == (400, 1201, wanted), (mode, seconds, ask)
    assert accepted_modes == set(MODELS[model] or ("std", "pro"))


@pytest.mark.parametrize("model", ["kling-v1-5", "kling-v2-1", "kling-3.0-turbo", "kling-v2.6"])
def test_models_without_text_to_video(sandbox, model):
    assert refusal(create(sandbox, model_name=model)) == (
        400,
        1201,
        f"model_name value '{model}' is invalid",
    )


V1 = {"model_name": "kling-v1"}
V3 = {"model_name": "kling-v3"}
REFUSED = [
    ({"aspect_ratio": "4:3"}, "aspect_ratio value '4:3' is invalid"),
    ({"aspect_ratio": 1}, "aspect_ratio value '1' is invalid"),
    ({"mode": "720p"}, "mode value '720p' is invalid"),
    ({"prompt": "x" * 2501}, "prompt: size must be between 0 and 2500"),
    ({"negative_prompt": "x" * 2501}, "negativePrompt: size must be between 0 and 2500"),
    ({"cfg_scale": 1.5}, "cfgScale: must be less than or equal to 1"),
    ({"cfg_scale": -1}, "cfgScale: must be greater than or equal to 0"),
    (V1 | {"camera_control": {"type": "simple"}}, "camera_control value is invalid"),
    (V1 | {"camera_control": {"type": "spin"}}, "camera_control.type value 'spin' is invalid"),
    (
        V1 | {"camera_control": {"type": "down_back", "config": {"zoom": 1}}},
        "camera_control value is invalid",
    ),
    (V1 | {"mode": "pro", "camera_control": ZOOM}, M15),
    (V1 | {"duration": "10", "camera_control": ZOOM}, M15),
    (V3 | {"multi_shot": True}, "shot_type value '' is invalid"),
    (V3 | {"multi_shot": True, "shot_type": "customize"}, "multi_prompt value is invalid"),
    (VOICE, "sound must be on with voice_list"),
    (V3 | {"prompt": ...}, "prompt: must not be blank"),
]


@pytest.mark.parametrize(("fields", "text"), REFUSED)
def test_refusals(sandbox, fields, text):
    assert refusal(create(sandbox, **fields)) == (400, 1201, text)
    assert sandbox.tasks() == []


@pytest.mark.parametrize("kind", CAMERAS)
def test_v1_takes_every_camera(sandbox, kind):
    accepted(create(sandbox, **V1, camera_control={"type": kind}))


def test_pictures_and_elements_are_no_fields_here(sandbox):
    task = accepted(create(sandbox, image=IMAGE, image_tail="broken!", element_list=7, static_mask=1))
    assert sandbox.task(task)["ignored"] == ["image", "image_tail", "element_list", "static_mask"]


def test_retired_models(sandbox):
    sandbox.config(retired="2026-09")
    for model in ("kling-v1", "kling-v1-6", "kling-v2-master", "kling-v2-1-master", ...):
        name = "kling-v1" if model is ... else model
        text = f"The model '{name}' has been discontinued and is no longer available."
        assert refusal(create(sandbox, model_name=model)) == (400, 1201, text)
    for model in ("kling-v2-5-turbo", "kling-v2-6", "kling-v3"):
        accepted(create(sandbox, model_name=model))


def test_its_tasks_are_on_its_path_and_on_the_new_one_only(sandbox):
    task = accepted(create(sandbox, external_task_id="job"))
    ended(sandbox, task)
    (listed,) = sandbox.http.get(TEXT).json()["data"]
    one = sandbox.http.get(f"{TEXT}/job").json()["data"]
    assert listed == one
    assert (one["task_id"], one["task_status"], one["final_unit_deduction"]) == (task, "succeed", "1.5")
    assert one["task_result"]["videos"][0]["duration"] == "5.041"
    assert sandbox.http.get("/v1/videos/image2video").json()["data"] == []
    elsewhere = sandbox.http.get(f"/v1/videos/image2video/{task}")
    assert refusal(elsewhere)[2] == f"Task not found by id/external id: {task}"
    assert [found["id"] for found in tasks(sandbox, "job", name="external_task_ids")] == [task]
    twice = post(sandbox, "/v1/videos/image2video", {"image": IMAGE, "external_task_id": "job"})
    assert refusal(twice)[2] == "External_task_id job already exists"


@pytest.mark.parametrize(
    ("fields", "duration", "units"),
    [
        (V1, "5.1", "1"),
        ({"model_name": "kling-v1-6", "mode": "pro"}, "5.041", "3.5"),
        ({"model_name": "kling-v2-1-master", "duration": "10"}, "10.041", "20"),
        ({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "duration": "10"}, "10.041", "10"),
        (V3 | {"duration": "7"}, "7.041", "4.2"),
        (V3 | {"mode": "4k", "duration": "3", "sound": "on"}, "3.041", "9"),
    ],
)
def test_length_and_price(sandbox, fields, duration, units):
    task = ended(sandbox, accepted(create(sandbox, **fields)))
    assert task["outputs"][0]["duration"] == duration
    assert task["billing"] == [{"charge_type": "unit", "amount": units, "package_type": "video"}]
