"""``POST /v2/video/generations``: checks by the schema of the id (``spec/gateways.md`` §3.3)."""

from __future__ import annotations

from typing import Any

from kling_nb.sandbox.aiml.manner import InvalidFieldError
from kling_nb.sandbox.aiml.models import IDS, Id
from kling_nb.sandbox.aiml.schema import (
    Schema,
    check_items,
    check_number,
    not_one_of,
    picture,
    whole,
    wrong_type,
)
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.faults import without_place
from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.image2video import seed
from kling_nb.sandbox.official.messages import unsupported_combination
from kling_nb.sandbox.official.rules import CAMERA_AXES, CAMERA_TYPES, MAX_GROUPS, MAX_POINTS, MIN_POINTS
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Camera, Job, MaskPath
from kling_nb.sandbox.upstream import OMNI, price, refusal_text

RATIOS = ("16:9", "9:16", "1:1")
PRESETS = CAMERA_TYPES[1:]
PROVIDERS = ("auto", "kling", "klingai", "fal")
SHOT_TYPES = ("customize", "intelligent", "intelligence")
MAX_SHOTS = 6
MAX_ELEMENTS = 4
NOT_SHOWN = {
    "wrong-duration": "no answer tells a duration here",
    **dict.fromkeys(("callback-lost", "callback-twice", "callback-bad-sign"), "there are no callbacks here"),
}
RATE_NOTE = "credits_used is fictional: 90000 a unit"


def read_order(call: Call) -> Order:
    """Check a create call and return what it orders.

    Raises
    ------
    RefusedError
        400 ``Body validation error`` with a hint. What the service behind the gateway would refuse is no
        refusal here: the order carries it.
    """
    body = Schema(call.body)
    model = body.text("model", required=True)
    if model not in IDS:
        raise not_one_of(IDS, model)
    known = IDS[model]
    found = Fields(model=known.model, mode=known.mode)
    _words(body, found, known)
    _pictures(body, found, known)
    _sound(body, found, known)
    found.duration = body.seconds(known.durations)
    groups = _brush(body, found) if known.masks else ()
    camera = _camera(body, known)
    found.camera = camera.config if camera else None
    if not known.image:
        found.aspect_ratio = body.choice("aspect_ratio", RATIOS) or RATIOS[0]
    job = Job(
        model=found.model,
        mode=found.mode,
        duration=found.duration,
        prompt=call.directives.prompt or "; ".join(_shot_texts(found.multi_prompt)),
        image=found.image,
        image_tail=found.image_tail,
        static_mask=found.static_mask,
        dynamic_masks=groups,
        camera=camera,
        aspect_ratio=None if known.image else found.aspect_ratio,
        sound=found.sound,
        media_limit=50_000_000 if known.audio == "always" else 10_000_000,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
        refused=_refused(found, camera),
    )
    return Order(
        job=job,
        units=price(found),
        external_id=None,
        callback_url=None,
        ignored=body.ignored,
        notes=(*body.notes, RATE_NOTE, *without_place(call.faults, NOT_SHOWN)),
    )


def _refused(found: Fields, camera: Camera | None) -> str:
    """Return the words of the service behind the gateway, empty when it takes the call."""
    if found.model == OMNI and found.image_tail and found.sound:
        return unsupported_combination(found.model, found.mode, found.duration, "image_tail").text
    return refusal_text(found, camera)


def _words(body: Schema, found: Fields, known: Id) -> None:
    found.prompt = body.text("prompt", known.longest, required=known.prompt == "required") or ""
    if known.prompt == "shots":
        found.multi_prompt = body.items("multi_prompt", 0, MAX_SHOTS)
        body.choice("shot_type", SHOT_TYPES)
        if not found.prompt and not found.multi_prompt:
            raise InvalidFieldError("prompt: Required")
        if found.prompt and found.multi_prompt and known.audio == "always":
            raise InvalidFieldError("prompt and multi_prompt can not be used at the same time")
        found.multi_shot = bool(found.multi_prompt)
    if known.negative:
        found.negative_prompt = body.text("negative_prompt") or ""
    if known.cfg:
        body.number("cfg_scale", 0, 1)
    provider = body.text("provider")
    if provider is not None and provider.lower() not in PROVIDERS:
        raise not_one_of(PROVIDERS, provider)


