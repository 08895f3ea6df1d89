"""Converts single values to their canonical form; every function raises ValueError with the reason."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from kling_nb.domain.capabilities import canonical_mode

EXPECTED: Final[Mapping[str, str]] = {
    "mode": "use std, pro or 4k",
    "duration": 'use whole seconds: 5, "5" or "5s"',
    "cfg_scale": "use a number from 0 to 1",
    "sound": 'use "on" or "off"',
    "multi_shot": "use True or False",
    "watermark": "use True or False",
    "multi_prompt": 'use a list of {"index": 1, "prompt": "...", "duration": 5}',
    "element_list": 'use a list of {"element_id": 123}',
    "voice_list": 'use a list of {"voice_id": "123"}',
    "aspect_ratio": "use 16:9, 9:16 or 1:1",
    "callback_url": "use an address that starts with http:// or https://",
    "external_task_id": "use 1 to 64 of the characters A-Z a-z 0-9 . _ -",
    "elements": "use a list of objects as the service documents them, or of element ids",
    "image_list": 'use a list of {"image_url": "https://..."}',
    "video_list": 'use [{"video_url": "https://...", "refer_type": "base", "keep_original_sound": "yes"}]',
    "upstream": "use auto, kling or fal",
    "shot_type": "use customize or intelligence",
    "y_origin": 'use "bottom" (wire rule) or "top"',
}
"""What would be accepted, field by field."""

_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:s|sec|seconds)?", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_RATIO = re.compile(r"([1-9][0-9]*):([1-9][0-9]*)")
_TRUE: Final = ("true", "on", "yes", "1")
_FALSE: Final = ("false", "off", "no", "0")


class Shot(BaseModel):
    """One shot of a storyboard (``spec/official-api.md`` §4.1 row 7).

    ``duration`` is in seconds; 0 means not said, which only some models of AI/ML API take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    prompt: str
    duration: int = 0


def text(value: Any) -> str:
    """Accept text."""
    if not isinstance(value, str):
        raise ValueError(f"text is needed, not {type(value).__name__}")
    return value


def word(value: Any) -> str:
    """Accept one word in any case."""
    return text(value).strip().lower()


def mode(value: Any) -> str:
    """Accept ``std``, ``standard``, ``720p`` and so on, in any case."""
    return canonical_mode(text(value))


def seconds(value: Any) -> int:
    """Accept whole seconds as int, integral float, ``"5"`` or ``"5s"``."""
    if isinstance(value, str):
        match = _SECONDS.fullmatch(value.strip())
        if match is None:
            raise ValueError("it is no length in seconds")
        value = float(match[1])
    if isinstance(value, bool):
        raise ValueError("it is no length in seconds")
    return _whole(value, "it is no whole number of seconds")


def number(value: Any) -> float:
    """Accept a finite number, also as text."""
    if isinstance(value, bool):
        raise ValueError("it is no number")
    try:
        result = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError("it is no number") from error
    if not math.isfinite(result):
        raise ValueError("it is no finite number")
    return result


def flag(value: Any) -> bool:
    """Accept a bool, or ``"true"``/``"false"`` as a vendor sample writes it."""
    if isinstance(value, bool):
        return value
    spelled = str(value).strip().lower()
    if spelled in _TRUE or spelled in _FALSE:
        return spelled in _TRUE
    raise ValueError("it is neither true nor false")


def sound(value: Any) -> str:
    """Accept ``on``/``off``, a bool (``generate_audio``), or ``native`` (new API)."""
    if isinstance(value, str) and value.strip().lower() == "native":
        return "on"
    return "on" if flag(value) else "off"


def watermark(value: Any) -> bool:
    """Accept a bool or ``{"enabled": bool}``."""
    if isinstance(value, Mapping):
        if set(value) != {"enabled"}:
            raise ValueError("the object must hold 'enabled' only")
        value = value["enabled"]
    return flag(value)


def shots(value: Any) -> tuple[Shot, ...]:
    """Accept a list of shots; a missing index counts on from 1."""
    return tuple(_shot(position, item) for position, item in enumerate(_items(value), start=1))


def _shot(position: int, item: Any) -> Shot:
    if isinstance(item, Shot):
        return item
    if isinstance(item, str):
        return Shot(index=position, prompt=item)
    if not isinstance(item, Mapping):
        raise ValueError(f"shot {position} is not an object")
    extra = set(item) - {"index", "prompt", "duration"}
    if extra or "prompt" not in item:
        raise ValueError(f"shot {position} needs prompt and duration (and index), nothing else")
    index = _whole(item.get("index", position), f"shot {position} has no whole index")
    return Shot(index=index, prompt=text(item["prompt"]), duration=seconds(item.get("duration", 0)))


def elements(value: Any) -> tuple[int, ...]:
    """Accept ids, or ``{"element_id": id}`` each."""
    return tuple(_whole(_field(item, "element_id"), "an element id is a number") for item in _items(value))


def voices(value: Any) -> tuple[str, ...]:
    """Accept ids, or ``{"voice_id": id}`` each; ids stay text."""
    ids = tuple(str(_field(item, "voice_id")).strip() for item in _items(value))
    if not all(ids):
        raise ValueError("a voice id is empty")
    return ids


def ratio(value: Any) -> str:
    """Accept ``W:H``."""
    match = _RATIO.fullmatch(text(value).replace(" ", ""))
    if match is None:
        raise ValueError("it is no ratio")
    return match[0]


def url(value: Any) -> str:
    """Accept an http(s) address."""
    address = text(value).strip()
    if not address.startswith(("http://", "https://")):
        raise ValueError("it is no http(s) address")
    return address


def identifier(value: Any) -> str:
    """Accept an id that can stand in a URL path (``spec/official-api.md`` §11)."""
    name = str(value)
    if isinstance(value, bool) or not _IDENTIFIER.fullmatch(name) or set(name) == {"."}:
        raise ValueError("it becomes part of an address and holds other characters or is too long")
    return name


def shot_type(value: Any) -> str:
    """Accept one word; ``intelligent`` (AI/ML API) is ``intelligence``."""
    kind = word(value)
    return "intelligence" if kind == "intelligent" else kind


def upstream(value: Any) -> str:
    """Accept ``auto``, ``kling`` or ``fal``."""
    name = word(value)
    if name not in ("auto", "kling", "fal"):
        raise ValueError("it is not one of the services AI/ML API asks")
    return name


def y_origin(value: Any) -> str:
    """Accept ``bottom`` or ``top``."""
    origin = word(value)
    if origin not in ("bottom", "top"):
        raise ValueError("it is neither bottom nor top")
    return origin


def _items(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise ValueError("a list is needed")
    return list(value)


def _field(item: Any, name: str) -> Any:
    if not isinstance(item, Mapping):
        return item
    if set(item) != {name}:
        raise ValueError(f"each item must hold {name!r} only")
    return item[name]


def _whole(value: Any, reason: str) -> int:
    try:
        if isinstance(value, bool) or (not isinstance(value, str) and value != int(value)):
            raise ValueError(reason)
        return int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(reason) from error
