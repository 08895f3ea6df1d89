"""The body of a create at the AI/ML API (``spec/gateways.md`` §3.3, §4, §5.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from kling_nb.providers import official_body
from kling_nb.providers.gateway import compact

if TYPE_CHECKING:
    from kling_nb.domain.camera import CameraControl
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest
    from kling_nb.providers.aimlapi_ids import ModelId

ImageForm = Literal["data-uri", "base64"]

SHOT_TYPES: Final[Mapping[str, str]] = {"customize": "customize", "intelligence": "intelligent"}
"""Official word -> the gateway's."""

_MIME: Final[Mapping[str | None, str]] = {"JPEG": "image/jpeg", "PNG": "image/png"}


def build(request: VideoRequest, row: ModelId, images: ImageForm) -> dict[str, Any]:
    """Return the JSON body of a create.

    Parameters
    ----------
    request
        A request that passed the linter.
    row
        The id and what it takes. What it does not take is told before and leaves only when forced.
    images
        How local pictures and masks are written: which of the two forms the service means by
        "Base64-encoded local image" is not documented.

    Raises
    ------
    InputError
        If a picture holds neither bytes nor an address.
    """
    takes = row.takes
    body: dict[str, Any] = {
        "model": row.id,
        "image_url": _picture(request.image, images),
        "last_image_url" if "last tail" in takes else "tail_image_url": _picture(request.image_tail, images),
        **_words(request, row),
        "duration": request.duration,
        "negative_prompt": request.negative_prompt,
        "cfg_scale": request.cfg_scale,
        "aspect_ratio": request.aspect_ratio if request.form == "text2video" else None,
        **_brush(request, images),
        **_camera(request),
        # The service's own default is sound, and sound costs.
        "generate_audio": request.sound == "on" if "audio" in takes else None,
        "elements": _elements(request),
        "provider": request.upstream,
    }
    return compact(body)


def advanced_camera(control: CameraControl) -> dict[str, Any]:
    """Return a simple camera as text-to-video takes it: one axis, a whole number (§4)."""
    moving = control.config.moving() if control.config is not None else {}
    axis, value = next(iter(moving.items()), ("zoom", 0.0))
    return {"movement_type": axis, "movement_value": math.floor(value + 0.5)}


def _picture(image: ImageRef | None, form: ImageForm) -> str | None:
    if image is None:
        return None
    return _local(official_body.picture(image) or "", form, _MIME.get(image.format, "image/png"))


def _local(text: str, form: ImageForm, mime: str) -> str:
    """Return raw Base64 in the wanted form; addresses pass through."""
    if form == "base64" or text.startswith(("http://", "https://")):
        return text
    return f"data:{mime};base64,{text}"


def _brush(request: VideoRequest, form: ImageForm) -> dict[str, Any]:
    fields = official_body.brush(request)
    if not fields:
        return {}
    still = fields["static_mask"]
    groups = [
        {**group, "mask": _local(group["mask"], form, _MIME["PNG"])} for group in fields["dynamic_masks"]
    ]
    return {
        "static_mask": None if still is None else _local(still, form, _MIME["PNG"]),
        "dynamic_masks": groups,
    }


def _camera(request: VideoRequest) -> dict[str, Any]:
    control = request.camera_control
    if control is None:
        return {}
    if request.form != "text2video":
        return {"camera_control": control.to_wire()}
    if control.type == "simple":
        return {"advanced_camera_control": advanced_camera(control)}
    return {"camera_control": control.type}


def _words(request: VideoRequest, row: ModelId) -> dict[str, Any]:
    """Return prompt or storyboard: shots with lengths on the turbo ids, bare texts on the others."""
    if not request.multi_shot:
        return {"prompt": request.prompt}
    told = request.multi_prompt if request.shot_type == "customize" else ()
    if "shots" in row.takes:
        shots = [{"prompt": shot.prompt, "duration": shot.duration} for shot in told]
        return {"multi_prompt": shots, "prompt": "" if shots else request.prompt}
    words = [shot.prompt for shot in told]
    kind = SHOT_TYPES.get(request.shot_type or "", request.shot_type)
    return {"multi_prompt": words, "prompt": "" if words else request.prompt, "shot_type": kind}


def _elements(request: VideoRequest) -> list[dict[str, Any]]:
    """Elements as they were given; plain ids in the official wrapping."""
    return [*request.elements, *({"element_id": element} for element in request.element_list)]
