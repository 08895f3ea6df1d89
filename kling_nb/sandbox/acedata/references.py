"""Shots and reference material of ``POST /kling/videos`` (``spec/gateways.md`` §2.1)."""

from __future__ import annotations

from typing import Any

from kling_nb.sandbox.official.body import URL, Body
from kling_nb.sandbox.official.fields import Fields
from kling_nb.sandbox.official.messages import invalid, malformed, parameter, size_between
from kling_nb.sandbox.official.rules import MAX_SHOTS, SHOT_PROMPT_LENGTH

FRAMES = ("first_frame", "end_frame")
MAX_IMAGES, MAX_IMAGES_WITH_VIDEO = 7, 4
MAX_ELEMENTS, MAX_VOICES = 3, 2


def read_shots(body: Body, found: Fields) -> None:
    """Read the storyboard; a prompt is needed unless its shots replace it.

    Raises
    ------
    RefusedError
        1201: no prompt, or shots that do not add up.
    """
    found.multi_shot = body.flag("multi_shot")
    shot_type = body.choice("shot_type", ("customize", "intelligence"))
    shots = body.structure("multi_prompt", list) or []
    if found.multi_shot and shot_type is None:
        raise invalid("shot_type", "")
    if found.multi_shot and shot_type == "customize":
        _check_shots(shots, found.duration)
        found.shot_type, found.multi_prompt = shot_type, shots
    elif not found.prompt.strip():
        raise parameter("prompt is required")


def _check_shots(shots: list[Any], total: int) -> None:
    numbered = 1 <= len(shots) <= MAX_SHOTS and all(_is_shot(shot, i + 1) for i, shot in enumerate(shots))
    if not numbered or sum(shot["duration"] for shot in shots) != total:
        raise malformed("multi_prompt")


def _is_shot(shot: Any, index: int) -> bool:
    if not isinstance(shot, dict) or shot.get("index") != index:
        return False
    prompt, seconds = shot.get("prompt"), shot.get("duration")
    counts = isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= 1
    return counts and isinstance(prompt, str) and len(prompt) <= SHOT_PROMPT_LENGTH


def read_references(body: Body, found: Fields) -> None:
    """Read pictures, video, elements and voices; named frames become the pictures of the clip.

    Raises
    ------
    RefusedError
        1201: a list that is too long, an entry of another form, or a pair that excludes itself.
    """
    videos = _entries(body, "video_list", "video_url", 1)
    frames = _frames(body, found, bool(videos))
    if videos:
        if found.sound:
            raise parameter("generate_audio is not supported with video_list")
        if videos[0].get("refer_type", "base") == "base" and frames:
            raise parameter("first and end frames are not supported with a base video")
    found.elements = [
        item["element_id"] for item in _entries(body, "element_list", "element_id", MAX_ELEMENTS)
    ]
    found.voices = [str(item["voice_id"]) for item in _entries(body, "voice_list", "voice_id", MAX_VOICES)]
    for index in range(len(found.voices)):
        if f"<<<voice_{index + 1}>>>" not in found.prompt:
            body.notes.append(f"voice_list[{index}] is not named in the prompt and has no effect")
    if videos or found.elements or found.voices:
        body.notes.append("reference videos, elements and voices have no effect on the preview")


def _frames(body: Body, found: Fields, with_video: bool) -> int:
    """Take first and end frame from ``image_list``; return how many frames the call has."""
    images = _entries(body, "image_list", "image_url", MAX_IMAGES)
    for index, image in enumerate(images):
        kind = image.get("type")
        if kind is not None and kind not in FRAMES:
            raise invalid(f"image_list[{index}].type", kind)
        if kind is None and f"<<<image_{index + 1}>>>" not in found.prompt:
            body.notes.append(f"image_list[{index}] is not named in the prompt and has no effect")
    named = {image["type"]: image["image_url"] for image in images if image.get("type")}
    given = sum(frame is not None for frame in (found.image, found.image_tail))
    most = MAX_IMAGES_WITH_VIDEO if with_video else MAX_IMAGES
    if given + len(images) > most:
        raise size_between("image_list", 0, most)
    found.image = found.image or named.get(FRAMES[0])
    found.image_tail = found.image_tail or named.get(FRAMES[1])
    return sum(frame is not None for frame in (found.image, found.image_tail))


def _entries(body: Body, name: str, key: str, most: int) -> list[dict[str, Any]]:
    entries = body.structure(name, list) or []
    if len(entries) > most:
        raise size_between(name, 0, most)
    for index, entry in enumerate(entries):
        value = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise invalid(f"{name}[{index}].{key}", "" if value is None else value)
        if key.endswith("_url") and not URL.match(str(value)):
            raise invalid(f"{name}[{index}].{key}", value)
    return entries
