"""Tolerant reading of JSON values: whatever arrives, a value of the wanted kind or nothing.

Answers come from elsewhere. A wrong type, a number of a million digits or half a character must end as
"not reported", never as a traceback or as a value that breaks whoever prints or stores it.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_DIGITS = 40
"""Longest number that is believed; amounts and times have fewer than 20 characters."""

MAX_IDENTIFIER = 128
"""Longest id that is believed; the service's have 18 characters, ours at most 64."""

MAX_WORDS = 2000
"""Longest message that is kept, in characters."""

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows them."""

_MAGNITUDE = 15
"""Powers of ten within which a number is believed."""


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body, None when it holds anything else.

    Parameters
    ----------
    body
        Raw bytes of an answer or of a delivery.
    """
    try:
        value = json.loads(body, parse_constant=lambda _word: None, parse_float=_float)
    except (ValueError, RecursionError):  # wrong encodings, wrong JSON, endless digits; endless nesting
        return None
    return value if isinstance(value, dict) else None


def _float(digits: str) -> float | None:
    # NaN and infinity are no JSON, and the databases that keep answers refuse them.
    value = float(digits)
    return value if math.isfinite(value) else None


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of an array; everything else in it is left out."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text, stripped; a whole number becomes its digits, anything else is empty.

    Ids above 2**53 are strings on the wire; a JSON integer is exact in Python, a float is not. Half a
    surrogate pair, which JSON can spell and no file can hold, becomes a question mark.
    """
    if isinstance(value, str):
        return (value if value.isascii() else value.encode("utf-8", "replace").decode()).strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def identifier(value: object) -> str:
    """Return an id, empty for what cannot be one: ids become parts of addresses, tables and file names."""
    name = text(value)
    return name if len(name) <= MAX_IDENTIFIER and name.isprintable() else ""


def words(value: object) -> str:
    """Return what a service says to people: one line without control characters, of bearable length.

    Words end up in terminals, tables and logs; escape sequences, text that runs backwards and megabytes
    have no business there.
    """
    line = " ".join(text(value if isinstance(value, str) else "")[: 2 * MAX_WORDS].split())
    plain = "".join(character for character in line if not _is_control(character))
    return plain if len(plain) <= MAX_WORDS else plain[: MAX_WORDS - 1] + "…"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in _DIRECTIONS


def decimal(value: object) -> Decimal | None:
    """Return a number as a decimal, None for what is none or beyond belief."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    digits = str(value).strip()
    if len(digits) > MAX_DIGITS:
        return None
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    # Written out in full, 1e999999 would fill the memory.
    return number if abs(number.adjusted()) <= _MAGNITUDE else Decimal(0) if not number else None


def number(value: object) -> float | None:
    """Return a number as a float, None for what is none."""
    exact = decimal(value)
    return None if exact is None else float(exact)


def milliseconds(value: object) -> datetime | None:
    """Return a time given in Unix milliseconds, None for what is none."""
    exact = decimal(value)
    if exact is None:
        return None
    try:
        return datetime.fromtimestamp(float(exact) / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None
