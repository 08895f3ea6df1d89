"""The JSON body of a call, read whole and parsed (step 3 of ``spec/sandbox.md`` §2)."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from starlette.requests import Request

from kling_nb.sandbox.official.messages import RefusedError

LARGEST_BODY = 64 * 1024 * 1024
OFFLOADED_BODY = 256 * 1024
DEEPEST = 100
"""Levels of a body; a record that repeats a deeper one could be neither written down nor read again."""


class TooLargeError(Exception):
    """The body is larger than 64 MB."""


async def read_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises
    ------
    RefusedError
        M09: no UTF-8, no JSON, or no object.
    TooLargeError
        More than 64 MB; the rest is read and thrown away so that the client sees the answer.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
    if size > LARGEST_BODY:
        raise TooLargeError
    raw = b"".join(parts)
    return await asyncio.to_thread(_parse, raw) if size >= OFFLOADED_BODY else _parse(raw)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        # An escaped half of a surrogate pair is JSON but no text; it could not be answered in UTF-8.
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError(1200) from None
    if not isinstance(value, dict) or (_opened(raw) > DEEPEST and _depth(value) > DEEPEST):
        raise RefusedError(1200)
    return value


def _opened(raw: bytes) -> int:
    """Return a cheap upper bound of the depth."""
    return raw.count(b"[") + raw.count(b"{")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return depth


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # 1e400 is JSON, but no answer could repeat it
        raise ValueError(text)
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(name)
