"""What the linter must be told from outside, and small helpers of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from kling_nb.domain.capabilities import Grid
from kling_nb.domain.cost import Cost
from kling_nb.domain.door import FORM_WORDS, Door
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest

Problems = Iterator[Problem]


@dataclass(frozen=True, slots=True)
class LintFacts:
    """Facts outside the request.

    Parameters
    ----------
    identical_run
        Id of a finished run that asked the same (L34).
    retired
        Models known to be retired on this provider besides the dated table (L25).
    clip_warn_units, clip_limit_units
        Limits for one clip in Kling units (L32); None means no limit.
    allow_unknown_model
        Let model names pass that the tables do not know, with a warning.
    uploader
        Whether something is registered that puts local pictures at a public address (L31).
    doors
        Returns the other ways to Kling, to be named where this one lacks something.
    """

    identical_run: str | None = None
    retired: frozenset[str] = frozenset()
    clip_warn_units: Decimal | None = None
    clip_limit_units: Decimal | None = None
    allow_unknown_model: bool = False
    uploader: bool = False
    doors: Callable[[], Sequence[Door]] = tuple


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes, as the rules see it.

    Parameters
    ----------
    door
        What is particular about this way to Kling; no rule knows a door by its name.
    provider
        The door's name, or another one where the door is rehearsed.
    estimate
        Returns what a request costs there.
    retired
        Models that are no longer served there.
    facts
        What neither door nor request tells.
    """

    door: Door
    provider: str
    estimate: Callable[[VideoRequest], Cost]
    retired: frozenset[str]
    facts: LintFacts = field(default_factory=LintFacts)

    def grid(self, request: VideoRequest) -> Grid | None:
        """Return the combinations offered for the form of a request, None when the service alone knows."""
        return self.door.grids.get(request.form)

    def elsewhere(self, able: Callable[[Door], bool]) -> str:
        """Return advice that names the other doors that are able, empty when none is."""
        names = [repr(door.name) for door in self.facts.doors() if door.name != self.door.name and able(door)]
        return f"provider={' or '.join(names)} offers it" if names else ""


def doing(request: VideoRequest) -> str:
    """Return what a request makes, in words."""
    return FORM_WORDS[request.form]


def error(rule: str, field: str, message: str, fix: str = "", *, forceable: bool = True) -> Problem:
    """Return a blocking problem."""
    return Problem(rule, Severity.ERROR, field, message, fix, forceable)


def warning(rule: str, field: str, message: str, fix: str = "") -> Problem:
    """Return a warning."""
    return Problem(rule, Severity.WARNING, field, message, fix)


def info(rule: str, field: str, message: str, fix: str = "") -> Problem:
    """Return a piece of information."""
    return Problem(rule, Severity.INFO, field, message, fix)
