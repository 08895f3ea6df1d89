"""Rules about what a model can do and whether it is still served (``spec/capabilities.md`` §2, §5)."""

from __future__ import annotations

from typing import Final

from kling_nb.domain import capabilities as cap
from kling_nb.domain.capabilities import Feature
from kling_nb.domain.lint.facts import LintFacts, Problems, error, info, warning
from kling_nb.domain.nearest import closest
from kling_nb.domain.request import VideoRequest

_FIELDS: Final = {
    Feature.START_END: ("image_tail", "an end frame"),
    Feature.END_ONLY: ("image_tail", "an end frame alone"),
    Feature.BRUSH: ("dynamic_masks", "the motion brush"),
    Feature.CAMERA_SIMPLE: ("camera_control", "camera control"),
    Feature.AUDIO: ("sound", "sound"),
    Feature.VOICE: ("voice_list", "specified voices"),
    Feature.MULTI_SHOT: ("multi_shot", "multi-shot"),
    Feature.ELEMENTS: ("element_list", "elements"),
}
"""Feature -> field to blame and words for people."""

_OTHER_KINDS: Final = {
    "kling-v3-omni": "it belongs to omni-video; for image-to-video use kling-v3",
    "kling-video-o1": "it belongs to omni-video; for image-to-video use kling-v3",
    "kling-3.0-turbo": "it is served by the new API only, which this client does not speak yet; use kling-v3",
}


def _retired(provider: str, facts: LintFacts) -> frozenset[str]:
    return cap.retired_models(provider) | facts.retired


def known_model(request: VideoRequest, provider: str, facts: LintFacts) -> Problems:
    """L01: a model the table does not know."""
    model = request.model_name
    if model in cap.MODELS:
        return
    if model in _OTHER_KINDS:
        yield error("L01", "model_name", f"{model} does not make image-to-video", _OTHER_KINDS[model])
        return
    served = [name for name in cap.MODELS if name not in _retired(provider, facts)]
    close = closest(model, cap.MODELS)
    guess = f"did you mean {close}? " if close else ""
    fix = f"{guess}known and served: {', '.join(served)}"
    if facts.allow_unknown_model:
        message = f"{model} is not in the table of {cap.AS_OF}; nothing about it is checked"
        yield warning("L01", "model_name", message, fix)
    else:
        yield error("L01", "model_name", f"unknown model {model!r}", fix)


def cell(request: VideoRequest, provider: str, facts: LintFacts) -> Problems:
    """L01 and L04: model x mode x duration must offer every feature used (R5, R6, R12)."""
    model, mode, seconds = request.model_name, request.mode, request.duration
    if model not in cap.MODELS:
        return
    offered = cap.features(model, mode, seconds)
    name = _cell_name(request)
    if not offered:
        field, message = _missing_cell(request, name)
        yield error("L01", field, message, _offers(request, provider, facts, request.features))
        return
    lacking = [f for f in sorted(request.features) if not cap.supports(model, mode, seconds, f)]
    for feature in lacking:
        rule = "L04" if feature is Feature.END_ONLY else "L01"
        field, words = _FIELDS[feature]
        field = "static_mask" if feature is Feature.BRUSH and not request.dynamic_masks else field
        fix = _offers(request, provider, facts, frozenset({feature}))
        if feature is Feature.END_ONLY:
            fix = f"add a start frame (image=), or {fix}"
        yield error(rule, field, f"{name} does not offer {words}", fix)
    both = {Feature.START_END, Feature.AUDIO}
    if both <= request.features and not lacking and not cap.supports(model, mode, seconds, *both):
        fix = 'set sound="off", drop image_tail, or ' + _offers(request, provider, facts, frozenset(both))
        yield error("L01", "sound", f"{name} takes an end frame only without sound", fix)


def _cell_name(request: VideoRequest) -> str:
    parts = (request.model_name, request.sent_mode, f"{request.duration} s")
    return " ".join(part for part in parts if part)


def _missing_cell(request: VideoRequest, name: str) -> tuple[str, str]:
    modes = cap.modes(request.model_name)
    if request.sent_mode is not None and request.sent_mode not in modes:
        takes = f"takes {', '.join(modes)}" if modes else "has no modes"
        return "mode", f"there is no mode {request.mode!r} on {request.model_name}, which {takes}"
    lengths = cap.durations(request.model_name, request.sent_mode)
    span = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 2 else " or ".join(map(str, lengths))
    return "duration", f"{name} does not exist: the length is {span} s"


def _offers(request: VideoRequest, provider: str, facts: LintFacts, wanted: frozenset[Feature]) -> str:
    """Name the nearest combinations that would be accepted, or say that none is left."""
    every = cap.alternatives(*wanted, model=request.model_name, mode=request.mode, duration=request.duration)
    gone = _retired(provider, facts)
    served = [c for c in every if c.model not in gone]
    if served:
        return f"use {cap.describe(served)}"
    if every:
        return f"only {cap.describe(every)} could, and all of them are retired on {provider}"
    return "no model offers this combination; drop one of the features"


def camera_preset(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L01: image-to-video documents simple cameras only (``spec/official-api.md`` §6)."""
    camera = request.camera_control
    if camera is not None and camera.type != "simple":
        message = f"the preset {camera.type} is documented for text-to-video only"
        yield error("L01", "camera_control", message, "use one axis, e.g. zoom=5")


def unused_mode(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L01 as information: the masters document no mode, so none is sent."""
    if request.mode in ("std", "pro") and request.sent_mode is None:
        yield info("L01", "mode", f"{request.model_name} has no modes; mode {request.mode!r} is not sent")


def retired(request: VideoRequest, provider: str, facts: LintFacts) -> Problems:
    """L25: the model is no longer served on this provider."""
    model = request.model_name
    if model not in _retired(provider, facts):
        return
    known = cap.status(model, provider)
    since = f" since {known.since}" if known.since else ""
    why = f" ({known.note}, {known.mark})" if known.note else ""
    wanted = request.features - {Feature.BRUSH, Feature.CAMERA_SIMPLE}
    fix = _offers(request, provider, facts, wanted)
    message = f"{model} is retired on {provider}{since}{why}"
    yield error("L25", "model_name", message, f'{fix}; or provider="sandbox"')


def brush_nowhere(request: VideoRequest, provider: str, facts: LintFacts) -> Problems:
    """L26: no model this provider still serves takes masks."""
    if not request.has_brush or provider != "official":
        return
    able = {c.model for c in cap.alternatives(Feature.BRUSH, exclude=_retired(provider, facts))}
    if not able:
        field = "dynamic_masks" if request.dynamic_masks else "static_mask"
        fix = 'use provider="sandbox", say the motion in words, or give an end frame; force=True sends anyway'
        yield error("L26", field, cap.BRUSH_ON_OFFICIAL, fix)


RULES: Final = (known_model, cell, camera_preset, unused_mode, retired, brush_nowhere)
