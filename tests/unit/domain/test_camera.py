"""Camera input forms (spec/official-api.md §4.5) and wire form (§6)."""

from __future__ import annotations

from typing import Any

import pytest

from kling_nb.domain.camera import AXES, PRESETS, CameraConfig, CameraControl
from kling_nb.errors import RequestRefused

ZOOM_5 = CameraControl(type="simple", config=CameraConfig(zoom=5))


@pytest.mark.parametrize(
    "value",
    [
        ZOOM_5,
        {"type": "simple", "config": {"zoom": 5}},
        {"type": "simple", "config": {"zoom": 5, "pan": 0}},
        {"config": {"zoom": 5}},
        {"zoom": 5},
        {"zoom": "5"},
        '{"zoom": 5}',
        '{"type": "simple", "config": {"zoom": 5}}',
        "zoom=5",
        "zoom: 5.0",
        " ZOOM=+5 ",
    ],
)
def test_accepted_forms(value: Any) -> None:
    assert CameraControl.parse(value) == ZOOM_5


def test_several_axes_are_read_and_left_to_the_linter() -> None:
    assert CameraControl.parse("zoom=5 pan=-2").config == CameraConfig(zoom=5, pan=-2)
    assert CameraControl.parse("zoom=5,pan=-2").config == CameraConfig(zoom=5, pan=-2)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_needs_its_name_only_and_is_sent_without_config(preset: str) -> None:
    camera = CameraControl.parse(preset)
    assert camera.to_wire() == {"type": preset}
    assert str(camera) == preset


def test_simple_is_sent_with_all_six_axes() -> None:
    assert ZOOM_5.to_wire() == {
        "type": "simple",
        "config": {"horizontal": 0, "vertical": 0, "pan": 0, "tilt": 0, "roll": 0, "zoom": 5},
    }
    assert list(ZOOM_5.to_wire()["config"]) == list(AXES)
    assert str(ZOOM_5) == "zoom=5"


@pytest.mark.parametrize(("value", "expected"), [(0.5, 5), (-0.25, -2.5), (1, 10), (0.07, 0.7), (0.3, 3)])
def test_the_unit_scale_must_be_said_and_multiplies_by_ten(value: float, expected: float) -> None:
    assert CameraControl.parse({"pan": value}, scale=1).config == CameraConfig(pan=expected)


def test_half_is_a_legal_official_value_and_is_not_guessed_up() -> None:
    assert CameraControl.parse({"pan": 0.5}).config == CameraConfig(pan=0.5)


@pytest.mark.parametrize(
    "value",
    [
        "zoomm=5",
        "zoom",
        "zoom=",
        "zoom=abc",
        "{zoom: 5}",
        "[1, 2]",
        "",
        5,
        [("zoom", 5)],
        {"zoom": "fast"},
        {"zoom": None},
        {"zooom": 5},
        {"type": "orbit"},
        {"type": "simple", "config": 5},
        {"type": "simple", "config": {"zoom": 1}, "speed": 2},
    ],
)
def test_refused_forms(value: Any) -> None:
    with pytest.raises(RequestRefused) as refused:
        CameraControl.parse(value)
    problem = refused.value.problems[0]
    assert (problem.id, problem.field) == ("L15", "camera_control")
    assert problem.fix


@pytest.mark.parametrize("scale", [0, 2, 100, -1, "1"])
def test_no_other_scale_is_known(scale: Any) -> None:
    with pytest.raises(RequestRefused, match="camera_scale"):
        CameraControl.parse({"zoom": 1}, scale=scale)


def test_the_model_is_closed() -> None:
    with pytest.raises(ValueError, match="extra"):
        CameraControl(type="simple", speed=3)  # type: ignore[call-arg]  # the point of the test
