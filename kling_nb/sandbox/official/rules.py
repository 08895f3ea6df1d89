"""Cross-field rules of the legacy create calls (``spec/official-api.md`` §4.3): steps 4b-4d."""

from __future__ import annotations

import re
from typing import Any

from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.messages import invalid, malformed, parameter, size_between
from kling_nb.sandbox.tasks import Camera, MaskPath

MAX_GROUPS = 6
MIN_POINTS, MAX_POINTS = 2, 77
MAX_SHOTS = 6
SHOT_SECONDS = re.compile("[0-9]{1,2}")
SHOT_PROMPT_LENGTH = 512
CAMERA_TYPES = ("simple", "down_back", "forward_up", "right_turn_forward", "left_turn_forward")
CAMERA_AXES = ("horizontal", "vertical", "pan", "tilt", "roll", "zoom")
CAMERA_REACH = 10


def check_presence(found: Fields) -> None:
    """Check R1 R2 R4 R7 R8 R11 (M20-M26) and the prompt rule of v3 (M41), step 4b.

    Raises
    ------
    RefusedError
        For the first rule broken.
    """
    check_pictures(found)
    check_words(found)


def check_pictures(found: Fields) -> None:
    """Check R1 R2 R4 (M20-M22).

    A brush without any picture is told as M22, the more telling of the two rules it breaks.

    Raises
    ------
    RefusedError
        For the first rule broken.
    """
    if not found.image and not found.image_tail and not found.brush:
        raise parameter("image and image_tail can not be empty at the same time")
    if sum((found.image_tail is not None, found.brush, found.camera is not None)) > 1:
        raise parameter(
            "image_tail, dynamic_masks/static_mask and camera_control can not be used at the same time"
        )
    if found.brush and not found.image:
        raise parameter("image is required with motion brush")


def check_words(found: Fields) -> None:
    """Check R7 R8 R11 (M23-M26) and the prompt rule of v3 (M41): what is said and heard.

    Raises
    ------
    RefusedError
        For the first rule broken.
    """
    if found.multi_shot and not found.shot_type:
        raise invalid("shot_type", "")
    if found.shot_type == "customize":
        _check_shots(found.multi_prompt, found.duration)
    if found.voices and not found.sound:
        raise parameter("sound must be on with voice_list")
    if found.voices and found.elements:
        raise parameter("element_list and voice_list can not be used at the same time")
    if found.model == "kling-v3" and found.shot_type != "customize" and not found.prompt.strip():
        raise parameter("prompt: must not be blank")


def _check_shots(shots: list[Any], total: int) -> None:
    if not 1 <= len(shots) <= MAX_SHOTS:
        raise malformed("multi_prompt")
    if sum(_shot_seconds(shot, total) for shot in shots) != total:
        raise malformed("multi_prompt")


def _shot_seconds(shot: Any, total: int) -> int:
    if not isinstance(shot, dict):
        raise malformed("multi_prompt")
    index, prompt, seconds = shot.get("index"), shot.get("prompt"), shot.get("duration", "")
    readable = (
        isinstance(index, int)
        and not isinstance(index, bool)
        and isinstance(prompt, str)
        and len(prompt) <= SHOT_PROMPT_LENGTH
        and isinstance(seconds, str)
        and SHOT_SECONDS.fullmatch(seconds) is not None
        and 1 <= int(seconds) <= total
    )
    if not readable:
        raise malformed("multi_prompt")
    return int(seconds)


def read_brush(found: Fields) -> tuple[MaskPath, ...]:
    """Check groups, point counts and coordinates (M27), step 4c, and return the groups.

    Coordinates must be JSON integers: ``5.0`` is refused, on purpose stricter than an unknown server.

    Raises
    ------
    RefusedError
        M27, the first failing of: number of groups, points of a group, coordinates of a group.
    """
    groups = found.dynamic_masks
    if len(groups) > MAX_GROUPS:
        raise size_between("dynamicMasks", 0, MAX_GROUPS)
    return tuple(
        MaskPath(mask=group["mask"], points=_points(index, group.get("trajectories", [])))
        for index, group in enumerate(groups)
    )


def _points(index: int, points: list[Any]) -> tuple[tuple[int, int], ...]:
    if not MIN_POINTS <= len(points) <= MAX_POINTS:
        raise size_between(f"dynamicMasks[{index}].trajectories", MIN_POINTS, MAX_POINTS)
    return tuple(_point(f"dynamic_masks[{index}].trajectories[{j}]", point) for j, point in enumerate(points))


def _point(label: str, point: Any) -> tuple[int, int]:
    if not isinstance(point, dict):
        raise malformed(label)
    x, y = (_coordinate(f"{label}.{axis}", point.get(axis, "")) for axis in ("x", "y"))
    return x, y


def _coordinate(label: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(label, value)
    return value


def read_camera(found: Fields) -> Camera | None:
    """Check the shape of ``camera_control`` (M28), step 4d, and return it.

    Raises
    ------
    RefusedError
        An unknown type, a ``simple`` without exactly one axis within ±10, or a preset with axes.
    """
    camera = found.camera
    if camera is None:
        return None
    kind, config = camera.get("type", ""), camera.get("config")
    if kind not in CAMERA_TYPES:
        raise invalid("camera_control.type", kind)
    if kind != "simple":
        if config:
            raise malformed("camera_control")
        return Camera(type=kind)
    if not isinstance(config, dict) or set(config) - set(CAMERA_AXES):
        raise malformed("camera_control")
    axes = {axis: _axis(value) for axis, value in config.items() if value is not None}
    if sum(value != 0 for value in axes.values()) != 1:
        raise malformed("camera_control")
    return Camera(type=kind, config=axes)


def _axis(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > CAMERA_REACH:
        raise malformed("camera_control")
    return float(value)


def check_references(found: Fields, elements: tuple[str, ...] | None, voices: tuple[str, ...] | None) -> None:
    """Refuse elements and voices the account does not own (M29).

    Parameters
    ----------
    found
        The fields.
    elements, voices
        The ids owned; ``None`` means any.

    Raises
    ------
    RefusedError
        M29.
    """
    for element in found.elements:
        if elements is not None and str(element) not in elements:
            raise parameter(f"Element id not found: {element}")
    if voices is not None and any(voice not in voices for voice in found.voices):
        raise parameter("Voice id not found")
