"""``%kling stop``: a sweep sends nothing more."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_sweeps
from kling_nb.magics.context import Context

USAGE = "%kling stop SWEEP"


def run(context: Context, arguments: Arguments) -> None:
    """Stop sweeps; what the service has is followed to its end.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Ids, names or variables of sweeps.

    Raises
    ------
    UsageError
        No sweep was named.
    RunNotFound
        There is no such sweep.
    """
    sweeps = chosen_sweeps(context, arguments)
    for token in arguments.positional:
        # Nothing is called like that; what is known is told.
        sweeps.append(context.session.sweep_of(token.text))
    if not sweeps:
        raise UsageError("Which sweep?", "Nothing was stopped.", f"Write {USAGE}; %kling sweeps lists them.")
    for sweep in sweeps:
        context.say(repr(sweep.stop()))
