"""What happens differently on the new API, told before anything is sent (``spec/official-api.md`` §8.1).

What a model cannot do and which fields do not exist stands in the door's data; the linter reads it there.
"""

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
    """Return what the new API has to say about a request.

    Parameters
    ----------
    request
        Any request.
    """
    return [
        *_camera(request),
        *_length(request),
        *_shots(request),
        *_sound(request),
        *_references(request),
    ]


def _camera(request: VideoRequest) -> Iterator[Problem]:
    """L01: no model here has a camera, and a clip without it is not what was asked for."""
    if request.camera_control is not None:
        fix = 'say the camera movement in the prompt, or try it with provider="sandbox"'
        message = "the new API has no camera control"
        yield Problem("L01", Severity.ERROR, "camera_control", message, fix, forceable=False)


def _length(request: VideoRequest) -> Iterator[Problem]:
    """L19: shots are written into the prompt, and their frame counts."""
    count = len(prompt_text(request))
    written = request.multi_shot and request.shot_type == "customize"
    field = "multi_prompt" if written else "prompt"
    limit = LONGEST_PROMPT if request.model_name == MULTI_SHOT_MODEL else ADVISED_PROMPT
    if count > limit and written:
        message = f"the shots make a prompt of {count} characters, {count - limit} more than {limit}"
        yield Problem("L19", Severity.ERROR, field, message, f"cut {count - limit} characters")
    elif ADVISED_PROMPT < count <= limit:
        message = f"the prompt has {count} characters; the service advises {ADVISED_PROMPT} at most"
        yield Problem("L19", Severity.WARNING, field, message, f"cut {count - ADVISED_PROMPT} characters")


def _shots(request: VideoRequest) -> Iterator[Problem]:
    """L29: shots are separated by semicolons; one model has no switch for them."""
    if not request.multi_shot:
        return
    if request.shot_type == "customize":
        for shot in request.multi_prompt:
            if ";" in shot.prompt:
                message = f"shot {shot.index} holds a semicolon, which ends a shot in this API"
                yield Problem("L29", Severity.ERROR, "multi_prompt", message, "use a comma or a full stop")
    elif request.model_name == TURBO:
        message = f"{TURBO} has no switch for several shots: the prompt alone decides"
        fix = 'use shot_type="customize" and multi_prompt'
        yield Problem("L29", Severity.WARNING, "multi_shot", message, fix)


def _sound(request: VideoRequest) -> Iterator[Problem]:
    """L27: sound that cannot be switched off."""
    if request.model_name == TURBO and request.sound == "off":
        message = f"{TURBO} always makes sound; it is part of the price and cannot be switched off"
        yield Problem("L27", Severity.WARNING, "sound", message, "use kling-v3 for a silent clip")


def _references(request: VideoRequest) -> Iterator[Problem]:
    """L28: a voice or an element that the prompt never names."""
    if request.form != "image2video":
        return
    words = prompt_text(request)
    for kind, count in (("voice", len(request.voice_list)), ("element", len(request.element_list))):
        for position in range(1, count + 1):
            if f"@{kind}_{position}" not in words:
                message = f"the prompt does not say where {kind} {position} belongs"
                fix = f"write @{kind}_{position} (or <<<{kind}_{position}>>>) into the prompt"
                yield Problem("L28", Severity.WARNING, f"{kind}_list", message, fix)
