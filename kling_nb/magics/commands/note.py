"""``%kling note RUN "text"``: a note to clips."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.judged import NOTHING, counted, runs_and_words


def run(context: Context, arguments: Arguments) -> None:
    """Write a note to the named runs, or to the latest one; ``-`` takes it away.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs, then the note; quotes are not needed.

    Raises
    ------
    UsageError
        No note.
    """
    ids, words = runs_and_words(context, arguments)
    if not words:
        raise UsageError("The note is missing.", "Runs come first.", "Usage: %kling note [RUN …] TEXT")
    text = " ".join(words)
    context.session.note(ids, None if text == NOTHING else text)
    context.say(f"{counted(ids)}: {'no note' if text == NOTHING else 'noted'}.")
