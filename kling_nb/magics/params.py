"""``--param NAME=VALUE``: any request field under any accepted name; text, JSON or a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NoReturn

from kling_nb.domain.aliases import canonical_name
from kling_nb.errors import UsageError

STEERING: Final = {
    "provider": "--provider chooses the door; which service AI/ML API asks is --param upstream=kling",
    "draft": "--preview shows the motion, --dry-run the request",
    "repeat": "--repeat 3 makes three runs, --again one more",
}
"""Keywords of the session that are no request fields: the option that does what was meant."""

TEXTS: Final = frozenset(
    {
        "prompt",
        "negative_prompt",
        "callback_url",
        "external_task_id",
        "video_id",
        "image",
        "image_tail",
        "static_mask",
    }
)
"""Fields whose value is text as it stands, whatever it looks like: a prompt may begin with ``@`` or ``[``."""

FILE_LIMIT: Final = 1_000_000
"""Largest JSON file in bytes."""

AROUND: Final = 24
"""Characters shown on either side of the place where a value cannot be read."""


def read_param(key: str, text: str, said_as: str) -> Any:
    """Return the value of a request field as it was written.

    Parameters
    ----------
    key
        Name of the field, with underscores.
    text
        What stands after ``=`` or ``:``; ``@file.json`` takes it from a file.
    said_as
        How the place is called, for messages.

    Returns
    -------
    object
        JSON value; text where it is none. Numbers stay numbers, except whole ones above 2**53: the service's
        ids must not pass through floats of other tools (``spec/official-api.md`` §7.1).

    Raises
    ------
    UsageError
        The value begins like JSON and is none; the file cannot be read; the name steers the session.
    """
    if key in STEERING:
        raise UsageError(
            f"{key} is no request field.",
            "The service would not be told; nothing was sent.",
            f"{STEERING[key]}.",
        )
    if canonical_name(key) in TEXTS:
        return _unquoted(text)
    if text.startswith("@"):
        return _from_file(key, text[1:], said_as)
    if text[:1] in ("[", "{"):
        return parse(text, f"{said_as} {key}".strip())
    return literal(text)


def _unquoted(text: str) -> str:
    """Return the words of a text in JSON's quotes, every other text as it is."""
    value = literal(text) if text.startswith('"') else text
    return value if isinstance(value, str) else text


def literal(text: str) -> Any:
    """Read a plain JSON value (number, ``true``, ``"text"``); what is none is text as it stands."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return text
    return value


def parse(text: str, where: str, *, file: bool = False) -> Any:
    """Read a JSON list or object.

    Parameters
    ----------
    text
        The JSON.
    where
        What it belongs to, for messages.
    file
        Whether places are told as line and column.

    Raises
    ------
    UsageError
        It is no JSON; the error shows the place.
    """
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if file else f"character {error.pos + 1}"
        raise UsageError(
            f"{where} cannot be read as JSON: {error.msg[:1].lower()}{error.msg[1:]}.",
            f"At {place}: {_shown(text, error.pos)}",
            _json_advice(text, error.pos),
        ) from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{where} cannot be used.", f"{why}.", _json_advice(text, 0)) from None


def _shown(text: str, position: int) -> str:
    """Return what surrounds a place, the place marked."""
    before, after = text[:position], text[position:]
    left = ("…" if len(before) > AROUND else "") + before[-AROUND:]
    right = after[:AROUND] + ("…" if len(after) > AROUND else "")
    return " ".join(f"{left} ▸here◂ {right}".split())


def _json_advice(text: str, position: int) -> str:
    if "'" in text[position : position + 2]:
        return 'JSON wants double quotes: [{"element_id": 123}].'
    return 'Write e.g. [{"element_id": 123}]; a long value may stand in a file: --param NAME=@file.json.'


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands twice in one object")
        found[key] = value
    return found


def _from_file(key: str, name: str, said_as: str) -> Any:
    path = Path(name).expanduser()
    where = f"{said_as} {key}=@{name}".strip()
    try:
        size = path.stat().st_size
        if size > FILE_LIMIT:
            raise UsageError(
                f"{where} is too large.",
                f"The file has {size} bytes.",
                f"At most {FILE_LIMIT} bytes are read.",
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise UsageError(
            f"{where} cannot be read.", f"{path}: {why}.", "Give the path of a UTF-8 file that holds JSON."
        ) from None
    return parse(text, where, file=True)
