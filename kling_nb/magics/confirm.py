"""The question before something expensive is sent: asked once a cell, skipped with ``--yes``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kling_nb.domain.problems import Severity
from kling_nb.errors import UsageError

if TYPE_CHECKING:
    from kling_nb.session import Prepared

COST_RULE = "L32"


def expensive(prepared: Sequence[Prepared]) -> list[str]:
    """Return the linter's sentences about clips above the warning limit (``spec/user-needs.md`` L32)."""
    return [
        problem.message
        for each in prepared
        for problem in each.problems
        if problem.id == COST_RULE and problem.severity is Severity.WARNING
    ]


def confirm(prepared: Sequence[Prepared], ask: Callable[[str], str]) -> None:
    """Ask whether to send what costs more than the warning limit.

    Parameters
    ----------
    prepared
        The requests of one cell.
    ask
        Shows a question and returns the answer.

    Raises
    ------
    UsageError
        The answer is not yes, or nobody can be asked (Run All in a program); nothing was sent.
    """
    sentences = expensive(prepared)
    if not sentences:
        return
    try:
        answer = ask(f"{'; '.join(sentences)}. Send it? [y/N] ")
    except Exception as error:
        # Front ends without input raise errors of their own kinds.
        raise _refused(sentences, "It would have been asked, but this front end takes no input.") from error
    if answer.strip().lower() not in ("y", "yes"):
        raise _refused(sentences, "It was not confirmed.")


def _refused(sentences: list[str], why: str) -> UsageError:
    return UsageError(
        f"Nothing was sent: {sentences[0]}.",
        why,
        "Add --yes to send it, or raise the limit: %kling config clip_warn_units VALUE.",
    )
