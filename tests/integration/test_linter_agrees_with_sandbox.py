"""Two readings of one specification: what the linter blocks is what the sandbox refuses, and nothing else.

The linter (``kling_nb.domain.lint``) and the sandbox (``kling_nb.sandbox.official``) are written apart from
each other and share the capability data only. Each request is judged by the linter, then written by the
official provider and sent to the sandbox as it is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from legacy_wire import finished
from PIL import Image

from kling_nb import providers
from kling_nb.domain.brush import DynamicMask, Mask
from kling_nb.domain.camera import CameraConfig, CameraControl
from kling_nb.domain.capabilities import MODELS, MODES
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.trajectory import Trajectory

DOOR = providers.get("sandbox").door

OFFICIAL = providers.get("official")
SIZE = (300, 300)
LENGTHS = (3, 5, 10, 15, 16)
PAIRED_LENGTHS = (5, 10)


@cache
def picture(width: int = 300, height: int = 300) -> ImageRef:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (120, 130, 140)).save(buffer, "PNG")
    return ImageRef(data=buffer.getvalue(), sha256="0" * 64, width=width, height=height, format="PNG")


@cache
def mask(width: int = 300, height: int = 300) -> Mask:
    bits = np.zeros((height, width), dtype=bool)
    bits[: height // 2, : width // 2] = True
    return Mask(bits)


def moving(points: int = 2, size: tuple[int, int] = SIZE) -> DynamicMask:
    path = [(20 + index, 20 + index % 2) for index in range(points)]
    return DynamicMask(mask(*size), Trajectory.from_points(path, size=size))


def camera(**axes: float) -> CameraControl:
    return CameraControl(type="simple", config=CameraConfig(**axes))


def shots(*seconds: int, prompt: str = "a boat drifts") -> tuple[Shot, ...]:
    return tuple(Shot(index=i, prompt=prompt, duration=s) for i, s in enumerate(seconds, start=1))


FEATURES: Mapping[str, dict[str, Any]] = {
    "start": {},
    "image_tail": {"image_tail": picture()},
    "end_only": {"image": None, "image_tail": picture()},
    "brush": {"dynamic_masks": (moving(),)},
    "static_mask": {"static_mask": mask()},
    "camera": {"camera_control": camera(zoom=5)},
    "sound": {"sound": "on"},
    "voice": {"sound": "on", "voice_list": ("1",)},
    "mute_voice": {"voice_list": ("1",)},
    "elements": {"element_list": (1,)},
    "multi_shot": {"multi_shot": True, "shot_type": "intelligence"},
    "wordless": {"prompt": ""},
}


def agreement(sandbox: Any, **fields: Any) -> tuple[bool, str]:
    """Judge a request twice; fails when the two do not agree.

    Returns
    -------
    (bool, str)
        Whether both would have it, and the sandbox's words or the task id.
    """
    request = VideoRequest(**{"image": picture(), "prompt": "the boat drifts left", **fields})
    blocking = [problem for problem in lint(request, door=DOOR, provider="sandbox") if problem.blocks]
    call = OFFICIAL.create(request, str(uuid4()))
    answer = sandbox.http.request(call.method, call.path, json=call.body)
    answered = answer.json()
    accepted = answer.status_code == 200
    shown = {name: value for name, value in fields.items() if name not in ("image", "image_tail")}
    assert accepted is not bool(blocking), (shown, [p.message for p in blocking], answered["message"])
    return accepted, answered["data"]["task_id"] if accepted else answered["message"]


@pytest.fixture
def roomy(sandbox: Any) -> Any:
    """A sandbox in which neither slots nor money run out."""
    sandbox.config(quota=100_000, total_quantity=10_000_000, workers=50)
    return sandbox


@pytest.mark.parametrize("model", MODELS)
def test_every_cell_with_every_feature(roomy: Any, model: str) -> None:
    verdicts = set()
    for mode in MODES:
        for seconds in LENGTHS:
            for fields in FEATURES.values():
                verdicts.add(agreement(roomy, model_name=model, mode=mode, duration=seconds, **fields)[0])
    assert verdicts == {True, False}, "a comparison in which all is accepted or all refused shows nothing"


@pytest.mark.parametrize("model", MODELS)
def test_every_cell_with_two_features(roomy: Any, model: str) -> None:
    pairs = list(combinations(FEATURES.values(), 2))
    for mode in MODES:
        for seconds in PAIRED_LENGTHS:
            for one, other in pairs:
                agreement(roomy, model_name=model, mode=mode, duration=seconds, **{**one, **other})


V1 = {"model_name": "kling-v1", "mode": "pro"}
V15 = {"model_name": "kling-v1-5", "mode": "pro"}
V26 = {"model_name": "kling-v2-6", "mode": "pro"}
V3 = {"model_name": "kling-v3", "mode": "std"}
SHOTS = {**V3, "multi_shot": True, "shot_type": "customize"}
LIMITS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("unknown model", {"model_name": "kling-v9"}, False),
    ("unknown mode", {**V26, "mode": "turbo"}, False),
    ("words alone", {**V26, "image": None}, True),
    ("brush without picture", {**V1, "image": None, "dynamic_masks": (moving(),)}, False),
    ("longest prompt", {**V26, "prompt": "a" * 2500}, True),
    ("prompt too long", {**V26, "prompt": "a" * 2501}, False),
    ("longest negative prompt", {**V26, "negative_prompt": "a" * 2500}, True),
    ("negative prompt too long", {**V26, "negative_prompt": "a" * 2501}, False),
    ("blank prompt on v3", {**V3, "prompt": "  \n"}, False),
    ("cfg_scale at its ends", {**V1, "cfg_scale": 0.0}, True),
    ("cfg_scale one", {**V1, "cfg_scale": 1.0}, True),
    ("cfg_scale too high", {**V1, "cfg_scale": 1.01}, False),
    ("cfg_scale too low", {**V1, "cfg_scale": -0.01}, False),
    ("six masks", {**V1, "dynamic_masks": (moving(),) * 6}, True),
    ("seven masks", {**V1, "dynamic_masks": (moving(),) * 7}, False),
    ("77 points", {**V1, "dynamic_masks": (moving(77),)}, True),
    ("camera at its limit", {**V15, "camera_control": camera(pan=-10)}, True),
    ("camera beyond its limit", {**V15, "camera_control": camera(pan=10.5)}, False),
    ("camera that stands still", {**V15, "camera_control": camera()}, False),
    ("camera on two axes", {**V15, "camera_control": camera(pan=1, zoom=1)}, False),
    ("camera preset", {**V15, "camera_control": CameraControl(type="forward_up")}, False),
    ("two voices", {**V26, "sound": "on", "voice_list": ("1", "2")}, True),
    ("three voices", {**V26, "sound": "on", "voice_list": ("1", "2", "3")}, False),
    ("three elements", {**V3, "element_list": (1, 2, 3)}, True),
    ("four elements", {**V3, "element_list": (1, 2, 3, 4)}, False),
    ("multi-shot of no kind", {**V3, "multi_shot": True}, False),
    ("multi-shot of an unknown kind", {**V3, "multi_shot": True, "shot_type": "both"}, False),
    ("shots", {**SHOTS, "multi_prompt": shots(2, 3)}, True),
    ("shots without a prompt beside them", {**SHOTS, "multi_prompt": shots(2, 3), "prompt": ""}, True),
    ("six shots", {**SHOTS, "multi_prompt": shots(1, 1, 1, 1, 1, 1), "duration": 6}, True),
    ("seven shots", {**SHOTS, "multi_prompt": shots(*[1] * 7), "duration": 7}, False),
    ("no shots", {**SHOTS}, False),
    ("shots of another length", {**SHOTS, "multi_prompt": shots(2, 2)}, False),
    ("a shot of no length", {**SHOTS, "multi_prompt": shots(0, 5)}, False),
    ("longest shot prompt", {**SHOTS, "multi_prompt": shots(2, 3, prompt="a" * 512)}, True),
    ("shot prompt too long", {**SHOTS, "multi_prompt": shots(2, 3, prompt="a" * 513)}, False),
    ("kind of shots without multi-shot", {**V3, "shot_type": "customize"}, True),
    ("a marked copy", {**V26, "watermark": True}, True),
    ("a ratio of its own", {**V26, "aspect_ratio": "16:9"}, True),
)


@pytest.mark.parametrize(("fields", "good"), [c[1:] for c in LIMITS], ids=[c[0] for c in LIMITS])
def test_limits_of_fields(roomy: Any, fields: dict[str, Any], good: bool) -> None:
    accepted, words = agreement(roomy, **fields)
    assert accepted is good, words


def tall(width: int, height: int) -> dict[str, Any]:
    return {**V26, "image": picture(width, height)}


def masked(width: int, height: int) -> dict[str, Any]:
    # A mask of another ratio never gets this far: the provider writes masks in the picture's size.
    return {**V1, "image": picture(600, 600), "static_mask": mask(width, height)}


LATER: tuple[tuple[str, Callable[[], dict[str, Any]], bool], ...] = (
    ("smallest picture", lambda: tall(300, 300), True),
    ("picture one pixel too small", lambda: tall(299, 400), False),
    ("widest picture", lambda: tall(750, 300), True),
    ("too wide", lambda: tall(751, 300), False),
    ("tallest picture", lambda: tall(300, 750), True),
    ("too tall", lambda: tall(300, 751), False),
    ("end frame too small", lambda: {**V26, "image_tail": picture(299, 299)}, False),
    ("mask of the picture's ratio", lambda: masked(300, 300), True),
)


@pytest.mark.parametrize(("make", "good"), [c[1:] for c in LATER], ids=[c[0] for c in LATER])
def test_what_the_service_finds_out_later_is_known_before(
    roomy: Any, make: Callable[[], dict[str, Any]], good: bool
) -> None:
    """Pictures are opened after the create was accepted: the sandbox fails the task, the linter blocks."""
    request = VideoRequest(prompt="the boat drifts left", **{"image": picture(), **make()})
    blocked = any(problem.blocks for problem in lint(request, door=DOOR, provider="sandbox"))
    call = OFFICIAL.create(request, str(uuid4()))
    answer = roomy.http.request(call.method, call.path, json=call.body)
    assert answer.status_code == 200, answer.text
    task = finished(roomy, answer.json()["data"]["task_id"])
    assert (blocked, task["task_status"]) == (not good, "succeed" if good else "failed"), task
