"""Accepted spellings (spec/official-api.md §4.5) and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kling_nb.domain.aliases import ALIASES, KNOWN_NAMES, normalize
from kling_nb.domain.camera import CameraConfig
from kling_nb.domain.trajectory import Trajectory
from kling_nb.domain.values import Shot


def params(**given: Any) -> dict[str, Any]:
    result = normalize(given)
    assert result.problems == []
    return result.params


def problem(**given: Any) -> Any:
    problems = normalize(given).problems
    assert len(problems) == 1, problems
    assert problems[0].blocks
    assert not problems[0].forceable
    return problems[0]


# The table of §4.5, transcribed.
NAMES = {
    "image": ["image_url", "start_image_url", "start_image", "first_frame"],
    "image_tail": [
        "image_tail_url",
        "tail_image_url",
        "end_image_url",
        "last_image_url",
        "end_image",
        "last_frame",
        "tail",
    ],
    "negative_prompt": ["negative"],
    "camera_control": ["camera"],
    "cfg_scale": ["cfg"],
    "static_mask": ["freeze"],
    "model_name": ["model"],
}
SAMPLE = {
    "image": "boat.jpg",
    "image_tail": "harbour.jpg",
    "negative_prompt": "blur",
    "camera_control": "zoom=5",
    "cfg_scale": 0.5,
    "static_mask": "mask.png",
    "model_name": "kling-v1",
}


@pytest.mark.parametrize(("canonical", "alias"), [(c, a) for c, names in NAMES.items() for a in names])
def test_every_alias_sets_its_field(canonical: str, alias: str) -> None:
    value = SAMPLE[canonical]
    assert params(**{alias: value}) == params(**{canonical: value})
    assert list(params(**{alias: value})) == [canonical]


def test_the_client_knows_no_other_aliases() -> None:
    gateways = {"advanced_camera_control", "provider_route"}
    extra = {"generate_audio", "audio", "watermark_info", *gateways}
    assert set(ALIASES) == {a for names in NAMES.values() for a in names} | extra


@pytest.mark.parametrize(("canonical", "alias"), [(c, a) for c, names in NAMES.items() for a in names])
def test_two_spellings_with_different_values_are_an_error(canonical: str, alias: str) -> None:
    other = {"cfg_scale": 0.7, "camera_control": "pan=1", "model_name": "kling-v3"}.get(canonical, "other")
    found = problem(**{canonical: SAMPLE[canonical], alias: other})
    assert found.id == "L24"
    assert alias in found.message
    assert canonical in found.message


def test_two_spellings_with_the_same_value_are_fine() -> None:
    assert params(model="kling-v1.5", model_name="kling-v1-5") == {"model_name": "kling-v1-5"}
    picture = np.zeros((3, 3, 3))
    assert params(image=picture, first_frame=picture.copy())["image"] is picture


def test_a_conflict_between_pictures_is_seen_and_not_printed() -> None:
    found = problem(image=np.zeros((300, 300, 3)), image_url="boat.jpg")
    assert "ndarray" in found.message
    assert len(found.message) < 200


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_alias_contradicts_nothing_and_sets_nothing(empty: Any) -> None:
    assert params(image="a.png", image_url=empty, callback_url=empty, cfg=empty, negative=empty) == {
        "image": "a.png"
    }


def test_zero_is_a_value() -> None:
    assert params(cfg_scale=0) == {"cfg_scale": 0.0}


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("std", "std"),
        ("standard", "std"),
        ("Standard", "std"),
        ("720p", "std"),
        ("PRO", "pro"),
        ("professional", "pro"),
        ("1080p", "pro"),
        ("4K", "4k"),
        ("ultra", "ultra"),
    ],
)
def test_mode_words(written: str, canonical: str) -> None:
    assert params(mode=written) == {"mode": canonical}


@pytest.mark.parametrize("written", [5, 5.0, "5", "5s", "5 s", "5.0", "5S", np.int64(5)])
def test_lengths(written: Any) -> None:
    assert params(duration=written) == {"duration": 5}
    assert type(params(duration=written)["duration"]) is int


@pytest.mark.parametrize("written", ["five", "5m", 5.5, "5.5", True, [5], float("nan"), float("inf"), "-5"])
def test_what_is_no_length(written: Any) -> None:
    assert problem(duration=written).field == "duration"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sound": "on"}, "on"),
        ({"sound": "OFF"}, "off"),
        ({"generate_audio": True}, "on"),
        ({"generate_audio": False}, "off"),
        ({"audio": "native"}, "on"),
        ({"audio": "off"}, "off"),
    ],
)
def test_sound_words(given: dict[str, Any], expected: str) -> None:
    assert params(**given) == {"sound": expected}


def test_sound_and_generate_audio_may_contradict_each_other() -> None:
    assert problem(sound="off", generate_audio=True).field == "sound"


def test_gateway_ids_set_model_and_mode() -> None:
    found = params(model="kling-video/v1/standard/image-to-video")
    assert found == {"model_name": "kling-v1", "mode": "std"}
    assert problem(model="kling-video/v1/pro/image-to-video", mode="std").field == "mode"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cfg_scale", "high"),
        ("cfg_scale", True),
        ("cfg_scale", float("nan")),
        ("sound", "loud"),
        ("multi_shot", "maybe"),
        ("watermark", {"on": True}),
        ("prompt", 7),
        ("prompt", b"bytes"),
        ("model_name", 3),
        ("mode", 1080),
        ("multi_prompt", "a door opens"),
        ("multi_prompt", [{"index": 1, "duration": 5}]),
        ("multi_prompt", [{"index": 1, "prompt": "x", "duration": "5", "camera": 1}]),
        ("element_list", "12"),
        ("element_list", [{"id": 12}]),
        ("element_list", ["cat"]),
        ("voice_list", [{"voice": "1"}]),
        ("voice_list", [""]),
        ("aspect_ratio", "wide"),
        ("aspect_ratio", "16:0"),
        ("callback_url", "example.com"),
        ("callback_url", "ftp://example.com"),
        ("external_task_id", "a/b"),
        ("external_task_id", "x" * 65),
        ("external_task_id", "a b"),
        ("external_task_id", ".."),
        ("y_origin", "left"),
    ],
)
def test_unusable_values_are_refused_with_what_would_be_accepted(field: str, value: Any) -> None:
    found = problem(**{field: value})
    assert (found.id, found.field) == ("L24", field)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("cfg_scale", "0.5", 0.5),
        ("multi_shot", "true", True),
        ("watermark_info", {"enabled": True}, True),
        ("element_list", [{"element_id": 12}, 13, "14"], (12, 13, 14)),
        ("voice_list", [{"voice_id": "891495440020668439"}], ("891495440020668439",)),
        ("aspect_ratio", "16 : 9", "16:9"),
        ("external_task_id", "job-1_a.b", "job-1_a.b"),
        ("y_origin", "TOP", "top"),
        ("shot_type", "Customize", "customize"),
        (
            "multi_prompt",
            [{"index": 1, "prompt": "a", "duration": "3"}, {"prompt": "b", "duration": 5}],
            (Shot(index=1, prompt="a", duration=3), Shot(index=2, prompt="b", duration=5)),
        ),
    ],
)
def test_usable_values(field: str, value: Any, expected: Any) -> None:
    assert list(params(**{field: value}).values()) == [expected]


@pytest.mark.parametrize(
    ("typo", "advice"),
    [
        ("durration", "'duration'"),
        ("promt", "'prompt'"),
        ("cfg_scael", "'cfg_scale'"),
        ("negative_promt", "'negative_prompt'"),
        ("image_tial", "'image_tail'"),
        ("dynamic_mask", "'dynamic_masks'"),
        ("modell", "'model'"),
        ("seed", "no seed"),
        ("resolution", "mode"),
        ("motion_has_audio", "'sound'"),
        ("xyzzy", "known:"),
    ],
)
def test_unknown_names_are_refused_with_the_closest_one(typo: str, advice: str) -> None:
    found = problem(**{typo: 1})
    assert (found.id, found.field) == ("L24", typo)
    assert advice in found.fix


def test_dashes_count_as_underscores() -> None:
    assert params(**{"cfg-scale": 0.3}) == {"cfg_scale": 0.3}


def test_all_problems_are_told_at_once() -> None:
    found = normalize({"durration": 5, "mode": 7, "cfg": "x", "camera": "spin", "seed": 1})
    assert sorted(p.field for p in found.problems) == [
        "camera_control",
        "cfg_scale",
        "durration",
        "mode",
        "seed",
    ]


def test_a_camera_in_the_unit_scale() -> None:
    found = normalize({"camera": {"zoom": 0.5}, "camera_scale": 1})
    assert found.params["camera_control"].config == CameraConfig(zoom=5)
    assert normalize({"camera_scale": 1, "camera": {"zoom": 0.5}}).params == found.params


def test_client_side_options_are_kept_apart() -> None:
    found = normalize({"timeout": 60, "units": "pixel", "timing": "density", "prompt": "x"})
    assert found.options == {"timeout": 60, "units": "pixel", "timing": "density"}
    assert found.params == {"prompt": "x"}


RAW = [{"mask": "m.png", "trajectories": [{"x": 1, "y": 2}, {"x": 30, "y": 40}]}]


def test_plain_points_without_units_are_refused_because_units_are_never_guessed() -> None:
    found = problem(dynamic_masks=RAW)
    assert all(f'"{unit}"' in found.fix for unit in ("wire", "pixel", "normalized"))
    assert params(dynamic_masks=RAW, units="wire")["dynamic_masks"] is RAW


def test_finished_paths_need_no_units() -> None:
    path = Trajectory.from_points([(0, 0), (9, 9)], size=(10, 10))
    assert params(dynamic_masks=[{"mask": "m.png", "trajectories": path}])


def test_every_known_name_is_accepted_as_a_keyword() -> None:
    for name in KNOWN_NAMES:
        assert not any(
            p.field == name and "unknown parameter" in p.message for p in normalize({name: 1}).problems
        )
    assert len(set(KNOWN_NAMES)) == len(KNOWN_NAMES)
