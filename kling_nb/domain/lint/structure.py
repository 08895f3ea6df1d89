"""Rules about fields that need or exclude each other (``spec/official-api.md`` §4.3)."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.camera import AXES, CAMERA_LIMIT
from kling_nb.domain.lint.facts import LintFacts, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

SHOT_TYPES: Final = ("customize", "intelligence")
MAX_SHOTS: Final = 6
MAX_SHOT_CHARACTERS: Final = 512
MAX_VOICES: Final = 2
MAX_ELEMENTS: Final = 3


def exclusive_groups(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L02: end frame, brush and camera exclude each other (R2)."""
    groups = {
        "image_tail": request.image_tail is not None,
        "dynamic_masks" if request.dynamic_masks else "static_mask": request.has_brush,
        "camera_control": request.camera_control is not None,
    }
    used = [name for name, present in groups.items() if present]
    if len(used) > 1:
        names = " and ".join(used)
        yield error(
            "L02", used[0], f"{names} cannot be used at the same time", f"keep only {' or '.join(used)}"
        )


def frames_present(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L03 and L05: there must be a picture to move (R1, R4)."""
    if request.image is None and request.image_tail is None:
        yield error(
            "L03", "image", "there is neither a start nor an end frame", "give image=", forceable=False
        )
    if request.image is None and request.has_brush:
        yield error("L05", "image", "the motion brush needs a start frame", "give image=", forceable=False)


def camera_shape(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L15: one axis of a simple camera, within +-10; nothing beside a preset (§6)."""
    camera = request.camera_control
    if camera is None:
        return
    moving = {} if camera.config is None else camera.config.moving()
    if camera.type != "simple":
        if camera.config is not None:
            fix = f"leave config out, or use type simple with one of {', '.join(AXES)}"
            yield error("L15", "camera_control", f"the preset {camera.type} takes no config", fix)
        return
    if len(moving) != 1:
        what = "moves no axis" if not moving else f"moves {len(moving)} axes ({', '.join(moving)})"
        keep = (
            f"keep one, e.g. {next(iter(moving))}={next(iter(moving.values())):g}"
            if moving
            else "e.g. zoom=5"
        )
        yield error("L15", "camera_control", f"the camera {what}; exactly one is needed", keep)
    for axis, value in moving.items():
        if not abs(value) <= CAMERA_LIMIT:
            yield error(
                "L15", "camera_control", f"camera {axis}={value:g} is outside -10...10", "use -10 to 10"
            )


def voices_and_elements(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L28: voices need sound and exclude elements; both are limited in number (R11)."""
    if request.voice_list and request.sound != "on":
        yield error("L28", "voice_list", "voices need sound", 'set sound="on" or drop voice_list')
    if request.voice_list and request.element_list:
        fix = "drop voice_list or element_list"
        yield error("L28", "voice_list", "voice_list and element_list cannot be used together", fix)
    for name, given, limit in (
        ("voice_list", len(request.voice_list), MAX_VOICES),
        ("element_list", len(request.element_list), MAX_ELEMENTS),
    ):
        if given > limit:
            yield error("L28", name, f"{given} entries in {name}, at most {limit} are taken", f"keep {limit}")


def storyboard(request: VideoRequest, _provider: str, _facts: LintFacts) -> Problems:
    """L29: shots of a storyboard (R7 to R9)."""
    if not request.multi_shot:
        if request.shot_type or request.multi_prompt:
            message = "shot_type and multi_prompt have no effect without multi_shot"
            yield warning("L29", "multi_shot", message, "set multi_shot=True")
        return
    if request.shot_type not in SHOT_TYPES:
        given = f"shot_type {request.shot_type!r}" if request.shot_type else "a missing shot_type"
        yield error("L29", "shot_type", f"multi_shot does not take {given}", "use customize or intelligence")
    if request.shot_type == "customize":
        yield from _shots(request)
        if request.prompt.strip():
            message = 'prompt is not used with shot_type="customize"'
            yield info("L29", "prompt", message, "put the words into multi_prompt")


def _shots(request: VideoRequest) -> Problems:
    shots = request.multi_prompt
    if not 1 <= len(shots) <= MAX_SHOTS:
        yield error(
            "L29", "multi_prompt", f"{len(shots)} shots given, 1 to {MAX_SHOTS} are taken", "add or merge"
        )
        return
    total = sum(shot.duration for shot in shots)
    if total != request.duration:
        message = f"the shots last {total} s together, the clip {request.duration} s"
        yield error("L29", "multi_prompt", message, f"set duration={total} or change the shots")
    for position, shot in enumerate(shots, start=1):
        if shot.index != position:
            fix = f"number the shots 1 to {len(shots)}"
            yield warning("L29", "multi_prompt", f"shot {position} has index {shot.index}", fix)
        if shot.duration < 1:
            yield error("L29", "multi_prompt", f"shot {position} lasts {shot.duration} s", "at least 1 s")
        if len(shot.prompt) > MAX_SHOT_CHARACTERS:
            message = f"shot {position} has {len(shot.prompt)} characters"
            yield error("L29", "multi_prompt", message, f"at most {MAX_SHOT_CHARACTERS}")


RULES: Final = (exclusive_groups, frames_present, camera_shape, voices_and_elements, storyboard)
