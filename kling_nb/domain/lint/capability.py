"""Rules about what a model can do and whether it is still served (``spec/capabilities.md`` §2, §5)."""

from __future__ import annotations

from typing import Final

from kling_nb.domain import capabilities as cap
from kling_nb.domain.capabilities import Feature, Grid
from kling_nb.domain.lint.facts import Place, Problems, doing, error, info, warning
from kling_nb.domain.nearest import closest
from kling_nb.domain.request import VideoRequest

_FIELDS: Final = {
    Feature.START: ("image", "a start frame"),
    Feature.START_END: ("image_tail", "an end frame"),
    Feature.END_ONLY: ("image_tail", "an end frame alone"),
    Feature.BRUSH: ("dynamic_masks", "the motion brush"),
    Feature.CAMERA_SIMPLE: ("camera_control", "camera control"),
    Feature.CAMERA: ("camera_control", "camera presets"),
    Feature.AUDIO: ("sound", "sound"),
    Feature.VOICE: ("voice_list", "specified voices"),
    Feature.MULTI_SHOT: ("multi_shot", "multi-shot"),
    Feature.ELEMENTS: ("element_list", "elements"),
    Feature.IMAGES: ("image_list", "reference pictures"),
    Feature.VIDEO: ("video_list", "a reference video"),
    Feature.TEXT: ("prompt", "text-to-video"),
    Feature.EXTEND: ("video_id", "video extension"),
}
"""Feature -> field to blame and words for people."""


def form_offered(request: VideoRequest, at: Place) -> Problems:
    """L01: what is to be made must be made at this door at all."""
    if request.form in at.door.forms:
        return
    field = {"extend": "video_id", "text2video": "image", "image2video": "image"}[request.form]
    fix = at.elsewhere(lambda door: request.form in door.forms)
    if request.form == "text2video":
        fix = "give image=" + (f", or {fix}" if fix else "")
    message = f"{at.door.title} does not offer {doing(request)}"
    yield error("L01", field, message, fix or "choose another provider", forceable=False)


def known_model(request: VideoRequest, at: Place) -> Problems:
    """L01: a model the table does not know."""
    model, grid = request.model_name, at.grid(request)
    if grid is None or model in grid.models or request.form not in at.door.forms:
        return
    served = [name for name in grid.models if name not in at.retired]
    close = closest(model, grid.models)
    guess = f"did you mean {close}? " if close else ""
    fix = f"{guess}known and served: {', '.join(served) or 'none'}"
    other = at.elsewhere(lambda door: request.form in door.grids and model in door.grids[request.form].models)
    fix = f"{fix}; {other}" if other else fix
    everywhere = cap.known_model_names()
    if at.facts.allow_unknown_model:
        message = f"{model} is not in the table of {cap.AS_OF}; nothing about it is checked"
        yield warning("L01", "model_name", message, fix)
    elif model in everywhere:
        yield error("L01", "model_name", f"{at.door.title} has no {model} for {doing(request)}", fix)
    else:
        yield error("L01", "model_name", f"unknown model {model!r}", fix)


def cell(request: VideoRequest, at: Place) -> Problems:
    """L01 and L04: model x mode x duration must offer every feature used (R5, R6, R12)."""
    grid = at.grid(request)
    model, mode, seconds = request.model_name, request.mode, request.duration
    if grid is None or model not in grid.models or request.form == "extend":
        return
    name = _cell_name(request)
    if not grid.features(model, mode, seconds):
        field, message = _missing_cell(request, grid, name)
        yield error("L01", field, message, _offers(request, at, request.features))
        return
    lacking = [f for f in sorted(request.features) if not grid.supports(model, mode, seconds, f)]
    for feature in lacking:
        rule = "L04" if feature is Feature.END_ONLY else "L01"
        yield error(rule, _field(feature, request), *_lacks(feature, request, at, grid))
    both = {Feature.START_END, Feature.AUDIO}
    if both <= request.features and not lacking and not grid.supports(model, mode, seconds, *both):
        fix = 'set sound="off", drop image_tail, or ' + _offers(request, at, frozenset(both))
        yield error("L01", "sound", f"{name} takes an end frame only without sound", fix)


def _field(feature: Feature, request: VideoRequest) -> str:
    """Return the field to blame, as the person wrote it where there are two."""
    if feature is Feature.BRUSH and not request.dynamic_masks:
        return "static_mask"
    if feature is Feature.ELEMENTS and not request.element_list:
        return "elements"
    return _FIELDS[feature][0]


