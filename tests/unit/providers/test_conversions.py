"""One request, three wires: the conversions of ``spec/gateways.md`` §4."""

from __future__ import annotations

import dataclasses

import golden
import pytest

from kling_nb import providers
from kling_nb.domain.aliases import normalize
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest, with_defaults

DOORS = ("official", "acedata", "aimlapi")
A = ImageRef(url="https://example.com/a.jpg")


def body(door, **given):
    found = normalize({"image": A, "prompt": "p", **given})
    assert found.problems == []
    provider = providers.get(door)
    return dict(provider.create(VideoRequest(**with_defaults(found.params, provider.door)), "job").body)


def sent(field, **given):
    """What a field becomes at the official API, AceData and the AI/ML API; None where it does not leave."""
    names = field if isinstance(field, tuple) else (field,) * 3
    return tuple(body(door, **given).get(name) for door, name in zip(DOORS, names, strict=True))


@pytest.mark.parametrize("written", [5, 5.0, "5", "5s"])
def test_duration(written):
    found = sent("duration", model="kling-v1", duration=written)
    assert found == ("5", 5, 5) and [type(value) for value in found] == [str, int, int]


@pytest.mark.parametrize("written", [5.5, "5.5", "long"])
def test_broken_seconds_reach_no_door(written):
    assert [problem.field for problem in normalize({"duration": written}).problems] == ["duration"]


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ({"generate_audio": True}, ("on", True, True)),
        ({"sound": "on"}, ("on", True, True)),
        ({"generate_audio": False}, ("off", False, False)),
        ({}, (None, None, False)),
    ],
)
def test_audio(given, wire):
    field = ("sound", "generate_audio", "generate_audio")
    assert sent(field, model="kling-v3", mode="pro", **given) == wire


@pytest.mark.parametrize(
    ("written", "mode", "official", "acedata", "aimlapi"),
    [
        ("kling-v1", "pro", "kling-v1 pro", "kling-v1 pro", "kling-video/v1/pro/image-to-video"),
        ("kling-v1.6", "standard", "kling-v1-6 std", "kling-v1-6 std",
         "kling-video/v1.6/standard/image-to-video"),
        ("kling-v2.1-master", None, "kling-v2-1-master None", "kling-v2-1-master std",
         "klingai/v2.1-master-image-to-video"),
        ("klingai/v2.5-turbo/pro/image-to-video", None, "kling-v2-5-turbo pro", "kling-v2-5-turbo pro",
         "klingai/v2.5-turbo/pro/image-to-video"),
        ("kling-3.0", "1080p", "kling-v3 pro", "kling-v3 pro", "klingai/video-v3-pro-image-to-video"),
    ],
)  # fmt: skip
def test_model_and_tier(written, mode, official, acedata, aimlapi):
    given = {"model": written} | ({} if mode is None else {"mode": mode})
    names = ("model_name", "model", "model")
    models, modes = sent(names, **given), sent("mode", **given)
    assert [f"{models[n]} {modes[n]}" for n in range(2)] == [official, acedata]
    assert (models[2], modes[2]) == (aimlapi, None)


@pytest.mark.parametrize(
    ("written", "acedata", "aimlapi"),
    [("kling-o1", "kling-o1", "klingai/video-o1-image-to-video"),
     ("kling-video-o1", "kling-o1", "klingai/video-o1-image-to-video"),
     ("kling-v3-turbo", "kling-v3-turbo", "klingai/video-v3-standard-turbo-image-to-video"),
     ("kling-3.0-turbo", "kling-v3-turbo", "klingai/video-v3-standard-turbo-image-to-video"),
     ("kling-v3-omni", "kling-v3-omni", "klingai/video-v3-omni-720p-image-to-video")],
)  # fmt: skip
def test_models_of_the_gateways_only(written, acedata, aimlapi):
    assert [body(door, model=written)["model"] for door in DOORS[1:]] == [acedata, aimlapi]


def test_frames_go_by_the_names_of_each_door():
    given = {"image_tail": ImageRef(url="https://example.com/b.jpg"), "model": "kling-v1-6", "mode": "pro"}
    assert sent(("image", "start_image_url", "image_url"), **given) == (A.url,) * 3
    assert (
        sent(("image_tail", "end_image_url", "tail_image_url"), **given) == ("https://example.com/b.jpg",) * 3
    )
    assert body("aimlapi", **{**given, "model": "kling-o1"})["last_image_url"] == "https://example.com/b.jpg"


def test_guidance_of_zero_stays_zero_everywhere():
    assert sent("cfg_scale", model="kling-v1", cfg_scale=0) == (0, 0, 0)
    assert sent("cfg_scale", model="kling-v1") == (None,) * 3


def test_ratio_of_a_picture_is_asked_for_at_one_door_only():
    assert sent("aspect_ratio", model="kling-v1", aspect_ratio="9:16") == (None, "9:16", None)
    words = {"model": "kling-v1", "image": None, "aspect_ratio": "9:16"}
    assert sent("aspect_ratio", **words) == ("9:16",) * 3


@pytest.mark.parametrize(
    ("value", "official", "acedata", "aimlapi"), [(4.0, 4, 0.4, 4), (5, 5, 0.5, 5), (-10, -10, -1, -10)]
)
def test_camera_of_text_to_video(value, official, acedata, aimlapi):
    bodies = [body(d, image=None, model="kling-v1", camera_control={"zoom": value}) for d in DOORS]
    assert [b["camera_control"]["config"]["zoom"] for b in bodies[:2]] == [official, acedata]
    assert bodies[2]["advanced_camera_control"] == {"movement_type": "zoom", "movement_value": aimlapi}


def test_paths_are_the_same_integers():
    fields = {
        "model_name": "kling-v1",
        "image": "picture",
        "wire_paths": [[{"x": 120, "y": 310}, {"x": 26, "y": 3}]],
    }
    asked = golden.request(fields)
    aiml = dataclasses.replace(providers.get("aimlapi"), images="base64")
    official, gateway = (p.create(asked, "job").body for p in (providers.get("official"), aiml))
    assert official["dynamic_masks"] == gateway["dynamic_masks"]
    assert gateway["dynamic_masks"][0]["trajectories"] == fields["wire_paths"][0]
