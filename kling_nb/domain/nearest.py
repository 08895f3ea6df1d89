"""Suggestions for slips: the nearest word that would have been accepted."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word nearest to ``word``, or None when nothing is near.

    Parameters
    ----------
    word
        What was typed, in any case.
    known
        Words that would have been accepted.
    cutoff
        Similarity from 0 to 1 below which nothing is suggested.
    """
    typed = word.lower()
    by_lower = {candidate.lower(): candidate for candidate in known}
    # Swapped letters are the commonest slip, and difflib prefers mode to model for modle.
    for lower, candidate in by_lower.items():
        if sorted(lower) == sorted(typed):
            return candidate
    found = get_close_matches(typed, by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None
