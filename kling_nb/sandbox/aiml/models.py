"""The model ids of the AI/ML API and the fields each one takes (``spec/gateways.md`` §3.3).

An id holds the model and its tier. The ids of text-to-video are those of the vendor's published schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kling_nb.sandbox.upstream import LONG, O1, OMNI, SHORT, TURBO


@dataclass(frozen=True, slots=True)
class Id:
    """One model id: the service's model and tier behind it, and the fields its schema has.

    Parameters
    ----------
    model, mode
        Official twin.
    image
        Whether it animates a picture.
    prompt
        ``required``, ``optional``, or ``shots``: either a prompt or ``multi_prompt``.
    longest
        Characters a prompt may have, ``None`` for no stated limit.
    tail
        Name of the field of the end frame, empty without one.
    masks
        Whether the schema has the motion brush.
    camera
        ``object`` as the official API, ``preset`` a word and an advanced object, empty for none.
    audio
        ``switch``: ``generate_audio``, on when absent; ``always``; empty for none.
    durations
        Allowed seconds.
    negative, cfg
        Whether the schema has ``negative_prompt`` and ``cfg_scale``.
    """

    model: str
    mode: str
    image: bool = True
    prompt: Literal["required", "optional", "shots"] = "optional"
    longest: int | None = None
    tail: str = ""
    masks: bool = False
    camera: Literal["", "object", "preset"] = ""
    audio: Literal["", "switch", "always"] = ""
    durations: tuple[int, ...] = SHORT
    negative: bool = True
    cfg: bool = True


TAIL = "tail_image_url"


def _brush(model: str, mode: str, tail: str = TAIL) -> Id:
    return Id(model, mode, tail=tail, masks=True, camera="object")


def _story(model: str, mode: str, *, image: bool) -> Id:
    tail = TAIL if image else ""
    return Id(model, mode, image=image, prompt="shots", tail=tail, audio="switch", durations=LONG)


def _turbo(mode: str, *, image: bool) -> Id:
    return Id(
        TURBO,
        mode,
        image=image,
        prompt="shots",
        longest=3072,
        audio="always",
        durations=LONG,
        negative=False,
        cfg=False,
    )


def _text(model: str, mode: str, camera: Literal["", "preset"] = "preset") -> Id:
    return Id(model, mode, image=False, prompt="required", camera=camera)


FROM_IMAGE = {
    "kling-video/v1/standard/image-to-video": _brush("kling-v1", "std"),
    "kling-video/v1/pro/image-to-video": _brush("kling-v1", "pro"),
    "kling-video/v1.5/standard/image-to-video": _brush("kling-v1-5", "std"),
    "kling-video/v1.5/pro/image-to-video": _brush("kling-v1-5", "pro"),
    "kling-video/v1.6/standard/image-to-video": Id("kling-v1-6", "std", prompt="required"),
    "kling-video/v1.6/pro/image-to-video": _brush("kling-v1-6", "pro"),
    "kling-video/v2.1/standard/image-to-video": _brush("kling-v2-1", "std", tail=""),
    "kling-video/v2.1/pro/image-to-video": _brush("kling-v2-1", "pro", tail=""),
    "klingai/v2-master-image-to-video": _brush("kling-v2-master", "std", tail=""),
    "klingai/v2.1-master-image-to-video": _brush("kling-v2-1-master", "std", tail=""),
    "klingai/v2.5-turbo/pro/image-to-video": Id("kling-v2-5-turbo", "pro", prompt="required"),
    "klingai/video-v2-6-pro-image-to-video": Id(
        "kling-v2-6", "pro", prompt="required", longest=2500, tail=TAIL, audio="switch", cfg=False
    ),
    "klingai/video-v3-standard-image-to-video": _story("kling-v3", "std", image=True),
    "klingai/video-v3-pro-image-to-video": _story("kling-v3", "pro", image=True),
    "klingai/video-v3-omni-720p-image-to-video": _story(OMNI, "std", image=True),
    "klingai/video-v3-omni-1080p-image-to-video": _story(OMNI, "pro", image=True),
    "klingai/video-v3-standard-turbo-image-to-video": _turbo("std", image=True),
    "klingai/video-v3-turbo-pro-image-to-video": _turbo("pro", image=True),
    "klingai/video-o1-image-to-video": Id(
        O1, "pro", prompt="required", longest=2500, tail="last_image_url", negative=False, cfg=False
    ),
}
FROM_TEXT = {
    "kling-video/v1/standard/text-to-video": _text("kling-v1", "std"),
    "kling-video/v1/pro/text-to-video": _text("kling-v1", "pro"),
    "kling-video/v1.5/standard/text-to-video": _text("kling-v1-5", "std"),
    "kling-video/v1.5/pro/text-to-video": _text("kling-v1-5", "pro"),
    "kling-video/v1.6/standard/text-to-video": _text("kling-v1-6", "std", ""),
    "kling-video/v1.6/pro/text-to-video": _text("kling-v1-6", "pro"),
    "klingai/v2-master-text-to-video": _text("kling-v2-master", "std"),
    "klingai/v2.1-master-text-to-video": _text("kling-v2-1-master", "std"),
    "klingai/v2.5-turbo/pro/text-to-video": _text("kling-v2-5-turbo", "pro", ""),
    "klingai/video-v2-6-pro-text-to-video": Id(
        "kling-v2-6", "pro", image=False, prompt="required", longest=2500, audio="switch"
    ),
    "klingai/video-v3-standard-text-to-video": _story("kling-v3", "std", image=False),
    "klingai/video-v3-pro-text-to-video": _story("kling-v3", "pro", image=False),
    "klingai/video-v3-omni-720p-text-to-video": _story(OMNI, "std", image=False),
    "klingai/video-v3-omni-1080p-text-to-video": _story(OMNI, "pro", image=False),
    "klingai/video-v3-standard-turbo-text-to-video": _turbo("std", image=False),
    "klingai/video-v3-turbo-pro-text-to-video": _turbo("pro", image=False),
}
IDS = {**FROM_IMAGE, **FROM_TEXT}
