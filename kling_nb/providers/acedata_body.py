"""The body of a create at AceData (``spec/gateways.md`` §2.1, §4, §5.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.camera import AXES, CAMERA_LIMIT
from kling_nb.errors import InputError
from kling_nb.providers.gateway import compact

if TYPE_CHECKING:
    from kling_nb.domain.camera import CameraControl
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest

RATIOS: Final = ("16:9", "9:16", "1:1")
ALWAYS_SOUND: Final = "kling-3.0-turbo"
"""The one model whose sound cannot be switched: the field is true or absent."""

NEEDS_ADDRESS: Final = (
    "Give the picture as a public http(s) address, or register a function that puts a file at one and "
    "returns the address: kn.set_uploader(...) or Session(uploader=...)."
)


def build(request: VideoRequest, names: Mapping[str, str], *, audible: bool) -> dict[str, Any]:
    """Return the JSON body of a create.

    ``action`` and ``async`` always stand in it: without them the service takes a picture for text-to-video,
    or holds the connection for minutes (§2.6). ``timeout`` and masks never do.

    Parameters
    ----------
    request
        A request that passed the linter.
    names
        Legacy model name -> the gateway's, where they differ.
    audible
        Whether this model and mode have a switch for sound.

    Raises
    ------
    InputError
        If a picture has no address.
    """
    head = {
        "action": request.form,
        "async": True,
        "model": names.get(request.model_name, request.model_name),
        "mode": request.mode or "std",
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "cfg_scale": request.cfg_scale,
    }
    if request.form == "extend":
        return compact(head | {"video_id": request.video_id, "callback_url": request.callback_url})
    return compact(
        head
        | {
            "start_image_url": _address(request.image, "image"),
            "end_image_url": _address(request.image_tail, "image_tail"),
            "duration": request.duration,
            "aspect_ratio": ratio(request),
            "camera_control": None if request.camera_control is None else camera(request.camera_control),
            "generate_audio": _audio(request, audible=audible),
            "image_list": [item.model_dump(exclude_none=True) for item in request.image_list],
            "video_list": [item.model_dump(exclude_none=True) for item in request.video_list],
            "element_list": [{"element_id": element} for element in request.element_list],
            "voice_list": [{"voice_id": voice} for voice in request.voice_list],
            **_shots(request),
            "callback_url": request.callback_url,
        }
    )


def ratio(request: VideoRequest) -> str | None:
    """Return the ratio to ask for: the given one, else the nearest to the start frame's (§5.2).

    None when a picture's size is not known; the service then makes 16:9 of it.
    """
    if request.aspect_ratio is not None or request.image is None or request.image.size is None:
        return request.aspect_ratio
    width, height = request.image.size
    return min(RATIOS, key=lambda name: abs(math.log(width / height) - math.log(_quotient(name))))


def camera(control: CameraControl) -> dict[str, Any]:
    """Return a camera in the gateway's scale: a tenth of the official values, three decimals (§4)."""
    if control.config is None:
        return {"type": control.type}
    config = {axis: round(getattr(control.config, axis) / CAMERA_LIMIT, 3) for axis in AXES}
    return {"type": control.type, "config": config}


def _quotient(name: str) -> float:
    wide, _, high = name.partition(":")
    return int(wide) / int(high)


def _address(image: ImageRef | None, field: str) -> str | None:
    if image is None:
        return None
    if image.url is None:
        raise InputError(
            f"AceData takes no local pictures ({field}).", "It loads them itself.", NEEDS_ADDRESS
        )
    return image.url


def _audio(request: VideoRequest, *, audible: bool) -> bool | None:
    """Say true where it is asked for, false only where the model has a switch."""
    if request.sound == "on":
        return True
    switch = audible and request.model_name != ALWAYS_SOUND
    return False if request.sound == "off" and switch else None


def _shots(request: VideoRequest) -> dict[str, Any]:
    if not request.multi_shot:
        return {}
    shots = [shot.model_dump() for shot in request.multi_prompt]
    return {"multi_shot": True, "shot_type": request.shot_type, "multi_prompt": shots}
