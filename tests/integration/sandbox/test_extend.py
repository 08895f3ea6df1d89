"""Video extension (spec/official-api.md §15, spec/sandbox.md §10, prices of spec/capabilities.md §6.1)."""

from __future__ import annotations

import io

import av
import pytest
from legacy_wire import IMAGE, finished, get, refusal
from new_wire import EXTEND, TEXT, accepted, ended, post

I2V = "/v1/videos/image2video"


def source(sandbox, model="kling-v1-6", mode="std", **rest):
    """A finished clip; return its video."""
    body = {"model_name": model, "mode": mode, "image": IMAGE, "prompt": "a boat"} | rest
    return finished(sandbox, accepted(post(sandbox, I2V, body)))["task_result"]["videos"][0]


def extend(sandbox, video_id, **fields):
    return post(sandbox, EXTEND, {"video_id": video_id} | fields)


def extended(sandbox, video_id, **fields):
    """The finished extension as its own path shows it."""
    task = accepted(extend(sandbox, video_id, **fields))
    ended(sandbox, task)
    return sandbox.http.get(f"{EXTEND}/{task}").json()["data"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "video_id value '' is invalid"),
        ({"video_id": ""}, "video_id value '' is invalid"),
        ({"video_id": 5}, "video_id value '5' is invalid"),
        ({"video_id": "123"}, "Video not found by id: 123"),
        ({"video_id": "1", "prompt": "x" * 2501}, "prompt: size must be between 0 and 2500"),
        ({"video_id": "1", "negative_prompt": "x" * 2501}, "negativePrompt: size must be between 0 and 2500"),
        ({"video_id": "1", "cfg_scale": 2}, "cfgScale: must be less than or equal to 1"),
        ({"video_id": "1", "callback_url": "x"}, "callback_url value 'x' is invalid"),
        ({"video_id": "1", "external_task_id": 1}, "external_task_id value '1' is invalid"),
    ],
)
def test_refusals(sandbox, body, text):
    assert refusal(post(sandbox, EXTEND, body)) == (400, 1201, text)


@pytest.mark.parametrize(
    "model", ["kling-v2-master", "kling-v2-1", "kling-v2-5-turbo", "kling-v2-6", "kling-v3"]
)
def test_later_models_cannot_go_on(sandbox, model):
    video = source(sandbox, model)["id"]
    assert refusal(extend(sandbox, video)) == (400, 1201, f"video_id value '{video}' is invalid")
    assert len(sandbox.tasks()) == 1


def test_videos_are_found_by_their_own_id_only(sandbox):
    task = accepted(post(sandbox, I2V, {"image": IMAGE, "watermark_info": {"enabled": True}}))
    video = finished(sandbox, task)["task_result"]["videos"][0]
    marked = video["watermark_url"].split("/")[-1].partition(".")[0]
    for wrong in (task, marked):
        assert refusal(extend(sandbox, wrong))[2] == f"Video not found by id: {wrong}"
    accepted(extend(sandbox, video["id"]))


def test_purged_videos_are_not_found(sandbox):
    video = source(sandbox)["id"]
    sandbox.config(retention=0)
    assert refusal(extend(sandbox, video))[2] == f"Video not found by id: {video}"


@pytest.mark.parametrize(
    ("model", "mode", "units"),
    [
        ("kling-v1", "std", "1"),
        ("kling-v1", "pro", "3.5"),
        ("kling-v1-5", "std", "2"),
        ("kling-v1-5", "pro", "3.5"),
        ("kling-v1-6", "std", "2"),
        ("kling-v1-6", "pro", "3.5"),
    ],
)
def test_price_length_and_parent(sandbox, model, mode, units):
    video = source(sandbox, model, mode)
    task = extended(sandbox, video["id"], prompt="it goes on", external_task_id="more")
    assert task["final_unit_deduction"] == units
    assert task["task_info"]["external_task_id"] == "more"
    parent = task["task_info"]["parent_video"]
    assert (parent["id"], parent["duration"]) == (video["id"], "5.1")
    assert get(parent["url"]).content == get(video["url"]).content
    result = task["task_result"]["videos"][0]
    assert result["duration"] == "9.6"
    assert extended(sandbox, result["id"])["task_result"]["videos"][0]["duration"] == "14.1"


