"""Field checks of the new API's create calls (``spec/official-api.md`` §8.1).

Step 4a of ``spec/sandbox.md`` §2: errors echo the path of the field, as ``settings.resolution``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.fields import (
    MAX_ELEMENTS,
    MAX_VOICES,
    RATIOS,
    read_callback,
    read_watermark,
)
from kling_nb.sandbox.official.messages import bad_base64, invalid, malformed, parameter, size_between
from kling_nb.sandbox.official.new_models import NewModel

CONTENT_TYPES = ("prompt", "first_frame", "last_frame", "element", "voice")
DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w=.+-]+)*;base64,", re.IGNORECASE)
USUAL_SECONDS = 5


@dataclass(slots=True)
class NewFields:
    """The fields of one create call after the checks of their rows."""

    prompt: str = ""
    frames: dict[str, str] = field(default_factory=dict)
    elements: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    multi_shot: bool = False
    audio: bool = False
    resolution: str = ""
    duration: int = USUAL_SECONDS
    aspect_ratio: str | None = None
    watermark: bool = False
    callback_url: str | None = None
    external_id: str | None = None
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_image_body(raw: dict[str, Any], model: NewModel, *, strict: bool) -> NewFields:
    """Read the body of ``/image-to-video/{model}``.

    Raises
    ------
    RefusedError
        M35, M05, M06 or M08, for the first row that fails.
    """
    found, top = NewFields(), Body(raw, strict=strict)
    items = top.structure("contents", list)
    if not items:
        raise parameter("contents cannot be empty")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise malformed(f"contents[{index}]")
        part = Body(item, strict=strict, path=f"contents[{index}].")
        _content(part, found, model)
        _collect(part, found)
    for name, ids, most in (("element", found.elements, MAX_ELEMENTS), ("voice", found.voices, MAX_VOICES)):
        if len(ids) > most:
            raise size_between(name, 0, most)
    _settings(top, found, model, from_text=False)
    return found


def read_text_body(raw: dict[str, Any], model: NewModel, *, strict: bool) -> NewFields:
    """Read the body of ``/text-to-video/{model}``.

    Raises
    ------
    RefusedError
        M05 or M06, for the first row that fails.
    """
    found, top = NewFields(), Body(raw, strict=strict)
    found.prompt = top.text("prompt", model.prompt_length) or ""
    _settings(top, found, model, from_text=True)
    return found


def _content(item: Body, found: NewFields, model: NewModel) -> None:
    kind = item.choice("type", CONTENT_TYPES)
    if kind is None:
        raise invalid(f"{item.path}type", "")
    if kind in found.kinds and kind not in ("element", "voice"):
        raise malformed("contents")
    found.kinds.add(kind)
    if kind == "prompt":
        found.prompt = item.text("text", model.prompt_length, "prompt") or ""
    elif kind == "element":
        found.elements.append(_reference(item, "element_id", found))
    elif kind == "voice":
        found.voices.append(_reference(item, "voice_id", found))
    else:
        found.frames[kind] = _picture(item)


def _reference(item: Body, name: str, found: NewFields) -> str:
    value = item.text(name)
    if value is None:
        raise invalid(item.path + name, "")
    own = item.text("id")
    # ``id`` is what the prompt refers to: two of one name could not be told apart.
    if own in found.names:
        raise invalid(f"{item.path}id", own)
    if own is not None:
        found.names.add(own)
    return value


def _picture(item: Body) -> str:
    value = item.value("url")
    if not isinstance(value, str) or not value:
        raise invalid(f"{item.path}url", "" if value is None else value)
    head = DATA_URI.match(value)
    if head is not None:
        value = value[head.end() :]
        item.notes.append(f"{item.path}url is a data URI; the service documents URL or Base64")
        if not value:
            raise bad_base64()
    item.check_media(f"{item.path}url", value)
    return value


def _settings(top: Body, found: NewFields, model: NewModel, *, from_text: bool) -> None:
    settings = Body(top.structure("settings", dict) or {}, strict=top.strict, path="settings.")
    if model.multi_shot:
        found.multi_shot = settings.value("multi_shot") is None or settings.flag("multi_shot")
        if settings.value("multi_shot") is None:
            found.notes.append("settings.multi_shot is true by default")
    if model.audio == "switch":
        found.audio = settings.choice("audio", ("native", "off")) == "native"
    found.audio = found.audio or model.audio == "always"
    found.resolution = settings.choice("resolution", model.resolutions) or model.resolutions[0]
    if from_text:
        found.aspect_ratio = settings.choice("aspect_ratio", RATIOS) or RATIOS[0]
    found.duration = _duration(settings, model)
    options = Body(top.structure("options", dict) or {}, strict=top.strict, path="options.")
    found.callback_url = read_callback(options)
    found.external_id = options.text("external_task_id")
    found.watermark = read_watermark(options)
    for part in (settings, options, top):
        _collect(part, found)


def _duration(settings: Body, model: NewModel) -> int:
    value = settings.value("duration")
    if value is None:
        return USUAL_SECONDS
    if isinstance(value, bool) or not isinstance(value, int) or value not in model.durations:
        raise invalid("settings.duration", value)
    return value


def _collect(part: Body, found: NewFields) -> None:
    found.ignored.extend(part.ignored)
    found.notes.extend(part.notes)
