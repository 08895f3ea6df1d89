"""Rules about fields that need or exclude each other (``spec/official-api.md`` §4.3)."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.camera import AXES, CAMERA_LIMIT
from kling_nb.domain.lint.facts import Place, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

SHOT_TYPES: Final = ("customize", "intelligence")
MAX_SHOTS: Final = 6
MAX_SHOT_CHARACTERS: Final = 512
MAX_VOICES: Final = 2
MAX_VIDEOS: Final = 1
MAX_IMAGES: Final = 7
MAX_IMAGES_WITH_VIDEO: Final = 4
"""Reference pictures (``spec/gateways.md`` §2.1), fewer next to a reference video."""


def exclusive_groups(request: VideoRequest, _at: Place) -> Problems:
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


def frames_present(request: VideoRequest, _at: Place) -> Problems:
    """L03 and L05: there must be a picture to move (R1, R4), or words that make a clip of their own."""
    if request.form == "text2video":
        message = "there is no picture: the clip is made from the words alone (text-to-video)"
        yield info("L03", "image", message, "give image= to move a picture")
    elif request.form == "image2video" and request.image is None and request.image_tail is None:
        yield error(
            "L03", "image", "there is neither a start nor an end frame", "give image=", forceable=False
        )
    if request.image is None and request.has_brush:
        yield error("L05", "image", "the motion brush needs a start frame", "give image=", forceable=False)


def camera_shape(request: VideoRequest, _at: Place) -> Problems:
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


def voices_and_elements(request: VideoRequest, at: Place) -> Problems:
    """L28: voices need sound and exclude elements; both are limited in number (R11)."""
    if request.voice_list and request.sound != "on":
        yield error("L28", "voice_list", "voices need sound", 'set sound="on" or drop voice_list')
    if request.voice_list and request.element_list:
        fix = "drop voice_list or element_list"
        yield error("L28", "voice_list", "voice_list and element_list cannot be used together", fix)
    elements = "element_list" if request.element_list else "elements"
    for name, given, limit in (
        ("voice_list", len(request.voice_list), MAX_VOICES),
        (elements, len(request.element_list) + len(request.elements), at.door.max_elements),
        ("video_list", len(request.video_list), MAX_VIDEOS),
        ("image_list", len(request.image_list), MAX_IMAGES_WITH_VIDEO if request.video_list else MAX_IMAGES),
    ):
        if given > limit:
            yield error("L28", name, f"{given} entries in {name}, at most {limit} are taken", f"keep {limit}")


def reference_video(request: VideoRequest, _at: Place) -> Problems:
    """L28: what a reference video excludes (``spec/gateways.md`` §2.1)."""
    if not request.video_list:
        return
    if request.sound == "on":
        fix = 'set sound="off" or drop video_list'
        yield error("L28", "video_list", "a reference video and sound cannot be used together", fix)
    base = any(video.refer_type == "base" for video in request.video_list)
    frames = [name for name in ("image", "image_tail") if getattr(request, name) is not None]
    if base and frames:
        message = f"a base video and {' and '.join(frames)} cannot be used together"
        yield error("L28", "video_list", message, 'set refer_type="feature" or drop the frames')


def storyboard(request: VideoRequest, at: Place) -> Problems:
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
        yield from _shots(request, untimed=request.model_name in at.door.untimed_shots)
        if request.prompt.strip():
            message = 'prompt is not used with shot_type="customize"'
            yield info("L29", "prompt", message, "put the words into multi_prompt")
    elif request.multi_prompt:
        message = f'multi_prompt is not used with shot_type="{request.shot_type}"'
        yield warning("L29", "multi_prompt", message, 'set shot_type="customize", or say it all in prompt')


def _shots(request: VideoRequest, *, untimed: bool) -> Problems:
    shots = request.multi_prompt
    if not 1 <= len(shots) <= MAX_SHOTS:
        yield error(
            "L29", "multi_prompt", f"{len(shots)} shots given, 1 to {MAX_SHOTS} are taken", "add or merge"
        )
        return
    if not untimed and not any(shot.duration for shot in shots):
        fix = 'say how long each lasts: {"prompt": "...", "duration": 3}'
        yield error("L29", "multi_prompt", "the shots have no lengths", fix)
        return
    total = sum(shot.duration for shot in shots)
    if total != request.duration and not untimed:
        message = f"the shots last {total} s together, the clip {request.duration} s"
        yield error("L29", "multi_prompt", message, f"set duration={total} or change the shots")
    for position, shot in enumerate(shots, start=1):
        if shot.index != position:
            fix = f"number the shots 1 to {len(shots)}"
            yield warning("L29", "multi_prompt", f"shot {position} has index {shot.index}", fix)
        if shot.duration < 1 and not untimed:
            yield error("L29", "multi_prompt", f"shot {position} lasts {shot.duration} s", "at least 1 s")
        if not shot.prompt.strip():
            yield error("L29", "multi_prompt", f"shot {position} has no words", "say what happens in it")
        if len(shot.prompt) > MAX_SHOT_CHARACTERS:
            message = f"shot {position} has {len(shot.prompt)} characters"
            yield error("L29", "multi_prompt", message, f"at most {MAX_SHOT_CHARACTERS}")


RULES: Final = (
    exclusive_groups,
    frames_present,
    camera_shape,
    voices_and_elements,
    reference_video,
    storyboard,
)