def test_v1_takes_no_negative_prompt_and_no_cfg_scale(sandbox):
    old, later = source(sandbox, "kling-v1")["id"], source(sandbox, "kling-v1-5")["id"]
    for name, value in (("negative_prompt", "rain"), ("cfg_scale", 0.5)):
        answer = extend(sandbox, old, **{name: value})
        assert refusal(answer) == (400, 1201, f"{name} is not supported by the current model")
        accepted(extend(sandbox, later, **{name: value}))
    accepted(extend(sandbox, old, negative_prompt=""))


def test_no_video_grows_longer_than_three_minutes(sandbox):
    """5.1 s and 38 times 4.5 s are 176.1 s; the next one would be 180.6 s."""
    sandbox.config(queued=0, min_processing=0, total_quantity=10_000)
    video = source(sandbox)
    for _ in range(38):
        video = extended(sandbox, video["id"])["task_result"]["videos"][0]
    assert video["duration"] == "176.1"
    assert refusal(extend(sandbox, video["id"])) == (
        400,
        1201,
        f"video_id value '{video['id']}' is invalid",
    )


def test_retired_models_do_not_go_on(sandbox):
    video = source(sandbox, "kling-v1-6")["id"]
    sandbox.config(retired="2026-09")
    text = "The model 'kling-v1-6' has been discontinued and is no longer available."
    assert refusal(extend(sandbox, video)) == (400, 1201, text)


def test_money_slots_and_ids_as_for_every_create(sandbox):
    video = source(sandbox)["id"]
    sandbox.config(total_quantity=3)
    assert refusal(extend(sandbox, video)) == (429, 1102, "Account balance not enough")
    sandbox.config(total_quantity=100, quota=1)
    accepted(extend(sandbox, video, prompt="[[sandbox:stuck]]", external_task_id="job"))
    assert refusal(extend(sandbox, video))[1] == 1303
    assert refusal(extend(sandbox, video, external_task_id="job"))[2] == "External_task_id job already exists"


def test_other_fields_are_ignored(sandbox):
    video = source(sandbox)["id"]
    task = accepted(extend(sandbox, video, model_name="kling-v3", duration="10"))
    assert sandbox.task(task)["ignored"] == ["model_name", "duration"]
    assert sandbox.task(task)["model"] == "kling-v1-6"


def test_faults(sandbox):
    video = source(sandbox)["id"]
    assert refusal(extend(sandbox, video, prompt="[[sandbox:code:1302]]"))[1] == 1302
    failed = extended(sandbox, video, prompt="x [[sandbox:async:risk]]")
    assert failed["task_status_msg"] == "Failure to pass the risk control system"
    assert failed["task_info"]["parent_video"]["id"] == video
    assert len(sandbox.charges()) == 1


def test_the_file_holds_the_source_and_what_follows(sandbox_render):
    task = accepted(post(sandbox_render, TEXT, {"model_name": "kling-v1-6", "prompt": "a boat"}))
    video = ended(sandbox_render, task)["outputs"][0]
    longer = extended(sandbox_render, video["id"], prompt="zoom in")["task_result"]["videos"][0]
    assert (video["duration"], longer["duration"]) == ("5.041", "9.541")
    before, after = frames(video["url"]), frames(longer["url"])
    assert (len(before), len(after)) == (121, 121 + 108)
    for number in (0, 60, 120):
        assert difference(before[number], after[number]) < 3
    assert difference(after[120], after[121]) < 3, "it goes on from the last frame"
    assert difference(after[120], after[-1]) > 1, "and moves"


def frames(url):
    with av.open(io.BytesIO(get(url).content)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def difference(one, other):
    return abs(one.astype(float) - other).mean()
