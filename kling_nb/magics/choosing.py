"""Which runs the words of a subcommand mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import RunNotFound, UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.tokens import Token

if TYPE_CHECKING:
    from kling_nb.session import Run


def chosen_runs(context: Context, arguments: Arguments) -> list[Run]:
    """Return the runs named by id or by variable; an empty list without words.

    Raises
    ------
    RunNotFound
        A word is neither.
    """
    return [run for token in arguments.positional for run in _named(context, token)]


def _named(context: Context, token: Token) -> list[Run]:
    from kling_nb.session import Run  # noqa: PLC0415 - a type at run time

    value = None if token.quoted else context.variables.get(token.text)
    if isinstance(value, Run):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, Run) for item in value):
        return list(value)
    return [context.session.run(token.text)]


def latest_run(context: Context) -> Run:
    """Return the newest run of the log.

    Raises
    ------
    RunNotFound
        The log is empty.
    """
    frame = context.session.runs(limit=1)
    if frame.empty:
        raise RunNotFound(
            "There is no run yet.", f"The log in {context.session.home} is empty.",
            "Make one: %%kling boat.jpg with a prompt below.",
        )  # fmt: skip
    return context.session.run(str(frame["id"].iloc[0]))


def refuse_words(arguments: Arguments, usage: str, allowed: int = 0) -> None:
    """Refuse words beyond the first ``allowed`` ones."""
    if len(arguments.positional) > allowed:
        raise UsageError(
            f"Unexpected word {arguments.positional[allowed].text!r}.", "The subcommand takes no such word.",
            f"Usage: {usage}",
        )  # fmt: skip
