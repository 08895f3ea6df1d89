"""A run as the keywords that make it again: for making it elsewhere, varied, or as a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.aliases import canonical_name
from kling_nb.session.records import rebuild, rebuild_brush
from kling_nb.session.ways import NAMES, OWN_PROMPT, WAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kling_nb.runlog import InputStore, RunRecord

_MEDIA: Final = ("image", "image_tail", "static_mask", "dynamic_masks")
_NOT_AGAIN: Final = ("external_task_id", "y_origin", "prompt")
"""Fields of a stored request that are not simply repeated: one id is one task, the others are said below."""

_EXTENDED: Final = ("video_id", "negative_prompt", "cfg_scale", "callback_url")
"""Fields of an extension; model and mode are those of the video."""


def fields_of(record: RunRecord) -> dict[str, Any]:
    """Return the plain fields of a run's request as a person would give them, prompt included, without media.

    Parameters
    ----------
    record
        Its row. Where a brush was put into words, the prompt is the person's own.
    """
    request = record.request or {}
    longer = record.form == "extend"
    fields = {
        name: value
        for name, value in request.items()
        if name not in (*_MEDIA, *_NOT_AGAIN) and (name in _EXTENDED or not longer)
    }
    if fields.get("multi_shot") is False:
        # The default; beside shots it would be a choice against them.
        del fields["multi_shot"]
    prompt = record.options.get(OWN_PROMPT, request.get("prompt", ""))
    fields |= {"prompt": prompt} if prompt else {}
    if record.brush and request.get("y_origin") == "top":
        fields["y_origin"] = "top"
    for name, value in (("way", way_of(record)), ("brush_names", record.options.get(NAMES))):
        fields |= {name: value} if value else {}
    fields |= {"provider": record.provider} if record.provider else {}
    return fields | ({"force": True} if record.forced else {})


def way_of(record: RunRecord) -> str | None:
    """Return how the brush of a run reached the model; None without a brush."""
    way = record.options.get(WAY, record.brush_way)
    return str(way) if record.brush and way else None


def keywords_of(record: RunRecord, inputs: InputStore) -> dict[str, Any]:
    """Return what :meth:`Session.submit` takes to make a run again; the identity is the same.

    Parameters
    ----------
    record
        Its row.
    inputs
        Holds its pictures and masks.

    Raises
    ------
    MediaError
        An input is gone or was changed, or what was asked for is not known.
    """
    request = rebuild(record, inputs)
    keywords = fields_of(record)
    if request.image is not None:
        keywords["image"] = request.image
    # The end frame of a brush is made again from the brush.
    if request.image_tail is not None and way_of(record) != "endframe":
        keywords["image_tail"] = request.image_tail
    if record.brush:
        keywords["brush"] = rebuild_brush(record, inputs)
    return keywords


def varied(keywords: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return keywords with changes, which may be named in any accepted way; None takes a field away.

    Parameters
    ----------
    keywords
        From :func:`keywords_of`.
    changes
        What shall be different.
    """
    told = {canonical_name(name) for name in changes}
    if "brush" in told:
        # Another drawing, or none: how the old one was used says nothing about it.
        told |= {"way", "brush_names"}
    kept = {name: value for name, value in keywords.items() if name not in told}
    return {name: value for name, value in {**kept, **changes}.items() if value is not None}
