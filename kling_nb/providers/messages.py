"""What the service's codes and texts mean and what to do about them.

Codes: ``spec/official-api.md`` §10.1, those of gateways ``spec/gateways.md`` §2.4 and §3.4. Texts: the
catalogue of §10.2, recognised by pattern because they carry parameters. The words are data
(``messages.json``) for ``%kling help errors`` and for the error tree.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code or text means.

    Parameters
    ----------
    key
        The code (``"1303"``) or the id of the text (``"M36"``, ``"A02"``).
    title
        The service's text or the meaning of the code; ``<…>`` stands for a value.
    cause
        Why it happens, in plain words.
    fix
        What to do next.
    pattern
        Regular expression searched in the service's words, ignoring case; empty for codes.
    """

    key: str
    title: str
    cause: str
    fix: str
    pattern: str = ""

    def matches(self, words: str) -> bool:
        """Return whether the service's words are this text.

        Parameters
        ----------
        words
            The service's message.
        """
        return bool(self.pattern) and re.search(self.pattern, words, re.IGNORECASE) is not None


@functools.cache
def codes() -> dict[int, Explanation]:
    """Return the explanation of every code, in the order of §10.1."""
    return {int(row["key"]): Explanation(**row) for row in _table()["codes"]}


@functools.cache
def words() -> dict[str, Explanation]:
    """Return the explanation of every code that is a word (``spec/gateways.md`` §2.4)."""
    return {row["key"]: Explanation(**row) for row in _table()["words"]}


@functools.cache
def texts() -> tuple[Explanation, ...]:
    """Return the catalogue in the order in which patterns are tried: special before general."""
    return tuple(Explanation(**row) for row in _table()["texts"])


def explain(code_or_text: int | str) -> Explanation | None:
    """Return what a code, a text id or the service's words mean.

    Parameters
    ----------
    code_or_text
        ``1303``, ``"1303"``, ``"used_up"``, ``"M36"`` or a message as the service wrote it.

    Returns
    -------
    Explanation or None
        None when it is unknown.
    """
    said = str(code_or_text).strip()
    # Codes have four digits; longer ones, and digits of other scripts, are words of somebody's.
    if said.isascii() and said.isdigit() and len(said) <= 4:
        return codes().get(int(said))
    if said.lower() in words():
        return words()[said.lower()]
    by_key = next((text for text in texts() if text.key == said.upper()), None)
    return by_key or next((text for text in texts() if text.matches(said)), None)


def catalogue() -> tuple[Explanation, ...]:
    """Return everything `explain` knows: codes, then texts sorted by id, gateways last."""
    order = {"M": 0, "A": 1, "G": 2}
    ordered = sorted(texts(), key=lambda text: (order[text.key[0]], text.key))
    return (*codes().values(), *ordered, *words().values())


def _table() -> dict[str, list[dict[str, str]]]:
    table: dict[str, list[dict[str, str]]] = json.loads(
        Path(__file__).with_name("messages.json").read_text(encoding="utf-8")
    )
    return table