def _shot_texts(shots: list[Any]) -> list[str]:
    return [str(shot.get("prompt", "")) if isinstance(shot, dict) else str(shot) for shot in shots]


def _pictures(body: Schema, found: Fields, known: Id) -> None:
    if not known.image:
        return
    found.image = body.picture("image_url", required=True)
    if known.tail:
        found.image_tail = body.picture(known.tail)
    if known.prompt == "shots" and known.audio == "switch":
        found.elements = [index for index, _ in enumerate(body.items("elements", 0, MAX_ELEMENTS))]


def _sound(body: Schema, found: Fields, known: Id) -> None:
    if known.audio == "switch":
        if body.value("generate_audio") is None:
            body.notes.append("generate_audio is absent and counts as true")
        found.sound = body.flag("generate_audio", usual=True)
    else:
        found.sound = known.audio == "always"


def _brush(body: Schema, found: Fields) -> tuple[MaskPath, ...]:
    found.static_mask = body.picture("static_mask")
    found.dynamic_masks = body.items("dynamic_masks", 0, MAX_GROUPS)
    return tuple(_group(f"dynamic_masks.{index}", group) for index, group in enumerate(found.dynamic_masks))


def _group(label: str, group: Any) -> MaskPath:
    if not isinstance(group, dict):
        raise wrong_type(label, "object", group)
    mask = picture(f"{label}.mask", group.get("mask"))
    if group.get("trajectories") is None:
        raise InvalidFieldError(f"{label}.trajectories: Required")
    points = check_items(f"{label}.trajectories", group["trajectories"], MIN_POINTS, MAX_POINTS)
    return MaskPath(
        mask=mask, points=tuple(_point(f"{label}.trajectories.{i}", point) for i, point in enumerate(points))
    )


def _point(label: str, point: Any) -> tuple[int, int]:
    if not isinstance(point, dict):
        raise wrong_type(label, "object", point)
    return whole(f"{label}.x", point.get("x")), whole(f"{label}.y", point.get("y"))


def _camera(body: Schema, known: Id) -> Camera | None:
    if known.camera == "object":
        return _full_camera(body.structure("camera_control"))
    if known.camera != "preset":
        return None
    preset = body.choice("camera_control", PRESETS)
    advanced = body.structure("advanced_camera_control")
    if preset and advanced:
        raise InvalidFieldError("camera_control and advanced_camera_control can not be used at the same time")
    if advanced is not None:
        kind = advanced.get("movement_type")
        if kind not in CAMERA_AXES:
            raise not_one_of(CAMERA_AXES, kind)
        label = "advanced_camera_control.movement_value"
        value = check_number(label, whole(label, advanced.get("movement_value")), -10, 10)
        return Camera(type="simple", config={kind: value})
    return Camera(type=preset) if preset else None


def _full_camera(given: dict[str, Any] | None) -> Camera | None:
    if given is None:
        return None
    kind, config = given.get("type"), given.get("config") or {}
    if kind not in CAMERA_TYPES:
        raise not_one_of(CAMERA_TYPES, kind)
    if not isinstance(config, dict):
        raise wrong_type("camera_control.config", "object", config)
    axes = {
        axis: check_number(f"camera_control.config.{axis}", config[axis], -10, 10)
        for axis in CAMERA_AXES
        if config.get(axis) is not None
    }
    moves = {axis: value for axis, value in axes.items() if value}
    if kind == "simple" and len(moves) != 1:
        raise InvalidFieldError("camera_control.config: exactly one movement must be different from 0")
    return Camera(type=kind, config=moves if kind == "simple" else {})
