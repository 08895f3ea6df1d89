"""When a sweep has made enough: ``kept >= 3``, ``gain >= 0.9 and path_error < 1 or spent >= 20``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kling_nb.domain.nearest import closest
from kling_nb.domain.scoreorder import INSTEAD
from kling_nb.domain.scores import BY_NAME, MEASURES
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

SCORED: Final = tuple(measure.name for measure in MEASURES if measure.better != "as asked")
"""Scores that a condition may name: each is the best clip's, whichever way is better.

Clips that stand still never count, and blurred ones not in what blur makes better; a score that no clip has
holds nothing. Every score of a condition is looked at by itself: two of them may be of two clips.
"""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_TERM: Final = re.compile(r"\s*([A-Za-z_]+)\s*(>=|>|<=|<|==)\s*(-?\d+(?:\.\d+)?)\s*")

Facts = Mapping[str, float | None]
"""Counts and scores by name; None where there is no score."""


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison.

    Parameters
    ----------
    name
        What is counted, or a score.
    compare
        Sign of the comparison.
    number
        What it is compared with.
    """

    name: str
    compare: str
    number: float

    def holds(self, facts: Facts) -> bool:
        """Whether it holds; what nobody knows does not."""
        found = facts.get(self.name)
        return found is not None and _COMPARE[self.compare](found, self.number)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition: one of the choices, all of its terms.

    Parameters
    ----------
    choices
        Terms of each.
    """

    choices: tuple[tuple[Term, ...], ...]

    @property
    def scores(self) -> frozenset[str]:
        """Scores that it names."""
        return frozenset(term.name for terms in self.choices for term in terms if term.name in BY_NAME)

    def __call__(self, facts: Facts) -> bool:
        """Whether it holds."""
        return any(all(term.holds(facts) for term in terms) for terms in self.choices)


def read_rule(text: str) -> Rule:
    """Read a condition.

    Parameters
    ----------
    text
        ``NAME >= NUMBER`` (or ``>``, ``<``, ``<=``, ``==``), several joined by ``and`` or ``or`` (``and``
        binds tighter).

    Returns
    -------
    Rule
        Told the facts (:data:`COUNTED`, :data:`SCORED`), says whether it holds.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    return Rule(
        tuple(
            tuple(_term(part, text) for part in re.split(r"\band\b", choice))
            for choice in re.split(r"\bor\b", text)
        )
    )


def _term(part: str, text: str) -> Term:
    match = _TERM.fullmatch(part)
    if match is None:
        raise UsageError(
            f"until={text!r} cannot be read.",
            f"{part.strip()!r} is no comparison.",
            'Write e.g. "kept >= 3", "gain >= 0.9" or "rating >= 4 or spent >= 20".',
        )
    name = match[1].lower()
    if name in INSTEAD:
        raise UsageError(
            f"until={text!r} cannot be read.",
            f"Neither much nor little {BY_NAME[name].label} is good by itself, so no clip has the best.",
            f"Use what compares it with what was asked: {INSTEAD[name]}.",
        )
    if name not in COUNTED and name not in SCORED:
        near = closest(name, (*COUNTED, *SCORED))
        known = "; ".join(f"{word}: {meaning}" for word, meaning in COUNTED.items())
        raise UsageError(
            f"until={text!r} cannot be read.",
            f"{name} is not counted. Known are {known}; and the best clip's scores: {', '.join(SCORED)} "
            "(clips that stand still do not count).",
            f"Did you mean {near}?" if near else 'Write e.g. "kept >= 3" or "gain >= 0.9".',
        )
    return Term(name, match[2], float(match[3]))
