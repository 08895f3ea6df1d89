"""What the linter reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem weighs (``spec/user-needs.md`` §6)."""

    ERROR = "E"
    WARNING = "W"
    INFO = "I"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of the linter.

    Parameters
    ----------
    id
        Rule, ``L01`` to ``L40`` (``spec/user-needs.md`` §6).
    severity
        ``E`` blocks unless forced, ``W`` warns, ``I`` informs.
    field
        Canonical field name the finding is about.
    message
        What is wrong, with the offending value.
    fix
        What to do, with values that would be accepted.
    forceable
        False for findings that ``force=True`` must not override (nothing can be sent at all).
    """

    id: str
    severity: Severity
    field: str
    message: str
    fix: str = ""
    forceable: bool = True

    @property
    def blocks(self) -> bool:
        """Whether the problem blocks sending."""
        return self.severity is Severity.ERROR


def blocking(problems: Iterable[Problem], *, force: bool = False) -> list[Problem]:
    """Return the problems that keep a request from being sent.

    Parameters
    ----------
    problems
        What the linter found.
    force
        Send in spite of errors the service could judge by itself. What cannot be sent at all, and
        hard cost limits, block all the same.
    """
    return [p for p in problems if p.blocks and not (force and p.forceable)]
