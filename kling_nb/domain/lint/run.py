"""Runs every rule and sorts what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from kling_nb.domain.capabilities import retired_models
from kling_nb.domain.cost import Cost
from kling_nb.domain.cost import estimate as list_price
from kling_nb.domain.door import Door
from kling_nb.domain.lint import brush, capability, door_rules, extend, media, money, structure, text
from kling_nb.domain.lint.facts import LintFacts, Place, Problems
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest

Rule = Callable[[VideoRequest, Place], Problems]

_RULES: Final[tuple[Rule, ...]] = (
    *structure.RULES,
    *extend.RULES,
    *capability.RULES,
    *door_rules.RULES,
    lambda request, _at: iter(brush.findings(request)),
    *media.RULES,
    *text.RULES,
    *money.RULES,
)

_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def lint(
    request: VideoRequest,
    *,
    door: Door,
    provider: str | None = None,
    extra: Sequence[Problem] = (),
    facts: LintFacts | None = None,
    estimate: Callable[[VideoRequest], Cost] | None = None,
) -> list[Problem]:
    """Return everything that is wrong or worth saying about a request.

    Parameters
    ----------
    request
        What would be sent.
    door
        The way it would go; its grids and limits are what the rules ask.
    provider
        The door's name (also None), or the name under which it is rehearsed: retirements that were learned
        are kept apart.
    extra
        Problems found elsewhere, e.g. by alias handling and by the provider; kept and sorted in. What they
        say by the same rule about the same field, at least as severely, is not said again in general words.
    facts
        What the request itself does not tell.
    estimate
        Returns the price of a request; None takes the door's list.

    Returns
    -------
    list of Problem
        Errors first, then warnings, then information; within one severity by rule number.
    """
    name = provider or door.name
    price = estimate or (lambda asked: list_price(asked, door, name))
    known = facts or LintFacts()
    models = {model for grid in door.grids.values() for model in grid.models}
    gone = retired_models(name, dated=door.retires, models=models)
    at = Place(door, name, price, gone | known.retired, known)
    general = (problem for rule in _RULES for problem in rule(request, at))
    found = [*extra, *(problem for problem in general if not _said(problem, extra))]
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda problem: (_ORDER.index(problem.severity), problem.id))


def _said(problem: Problem, extra: Sequence[Problem]) -> bool:
    """Whether somebody who knows better has said it."""
    weight = _ORDER.index(problem.severity)
    return any(
        (own.id, own.field) == (problem.id, problem.field) and _ORDER.index(own.severity) <= weight
        for own in extra
    )
