"""What the new API cannot take, told before anything is sent (``spec/official-api.md`` §1, §8.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers.official_new_body import MULTI_SHOT_MODEL, TURBO, prompt_text

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest

ADVISED_PROMPT: Final = 2500
"""Characters every model takes; ``kling-3.0`` takes more and is advised not to get them."""
LONGEST_PROMPT: Final = 3072


def findings(request: VideoRequest) -> list[Problem]:
    """Return what keeps a request from the new API, and what happens differently there.

    Parameters
    ----------
    request
        Any request.

    Returns
    -------
    list of Problem
        Fields that do not exist there are errors that no ``force`` overrides: they cannot be sent, and a
        clip without them is not what was asked for.
    """
    return [
        *_missing_fields(request),
        *_text_form(request),
        *_prompt(request),
        *_shots(request),
        *_sound(request),
    ]


def _missing_fields(request: VideoRequest) -> Iterator[Problem]:
    if request.form == "extend":
        yield _impossible(
            "L01", "video_id", "the new API cannot make a clip longer", 'use provider="official"'
        )
    if request.has_brush:
        field = "dynamic_masks" if request.dynamic_masks else "static_mask"
        yield _impossible(
            "L26",
            field,
            "the new API has no fields for masks and paths",
            'use provider="sandbox", say the motion in words, or give an end frame',
        )
    if request.camera_control is not None:
        fix = 'say the camera movement in the prompt, or use provider="sandbox"'
        yield _impossible("L01", "camera_control", "the new API has no camera control", fix)
    for name, given in (
        ("negative_prompt", bool(request.negative_prompt)),
        ("cfg_scale", request.cfg_scale is not None),
    ):
        if given:
            fix = f'drop {name}, or use provider="official", whose paths take it'
            yield _impossible("L24", name, f"the new API has no field {name}", fix)


def _text_form(request: VideoRequest) -> Iterator[Problem]:
    if request.form != "text2video":
        return
    for name, given in (("voice_list", request.voice_list), ("element_list", request.element_list)):
        if given:
            message = f"text-to-video of the new API takes no {name}: it has no contents"
            yield _impossible("L28", name, message, f"give a start frame, or drop {name}")


def _prompt(request: VideoRequest) -> Iterator[Problem]:
    count = len(prompt_text(request))
    field = "multi_prompt" if request.multi_shot and request.shot_type == "customize" else "prompt"
    roomy = request.model_name == MULTI_SHOT_MODEL
    limit = LONGEST_PROMPT if roomy else ADVISED_PROMPT
    if count > limit:
        message = f"the prompt has {count} characters as sent, {count - limit} more than {limit}"
        yield Problem("L19", Severity.ERROR, field, message, f"cut {count - limit} characters")
    elif count > ADVISED_PROMPT:
        message = f"the prompt has {count} characters as sent; the service advises {ADVISED_PROMPT} at most"
        yield Problem("L19", Severity.WARNING, field, message, f"cut {count - ADVISED_PROMPT} characters")


def _shots(request: VideoRequest) -> Iterator[Problem]:
    model = request.model_name
    if not request.multi_shot:
        if model == MULTI_SHOT_MODEL and "multi_shot" not in request.model_fields_set:
            message = "this API makes several shots unless told otherwise; multi_shot=False is sent"
            yield Problem(
                "L30", Severity.WARNING, "multi_shot", message, "set multi_shot=True for several shots"
            )
        return
    if request.shot_type == "customize":
        for shot in request.multi_prompt:
            if ";" in shot.prompt:
                message = f"shot {shot.index} holds a semicolon, which ends a shot in this API"
                yield Problem("L29", Severity.ERROR, "multi_prompt", message, "use a comma or a full stop")
    elif model == TURBO:
        message = f"{TURBO} has no switch for several shots: the prompt alone decides"
        yield Problem(
            "L29", Severity.WARNING, "multi_shot", message, 'use shot_type="customize" and multi_prompt'
        )


def _sound(request: VideoRequest) -> Iterator[Problem]:
    if request.model_name == TURBO and request.sound == "off":
        message = f"{TURBO} always makes sound; it is part of the price and cannot be switched off"
        yield Problem("L27", Severity.WARNING, "sound", message, "use kling-v3 for a silent clip")
    names = (("voice", len(request.voice_list)), ("element", len(request.element_list)))
    words = prompt_text(request)
    for kind, count in names if request.form == "image2video" else ():
        for position in range(1, count + 1):
            if f"@{kind}_{position}" not in words:
                message = f"the prompt does not say where {kind} {position} belongs"
                fix = f"write @{kind}_{position} (or <<<{kind}_{position}>>>) into the prompt"
                yield Problem("L28", Severity.WARNING, f"{kind}_list", message, fix)


def _impossible(rule: str, field: str, message: str, fix: str) -> Problem:
    return Problem(rule, Severity.ERROR, field, message, fix, forceable=False)
