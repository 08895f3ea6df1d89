"""``POST /kling/videos``: from a body to an order (``spec/gateways.md`` §2.1, ``spec/sandbox.md`` §9)."""

from __future__ import annotations

from typing import Any

from kling_nb.sandbox.acedata.fields import ACTIONS, read_camera, read_fields, read_pictures
from kling_nb.sandbox.acedata.references import read_references, read_shots
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.extension import Source, find_source
from kling_nb.sandbox.faults import without_place
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.image2video import seed
from kling_nb.sandbox.official.messages import RefusedError, invalid, parameter, unsupported_by_model
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Camera, Job
from kling_nb.sandbox.upstream import O1, OMNI, TURBO, price, refusal_text

DIALECT = "acedata"
MASKS = ("static_mask", "dynamic_masks")
LISTS = ("image_list", "video_list")
EXTENDED_BY_S = 5
O1_DURATION = 5
NOT_SHOWN = {"callback-bad-sign": "callbacks are not signed here"}


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
    action = _action(body)
    body.notes.extend(without_place(call.faults, NOT_SHOWN))
    found = read_fields(body)
    body.value("async")
    for name in MASKS:
        body.skip(name, "is ignored: the gateway has no motion brush")
    if action == "extend":
        return _extension(call, box, body, found)
    read_pictures(body, found, action)
    read_shots(body, found)
    camera = read_camera(body, found)
    read_references(body, found)
    job = Job(
        model=found.model,
        mode=found.mode,
        duration=found.duration,
        prompt=call.directives.prompt or "; ".join(shot["prompt"] for shot in found.multi_prompt),
        image=found.image,
        image_tail=found.image_tail,
        camera=camera,
        aspect_ratio=found.aspect_ratio,
        sound=found.sound,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
        refused=_refused(call.body, found, camera),
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


def _action(body: Body) -> str:
    action = body.choice("action", ACTIONS)
    if action is None:
        body.notes.append("action is missing: treated as text2video")
    return action or ACTIONS[0]


def _extension(call: Call, box: Sandbox, body: Body, found: Fields) -> Order:
    video_id = body.text("video_id")
    if video_id is None:
        raise parameter("video_id is required")
    source, refused = _source(box, video_id)
    if source is not None and source.task.model != found.model:
        body.notes.append(f"model is that of the video: {source.task.model}")
    job = Job(
        model=source.task.model if source else found.model,
        mode=source.task.mode if source else found.mode,
        duration=EXTENDED_BY_S,
        prompt=call.directives.prompt,
        source=source.parent if source else None,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
        refused=refused,
    )
    return Order(
        job=job,
        units=source.units if source else price(found),
        external_id=None,
        callback_url=found.callback_url,
        parent=source.parent if source else None,
        ignored=body.ignored,
        notes=tuple(body.notes),
    )


def _source(box: Sandbox, video_id: str) -> tuple[Source | None, str]:
    try:
        return find_source(box, video_id, DIALECT), ""
    except RefusedError as error:
        return None, error.text


def _refused(raw: dict[str, Any], found: Fields, camera: Camera | None) -> str:
    """Return the words of the service behind the gateway, empty when it takes the call."""
    for name in LISTS:
        if raw.get(name) and found.model not in (OMNI, O1):
            return unsupported_by_model(name).text
    if raw.get("cfg_scale") is not None and found.model in (OMNI, O1, TURBO):
        return unsupported_by_model("cfg_scale").text
    if found.model == TURBO and not found.sound:
        return invalid("generate_audio", False).text
    if found.model == O1 and found.duration != O1_DURATION:
        return invalid("duration", found.duration).text
    if found.voices and not found.sound:
        return "sound must be on with voice_list"
    return refusal_text(found, camera)
