"""The body of a create of the new API (``spec/official-api.md`` §8.1): contents, settings, options.

A closed schema, as on the legacy paths: the server ignores unknown keys silently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kling_nb.providers.official_body import picture

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest

TURBO: Final = "kling-3.0-turbo"
"""Sound is always on and shots are written into the prompt: neither has a switch."""
MULTI_SHOT_MODEL: Final = "kling-v3"
"""The server's default is several shots, so the switch is always sent (L30)."""
_AUDIO_MODELS: Final = ("kling-v2-6", "kling-v3")
_RESOLUTIONS: Final = {"std": "720p", "pro": "1080p", "4k": "4k"}
_REFERENCE = re.compile(r"(\w?)<<<((?:voice|element)_\d+)>>>(?=(\w?))")


def build(request: VideoRequest, external_task_id: str) -> dict[str, Any]:
    """Return the JSON body of a create.

    Parameters
    ----------
    request
        A request that passed the linter.
    external_task_id
        Idempotency key; wins over the request's own.

    Returns
    -------
    dict
        ``contents`` or ``prompt``, ``settings`` and ``options``; no null and no empty text.

    Raises
    ------
    InputError
        If a picture holds neither bytes nor an address.
    """
    words = prompt_text(request)
    head: dict[str, Any] = (
        {"prompt": words} if request.form == "text2video" else {"contents": _contents(request, words)}
    )
    options = {
        "callback_url": request.callback_url,
        "external_task_id": external_task_id,
        "watermark_info": None if request.watermark is None else {"enabled": request.watermark},
    }
    return {**head, "settings": _settings(request), "options": _given(options)}


def prompt_text(request: VideoRequest) -> str:
    """Return the prompt as sent: shots in the API's own grammar, references with an at sign.

    ``shot n, m, words;`` once a shot, m seconds each; ``<<<voice_1>>>`` of the legacy API is
    ``@voice_1`` here.
    """
    if request.multi_shot and request.shot_type == "customize":
        shots = [f"shot {shot.index}, {shot.duration}, {shot.prompt};" for shot in request.multi_prompt]
        return _with_references(" ".join(shots))
    return _with_references(request.prompt)


def _with_references(words: str) -> str:
    def written(match: re.Match[str]) -> str:
        # Glued to a word, the name would begin or end elsewhere.
        before, name, after = match.groups()
        return f"{before + ' ' if before else ''}@{name}{' ' if after else ''}"

    return _REFERENCE.sub(written, words)


def _contents(request: VideoRequest, words: str) -> list[dict[str, str]]:
    items: list[dict[str, str]] = [{"type": "prompt", "text": words}] if words else []
    for kind, image in (("first_frame", request.image), ("last_frame", request.image_tail)):
        url = picture(image)
        if url is not None:
            items.append({"type": kind, "url": url})
    items += [
        {"type": "element", "element_id": str(element), "id": f"element_{position}"}
        for position, element in enumerate(request.element_list, start=1)
    ]
    items += [
        {"type": "voice", "voice_id": voice, "id": f"voice_{position}"}
        for position, voice in enumerate(request.voice_list, start=1)
    ]
    return items


def _settings(request: VideoRequest) -> dict[str, Any]:
    model, mode = request.model_name, request.mode or "std"
    settings: dict[str, Any] = {"resolution": _RESOLUTIONS.get(mode, mode), "duration": request.duration}
    if model in _AUDIO_MODELS or (request.sound == "on" and model != TURBO):
        settings["audio"] = "native" if request.sound == "on" else "off"
    if model == MULTI_SHOT_MODEL or (request.multi_shot and model != TURBO):
        settings["multi_shot"] = request.multi_shot
    if request.form == "text2video":
        settings["aspect_ratio"] = request.aspect_ratio
    return _given(settings)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None and value != ""}
