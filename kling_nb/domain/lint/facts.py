"""What the linter must be told from outside, and small helpers of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from kling_nb.domain.problems import Problem, Severity

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
    """

    identical_run: str | None = None
    retired: frozenset[str] = frozenset()
    clip_warn_units: Decimal | None = None
    clip_limit_units: Decimal | None = None
    allow_unknown_model: bool = False


def error(rule: str, field: str, message: str, fix: str = "", *, forceable: bool = True) -> Problem:
    """Return a blocking problem."""
    return Problem(rule, Severity.ERROR, field, message, fix, forceable)


def warning(rule: str, field: str, message: str, fix: str = "") -> Problem:
    """Return a warning."""
    return Problem(rule, Severity.WARNING, field, message, fix)


def info(rule: str, field: str, message: str, fix: str = "") -> Problem:
    """Return a piece of information."""
    return Problem(rule, Severity.INFO, field, message, fix)
