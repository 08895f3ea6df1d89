"""Runs every rule and sorts what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from kling_nb.domain.lint import brush, capability, media, money, structure, text
from kling_nb.domain.lint.facts import LintFacts, Problems
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest

Rule = Callable[[VideoRequest, str, LintFacts], Problems]

_RULES: Final[tuple[Rule, ...]] = (
    *structure.RULES,
    *capability.RULES,
    *brush.RULES,
    *media.RULES,
    *text.RULES,
    *money.RULES,
)

_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def lint(
    request: VideoRequest,
    *,
    provider: str = "official",
    extra: Sequence[Problem] = (),
    facts: LintFacts | None = None,
) -> list[Problem]:
    """Return everything that is wrong or worth saying about a request.

    Parameters
    ----------
    request
        What would be sent.
    provider
        ``official`` or ``sandbox`` (the same rules; only retirement is judged per provider).
    extra
        Problems found before the request existed, e.g. by alias handling; kept and sorted in.
    facts
        What the request itself does not tell.

    Returns
    -------
    list of Problem
        Errors first, then warnings, then information; within one severity by rule number.
    """
    known = facts or LintFacts()
    found = [*extra, *(problem for rule in _RULES for problem in rule(request, provider, known))]
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda problem: (_ORDER.index(problem.severity), problem.id))
