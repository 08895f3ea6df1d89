"""Suggestions for slips, in the words of the magics."""

from __future__ import annotations

from collections.abc import Iterable

from kling_nb.domain.nearest import closest


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return ``Did you mean X?`` or, when nothing is near, the other advice.

    Parameters
    ----------
    word
        What was typed.
    known
        Words that would have been accepted.
    otherwise
        What to say when nothing is near.
    """
    found = closest(word, known)
    return f"Did you mean {found}?" if found else otherwise
