"""``POST /kling/videos``: the gateway's own checks (``spec/gateways.md`` §2.1, ``spec/sandbox.md`` §9)."""

from __future__ import annotations

from typing import Any

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.body import URL, Body
from kling_nb.sandbox.official.fields import PROMPT_LENGTH, Fields, read_cfg_scale
from kling_nb.sandbox.official.image2video import seed
from kling_nb.sandbox.official.messages import invalid, malformed, parameter, size_between
from kling_nb.sandbox.official.rules import CAMERA_AXES, CAMERA_TYPES
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Camera, Job
from kling_nb.sandbox.upstream import O1, OMNI, TURBO, price, refusal_text

ACTIONS = ("text2video", "image2video", "extend")
RATIOS = ("16:9", "9:16", "1:1")
MODES = ("std", "pro", "4k")
# The gateway's names on the left, those of the service behind it on the right.
MODELS = {
    **{
        name: name
        for name in (
            "kling-v1",
            "kling-v1-6",
            "kling-v2-master",
            "kling-v2-1-master",
            "kling-v2-5-turbo",
            "kling-v2-6",
            "kling-v3",
            "kling-v3-omni",
        )
    },
    "kling-v3-turbo": TURBO,
    "kling-o1": O1,
    "kling-video-o1": O1,
}
DEFAULT_MODEL = "kling-v1"
NEGATIVE_PROMPT_LENGTH = 200
MASKS = ("static_mask", "dynamic_masks")
LONGEST = {"image_list": 7, "video_list": 1, "element_list": 3, "voice_list": 2}


def answers_at_once(body: dict[str, Any]) -> bool:
    """Whether the create answers before the video is done (``spec/sandbox.md`` §9)."""
    return body.get("async") is True or bool(body.get("callback_url"))


def read_order(call: Call, box: Sandbox) -> Order:
    """Check a create call and return what it orders.

    Raises
    ------
    RefusedError
        1201, which the gateway answers as 400 ``bad_request``. What the service behind it would refuse is no
        refusal here: the order carries it.
    """
    body = Body(call.body, strict=box.config.strict)
    action = body.choice("action", ACTIONS) if "action" in call.body else None
    body.value("async")
    found = _fields(body)
    _pictures(body, found, action)
    camera = _camera(body, found)
    _lists(body, found)
    for name in MASKS:
        body.skip(name, "is ignored: the gateway has no motion brush")
    if action is None:
        body.notes.append("action is missing: treated as text2video")
    refused = _refused(body, found, camera)
    job = Job(
        model=found.model,
        mode=found.mode,
        duration=found.duration,
        prompt=call.directives.prompt,
        image=found.image,
        image_tail=found.image_tail,
        camera=camera,
        aspect_ratio=found.aspect_ratio,
        sound=found.sound,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
        refused=refused,
    )
    return Order(
        job=job,
        units=price(found, video_input=bool(call.body.get("video_list"))),
        external_id=None,
        callback_url=found.callback_url,
        ignored=body.ignored,
        notes=tuple(body.notes),
        voice=bool(found.voices),
    )


def _fields(body: Body) -> Fields:
    model = body.value("model")
    if model is None or model == "":
        body.notes.append(f"model is missing: {DEFAULT_MODEL} is used, published defaults differ")
        model = DEFAULT_MODEL
    if not isinstance(model, str) or model not in MODELS:
        raise parameter("model is not supported")
    found = Fields(model=MODELS[model])
    found.mode = body.choice("mode", MODES) or "std"
    found.multi_shot = body.flag("multi_shot")
    found.shot_type = body.choice("shot_type", ("customize", "intelligence"))
    found.multi_prompt = body.structure("multi_prompt", list) or []
    found.prompt = body.text("prompt", PROMPT_LENGTH) or ""
    if not found.prompt and not (found.multi_shot and found.multi_prompt):
        raise parameter("prompt is required")
    found.negative_prompt = body.text("negative_prompt", NEGATIVE_PROMPT_LENGTH) or ""
    found.cfg_scale = read_cfg_scale(body)
    found.aspect_ratio = body.choice("aspect_ratio", RATIOS) or RATIOS[0]
    found.duration = _duration(body)
    found.sound = _audio(body, found.model)
    found.callback_url = _address(body, "callback_url")
    return found


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
    return model == TURBO or value is True


def _address(body: Body, name: str) -> str | None:
    value = body.text(name)
    if value is not None and not URL.match(value):
        raise parameter(f"{name} is not a valid url")
    return value


def _pictures(body: Body, found: Fields, action: str | None) -> None:
    start, end = _address(body, "start_image_url"), _address(body, "end_image_url")
    if action == "image2video":
        if start is None:
            raise parameter("start_image_url is required")
        found.image, found.image_tail = start, end
        return
    if end is not None:
        raise parameter(f"end_image_url is not supported for {action or ACTIONS[0]}.")
    if start is not None:
        body.notes.append(f"start_image_url is ignored for {action or ACTIONS[0]}")


def _camera(body: Body, found: Fields) -> Camera | None:
    given = body.structure("camera_control", dict)
    if given is None:
        return None
    if found.image is not None:
        raise parameter("camera_control is not supported with start_image_url")
    kind, config = given.get("type", ""), given.get("config") or {}
    if kind not in CAMERA_TYPES:
        raise invalid("camera_control.type", kind)
    if not isinstance(config, dict):
        raise malformed("camera_control")
    axes = {axis: _axis(axis, config[axis]) for axis in CAMERA_AXES if config.get(axis) is not None}
    # The gateway counts from -1 to 1, the service behind it from -10 to 10.
    moves = {axis: value * 10 for axis, value in axes.items() if value}
    if kind == "simple" and len(moves) != 1:
        raise malformed("camera_control")
    return Camera(type=kind, config=moves if kind == "simple" else {})


def _axis(axis: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1:
        raise invalid(f"camera_control.config.{axis}", value)
    return float(value)


def _lists(body: Body, found: Fields) -> None:
    given = {name: body.structure(name, list) or [] for name in LONGEST}
    for name, most in LONGEST.items():
        if len(given[name]) > most:
            raise size_between(name, 0, most)
        if not all(isinstance(item, dict) for item in given[name]):
            raise malformed(name)
    if given["video_list"] and found.sound:
        raise parameter("generate_audio is not supported with video_list")
    found.elements = [item.get("element_id", 0) for item in given["element_list"]]
    found.voices = [str(item.get("voice_id", "")) for item in given["voice_list"]]
    for name, value in given.items():
        if value:
            body.notes.append(f"{name} has no effect on the preview")


def _refused(body: Body, found: Fields, camera: Camera | None) -> str:
    """Return the words of the service behind the gateway, empty when it takes the call."""
    for name in ("image_list", "video_list"):
        if body.value(name) and found.model not in (OMNI, O1):
            return f"{name} is not supported by the current model"
    if found.voices and not found.sound:
        return "sound must be on with voice_list"
    return refusal_text(found, camera)
