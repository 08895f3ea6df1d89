"""``%kling show``: the card of a run."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs, latest_run
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Show the cards of the named runs, or of the latest one; ``-o`` assigns them.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Run ids or variables.
    """
    runs = chosen_runs(context, arguments) or [latest_run(context)]
    context.show_runs(runs)
    context.assign(arguments.values.get("out"), runs[0] if len(runs) == 1 else runs)
