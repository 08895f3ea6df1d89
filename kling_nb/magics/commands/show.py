"""``%kling show``: the card of a run, with its scores unfolded."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs, chosen_sweeps, latest_run
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Show the cards of the named runs, or of the latest one; ``-o`` assigns them.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Ids or variables of runs and sweeps.
    """
    sweeps = chosen_sweeps(context, arguments)
    for sweep in sweeps:
        context.show_sweep(sweep)
    if sweeps and not arguments.positional:
        context.assign(arguments.values.get("out"), sweeps[0] if len(sweeps) == 1 else sweeps)
        return
    runs = chosen_runs(context, arguments) or [latest_run(context)]
    context.show_runs(runs, scores=True)
    context.assign(arguments.values.get("out"), runs[0] if len(runs) == 1 else runs)
