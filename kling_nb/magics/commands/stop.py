"""``%kling stop``: a sweep sends nothing more."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_sweeps, refuse_words
from kling_nb.magics.context import Context

USAGE = "%kling stop SWEEP"


def run(context: Context, arguments: Arguments) -> None:
    """Stop sweeps; what the service has is followed to its end.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Ids or variables of sweeps.

    Raises
    ------
    UsageError
        No sweep was named.
    """
    sweeps = chosen_sweeps(context, arguments)
    refuse_words(arguments, USAGE)
    if not sweeps:
        raise UsageError("Which sweep?", "Nothing was stopped.", f"Write {USAGE}; %kling sweeps lists them.")
    for sweep in sweeps:
        context.say(repr(sweep.stop()))
