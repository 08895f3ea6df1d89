"""The bodies of the legacy creates (``spec/official-api.md`` §4.1, §5, §6, §15).

A closed schema: the official server ignores unknown keys silently, so nothing but the fields of the
form ever leaves, and neither null nor an empty string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kling_nb import media
from kling_nb.domain.wire import Call
from kling_nb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kling_nb.domain.brush import DynamicMask, Mask
    from kling_nb.domain.door import Form
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest

RECOGNIZE: Final = "/v1/videos/image-recognize"
WORDS_ONLY: Final = ("kling-v1",)
"""Models whose clips are made longer by a prompt alone: no negative prompt, no guidance."""


def build(request: VideoRequest, external_task_id: str) -> dict[str, Any]:
    """Return the JSON body of a create, by the form of the request.

    Parameters
    ----------
    request
        A request that passed the linter; ``duration`` is in seconds.
    external_task_id
        Idempotency key; wins over the request's own.

    Returns
    -------
    dict
        Keys in the order of ``spec/official-api.md`` §4.1 and §15.

    Raises
    ------
    InputError
        If a picture holds neither bytes nor an address, or a path's picture size is unknown.
    """
    body = {**_FIELDS[request.form](request), **_options(request, external_task_id)}
    return {key: value for key, value in body.items() if value is not None and value not in ("", [], {})}


def recognize(image: str) -> Call:
    """Return the call that segments a picture (``spec/official-api.md`` §15).

    Parameters
    ----------
    image
        Address or raw Base64.
    """
    # It costs 0.1 unit and carries no id of ours: asking again would cost again.
    return Call("POST", RECOGNIZE, body={"image": image}, safe=False)


def _image2video(request: VideoRequest) -> dict[str, Any]:
    return {
        "model_name": request.model_name,
        "image": picture(request.image),
        "image_tail": picture(request.image_tail),
        **_shots(request),
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "element_list": [{"element_id": element} for element in request.element_list],
        "voice_list": [{"voice_id": voice} for voice in request.voice_list],
        "sound": request.sound,
        "cfg_scale": request.cfg_scale,
        "mode": request.sent_mode,
        **brush(request),
        "camera_control": _camera(request),
        "duration": str(request.duration),
    }


def _text2video(request: VideoRequest) -> dict[str, Any]:
    # "As i2v without images, masks, elements", and with a ratio (§15).
    return {
        "model_name": request.model_name,
        **_shots(request),
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "voice_list": [{"voice_id": voice} for voice in request.voice_list],
        "sound": request.sound,
        "cfg_scale": request.cfg_scale,
        "mode": request.sent_mode,
        "camera_control": _camera(request),
        "aspect_ratio": request.aspect_ratio,
        "duration": str(request.duration),
    }


def _extend(request: VideoRequest) -> dict[str, Any]:
    # The model is that of the source video and is no field; kling-v1 takes words only (§15).
    steered = request.model_name not in WORDS_ONLY
    return {
        "video_id": request.video_id,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt if steered else None,
        "cfg_scale": request.cfg_scale if steered else None,
    }


_FIELDS: Final[Mapping[Form, Callable[[VideoRequest], dict[str, Any]]]] = {
    "image2video": _image2video,
    "text2video": _text2video,
    "extend": _extend,
}


def _options(request: VideoRequest, external_task_id: str) -> dict[str, Any]:
    return {
        "watermark_info": None if request.watermark is None else {"enabled": request.watermark},
        "callback_url": request.callback_url,
        "external_task_id": external_task_id,
    }


def _camera(request: VideoRequest) -> dict[str, Any] | None:
    return None if request.camera_control is None else request.camera_control.to_wire()


def picture(image: ImageRef | None) -> str | None:
    """Return a picture as the official API takes it: its address, or raw Base64 without a prefix.

    Raises
    ------
    InputError
        If it holds neither bytes nor an address.
    """
    if image is None:
        return None
    if image.url is not None:
        return image.url
    if image.data is None:
        raise InputError("A picture is empty.", "It has neither bytes nor an address.", "Load it again.")
    return media.to_base64(image.data)


def _shots(request: VideoRequest) -> dict[str, Any]:
    # Without multi_shot, shot_type and multi_prompt have no effect (§4.3 R9).
    if not request.multi_shot:
        return {}
    shots = [
        {"index": shot.index, "prompt": shot.prompt, "duration": str(shot.duration)}
        for shot in request.multi_prompt
    ]
    return {"multi_shot": True, "shot_type": request.shot_type, "multi_prompt": shots}


def brush(request: VideoRequest) -> dict[str, Any]:
    """Return the fields of the motion brush: masks as raw Base64 or addresses, paths as wire integers.

    Parameters
    ----------
    request
        Any request.

    Returns
    -------
    dict
        ``static_mask`` (may be None) and ``dynamic_masks``; empty without a brush.
    """
    masks = [group.mask for group in request.dynamic_masks]
    if request.static_mask is not None:
        masks.append(request.static_mask)
    if not masks:
        return {}
    size = _size(request, masks)
    return {
        "static_mask": None if request.static_mask is None else _mask(request.static_mask, size),
        "dynamic_masks": [_group(group, size, request) for group in request.dynamic_masks],
    }


def _group(group: DynamicMask, size: tuple[int, int] | None, request: VideoRequest) -> dict[str, Any]:
    path = group.trajectory.to_wire(size or group.trajectory.size, y_origin=request.y_origin)
    return {"mask": _mask(group.mask, size), "trajectories": path}


def _mask(mask: Mask, size: tuple[int, int] | None) -> str:
    if mask.url is not None:
        return mask.url
    if mask.runs is None:
        raise InputError("A mask is empty.", "It has neither pixels nor an address.", "Draw it again.")
    return media.to_base64(media.mask_to_png(mask.runs, size=size))


def _size(request: VideoRequest, masks: list[Mask]) -> tuple[int, int] | None:
    """Size of the picture as sent; for a picture at an address, the size the masks were drawn on."""
    if request.image is not None and request.image.size is not None:
        return request.image.size
    return next((m.size for m in masks if m.size is not None), None)
