"""``%kling doctor``: is everything in place? Free of charge."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Show the report, one line a check.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        ``-p`` names the service to check.
    """
    refuse_words(arguments, "%kling doctor [-p PROVIDER]")
    context.say(str(context.session.doctor(arguments.values.get("provider"))))
