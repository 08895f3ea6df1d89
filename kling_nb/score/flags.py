"""What a person should look at, from the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kling_nb.domain.scores import Flag

FROZEN_GAIN: Final = 0.05
REVERSED: Final = -0.5
SHORT, LONG = 0.8, 1.25
LATE_SHARE: Final = 0.12
LEAK_LEVELS: Final = 4.0
LEAK_LIKENESS: Final = 0.93
CERTAIN_LEAK: Final = 6.0
"""Levels that no good coding makes: on rough texture a leak leaves the structural likeness high."""
CAMERA_DRIFT: Final = 1.0
CAMERA_DIRECTION: Final = 0.7
CAMERA_SURE: Final = 0.5
"""Least confidence in a camera for which a clip is blamed."""
SHARPNESS_LOST: Final = 18.0
SHARPNESS_SURE: Final = 0.75
UNSURE_SHARPNESS_LOST: Final = 30.0
"""Without a camera it may be a zoom's: one by an eighth costs up to 23 %, blur of 2 pixels 38 % and more."""
FLICKER: Final = 0.25
FIRST_MATCH: Final = 0.6
END_MATCH: Final = 0.5
FROZEN_CHANGE: Final = 0.004
STILL_CAMERA: Final = 0.25


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the numbers alone do not say.

    Parameters
    ----------
    objects
        How many painted objects there are.
    duration_s
        Of the clip.
    camera_asked
        Whether a camera move was asked for.
    camera_way
        Mean way of the frame's corners by the camera, in percent of the diagonal; None if unknown.
    still_wanted
        Whether the camera was expected to keep still: something was painted and no end picture sent.
    changed
        Share of the picture that ever looked different from the first frame.
    elsewhere
        Whether the first frame does not show the start picture at all.
    camera_confidence, sharpness_confidence
        0 to 1.
    """

    objects: int
    duration_s: float
    camera_asked: bool
    camera_way: float | None
    still_wanted: bool
    changed: float
    elsewhere: bool = False
    camera_confidence: float = 1.0
    sharpness_confidence: float = 1.0


def flags_of(values: Mapping[str, float | None], about: Circumstances) -> tuple[Flag, ...]:
    """Judge the numbers of a clip."""
    found: list[Flag] = []
    if _frozen(values, about):
        found.append("frozen")
    camera = _camera(values, about)
    found += _of_paths(values, about, "frozen" in found, "own_" if camera else "")
    unlike = _over(values, "leak", LEAK_LEVELS) and _under(values, "leak_ssim", LEAK_LIKENESS)
    if unlike or _over(values, "leak", CERTAIN_LEAK):
        found.append("leak")
    if camera:
        found.append("camera")
    certain = about.sharpness_confidence >= SHARPNESS_SURE
    if _over(values, "sharpness_decay", SHARPNESS_LOST if certain else UNSURE_SHARPNESS_LOST):
        found.append("blurred")
    if _over(values, "flicker", FLICKER):
        found.append("flickering")
    if about.elsewhere or _under(values, "first_match", FIRST_MATCH):
        found.append("first frame")
    if _under(values, "end_match", END_MATCH):
        found.append("end frame")
    return tuple(found)


def _frozen(values: Mapping[str, float | None], about: Circumstances) -> bool:
    """Whether nothing ever looks different from the first frame, blur and light aside."""
    camera_still = about.camera_way is None or about.camera_way < STILL_CAMERA
    return values.get("motion") is not None and camera_still and about.changed < FROZEN_CHANGE


def _of_paths(
    values: Mapping[str, float | None], about: Circumstances, frozen: bool, own: str = ""
) -> list[Flag]:
    """Judge the paths; what a camera did that nobody asked for is no fault of the objects."""
    found: list[Flag] = []
    own = own if values.get(f"{own}gain") is not None else ""
    gain, direction = values.get(f"{own}gain"), values.get(f"{own}direction")
    if about.objects and (values.get("tracked") or 0.0) < 1:
        found.append("untracked")
    if gain is None:
        return found
    if abs(gain) >= FROZEN_GAIN and direction is not None and direction < REVERSED:
        found.append("reversed")
    elif FROZEN_GAIN <= gain < SHORT or (gain < FROZEN_GAIN and not frozen):
        found.append("short")
    elif gain > LONG:
        found.append("long")
    lag = values.get(f"{own}lag")
    if lag is not None and lag > LATE_SHARE * about.duration_s:
        found.append("late")
    return found


def _camera(values: Mapping[str, float | None], about: Circumstances) -> bool:
    if about.camera_way is None or about.camera_confidence < CAMERA_SURE:
        return False
    if about.camera_asked:
        direction = values.get("camera_direction")
        return direction is None or direction < CAMERA_DIRECTION
    return about.still_wanted and _over(values, "camera_drift", CAMERA_DRIFT)


def _over(values: Mapping[str, float | None], name: str, limit: float) -> bool:
    value = values.get(name)
    return value is not None and value > limit


def _under(values: Mapping[str, float | None], name: str, limit: float) -> bool:
    value = values.get(name)
    return value is not None and value < limit
