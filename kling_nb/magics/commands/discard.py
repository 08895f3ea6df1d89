"""``%kling discard RUN``: clips not worth keeping; nothing is deleted."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.judged import counted, no_words, runs_and_words


def run(context: Context, arguments: Arguments) -> None:
    """Mark the named runs, or the latest one, as discarded.

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
    no_words(words, "%kling discard [RUN …]")
    context.session.discard(ids)
    context.say(f"{counted(ids)}: discarded.")
