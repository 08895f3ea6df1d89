"""What AceData has to say about a request, and what it asks for a clip (``spec/gateways.md`` §2.5-§2.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.cost import Cost, estimate
from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers.acedata_body import ALWAYS_SOUND, NEEDS_ADDRESS, RATIOS, ratio

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.request import VideoRequest

OMNI: Final = ("kling-v3-omni", "kling-video-o1")
_PLAIN_EXTEND: Final = "kling-v1"
_DOUBTFUL_EXTEND: Final = "kling-v2-5-turbo"
_END_FRAME_SECONDS: Final = 5


def findings(request: VideoRequest, table: Mapping[str, Any]) -> list[Problem]:
    """Return the findings that hold here only; the table of combinations speaks for itself.

    Parameters
    ----------
    request
        Any request.
    table
        The packaged table.
    """
    return [
        *_pictures(request),
        *_frames(request),
        *_values(request, table),
        *_references(request),
        *_extend(request),
    ]


def price(request: VideoRequest, table: Mapping[str, Any], door: Door, provider: str) -> Cost:
    """Return the price where the gateway publishes one.

    Parameters
    ----------
    request
        What will be sent.
    table
        The packaged table.
    door, provider
        See :func:`kling_nb.domain.cost.estimate`.
    """
    return estimate(request, door, provider, listed=_listed(request, table["prices"], table["as_of"]))


def _listed(request: VideoRequest, prices: Mapping[str, Any], as_of: str) -> Cost | None:
    model, mode, seconds = request.model_name, request.mode or "std", Decimal(request.duration)
    if request.form == "extend":
        return _dollars(Decimal(prices["usd_extend"]))
    if request.voice_list and model in prices["credits_per_s_with_voice"]:
        return _credits(Decimal(prices["credits_per_s_with_voice"][model]) * seconds, as_of)
    if request.video_list:
        rate = prices["credits_per_s_with_video"].get(model, {}).get(mode)
        return None if rate is None else _credits(Decimal(rate) * seconds, as_of)
    clip = prices["credits_per_5_s"].get(model, {}).get(mode)
    if clip is not None:
        return _credits(Decimal(clip) * seconds / 5, as_of)
    dollars = prices["usd_per_5_s"].get(model, {})
    amount = dollars.get("*") or dollars.get(mode)
    return None if amount is None else _dollars(Decimal(amount) * seconds / 5)


def _credits(amount: Decimal, as_of: str) -> Cost:
    return Cost(amount, None, "official", as_of, currency="credits")


def _dollars(amount: Decimal) -> Cost:
    return Cost(None, amount, "official", "", "an older page of the vendor", "credits")


def _pictures(request: VideoRequest) -> Iterator[Problem]:
    """L31: local files; and the ratio that becomes 16:9 when nobody knows the picture's."""
    for name, image in (("image", request.image), ("image_tail", request.image_tail)):
        if image is not None and image.url is None:
            message = f"AceData takes no local pictures, and {name} is one"
            yield Problem("L31", Severity.ERROR, name, message, NEEDS_ADDRESS, forceable=False)
    if request.aspect_ratio is not None and request.aspect_ratio not in RATIOS:
        message = f"AceData knows no aspect_ratio={request.aspect_ratio}"
        yield Problem("L23", Severity.ERROR, "aspect_ratio", message, f"use {', '.join(RATIOS)}")
    if request.image is not None and ratio(request) is None:
        message = "the ratio of a picture at an address is not known here, and AceData makes 16:9 of it"
        yield Problem(
            "L23", Severity.INFO, "aspect_ratio", message, f"give aspect_ratio: {', '.join(RATIOS)}"
        )