def _lacks(feature: Feature, request: VideoRequest, at: Place, grid: Grid) -> tuple[str, str]:
    """Return what is lacking and what to do about it."""
    fix = _offers(request, at, frozenset({feature}))
    if feature is Feature.CAMERA and not grid.alternatives(Feature.CAMERA):
        camera = request.camera_control
        message = f"the preset {'' if camera is None else camera.type} is documented for text-to-video only"
        return message, "use one axis, e.g. zoom=5" if grid.alternatives(Feature.CAMERA_SIMPLE) else fix
    if feature is Feature.END_ONLY:
        fix = f"add a start frame (image=), or {fix}"
    return f"{_cell_name(request)} does not offer {_FIELDS[feature][1]}", fix


def _cell_name(request: VideoRequest) -> str:
    parts = (request.model_name, request.sent_mode, f"{request.duration} s")
    return " ".join(part for part in parts if part)


def _missing_cell(request: VideoRequest, grid: Grid, name: str) -> tuple[str, str]:
    modes = grid.modes(request.model_name)
    ignored = (None, "std", "pro") if not grid.has_modes(request.model_name) else ()
    mode = request.mode if ignored else request.mode or "std"
    if mode not in (*modes, *ignored):
        takes = f"takes {', '.join(modes)}" if modes else "has no modes"
        return "mode", f"there is no mode {mode!r} on {request.model_name}, which {takes}"
    lengths = grid.durations(request.model_name, None if ignored else mode)
    span = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 2 else " or ".join(map(str, lengths))
    return "duration", f"{name} does not exist: the length is {span} s"


def _offers(request: VideoRequest, at: Place, wanted: frozenset[Feature]) -> str:
    """Name the nearest combinations that would be accepted, or say that none is left."""
    grid = at.grid(request)
    if request.form == "extend":
        models = [] if grid is None else [model for model in grid.models if model not in at.retired]
        return (
            f"only clips of {' or '.join(models)} can be made longer"
            if models
            else "no clip can be made longer"
        )
    model, mode, seconds = request.model_name, request.mode, request.duration
    every = [] if grid is None else grid.alternatives(*wanted, model=model, mode=mode, duration=seconds)
    served = [c for c in every if c.model not in at.retired]
    if served:
        return f"use {cap.describe(served)}"
    if every:
        return f"only {cap.describe(every)} could, and all of them are retired on {at.provider}"
    other = at.elsewhere(lambda door: _able(request, wanted, door.grids.get(request.form)))
    if other:
        return f"no model offers this here; {other}"
    return "no model offers this combination; drop one of the features"


def _able(request: VideoRequest, wanted: frozenset[Feature], grid: Grid | None) -> bool:
    return grid is not None and bool(grid.alternatives(*wanted, model=request.model_name))


def unused_mode(request: VideoRequest, at: Place) -> Problems:
    """L01 as information: the masters document no mode, so none is sent."""
    if request.mode in ("std", "pro") and request.sent_mode is None and request.form in at.door.forms:
        yield info("L01", "mode", f"{request.model_name} has no modes; mode {request.mode!r} is not sent")


def retired(request: VideoRequest, at: Place) -> Problems:
    """L25: the model is no longer served on this provider."""
    model = request.model_name
    if model not in at.retired:
        return
    known = cap.status(model, at.provider, dated=at.door.retires)
    since = f" since {known.since}" if known.since else ""
    why = f" ({known.note}, {known.mark})" if known.note else ""
    wanted = request.features - {Feature.BRUSH, Feature.CAMERA_SIMPLE, Feature.CAMERA}
    fix = _offers(request, at, wanted)
    message = f"{model} is retired on {at.provider}{since}{why}"
    rehearse = '; or provider="sandbox"' if at.door.retires else ""
    yield error("L25", "model_name", message, fix + rehearse)


def brush_nowhere(request: VideoRequest, at: Place) -> Problems:
    """L26: the door has no fields for masks, or no model it still serves takes them."""
    if not request.has_brush:
        return
    grid = at.door.grids.get("image2video")
    able = at.door.brush and (grid is None or bool(grid.alternatives(Feature.BRUSH, exclude=at.retired)))
    if able:
        return
    field = "dynamic_masks" if request.dynamic_masks else "static_mask"
    fix = 'use provider="sandbox", say the motion in words (way="words"), or give an end frame'
    if at.door.brush:
        note = at.door.brush_note or f"no model currently served by {at.door.title} accepts masks"
        yield error("L26", field, note, f"{fix}; force=True sends anyway")
    else:
        note = at.door.brush_note or f"{at.door.title} has no fields for masks"
        other = at.elsewhere(lambda door: door.brush)
        yield error("L26", field, note, f"{fix}; {other}" if other else fix, forceable=False)


RULES: Final = (form_offered, known_model, cell, unused_mode, retired, brush_nowhere)
