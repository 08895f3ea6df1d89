"""When a sweep has made enough: ``kept >= 3``, ``rating >= 4 or spent >= 20``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError

COUNTED: Final[Mapping[str, str]] = {
    "kept": "clips that were kept",
    "discarded": "clips that were discarded",
    "rated": "clips that were rated",
    "rating": "the best rating",
    "done": "clips that are there",
    "failed": "runs that failed",
    "spent": "units taken or held",
}
"""What a condition may count."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
}
_TERM: Final = re.compile(r"\s*([A-Za-z_]+)\s*(>=|>|==)\s*(\d+(?:\.\d+)?)\s*")

Facts = Mapping[str, float]
Rule = Callable[[Facts], bool]


def read_rule(text: str) -> Rule:
    """Read a condition.

    Parameters
    ----------
    text
        ``NAME >= NUMBER``, several joined by ``and`` or ``or`` (``and`` binds tighter).

    Returns
    -------
    callable
        Told the facts (:data:`COUNTED`), says whether it holds.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    anyone = [
        [_term(part, text) for part in re.split(r"\band\b", choice)] for choice in re.split(r"\bor\b", text)
    ]
    return lambda facts: any(all(term(facts) for term in terms) for terms in anyone)


def _term(part: str, text: str) -> Rule:
    match = _TERM.fullmatch(part)
    if match is None:
        raise UsageError(
            f"until={text!r} cannot be read.",
            f"{part.strip()!r} is no comparison.",
            'Write e.g. "kept >= 3" or "rating >= 4 or spent >= 20".',
        )
    name, compare, number = match[1].lower(), _COMPARE[match[2]], float(match[3])
    if name not in COUNTED:
        near = closest(name, COUNTED)
        known = "; ".join(f"{word}: {meaning}" for word, meaning in COUNTED.items())
        raise UsageError(
            f"until={text!r} cannot be read.",
            f"{name} is not counted. Known are {known}.",
            f"Did you mean {near}?" if near else 'Write e.g. "kept >= 3".',
        )
    return lambda facts: compare(facts[name], number)
