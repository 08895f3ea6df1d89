"""Reading a body by its published schema; what does not fit is refused with a hint (§3.4)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Any

from kling_nb.sandbox.aiml.manner import InvalidFieldError
from kling_nb.sandbox.official.body import URL
from kling_nb.sandbox.official.messages import shown

DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,", re.IGNORECASE)
KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def not_one_of(allowed: Iterable[object], value: Any) -> InvalidFieldError:
    """Return the refusal of a value outside an enumeration, in the vendor's words."""
    expected = " | ".join(f"'{one}'" for one in allowed)
    return InvalidFieldError(f"Invalid enum value. Expected {expected}, received '{shown(value)}'")


def wrong_type(name: str, expected: str, value: Any) -> InvalidFieldError:
    """Return the refusal of a value of another type."""
    return InvalidFieldError(f"{name}: Expected {expected}, received {KINDS.get(type(value), 'unknown')}")


class Schema:
    """Typed access to the fields of one body; keys that nobody reads are ignored and recorded."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.notes: list[str] = []
        self._raw = raw
        self._read: set[str] = set()

    @property
    def ignored(self) -> tuple[str, ...]:
        """Keys that no check asked for."""
        return tuple(key for key in self._raw if key not in self._read)

    def value(self, name: str) -> Any:
        """Return the raw value, ``None`` when absent or ``null``."""
        self._read.add(name)
        return self._raw.get(name)

    def text(self, name: str, longest: int | None = None, *, required: bool = False) -> str | None:
        """Return a string or refuse."""
        value = self.value(name)
        if value is None or (required and value == ""):
            if required:
                raise InvalidFieldError(f"{name}: Required")
            return None
        if not isinstance(value, str):
            raise wrong_type(name, "string", value)
        if longest is not None and len(value) > longest:
            raise InvalidFieldError(f"{name}: String must contain at most {longest} character(s)")
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """Return one of ``allowed``, ``None`` when absent."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str) or value not in allowed:
            raise not_one_of(allowed, value)
        return value

    def flag(self, name: str, usual: bool) -> bool:
        """Return a boolean, ``usual`` when absent."""
        value = self.value(name)
        if value is None:
            return usual
        if not isinstance(value, bool):
            raise wrong_type(name, "boolean", value)
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number within its bounds, ``None`` when absent."""
        value = self.value(name)
        return None if value is None else check_number(name, value, low, high)

    def seconds(self, allowed: tuple[int, ...]) -> int:
        """Return the duration: an integer or the same as a string, 5 when absent."""
        value = self.value("duration")
        if value is None:
            return 5
        known = {str(one): one for one in allowed}
        if isinstance(value, bool) or not isinstance(value, int | str) or str(value) not in known:
            raise not_one_of(allowed, value)
        return known[str(value)]

    def items(self, name: str, low: int, high: int) -> list[Any]:
        """Return an array of a size within bounds, empty when absent."""
        value = self.value(name)
        return [] if value is None else check_items(name, value, low, high)

    def structure(self, name: str) -> dict[str, Any] | None:
        """Return an object, ``None`` when absent."""
        value = self.value(name)
        if value is not None and not isinstance(value, dict):
            raise wrong_type(name, "object", value)
        return value

    def picture(self, name: str, *, required: bool = False) -> str | None:
        """Return a URL or raw Base64; a data URI is taken apart (``spec/gateways.md`` §3.3)."""
        value = self.text(name, required=required)
        return None if value is None else picture(name, value)


def picture(name: str, value: Any) -> str:
    """Return a URL, or the raw Base64 of what a data URI or raw Base64 holds."""
    if not isinstance(value, str):
        raise wrong_type(name, "string", value)
    if URL.match(value):
        return value
    raw = DATA_URI.sub("", value, count=1)
    try:
        binascii.a2b_base64(raw.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidFieldError(f"{name}: Invalid url") from None
    if not raw:
        raise InvalidFieldError(f"{name}: Invalid url")
    return raw


def check_number(name: str, value: Any, low: float, high: float) -> float:
    """Return a number within its bounds or refuse."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(name, "number", value)
    if value > high:
        raise InvalidFieldError(f"{name}: Number must be less than or equal to {high}")
    if value < low:
        raise InvalidFieldError(f"{name}: Number must be greater than or equal to {low}")
    return float(value)


def check_items(name: str, value: Any, low: int, high: int) -> list[Any]:
    """Return an array of a size within bounds or refuse."""
    if not isinstance(value, list):
        raise wrong_type(name, "array", value)
    if len(value) > high:
        raise InvalidFieldError(f"{name}: Array must contain at most {high} element(s)")
    if len(value) < low:
        raise InvalidFieldError(f"{name}: Array must contain at least {low} element(s)")
    return value


def whole(name: str, value: Any) -> int:
    """Return an integer or refuse."""
    if isinstance(value, bool) or not isinstance(value, int):
        received = "float" if isinstance(value, float) else KINDS.get(type(value), "unknown")
        raise InvalidFieldError(f"{name}: Expected integer, received {received}")
    return value
