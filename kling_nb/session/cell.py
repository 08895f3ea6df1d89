"""A run as the ``%%kling`` cell that makes it.

Everything is written so that the magic reads exactly what was meant: values stand in lines above the prompt;
what such a line cannot hold (line breaks, a line ``---``) stands as JSON behind ``--param``; double braces,
which would be filled from variables, are spelt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.camera import CameraControl
from kling_nb.session.brushes import PATHLESS
from kling_nb.session.rerun import fields_of, way_of

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

Picture = Callable[[str], str]
"""Returns the path of a kept input by its digest."""

_KEYS: Final = {"model_name": "model"}
"""Header keys that read better than the name of the field."""

_PLAIN_WORD: Final = re.compile(r"[\w.~/][\w./:?&%=~+,@-]*", re.ASCII)
_BEHIND_PARAM: Final = ("multi_prompt", "brush_names")
"""Values that a line above the prompt cannot hold as a whole."""

_SECTION: Final = re.compile(r"\s*---")


def cell_of(record: RunRecord, picture: Picture, brush: str) -> str:
    """Return the text of a cell.

    Parameters
    ----------
    record
        The row of the run.
    picture
        Returns the path under which the cell finds a picture that has no path of its own.
    brush
        Where the cell finds the motion brush: a run id, or a saved brush.
    """
    fields = fields_of(record)
    prompt = str(fields.pop("prompt", ""))
    negative = str(fields.pop("negative_prompt", ""))
    source = str(record.parent_run or fields.get("video_id") or "") if record.form == "extend" else ""
    fields.pop("video_id", None)
    head, lines, body = _head(record, picture, source), [], []
    if record.brush:
        head.append(f"--brush {_word(brush)}")
    if way_of(record) != "endframe" and (tail := _picture(record, "image_tail", picture)):
        lines.append(f"tail: {_line(tail)}")
    for name, value in fields.items():
        if name in _BEHIND_PARAM or (isinstance(value, str) and not _fits_line(value)):
            head.append(_param(name, value))
        else:
            lines.append(f"{_KEYS.get(name, name)}: {_value(name, value)}")
    for name, text in (("prompt", prompt), ("negative_prompt", negative)):
        if text and not _fits_body(text):
            head.append(_param(name, text))
        elif text:
            body += ["--- negative"] if name == "negative_prompt" else []
            body.append(_spelt(text))
    # Above the blank line stand options, below it the prompt, also when one of them is missing.
    return "\n".join([" ".join(head), *lines, "", *body]) + "\n"


def _head(record: RunRecord, picture: Picture, source: str) -> list[str]:
    if source:
        return ["%%kling extend", _word(source)]
    image = _picture(record, "image", picture)
    return ["%%kling", _word(image)] if image else ["%%kling"]


def _picture(record: RunRecord, name: str, picture: Picture) -> str:
    """Return how the cell names a picture: as it was given, or by the copy that was kept."""
    source, sha256 = getattr(record, f"{name}_source"), getattr(record, f"{name}_sha256")
    if sha256 and (source is None or source in PATHLESS):
        return picture(sha256)
    return source or ""


def _word(text: str) -> str:
    """Return a word of the first line: in quotes unless it is plainly a path, never a variable."""
    if _PLAIN_WORD.fullmatch(text) and not text.isidentifier():
        return text
    return '"' + _spelt(text).replace('"', '\\"') + '"'


def _fits_line(text: str) -> bool:
    return text.isprintable() and bool(text.strip())


def _line(text: str) -> str:
    """Return a value of a ``key: value`` line; one pair of quotes around it is taken off again."""
    quoted = text != text.strip() or (len(text) > 1 and text[0] == text[-1] and text[0] in "\"'")
    return _spelt(f'"{text}"' if quoted else text)


def _value(name: str, value: Any) -> str:
    if name == "camera_control":
        return _line(str(CameraControl.parse(value)))
    if isinstance(value, str):
        return _line(value)
    return _braceless(json.dumps(value, ensure_ascii=False))


def _param(name: str, value: Any) -> str:
    """Return ``--param 'NAME=JSON'``; nothing inside the quotes needs an escape of the magic's own."""
    text = _braceless(json.dumps(value, ensure_ascii=True)).replace("'", "\\u0027")
    return f"--param '{name}={text}'"


def _braceless(text: str) -> str:
    """Return JSON without double braces; they can stand only inside its texts."""
    while "{{" in text:
        text = text.replace("{{", "{\\u007b")
    return text


def _spelt(text: str) -> str:
    return text.replace("{{", "{{ '{{' }}")


def _fits_body(text: str) -> bool:
    """Whether the magic reads a prompt from the body as it is."""
    lines = text.split("\n")
    clean = all(line == line.rstrip() and len(line.splitlines()) <= 1 for line in lines)
    return clean and text == text.strip() and not any(_SECTION.match(line) for line in lines)
