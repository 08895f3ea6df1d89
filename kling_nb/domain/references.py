"""Material a prompt can point to: reference videos, pictures and elements (``spec/gateways.md`` §2.1, §3.3).

Addresses only: none of the services takes these inline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

_ADDRESS: Final = "an address that starts with http:// or https:// is needed"


class ReferenceVideo(BaseModel):
    """A video the clip follows: ``base`` is edited, ``feature`` lends its look or motion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    video_url: str
    refer_type: Literal["base", "feature"] = "base"
    keep_original_sound: Literal["yes", "no"] | None = None


class ReferenceImage(BaseModel):
    """A picture the prompt can name as ``<<<image_1>>>``; ``type`` makes it a frame instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image_url: str
    type: Literal["first_frame", "end_frame"] | None = None


def videos(value: Any) -> tuple[ReferenceVideo, ...]:
    """Accept addresses, or ``{"video_url", "refer_type", "keep_original_sound"}`` each."""
    return tuple(_read(item, "video_url", ReferenceVideo, _video) for item in _items(value))


def images(value: Any) -> tuple[ReferenceImage, ...]:
    """Accept addresses, or ``{"image_url", "type"}`` each; ``image`` is another name of the address."""
    return tuple(_read(item, "image_url", ReferenceImage, _image) for item in _items(value))


def elements(value: Any) -> tuple[dict[str, Any], ...]:
    """Accept objects as the service documents them; they are passed through."""
    found = _items(value)
    if not all(isinstance(item, Mapping) for item in found):
        raise ValueError("each element is an object")
    return tuple(dict(item) for item in found)


def are_ids(value: Any) -> bool:
    """Whether a list of elements holds nothing but ids, which ``element_list`` takes."""
    found = value if isinstance(value, (list, tuple)) else [value]
    return all(not isinstance(item, Mapping) or set(item) == {"element_id"} for item in found)


_Reference = TypeVar("_Reference", bound=BaseModel)


def _read(
    item: Any, address: str, kind: type[_Reference], prepare: Callable[[dict[str, Any]], dict[str, Any]]
) -> _Reference:
    if isinstance(item, kind):
        return item
    given = {address: item} if isinstance(item, str) else item
    if not isinstance(given, Mapping):
        raise ValueError(f"each item is an address or an object with {address!r}")
    fields = prepare(dict(given))
    extra = set(fields) - set(kind.model_fields)
    if extra:
        raise ValueError(f"{', '.join(sorted(map(str, extra)))} is not known here")
    where = str(fields.get(address, "")).strip()
    if not where.startswith(("http://", "https://")):
        raise ValueError(_ADDRESS)
    for name, allowed in _WORDS.items():
        if name in fields and fields[name] not in allowed:
            raise ValueError(f"{name} is {' or '.join(allowed)}, not {fields[name]!r}")
    return kind(**fields | {address: where})


_WORDS: Final = {
    "refer_type": ("base", "feature"),
    "keep_original_sound": ("yes", "no"),
    "type": ("first_frame", "end_frame"),
}


def _video(fields: dict[str, Any]) -> dict[str, Any]:
    if isinstance(fields.get("keep_original_sound"), bool):
        fields["keep_original_sound"] = "yes" if fields["keep_original_sound"] else "no"
    return fields


def _image(fields: dict[str, Any]) -> dict[str, Any]:
    if "image" in fields and "image_url" not in fields:
        fields["image_url"] = fields.pop("image")
    return fields


def _items(value: Any) -> Sequence[Any]:
    """Accept a list, or the one item itself."""
    if isinstance(value, (list, tuple)):
        return value
    return [value]
