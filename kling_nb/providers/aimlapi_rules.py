"""What the AI/ML API has to say about a request, and what a clip costs (``spec/gateways.md`` §3.3, §3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from kling_nb.domain.capabilities import IMAGE2VIDEO, TEXT2VIDEO, Feature
from kling_nb.domain.cost import Cost, estimate
from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers import aimlapi_ids
from kling_nb.providers.aimlapi_body import advanced_camera
from kling_nb.providers.aimlapi_ids import ModelId

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.request import VideoRequest

PROVEN_BRUSH: Final = ("kling-v1", "kling-v1-5")
"""Models whose brush the official service once documented."""

_DOUBTFUL: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.TEXT: ("prompt", "text-to-video"),
    Feature.START_END: ("image_tail", "an end frame"),
    Feature.BRUSH: ("dynamic_masks", "masks"),
    Feature.CAMERA: ("camera_control", "a camera"),
    Feature.CAMERA_SIMPLE: ("camera_control", "a camera"),
}
"""Feature that a schema here may take where the official table has none -> field, and words for people."""

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
        *_always_sound(request, row),
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
    if row.prompt == "required" and request.form == "image2video" and not request.prompt.strip():
        message = f"{row.id} needs a prompt"
        yield Problem("L20", Severity.ERROR, "prompt", message, "say what moves and how")


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
    official = IMAGE2VIDEO if request.form == "image2video" else TEXT2VIDEO
    model = request.model_name
    if model not in IMAGE2VIDEO.models:
        return
    for feature in sorted(request.features & _DOUBTFUL.keys()):
        told = feature is Feature.BRUSH and model not in PROVEN_BRUSH  # by L37
        if told or official.supports(model, request.mode, request.duration, feature):
            continue
        field, words = _DOUBTFUL[feature]
        asked = f"{aimlapi_ids.pair(request)} {request.duration} s"
        message = f"the AI/ML API takes {words} on {asked}, Kling behind it does not"
        fix = "expect the task to fail without a charge; `%kling models` shows what works"
        yield Problem("L01", Severity.WARNING, field, message, fix)


def _always_sound(request: VideoRequest, row: ModelId) -> Iterator[Problem]:
    """L01 and L27: the turbo ids have no switch."""
    if "sounding" not in row.takes:
        return
    if request.sound == "off":
        message = f"{row.id} always has sound; it cannot be switched off"
        yield Problem("L01", Severity.ERROR, "sound", message, "leave sound out, or use kling-v3")
    elif request.sound is None:
        message = f"{row.id} always has sound"
        yield Problem("L27", Severity.WARNING, "sound", message, "use kling-v3 for a silent clip")


def _camera(request: VideoRequest) -> Iterator[Problem]:
    """L15: text-to-video takes whole numbers."""
    control = request.camera_control
    if control is None or control.config is None or request.form != "text2video":
        return
    for axis, value in control.config.moving().items():
        if not float(value).is_integer():
            sent = advanced_camera(control)["movement_value"]
            message = f"camera {axis}={value:g} is sent as {sent}: text-to-video here takes whole numbers"
            yield Problem("L15", Severity.WARNING, "camera_control", message, "use a whole number")


def _shots(request: VideoRequest, row: ModelId) -> Iterator[Problem]:
    """L29: where shots have words only, and where nothing but their words makes them."""
    if request.multi_shot and request.shot_type != "customize" and "shots" in row.takes:
        message = f"{row.id} has no switch for several shots: the prompt alone decides"
        yield Problem(
            "L29", Severity.WARNING, "multi_shot", message, 'use shot_type="customize" and multi_prompt'
        )
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
