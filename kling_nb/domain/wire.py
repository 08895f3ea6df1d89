"""A call to a service and its answer, as plain values: providers make them, transport carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call, without host and credential.

    Parameters
    ----------
    method
        ``GET`` or ``POST``.
    path
        Absolute path, already URL-encoded.
    query
        Query parameters.
    body
        JSON body of a POST; may hold megabytes of Base64 and is therefore hidden from ``repr``.
    safe
        True when repeating the call has no effect (GETs, polling POSTs). A create is never safe.
    fresh
        True when the call needs a connection of its own: one that was kept may be closed by the service at
        the very moment it is used, and then nobody knows whether the call has arrived.
    """

    method: Literal["GET", "POST"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    safe: bool = True
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (lower-case names) and the raw body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
