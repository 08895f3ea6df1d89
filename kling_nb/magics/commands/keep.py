"""``%kling keep RUN``: clips worth keeping."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.judged import counted, no_words, runs_and_words


def run(context: Context, arguments: Arguments) -> None:
    """Mark the named runs, or the latest one, as kept.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs.

    Raises
    ------
    UsageError
        A word that names no run.
    """
    ids, words = runs_and_words(context, arguments)
    no_words(words, "%kling keep [RUN …]")
    context.session.keep(ids)
    context.say(f"{counted(ids)}: kept.")
