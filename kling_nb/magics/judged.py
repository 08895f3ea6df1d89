"""Which runs a line about judgements means, and which of its words say something about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import latest_run
from kling_nb.magics.context import Context
from kling_nb.magics.tokens import Token
from kling_nb.session.chosen import ids_of

NOTHING = "-"
"""Takes a rating or a note away."""


def runs_and_words(context: Context, arguments: Arguments) -> tuple[list[str], list[str]]:
    """Return the ids of the runs that stand in front, and the other words.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs by id or variable (a run, a list or table of runs, a sweep); without any, the latest one.

    Raises
    ------
    RunNotFound
        An id that is not in the log.
    """
    words = list(arguments.positional)
    named: list[Any] = []
    while words and (found := _runs_of(context, words[0])) is not None:
        named.append(found)
        del words[0]
    return ids_of(named or [latest_run(context)], context.session), [word.text for word in words]


def _runs_of(context: Context, token: Token) -> Any:
    """Return what a word names if that is runs, else None."""
    if token.quoted:
        return None
    value = context.variables.get(token.text)
    if _names_runs(value):
        return value
    return token.text if token.text.lower().startswith("r-") else None


def _names_runs(value: Any) -> bool:
    from kling_nb.session import Run  # noqa: PLC0415 - a type at run time

    if isinstance(value, Run) or hasattr(value, "runs"):
        return True
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, Run) for each in value)
    return hasattr(value, "columns") and "id" in value.columns


def one_word(words: Sequence[str], usage: str, what: str) -> str:
    """Return the only word.

    Raises
    ------
    UsageError
        None or several.
    """
    if len(words) != 1:
        raise UsageError(
            f"{what} is missing." if not words else f"Unexpected word {words[1]!r}.",
            "Runs come first, by id or variable.",
            f"Usage: {usage}",
        )
    return words[0]


def no_words(words: Sequence[str], usage: str) -> None:
    """Refuse words that name no run.

    Raises
    ------
    UsageError
        There is one.
    """
    if words:
        raise UsageError(
            f"{words[0]!r} names no run.", "Runs are given by id or variable.", f"Usage: {usage}"
        )


def counted(ids: Sequence[str]) -> str:
    """Return runs in words: the id of one, the number of several."""
    return ids[0] if len(ids) == 1 else f"{len(ids)} runs"
