"""Which runs a table or report is made of: filters, or words that name runs, frames and sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.tokens import Token

if TYPE_CHECKING:
    import pandas as pd

FILTERS: Final = ("status", "model_name", "provider")
ALL_FILTERS: Final = (*FILTERS, "tag", "limit")


def filtered(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return the runs that the filters of a line let through, newest first.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        ``--status``, ``--model``, ``--provider``, ``--tag``, ``--limit``.
    """
    values = arguments.values
    filters = {name: values[name] for name in FILTERS if name in values}
    limit = max(0, int(values["limit"])) if "limit" in values else None
    tag = values.get("tag")
    frame = context.session.runs(limit=limit if tag is None else None, **filters)
    if tag is not None:
        frame = frame[[tag in (tags or ()) for tags in frame["tags"]]].head(limit or len(frame))
    return frame


def meant(context: Context, arguments: Arguments, words: list[Token], magic: str) -> Any:
    """Return the runs that words name, or those that the filters let through.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The filters.
    words
        Run ids, sweeps, and variables that hold runs, a table or a sweep; none means the filters.
    magic
        How the magic is called, for messages.

    Raises
    ------
    UsageError
        Both are given.
    RunNotFound
        A word names no run.
    """
    if not words:
        return filtered(context, arguments)
    if given := [name for name in ALL_FILTERS if name in arguments.values]:
        flag = {"model_name": "model"}.get(given[0], given[0])
        raise UsageError(
            f"Both runs and --{flag} are given.",
            f"{magic} takes the runs that are named, or filters all runs.",
            f"Leave out {words[0].text} or --{flag}.",
        )
    named = [_value(context, token) for token in words]
    return named[0] if len(named) == 1 else named


def _value(context: Context, token: Token) -> Any:
    if not token.quoted and token.text in context.variables:
        return context.variables[token.text]
    if token.text.lower().startswith("s-"):
        return context.session.sweep_of(token.text)
    return token.text
