"""What the AI/ML API has to say about a request, and what a clip costs (``spec/gateways.md`` §3.3, §3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kling_nb.domain.capabilities import IMAGE2VIDEO, Feature, units
from kling_nb.domain.cost import Cost, estimate, plain_decimal
from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers import aimlapi_ids
from kling_nb.providers.aimlapi_ids import ModelId

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.request import VideoRequest

PROVEN_BRUSH: Final = ("kling-v1", "kling-v1-5")
"""Models whose brush the official service once documented."""

MAX_SHOTS: Final = 6
_UPSTREAM_FIELDS: Final = (
    ("negative_prompt", "negative_prompt", "L24"),
    ("cfg_scale", "cfg_scale", "L21"),
    ("upstream", "provider", "L24"),
)
"""Field, the word of the table that allows it, and the rule."""


def findings(request: VideoRequest) -> list[Problem]:
    """Return the findings that hold here only.

    Parameters
    ----------
    request
        Any request.
    """
    if request.form == "extend":
        return []
    row = aimlapi_ids.find(request)
    if row is None:
        return [_no_id(request)]
    return [
        *_fields(request, row),
        *_brush(request),
        *_upstream(request),
        *_sound(request, row),
        *_camera(request),
        *_shots(request, row),
        *_elements(request),
    ]


def price(request: VideoRequest, door: Door, provider: str) -> Cost:
    """Return that the price is not known, with the figure an old page gives.

    The page names no models and no date, so it is quoted and not counted with (§3.6).

    Parameters
    ----------
    request
        What will be sent.
    door, provider
        See :func:`kling_nb.domain.cost.estimate`.
    """
    rates = aimlapi_ids.table()["old_tokens_per_second"]
    note = (
        f"the AI/ML API reports tokens after the clip; an old page says {rates['standard']} a second for "
        f"standard and {rates['pro']} for pro"
    )
    unknown = Cost(None, None, "unknown", "", note, "tokens")
    return estimate(request, door, provider, listed=unknown)


def _no_id(request: VideoRequest) -> Problem:
    near = ", ".join(aimlapi_ids.nearest(request))
    message = f"the AI/ML API has no id for {aimlapi_ids.pair(request)}"
    return Problem("L01", Severity.ERROR, "model_name", message, f"nearest: {near}", forceable=False)


def _fields(request: VideoRequest, row: ModelId) -> Iterator[Problem]:
    """Fields the schema of this id does not have, and the prompt it insists on."""
    for name, word, rule in _UPSTREAM_FIELDS:
        if getattr(request, name) not in ("", None) and word not in row.takes:
            yield Problem(rule, Severity.ERROR, name, f"{row.id} has no field {word}", "leave it out")
    shots = request.multi_shot and bool(request.multi_prompt)
    if row.prompt != "optional" and not request.prompt.strip() and not (shots and row.prompt == "or shots"):
        message = f"{row.id} needs a prompt"
        yield Problem("L20", Severity.ERROR, "prompt", message, "say what moves and how")
    if request.external_task_id is not None:
        message = "the AI/ML API has no field for an id of yours; it stays in the run log"
        yield Problem("L24", Severity.INFO, "external_task_id", message)


def _brush(request: VideoRequest) -> Iterator[Problem]:
    """L37: schemas that list masks do not prove that masks do anything."""
    if not request.has_brush:
        return
    field = "dynamic_masks" if request.dynamic_masks else "static_mask"
    if request.model_name in PROVEN_BRUSH:
        message = (
            f"the AI/ML API takes masks for {request.model_name}; whether Kling still serves it is unverified"
        )
        yield Problem("L37", Severity.WARNING, field, message, 'rehearse with provider="sandbox-aimlapi"')
        return
    message = f"masks on {request.model_name} are accepted by the schema, their effect is unverified"
    fix = "use kling-v1 or kling-v1-5, or force=True to try"
    yield Problem("L37", Severity.ERROR, field, message, fix)


def _upstream(request: VideoRequest) -> Iterator[Problem]:
    """L01: what the schema takes and Kling never offered; such a task fails later, without a charge."""
    if request.form != "image2video" or request.model_name not in IMAGE2VIDEO.models:
        return
    used = request.features & {Feature.START_END, Feature.BRUSH, Feature.CAMERA, Feature.CAMERA_SIMPLE}
    fields = {Feature.START_END: "image_tail", Feature.BRUSH: "dynamic_masks"}
    for feature in sorted(used):
        if IMAGE2VIDEO.supports(request.model_name, request.mode, request.duration, feature):
            continue
        if feature is Feature.BRUSH and request.model_name not in PROVEN_BRUSH:
            continue  # L37 says so already.
        field = fields.get(feature, "camera_control")
        message = (
            f"the AI/ML API takes {field} on {aimlapi_ids.pair(request)} {request.duration} s, Kling does not"
        )
        fix = "expect the task to fail without a charge; `%kling models` shows what works"
        yield Problem("L01", Severity.WARNING, field, message, fix)


def _sound(request: VideoRequest, row: ModelId) -> Iterator[Problem]:
    """L27: the gateway's default is sound, with the price difference at Kling."""
    model, mode, seconds = request.model_name, request.mode, request.duration
    if "sounding" in row.takes and request.sound == "off":
        message = f"{row.id} always has sound; it cannot be switched off"
        yield Problem("L01", Severity.ERROR, "sound", message, "leave sound out, or use kling-v3")
    if "audio" not in row.takes or request.sound is not None:
        return
    silent, loud = units(model, mode, seconds), units(model, mode, seconds, sound=True)
    prices = (
        f": {plain_decimal(loud.units)} instead of {plain_decimal(silent.units)} units by Kling's own list"
        if silent and loud
        else ""
    )
    message = f"left alone, the AI/ML API adds sound{prices}; kling_nb sends generate_audio=false"
    yield Problem("L27", Severity.WARNING, "sound", message, 'sound="off" says so, sound="on" asks for it')


def _camera(request: VideoRequest) -> Iterator[Problem]:
    """Text-to-video takes whole numbers."""
    control = request.camera_control
    if control is None or control.config is None or request.form != "text2video":
        return
    for axis, value in control.config.moving().items():
        if not float(value).is_integer():
            message = f"camera {axis}={value:g} is rounded: text-to-video here takes whole numbers"
            yield Problem("L15", Severity.WARNING, "camera_control", message, f"use {axis}={round(value)}")


def _shots(request: VideoRequest, row: ModelId) -> Iterator[Problem]:
    if request.multi_shot and request.multi_prompt and request.prompt.strip():
        message = "prompt and multi_prompt exclude each other here; the prompt is not sent"
        yield Problem("L29", Severity.WARNING, "prompt", message, "put the words into multi_prompt")
    if not request.multi_shot or "shot words" not in row.takes:
        return
    lengths = {shot.duration for shot in request.multi_prompt}
    if len(lengths) > 1:
        message = f"{row.id} takes the words of a shot and no length; the service divides the clip"
        yield Problem("L29", Severity.WARNING, "multi_prompt", message, "use kling-3.0-turbo for timed shots")


def _elements(request: VideoRequest) -> Iterator[Problem]:
    if request.element_list:
        message = (
            "element ids are those of the official service; whether the AI/ML API knows them is unverified"
        )
        yield Problem(
            "L28", Severity.WARNING, "element_list", message, "give elements= as that service has them"
        )
