"""``%kling tag RUN WORD …``: words to find clips by."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.judged import counted, runs_and_words


def run(context: Context, arguments: Arguments) -> None:
    """Add tags to the named runs, or to the latest one; ``--remove`` takes them away.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs, then tags.

    Raises
    ------
    UsageError
        No tag.
    """
    ids, words = runs_and_words(context, arguments)
    if not words:
        raise UsageError(
            "The tag is missing.",
            "Runs come first, tags follow.",
            "Usage: %kling tag [RUN …] TAG … [--remove]",
        )
    if arguments.flag("remove"):
        context.session.untag(ids, *words)
        context.say(f"{counted(ids)}: no longer tagged {', '.join(words)}.")
    else:
        context.session.tag(ids, *words)
        context.say(f"{counted(ids)}: tagged {', '.join(words)}.")
