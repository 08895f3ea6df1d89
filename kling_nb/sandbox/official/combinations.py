"""Step 4e: what model, mode and duration can do together (``spec/capabilities.md`` §2-§3, M10-M17, M39).

The capability table is data shared with the rest of the package; which text a refusal gets is decided here.
"""

from __future__ import annotations

from kling_nb.domain.capabilities import IMAGE2VIDEO, TEXT2VIDEO, Feature, Grid
from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.messages import (
    RefusedError,
    invalid,
    parameter,
    unsupported_by_model,
    unsupported_combination,
)
from kling_nb.sandbox.tasks import Camera

FIRST_FAMILY = ("kling-v1", "kling-v1-5", "kling-v1-6")


def check_combination(found: Fields, camera: Camera | None) -> None:
    """Refuse what the model cannot do.

    Raises
    ------
    RefusedError
        M17 first (a mode the model lacks makes the rest pointless), then M10-M16, M39 in that order.
    """
    can = IMAGE2VIDEO.features(found.model, found.mode, found.duration)
    _check_4k(found, IMAGE2VIDEO)
    if found.image_tail:
        _check_tail(found, can)
    if found.brush and "brush" not in can:
        raise _no_brush(found)
    if camera is not None:
        _check_camera(found, camera, can)
    _check_words(found, can)


def check_text_combination(found: Fields, camera: Camera | None) -> None:
    """Refuse what the model cannot do from text alone.

    Raises
    ------
    RefusedError
        M17, M15, M16, M39 in that order.
    """
    can = TEXT2VIDEO.features(found.model, found.mode, found.duration)
    _check_4k(found, TEXT2VIDEO)
    if camera is not None and "camera" not in can:
        raise parameter("camera_control is only supported in std mode with 5s duration and kling-v1")
    _check_words(found, can)


def _check_4k(found: Fields, grid: Grid) -> None:
    if found.mode == "4k" and "4k" not in grid.modes(found.model):
        raise parameter(f"4k mode is not supported by the current model: {found.model}")


def _check_words(found: Fields, can: frozenset[Feature]) -> None:
    if found.sound and "audio" not in can:
        raise parameter(f"model/mode({found.model}/{found.mode}) is not supported with sound on")
    wanted = ((found.voices, "voice_list", "voice"), (found.elements, "element_list", "elements"))
    for asked, name, feature in (*wanted, (found.multi_shot, "multi_shot", "multi_shot")):
        if asked and feature not in can:
            raise unsupported_by_model(name)


def _check_tail(found: Fields, can: frozenset[Feature]) -> None:
    if not any(IMAGE2VIDEO.supported_anywhere(found.model, name) for name in ("start_end", "end_only")):
        raise unsupported_by_model("Image tail")
    if found.image is None:
        possible = "end_only" in can
    else:
        possible = "start_end" in can or ("start_end_silent" in can and not found.sound)
    if not possible:
        raise unsupported_combination(found.model, found.mode, found.duration, "image_tail")


def _no_brush(found: Fields) -> RefusedError:
    if IMAGE2VIDEO.supported_anywhere(found.model, "brush"):
        return unsupported_combination(found.model, found.mode, found.duration, "motion brush")
    if found.model in FIRST_FAMILY:
        return parameter(f"{found.model} is not supported with motion brush")
    return unsupported_by_model("Motion brush")


def _check_camera(found: Fields, camera: Camera, can: frozenset[Feature]) -> None:
    if "camera_simple" not in can:
        if found.model in FIRST_FAMILY:
            raise unsupported_combination(found.model, found.mode, found.duration, "camera_control")
        raise unsupported_by_model("Camera control")
    if camera.type != "simple":
        raise invalid("camera_control.type", camera.type)


def mode_is_ignored(found: Fields) -> bool:
    """Whether the model documents no mode, so that std and pro mean the same."""
    return not IMAGE2VIDEO.has_modes(found.model)
