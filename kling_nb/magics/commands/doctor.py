"""``%kling doctor``: is everything in place? Free of charge."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import named_provider
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Show the report, one line a check.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        A word or ``-p`` names the service to check.
    """
    provider = named_provider(arguments, "%kling doctor [DOOR]")
    context.say(str(context.session.doctor(provider)))
