"""Findings and errors as lines for the page."""

from __future__ import annotations

from collections.abc import Iterable

from kling_nb.domain.problems import Problem
from kling_nb.errors import KlingError


def problem_rows(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Return findings as the page takes them."""
    return [
        {"id": found.id, "level": str(found.severity), "text": found.message, "fix": found.fix}
        for found in problems
    ]


def failure_lines(error: BaseException) -> str:
    """Return what a person reads of an error: our own three lines, or type and text of any other."""
    if isinstance(error, KlingError):
        return "\n".join(error.lines())
    return f"{type(error).__name__}: {error}"
