"""``%kling undo``: the latest judgement taken back."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Take back the latest rating, decision, tag or note of this kernel, and say which.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        None.
    """
    refuse_words(arguments, "%kling undo")
    context.say(context.session.undo_judgement())