def _frames(request: VideoRequest) -> Iterator[Problem]:
    """L36, and the two pages of the vendor that disagree about the end frame."""
    if request.camera_control is not None and request.form == "image2video":
        message = "the vendor's own studio blocks camera_control with a start frame"
        fix = "drop image for text-to-video, or say the camera movement in the prompt"
        yield Problem("L36", Severity.WARNING, "camera_control", message, fix)
    if request.image_tail is not None and request.image is not None and request.duration > _END_FRAME_SECONDS:
        message = (
            f"one page of the vendor says that an end frame takes {_END_FRAME_SECONDS} s only, its table "
            f"allows {request.duration} s"
        )
        fix = f"use duration={_END_FRAME_SECONDS} if it is refused"
        yield Problem("L01", Severity.WARNING, "duration", message, fix)


def _values(request: VideoRequest, table: Mapping[str, Any]) -> Iterator[Problem]:
    model = request.model_name
    if request.cfg_scale is not None and model in table["no_cfg_scale"]:
        message = f"{model} takes no cfg_scale at AceData"
        yield Problem("L21", Severity.ERROR, "cfg_scale", message, "leave it out")
    if request.sound == "off" and model == ALWAYS_SOUND:
        message = f"{model} always has sound at AceData; it cannot be switched off"
        yield Problem("L01", Severity.ERROR, "sound", message, "leave sound out, or use kling-v3")
    if request.sound is None and model == ALWAYS_SOUND:
        message = f"{model} always has sound at AceData"
        yield Problem("L27", Severity.WARNING, "sound", message, "use kling-v3 for a silent clip")
    if request.external_task_id is not None:
        message = "AceData has no field for an id of yours; it stays in the run log"
        yield Problem("L24", Severity.INFO, "external_task_id", message)


def _references(request: VideoRequest) -> Iterator[Problem]:
    """L28: how much reference material there may be, and what it excludes (§2.1)."""
    videos = request.video_list
    if len(videos) > 1:
        message = f"{len(videos)} reference videos, exactly 1 is taken"
        yield Problem("L28", Severity.ERROR, "video_list", message, "keep one")
    if videos and request.sound == "on":
        message = "a reference video and generated sound exclude each other"
        yield Problem("L28", Severity.ERROR, "sound", message, 'set sound="off" or drop video_list')
    frames = request.image is not None or any(item.type for item in request.image_list)
    if any(video.refer_type == "base" for video in videos) and frames:
        message = "a reference video that is edited (base) excludes start and end frames"
        yield Problem("L28", Severity.ERROR, "video_list", message, 'use refer_type="feature" or drop them')
    limit = 4 if videos else 7
    used = [*request.image_list, *request.element_list]
    count = len(used) + sum(image is not None for image in (request.image, request.image_tail))
    if used and request.model_name in OMNI and count > limit:
        message = f"{count} pictures and elements, frames counted in; at most {limit} are taken"
        yield Problem("L28", Severity.ERROR, "image_list", message, f"keep {limit}")
    voices = [n for n in range(1, len(request.voice_list) + 1) if f"<<<voice_{n}>>>" not in request.prompt]
    if voices:
        named = ", ".join(f"<<<voice_{n}>>>" for n in voices)
        message = f"the prompt does not name {named}; what it does not name is ignored"
        yield Problem("L28", Severity.WARNING, "voice_list", message, "put it where the voice speaks")


def _extend(request: VideoRequest) -> Iterator[Problem]:
    """Whose clips can be made longer: three pages of the vendor, three rules (§2.1)."""
    if request.form != "extend":
        return
    if request.model_name == _DOUBTFUL_EXTEND:
        message = f"only one of the vendor's pages lets {_DOUBTFUL_EXTEND} make clips longer"
        yield Problem("L01", Severity.WARNING, "model_name", message, "kling-v1 and kling-v1-6 are safe")
    given = [name for name in ("negative_prompt", "cfg_scale") if getattr(request, name) not in ("", None)]
    if request.model_name == _PLAIN_EXTEND and given:
        message = f"making a {_PLAIN_EXTEND} clip longer takes no {' and no '.join(given)}"
        yield Problem("L01", Severity.ERROR, given[0], message, "leave it out")
