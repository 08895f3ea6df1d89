"""A JSON body read field by field; what nobody reads is recorded, as the service ignores it silently."""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection
from typing import Any, TypeVar

from kling_nb.sandbox.official.messages import bad_base64, invalid, malformed, size_between

Structure = TypeVar("Structure", list[Any], dict[str, Any])

URL = re.compile(r"https?://", re.IGNORECASE)


class Body:
    """Typed access to the fields of one request body.

    Parameters
    ----------
    raw
        The parsed JSON object.
    strict
        Refuse ``null`` and numbers given for strings instead of tolerating them.
    path
        Where the object stands in the body, as the service echoes it: ``settings.``.
    """

    def __init__(self, raw: dict[str, Any], *, strict: bool = False, path: str = "") -> None:
        self.strict = strict
        self.path = path
        self.notes: list[str] = []
        self._raw = raw
        self._read: set[str] = set()

    @property
    def ignored(self) -> tuple[str, ...]:
        """Keys that no check asked for."""
        return tuple(self.path + key for key in self._raw if key not in self._read)

    def value(self, name: str) -> Any:
        """Return the raw value, ``None`` when absent or ``null``."""
        self._read.add(name)
        value = self._raw.get(name)
        if value is None and self.strict and name in self._raw:
            raise invalid(self.path + name, None)
        return value

    def skip(self, name: str, why: str) -> None:
        """Count ``name`` as known without looking at it, noting why."""
        if name in self._raw and name not in self._read:
            self._read.add(name)
            self.notes.append(f"{self.path}{name} {why}")

    def text(self, name: str, longest: int | None = None, label: str = "") -> str | None:
        """Return a string, ``None`` when absent or empty; longer than ``longest`` is M06."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid(self.path + name, value)
        if longest is not None and len(value) > longest:
            raise size_between(label or name, 0, longest)
        return value or None

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return one of ``allowed`` or ``None`` when absent; anything else is M05."""
        value = self.value(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or value not in allowed:
            raise invalid(self.path + name, value)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; the words a vendor sample sends instead count as well."""
        value = self.value(name)
        words = {"true": True, "false": False, None: False, "": False}
        if isinstance(value, bool):
            return value
        if isinstance(value, str | None) and value in words:
            if value:
                self.notes.append(f"{self.path}{name} is a string; the service documents a boolean")
            return words[value]
        raise invalid(self.path + name, value)

    def structure(self, name: str, kind: type[Structure]) -> Structure | None:
        """Return a list or object, ``None`` when absent."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise malformed(self.path + name)
        return value

    def media(self, name: str) -> str | None:
        """Return a URL or raw Base64; a ``data:`` prefix or broken Base64 is M08."""
        value = self.value(name)
        if value is None or value == "":
            return None
        self.check_media(self.path + name, value)
        return str(value)

    def check_media(self, name: str, value: Any) -> None:
        """Refuse what is neither an http(s) URL nor raw Base64."""
        if not isinstance(value, str) or not value:
            raise invalid(name, value)
        if URL.match(value):
            return
        try:
            binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
        except (binascii.Error, UnicodeEncodeError):
            raise bad_base64() from None

    def note_unknown(self, part: dict[str, Any], known: Collection[str], label: str) -> None:
        """Record the keys of a nested object that are ignored."""
        self.notes.extend(f"{label}.{key} is ignored" for key in part if key not in known)
