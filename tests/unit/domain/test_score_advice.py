"""Advice from scores: what a person reads, and when nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from kling_nb.domain.score_advice import advice_of
from kling_nb.domain.scores import MEASURES, SCORE_VERSION, Flag, ObjectScores, Scores

GOOD: dict[str, float | None] = {
    "gain": 1.0,
    "direction": 1.0,
    "path_error": 0.05,
    "end_error": 0.1,
    "lag": 0.0,
    "leak": 1.2,
    "leak_ssim": 0.98,
    "camera_drift": 0.02,
    "first_ssim": 0.97,
    "first_match": 0.95,
    "motion": 2.0,
    "flicker": 0.2,
    "warp_error": 0.8,
    "sharpness_decay": 1.0,
}


def scores(
    objects: tuple[ObjectScores, ...] = (),
    flags: tuple[Flag, ...] = (),
    confidence: dict[str, float] | None = None,
    frames: int = 121,
    **values: float | None,
) -> Scores:
    return Scores(
        SCORE_VERSION,
        "f",
        "a",
        {**GOOD, **values},
        confidence or {},
        objects=objects,
        flags=flags,
        frames=frames,
    )


def boat(confidence: float = 0.95, label: str = "boat", **values: float | None) -> ObjectScores:
    asked = ((0.0, 0.0), (100.0, 10.0))
    return ObjectScores(label, {**GOOD, **values}, confidence, method="points", asked=asked, measured=asked)


def only(**case: Any) -> str:
    """The one piece of advice for a clip."""
    objects = case.pop("objects", ())
    asked = {key: case.pop(key) for key in ("way", "has_static", "has_camera") if key in case}
    found = advice_of(scores(objects, **case), asked_objects=len(objects), **asked)
    assert len(found) == 1, found
    return found[0]


def test_a_good_clip_needs_no_advice() -> None:
    assert advice_of(scores((boat(),)), way="native", has_static=True, asked_objects=1) == ()


def test_a_clip_without_numbers_gets_none() -> None:
    empty = Scores(
        SCORE_VERSION, "f", "a", dict.fromkeys([m.name for m in MEASURES]), why={"motion": "damaged"}
    )
    assert advice_of(empty, way="native", has_static=True, has_camera=True, asked_objects=2) == ()


@pytest.mark.parametrize(
    "case",
    [
        {"leak": 18.0, "leak_ssim": 0.5, "confidence": {"leak": 0.2}, "flags": ("leak",)},
        {"camera_drift": 5.0, "confidence": {"camera_drift": 0.3}, "flags": ("camera",)},
        {"motion": 0.0, "confidence": {"motion": 0.1}},
        {"objects": (boat(0.3, gain=0.4),)},
        {"objects": (boat(0.3, direction=-1.0),)},
    ],
)
def test_a_number_with_little_confidence_gives_no_advice(case: dict[str, Any]) -> None:
    objects = case.pop("objects", ())
    assert advice_of(scores(objects, **case), has_static=True, asked_objects=1) == ()


@pytest.mark.parametrize(
    ("gain", "told", "mend"),
    [
        (0.5, "Gain 0.50: boat went half the way", "make the path 2.0 times as long"),
        (0.34, "Gain 0.34: boat went a third of the way", "make the path 2.9 times as long"),
        (0.6, "Gain 0.60: boat went 60 % of the way", "make the path 1.7 times as long"),
        (1.5, "Gain 1.50: boat went 150 % of the way", "make the path 0.7 times as long"),
        (0.01, "Gain 0.01: boat hardly moved", "say the motion in the prompt"),
    ],
)
def test_gain(gain: float, told: str, mend: str) -> None:
    text = only(objects=(boat(gain=gain, direction=1.0 if gain > 0.05 else None),), way="native")
    assert text.startswith(told)
    assert mend in text


def test_the_camera_does_not_make_a_good_object_look_bad() -> None:
    """Half of the way on the screen, all of it against the background: the camera is to blame."""
    text = only(objects=(boat(gain=0.5, own_gain=1.0),), camera_drift=3.0, flags=("camera",))
    assert text.startswith("Camera drift 3.00 % of the diagonal: the camera moved though nobody asked")
    assert "static camera" in text
    assert "add a static mask" in text
    assert "add a static mask" not in only(
        objects=(boat(),), camera_drift=3.0, flags=("camera",), has_static=True
    )


def test_what_the_camera_carried_away_did_not_go_the_opposite_way() -> None:
    """By itself it stood still: there is no direction of its own."""
    carried = boat(gain=-0.2, direction=-1.0, own_gain=0.0, own_direction=None)
    found = advice_of(scores((carried,), camera_drift=3.9, flags=("short", "camera")), asked_objects=1)
    assert found[0].startswith("Gain 0.00: boat hardly moved")
    assert not any("opposite" in text for text in found)


def test_objects_of_one_name_are_told_apart() -> None:
    found = advice_of(scores((boat(gain=0.5), boat(gain=0.5), boat(label="kite"))), asked_objects=3)
    assert [text.split(" went")[0] for text in found] == ["Gain 0.50: boat (1)", "Gain 0.50: boat (2)"]
    lost = ObjectScores("boat", {}, 0.0, "it was lost after 0.7 s")
    found = advice_of(scores((boat(gain=-0.001, direction=None), lost)), asked_objects=2)
    assert found[0].startswith("Gain 0.00: boat (1) hardly moved")
    assert found[1].startswith("Not followed: boat (2) (it was lost after 0.7 s)")


def test_reversed_motion_points_at_the_origin_of_y_when_the_path_is_steep() -> None:
    steep = ObjectScores("kite", {**GOOD, "direction": -0.99}, 0.9, asked=((0, 200), (10, 0)))
    assert "y_origin" in only(objects=(steep,), way="native", flags=("reversed",))
    level = only(objects=(boat(direction=-0.99),), way="native", flags=("reversed",))
    assert level.startswith("Direction -0.99: boat went the opposite way")
    assert "y_origin" not in level


def test_another_way() -> None:
    assert only(objects=(boat(direction=0.1),)).startswith("Direction 0.10: boat went another way than asked")


@pytest.mark.parametrize(("lag", "word"), [(0.8, "late"), (-0.6, "early")])
def test_lag(lag: float, word: str) -> None:
    assert only(objects=(boat(lag=lag),)).startswith(f"Lag {lag:.2f} s: boat moved {word}")


def test_every_object_is_named() -> None:
    found = advice_of(
        scores((boat(gain=0.5), boat(label="", gain=0.25), boat(label="kite"))), asked_objects=3
    )
    assert [text.split(";")[0] for text in found] == [
        "Gain 0.50: boat went half the way",
        "Gain 0.25: object 2 went a quarter of the way",
    ]


def test_words_that_were_not_followed_lead_to_an_end_frame() -> None:
    found = advice_of(scores((boat(gain=0.2),)), way="words", asked_objects=1)
    assert any("way endframe" in text for text in found)
    assert not any("make the path" in text for text in found)
    assert advice_of(scores((boat(),)), way="words", asked_objects=1) == ()


def test_an_object_that_could_not_be_followed() -> None:
    lost = ObjectScores("sky", {}, 0.0, why="the region has too little texture.")
    text = only(objects=(lost,), flags=("untracked",))
    assert text.startswith("Not followed: sky (the region has too little texture).")
    assert "more texture" in text


@pytest.mark.parametrize(
    ("has_static", "way", "mend"),
    [
        (True, "native", "paint the static mask a little larger"),
        (False, "words", "a model that takes a static mask"),
    ],
)
def test_leak(has_static: bool, way: str, mend: str) -> None:
    text = only(leak=18.2, leak_ssim=0.6, flags=("leak",), has_static=has_static, way=way)
    assert text.startswith("Leak 18.2 levels: what should stay still changed")
    assert mend in text


@pytest.mark.parametrize(
    ("flags", "values", "first", "cause"),
    [
        (("leak", "blurred"), {"sharpness_decay": 70.0}, "Leak", "which the blur makes by itself"),
        (("leak", "camera"), {"camera_drift": 2.3}, "Camera", "which the camera's motion makes by itself"),
        (("leak",), {"camera_shift": 6.0}, "Leak", "which the camera's motion makes by itself"),
    ],
)
def test_a_leak_that_another_fault_makes_is_no_reason_to_paint(
    flags: tuple[Flag, ...], values: dict[str, float], first: str, cause: str
) -> None:
    found = advice_of(scores(leak=8.4, leak_ssim=0.6, flags=flags, **values), has_static=True)
    assert found[0].startswith(first)
    leak = next(text for text in found if text.startswith("Leak 8.4 levels"))
    assert cause in leak and "mask" not in leak


def test_a_high_leak_that_looks_the_same_is_no_leak() -> None:
    assert advice_of(scores(leak=5.0, leak_ssim=0.97), has_static=True) == ()


def test_camera_against_the_request() -> None:
    text = only(has_camera=True, camera_direction=-0.9)
    assert text.startswith("Camera direction -0.90: the camera did not go as asked; try the opposite sign")
    assert only(has_camera=True, camera_direction=0.95, camera_drift=2.5).startswith("Camera drift 2.50 %")
    assert advice_of(scores(camera_drift=4.0)) == (), "a prompt alone may move the camera"
    still = only(has_camera=True, camera_direction=None, flags=("camera",))
    assert still.startswith("Camera: it hardly moved although a move was asked for")


def test_words_without_a_brush() -> None:
    text = only(words_direction=-0.8)
    assert text.startswith(
        "Direction in words -0.80: the picture moves the opposite way than the prompt says"
    )


def test_ends() -> None:
    text = only(end_ssim=0.3, end_match=0.1, flags=("end frame",))
    assert text.startswith("End frame SSIM 0.300: the last frame is not the asked one")
    assert only(end_ssim=0.3, end_match=0.1, way="endframe").endswith("ask for a longer clip.")
    assert advice_of(scores(end_ssim=0.3, end_match=0.8)) == (), "SSIM alone is brittle under small shifts"
    assert only(first_ssim=0.3, first_match=0.0).startswith("First frame SSIM 0.300")


def test_a_blurred_clip_is_never_praised_for_its_steadiness() -> None:
    text = only(sharpness_decay=60.0, flicker=0.01, warp_error=0.1, flags=("blurred",))
    assert text.startswith("Sharpness lost 60 %")
    assert "look better than they are" in text


def test_flicker() -> None:
    assert only(flicker=4.0, flags=("flickering",)).startswith("Flicker 4.00 levels")


def test_a_frozen_clip_is_told_once() -> None:
    still = boat(gain=0.0, direction=None)
    found = advice_of(scores((still,), flags=("frozen",), motion=0.0), way="native", asked_objects=1)
    assert len(found) == 1
    assert found[0].startswith("Motion 0.00 %/s: the clip hardly moves although motion was asked for")
    assert only(motion=0.01).startswith(
        "Motion 0.01 %/s: the clip hardly moves; say in the prompt what moves"
    )


def test_a_small_object_that_went_half_the_way_is_no_frozen_clip() -> None:
    """The motion of the whole picture is little where only a coin moves in it."""
    text = only(objects=(boat(gain=0.5),), motion=0.09, way="native")
    assert text.startswith("Gain 0.50: boat went half the way")


def test_one_frame() -> None:
    assert only(frames=1).startswith("The clip has one frame only")
