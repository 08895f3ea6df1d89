"""What AceData has to say about a request, and what it asks for a clip (``spec/gateways.md`` §2.5-§2.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.cost import Cost, estimate
from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers.acedata_body import ALWAYS_SOUND, RATIOS, ratio

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.request import VideoRequest

OMNI: Final = ("kling-v3-omni", "kling-video-o1")
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
        *_ratio(request),
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


def _ratio(request: VideoRequest) -> Iterator[Problem]:
    """L23: three ratios, and 16:9 when nobody knows the picture's."""
    if request.aspect_ratio is not None and request.aspect_ratio not in RATIOS:
        message = f"AceData knows no aspect_ratio={request.aspect_ratio}"
        yield Problem("L23", Severity.ERROR, "aspect_ratio", message, f"use {', '.join(RATIOS)}")
    if request.form == "image2video" and request.image is not None and ratio(request) is None:
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


def _references(request: VideoRequest) -> Iterator[Problem]:
    """L28: what is counted together, and voices the prompt does not call (§2.1)."""
    base = any(video.refer_type == "base" for video in request.video_list)
    if base and any(item.type for item in request.image_list):
        message = "a base video and frames in image_list cannot be used together"
        yield Problem(
            "L28", Severity.ERROR, "video_list", message, 'set refer_type="feature" or drop the type'
        )
    limit = 4 if request.video_list else 7
    used = [*request.image_list, *request.element_list]
    count = len(used) + sum(image is not None for image in (request.image, request.image_tail))
    if used and request.model_name in OMNI and count > limit >= len(request.image_list):
        message = f"{count} pictures and elements, frames counted in; at most {limit} are taken"
        yield Problem("L28", Severity.ERROR, "image_list", message, f"keep {limit}")
    voices = [n for n in range(1, len(request.voice_list) + 1) if f"<<<voice_{n}>>>" not in request.prompt]
    if voices:
        named = ", ".join(f"<<<voice_{n}>>>" for n in voices)
        message = f"the prompt does not name {named}; what it does not name is ignored"
        yield Problem("L28", Severity.WARNING, "voice_list", message, "put it where the voice speaks")


def _extend(request: VideoRequest) -> Iterator[Problem]:
    """L01: whose clips can be made longer has three pages and three rules (§2.1); a prompt is needed."""
    if request.form != "extend":
        return
    if request.model_name == _DOUBTFUL_EXTEND:
        message = f"only one of the vendor's pages lets {_DOUBTFUL_EXTEND} make clips longer"
        yield Problem("L01", Severity.WARNING, "model_name", message, "kling-v1 and kling-v1-6 are safe")
    if not request.prompt.strip():
        message = "AceData needs a prompt to make a video longer"
        yield Problem("L20", Severity.ERROR, "prompt", message, "say how it goes on")
