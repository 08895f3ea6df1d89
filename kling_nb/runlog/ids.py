"""Run ids: short, typed by people, sorted by time."""

from __future__ import annotations

import secrets
import threading
import time

PREFIX = "r-"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so a hand-copied id cannot be misread."""

_EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z; forty bits of milliseconds from there last until 2058."""

_RANDOM_BITS = 20
_CHARACTERS = 12
_MISREAD = str.maketrans("ilo", "110")

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """Return a fresh run id, later than every id this process has made.

    Returns
    -------
    str
        ``r-`` and twelve characters: eight for the milliseconds since 2024, four random ones.
    """
    global _last  # noqa: PLW0603 - one monotonic sequence a process is the purpose
    milliseconds = time.time_ns() // 1_000_000 - _EPOCH_MS
    value = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    with _lock:
        # Two runs of one millisecond, or a clock set back, must still sort in the order they were made.
        _last = value = max(value, _last + 1)
    return PREFIX + _encode(value)


def normalize(text: str) -> str:
    """Return what a person typed as an id or the beginning of one.

    Parameters
    ----------
    text
        With or without ``r-``, any case; ``i``, ``l`` and ``o`` are read as the digits they look like.
    """
    text = text.strip().lower()
    return PREFIX + text.removeprefix(PREFIX).translate(_MISREAD)


def _encode(value: int) -> str:
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(5 * (_CHARACTERS - 1), -1, -5))
