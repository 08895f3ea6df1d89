"""A run as the Python call that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb.session.brushes import PATHLESS
from kling_nb.session.views import FIELDS, is_set
from kling_nb.session.ways import NAMES, OWN_PROMPT, WAY

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

_EXTENDED = ("negative_prompt", "cfg_scale", "callback_url")
"""Fields of an extension; model and mode are those of the video."""


def python_of(record: RunRecord) -> str:
    """Return the ``kn.submit(...)`` or ``kn.extend(...)`` call of a run.

    Pictures that came from a file or an address are named as they were given; others, and the motion brush,
    are taken from the run itself, whose inputs are kept.

    Parameters
    ----------
    record
        The row.
    """
    source = _source(record)
    image = "" if source else _picture(record, "image")
    arguments = [first for first in (source, image) if first]
    way = record.options.get(WAY)
    prompt = record.options.get(OWN_PROMPT, record.prompt)
    arguments += [_literal(prompt)] if arguments and prompt else []
    if len(arguments) == 0 and prompt:
        arguments.append(f"prompt={_literal(prompt)}")
    # The end frame of a brush is made again from the brush.
    tail = "" if way == "endframe" else _picture(record, "image_tail")
    arguments += [f"image_tail={tail}"] if tail else []
    arguments += [f'brush=kn.run("{record.id}").brush'] if record.brush else []
    arguments += [f"way={_literal(way)}"] if way else []
    names = record.options.get(NAMES)
    arguments += [f"brush_names={_literal(names)}"] if names else []
    for name in _EXTENDED if source else FIELDS:
        value = getattr(record, name)
        if is_set(value):
            arguments.append(f"{name}={_literal(value)}")
    arguments += [f"y_origin={_literal(record.options['y_origin'])}"] if _turned(record) else []
    arguments += [f"provider={_literal(record.provider)}"] if record.provider else []
    arguments += [f"repeat={record.repeat}"] if record.repeat != 1 else []
    arguments += ["force=True"] if record.forced else []
    body = "".join(f"    {argument},\n" for argument in arguments)
    return f"import kling_nb as kn\n\nrun = kn.{'extend' if source else 'submit'}(\n{body})"


def _source(record: RunRecord) -> str:
    """Return the clip that was made longer: its run, or the id of its video; empty for other forms."""
    if record.form != "extend":
        return ""
    return _literal(record.parent_run or (record.request or {}).get("video_id", ""))


def _turned(record: RunRecord) -> bool:
    return bool(record.brush) and record.options.get("y_origin") == "top"


def _picture(record: RunRecord, name: str) -> str:
    source = getattr(record, f"{name}_source")
    known = getattr(record, f"{name}_sha256") or source
    if not known:
        return ""
    if source in PATHLESS or source is None:
        return f'kn.run("{record.id}").{name}'
    return _literal(source)


def _literal(value: Any) -> str:
    return repr(value)
