"""Suggestions for slips: the nearest word that would have been accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word nearest to ``word``, or None when nothing is near.

    Parameters
    ----------
    word
        What was typed.
    known
        Words that would have been accepted.
    cutoff
        Similarity from 0 to 1 below which nothing is suggested.
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    # Swapped letters are the commonest slip, and difflib prefers --mode to --model for --modle.
    for lower, candidate in by_lower.items():
        if sorted(lower) == sorted(word.lower()):
            return candidate
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return ``Did you mean X?`` or, when nothing is near, the other advice."""
    found = closest(word, known)
    return f"Did you mean {found}?" if found else otherwise
