"""The form offers what the capability table has, and says why the rest cannot be chosen."""

from __future__ import annotations

from itertools import product

import pytest

from kling_nb.domain import capabilities
from kling_nb.session import provider_names
from kling_nb.widgets.parameters import Choices, Field, defaults, fields, repaired, way_field


def field_of(name: str, provider: str = "sandbox", native: bool = False, **values: str) -> Field:
    made = fields(Choices(provider, {**defaults("sandbox"), **values}, native))
    return next(each for each in made if each.name == name)


def reasons(made: Field) -> dict[str, str]:
    return {option.value: option.reason for option in made.options}


def test_retired_models_cannot_be_chosen_and_say_since_when() -> None:
    found = reasons(field_of("model_name", "official"))
    assert "retired" in found["kling-v1"] and found["kling-v2-6"] == ""
    assert reasons(field_of("model_name", "sandbox"))["kling-v1"] == ""


@pytest.mark.parametrize(
    ("name", "value", "values", "word"),
    [
        ("mode", "4k", {"model_name": "kling-v2-6", "duration": "5"}, "kling-v2-6"),
        ("duration", "3", {"model_name": "kling-v2-6", "mode": "pro"}, ""),
        ("sound", "on", {"model_name": "kling-v2-6", "mode": "std", "duration": "5"}, "kling-v2-6 std 5 s"),
    ],
)
def test_what_the_table_lacks_has_a_reason(name: str, value: str, values: dict, word: str) -> None:
    found = reasons(field_of(name, **values))
    assert found.get(value) is None if not word else word in found[value]


def test_masks_and_camera_exclude_each_other() -> None:
    cell = {"model_name": "kling-v1-5", "mode": "pro", "duration": "5"}
    assert field_of("camera_control", native=False, **cell).reason == ""
    assert "exclude" in field_of("camera_control", native=True, **cell).reason
    assert "not with" in field_of("camera_control", **{**cell, "mode": "std"}).reason


def test_every_combination_is_repaired_into_one_the_table_has() -> None:
    for model, mode, duration in product(capabilities.MODELS, ("std", "pro", "4k"), ("3", "5", "10", "15")):
        values, said = repaired(
            Choices("sandbox", {"model_name": model, "mode": mode, "duration": duration, "sound": "on"})
        )
        cell = (values["model_name"], values["mode"] or None, int(values["duration"]))
        assert capabilities.features(*cell), cell
        if values["sound"] == "on":
            assert capabilities.supports(*cell, "audio")
        assert (values["mode"], values["duration"]) == (mode, duration) or said


def test_lengths_move_to_the_nearest() -> None:
    values, said = repaired(Choices("sandbox", {"model_name": "kling-v2-6", "mode": "pro", "duration": "9"}))
    assert values["duration"] == "10"
    assert "10 s" in said[0]


def test_ways_need_a_drawing_and_say_what_stands_in_them() -> None:
    assert way_field("auto", None).reason == "nothing is drawn"
    made = way_field("auto", {"native": "kling-v2-6 pro 5 s takes no masks"})
    assert reasons(made) == {
        "auto": "",
        "native": "kling-v2-6 pro 5 s takes no masks",
        "endframe": "",
        "words": "",
    }


def test_every_door_is_repaired_into_what_its_own_table_has() -> None:
    for provider, form, model in product(
        provider_names(), ("image2video", "text2video"), capabilities.MODELS
    ):
        start = {"model_name": model, "mode": "pro", "duration": "10", "sound": "on", "aspect_ratio": "9:16"}
        choices = Choices(provider, start, form=form)
        values, said = repaired(choices)
        cell = (values["model_name"], values["mode"] or None, int(values["duration"]))
        assert choices.grid.features(*cell), (provider, form, cell)
        assert values["model_name"] == model or said
        if form not in choices.door.ratio_forms:
            assert values["aspect_ratio"] == ""
