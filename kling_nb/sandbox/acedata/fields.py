"""The plain fields of ``POST /kling/videos``, checked by the gateway itself (``spec/gateways.md`` §2.1)."""

from __future__ import annotations

from typing import Any

from kling_nb.sandbox.official.body import URL, Body
from kling_nb.sandbox.official.fields import PROMPT_LENGTH, Fields, read_cfg_scale
from kling_nb.sandbox.official.messages import invalid, malformed, parameter
from kling_nb.sandbox.official.rules import CAMERA_AXES, CAMERA_TYPES
from kling_nb.sandbox.tasks import Camera
from kling_nb.sandbox.upstream import O1, TURBO

ACTIONS = ("text2video", "image2video", "extend")
RATIOS = ("16:9", "9:16", "1:1")
MODES = ("std", "pro", "4k")
SAME_NAME = (
    "kling-v1",
    "kling-v1-6",
    "kling-v2-master",
    "kling-v2-1-master",
    "kling-v2-5-turbo",
    "kling-v2-6",
    "kling-v3",
    "kling-v3-omni",
)
# The gateway's names on the left, those of the service behind it on the right.
MODELS = {**dict(zip(SAME_NAME, SAME_NAME, strict=True)), "kling-v3-turbo": TURBO, "kling-o1": O1}
DEFAULT_MODEL = "kling-v1"
NEGATIVE_PROMPT_LENGTH = 200
REACH = 1


def read_fields(body: Body) -> Fields:
    """Check model, texts and numbers and return them.

    Raises
    ------
    RefusedError
        1201 for the first field that is wrong in itself.
    """
    found = Fields(model=_model(body))
    found.mode = body.choice("mode", MODES) or "std"
    found.prompt = body.text("prompt", PROMPT_LENGTH) or ""
    found.negative_prompt = body.text("negative_prompt", NEGATIVE_PROMPT_LENGTH) or ""
    found.cfg_scale = read_cfg_scale(body)
    found.aspect_ratio = body.choice("aspect_ratio", RATIOS) or RATIOS[0]
    found.duration = _duration(body)
    found.sound = _audio(body, found.model)
    found.callback_url = read_address(body, "callback_url")
    return found


def _model(body: Body) -> str:
    model = body.value("model")
    if model is None or model == "":
        body.notes.append(f"model is missing: {DEFAULT_MODEL} is used, published defaults differ")
        model = DEFAULT_MODEL
    if not isinstance(model, str) or model not in MODELS:
        raise parameter("model is not supported")
    return MODELS[model]


def _duration(body: Body) -> int:
    value = body.value("duration")
    if value is None:
        return 5
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise invalid("duration", value)
    return int(value)


def _audio(body: Body, model: str) -> bool:
    value = body.value("generate_audio")
    if value is not None and not isinstance(value, bool):
        raise invalid("generate_audio", value)
    return value is True or (model == TURBO and value is None)


def read_address(body: Body, name: str) -> str | None:
    """Return an http(s) URL, ``None`` when absent.

    Raises
    ------
    RefusedError
        1201: anything else, such as a local path or Base64.
    """
    value = body.text(name)
    if value is not None and not URL.match(value):
        raise parameter(f"{name} is not a valid url")
    return value


def read_pictures(body: Body, found: Fields, action: str) -> None:
    """Put start and end picture into ``found``; only image2video uses them (``spec/sandbox.md`` §9).

    Raises
    ------
    RefusedError
        1201: no start picture where one is needed, or an end picture where none is taken.
    """
    start, end = read_address(body, "start_image_url"), read_address(body, "end_image_url")
    if action == "image2video":
        if start is None:
            raise parameter("start_image_url is required")
        found.image, found.image_tail = start, end
        return
    if end is not None:
        raise parameter(f"end_image_url is not supported for {action}.")
    if start is not None:
        body.notes.append(f"start_image_url is ignored for {action}")


def read_camera(body: Body, found: Fields) -> Camera | None:
    """Return the camera move on the official scale.

    Raises
    ------
    RefusedError
        1201: together with a start picture, an unknown type, or an axis outside ±1.
    """
    given = body.structure("camera_control", dict)
    if given is None:
        return None
    if body.value("start_image_url"):
        raise parameter("camera_control is not supported with start_image_url")
    kind, config = given.get("type", ""), given.get("config") or {}
    if kind not in CAMERA_TYPES:
        raise invalid("camera_control.type", kind)
    if not isinstance(config, dict):
        raise malformed("camera_control")
    axes = {axis: _axis(axis, value) for axis, value in config.items() if value is not None}
    moves = {axis: value * 10 for axis, value in axes.items() if value and axis in CAMERA_AXES}
    body.note_unknown(config, CAMERA_AXES, "camera_control.config")
    if kind == "simple" and len(moves) != 1:
        raise malformed("camera_control")
    found.camera = given
    return Camera(type=kind, config=moves if kind == "simple" else {})


def _axis(axis: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > REACH:
        raise invalid(f"camera_control.config.{axis}", value)
    return float(value)
