"""Rules about what a door has no place for, whatever the model (``spec/gateways.md`` §1, §4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kling_nb.domain.capabilities import Feature, units
from kling_nb.domain.cost import plain_decimal
from kling_nb.domain.lint.facts import Place, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

_SEPARATE: Final = frozenset(
    {
        "static_mask",
        "dynamic_masks",
        "callback_url",
        "external_task_id",
        "aspect_ratio",
        "video_id",
        "y_origin",
    }
)
"""Fields other rules speak about."""

_FEATURED: Final = {
    "element_list": Feature.ELEMENTS,
    "image_list": Feature.IMAGES,
    "video_list": Feature.VIDEO,
    "voice_list": Feature.VOICE,
    "multi_shot": Feature.MULTI_SHOT,
    "camera_control": Feature.CAMERA_SIMPLE,
    "sound": Feature.AUDIO,
    "image_tail": Feature.START_END,
}
"""Fields whose grid has the last word: a door that lacks the field lacks the feature too."""


def no_place(request: VideoRequest, at: Place) -> Problems:
    """L01: a field this door's requests do not have; left out when forced."""
    grid = at.grid(request)
    for name, value in request:
        if name in _SEPARATE or name in at.door.fields or _is_unset(value):
            continue
        feature = _FEATURED.get(name)
        told = grid is not None and feature is not None and request.model_name in grid.models
        if told or (name == "sound" and value == "off"):
            continue
        other = at.elsewhere(lambda door, name=name: name in door.fields)  # type: ignore[misc]  # bound now
        fix = f"leave {name} out" + (f", or {other}" if other else "; force=True leaves it out")
        yield error("L01", name, f"{at.door.title} has no place for {name}", fix)


def _is_unset(value: object) -> bool:
    """Whether a field says nothing; a zero does say something."""
    return value is None or value is False or value in ("", ())


def delivery(request: VideoRequest, at: Place) -> Problems:
    """L01 and L24: where to report, and our name for the task."""
    if request.callback_url is not None and not at.door.callbacks:
        message = f"{at.door.title} calls nobody back: callback_url has no place there"
        yield error("L01", "callback_url", message, "leave it out: results are polled for")
    if request.external_task_id is not None and not at.door.external_ids:
        message = f"{at.door.title} takes no id of ours; external_task_id is kept in the run log only"
        yield warning("L24", "external_task_id", message, "find the clip by its run or task id")


def local_media(request: VideoRequest, at: Place) -> Problems:
    """L31: pictures from this machine on a door that takes addresses only."""
    if at.door.local_images:
        return
    for name in _local(request):
        if at.facts.uploader:
            yield info("L31", name, f"{name} is a local picture; your uploader gives it an address when sent")
        else:
            message = f"{name} is a local picture, and {at.door.title} takes http(s) addresses only"
            fix = (
                "give a public URL, or register an uploader: a function that returns one "
                "(nothing is ever uploaded to a third party by itself)"
            )
            yield error("L31", name, message, fix, forceable=False)


def _local(request: VideoRequest) -> Iterator[str]:
    for name, image in (("image", request.image), ("image_tail", request.image_tail)):
        if image is not None and image.url is None:
            yield name


def service_defaults(request: VideoRequest, at: Place) -> Problems:
    """L27 and L30: what the service would switch on by itself is said explicitly to be off."""
    if request.model_name in at.door.sounding and request.sound is None:
        grid = at.grid(request)
        cell = (request.model_name, request.mode, request.duration)
        if grid is None or grid.supports(*cell, Feature.AUDIO):
            message = (
                f"{at.door.title} switches sound on when nothing is said; off is sent{_prices(request, at)}"
            )
            yield warning("L27", "sound", message, 'say sound="on" or sound="off"')
    if request.model_name in at.door.storyboarding and not request.multi_shot:
        message = f"{at.door.title} makes several shots when nothing is said; one shot is asked for"
        yield warning("L30", "multi_shot", message, "say multi_shot=True for several")


def _prices(request: VideoRequest, at: Place) -> str:
    """Return what silence saves: by the door's prices, else by Kling's own list."""
    silent, loud = (at.estimate(request.model_copy(update={"sound": word})) for word in ("off", "on"))
    if silent.amount is not None and loud.amount is not None:
        return f" ({plain_decimal(silent.amount)} instead of {plain_decimal(loud.amount)} {loud.currency})"
    clip = (request.model_name, request.mode, request.duration)
    listed, dear = units(*clip), units(*clip, sound=True)
    if listed is None or dear is None:
        return ""
    by = "units by Kling's own list"
    return f" ({plain_decimal(listed.units)} instead of {plain_decimal(dear.units)} {by})"


RULES: Final = (no_place, delivery, local_media, service_defaults)
