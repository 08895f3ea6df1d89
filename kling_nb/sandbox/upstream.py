"""What the service behind a gateway says to a combination it cannot do (``spec/sandbox.md`` §9).

A gateway takes such a call and the task fails with the official text. The official tables decide; the models
they lack are added here (``spec/capabilities.md`` §3-§4, ``spec/gateways.md`` §2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kling_nb.domain.capabilities import IMAGE2VIDEO, TEXT2VIDEO, units
from kling_nb.sandbox.official.combinations import check_combination, check_text_combination
from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.messages import (
    RefusedError,
    invalid,
    parameter,
    unsupported_by_model,
    unsupported_combination,
)
from kling_nb.sandbox.official.rules import check_pictures
from kling_nb.sandbox.tasks import Camera

TURBO, OMNI, O1 = "kling-3.0-turbo", "kling-v3-omni", "kling-video-o1"
SHORT, LONG = (5, 10), tuple(range(3, 16))
STORY = frozenset({"audio", "multi_shot", "elements", "start_end"})


@dataclass(frozen=True, slots=True)
class Row:
    """What a model does that the official image-to-video table does not list."""

    modes: tuple[str, ...]
    durations: tuple[int, ...]
    can: frozenset[str]


OTHERS = {
    OMNI: Row(("std", "pro", "4k"), LONG, STORY),
    TURBO: Row(("std", "pro"), LONG, frozenset({"audio", "multi_shot"})),
    O1: Row(("std", "pro"), SHORT, frozenset({"start_end", "elements"})),
}
VIDEO_INPUT_RATE = {"std": Decimal("0.9"), "pro": Decimal("1.2"), "4k": Decimal("3.0")}


def refusal_text(found: Fields, camera: Camera | None) -> str:
    """Return the official words for what cannot be done, empty when all is well.

    A call without any picture is text-to-video.
    """
    try:
        if found.image or found.image_tail:
            check_pictures(found)
        if found.model in OTHERS:
            _check_other(found, camera, OTHERS[found.model])
        else:
            _check_listed(found, camera)
    except RefusedError as error:
        return error.text
    return ""


def price(found: Fields, *, video_input: bool = False) -> Decimal:
    """Return what a clip costs in units, 0 for a combination that has no price and therefore no clip."""
    if video_input and found.model in (OMNI, O1):
        return VIDEO_INPUT_RATE[found.mode] * found.duration
    listed = units(found.model, found.mode, found.duration, found.sound, bool(found.voices))
    return Decimal(0) if listed is None else listed.units


def _check_listed(found: Fields, camera: Camera | None) -> None:
    from_text = found.image is None and found.image_tail is None
    grid = TEXT2VIDEO if from_text else IMAGE2VIDEO
    if found.model not in grid.models:
        raise invalid("model_name", found.model)
    if found.duration not in grid.durations(found.model):
        raise invalid("duration", found.duration)
    if from_text:
        check_text_combination(found, camera)
    else:
        check_combination(found, camera)


def _check_other(found: Fields, camera: Camera | None, row: Row) -> None:
    if found.mode not in row.modes:
        raise parameter(f"4k mode is not supported by the current model: {found.model}")
    if found.duration not in row.durations:
        if found.model == O1:
            raise parameter("Duration only supports 5 or 10 seconds when no refer_image is provided")
        raise invalid("duration", found.duration)
    if found.image_tail and "start_end" not in row.can:
        raise unsupported_by_model("Image tail")
    if found.image_tail and found.image is None:
        raise unsupported_combination(found.model, found.mode, found.duration, "image_tail")
    if found.brush:
        raise unsupported_by_model("Motion brush")
    if camera is not None:
        raise unsupported_by_model("Camera control")
    _check_extras(found, row.can)


def _check_extras(found: Fields, can: frozenset[str]) -> None:
    if found.sound and "audio" not in can:
        raise parameter(f"model/mode({found.model}/{found.mode}) is not supported with sound on")
    wanted = ((found.voices, "voice_list", "voice"), (found.elements, "element_list", "elements"))
    for asked, name, feature in (*wanted, (found.multi_shot, "multi_shot", "multi_shot")):
        if asked and feature not in can:
            raise unsupported_by_model(name)
