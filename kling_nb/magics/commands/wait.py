"""``%kling wait``: wait for runs; Interrupt ends only the waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs, chosen_sweeps, refuse_words
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    from kling_nb.magics.waiting import Waiting


def run(context: Context, arguments: Arguments) -> Waiting | None:
    """Return what there is to wait for: the named runs, or all that are in flight.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Ids or variables of runs and sweeps, ``--timeout``.
    """
    if sweeps := chosen_sweeps(context, arguments):
        refuse_words(arguments, "%kling wait [SWEEP … | RUN …]")
        for sweep in sweeps:
            context.show_sweep(sweep)
        return context.waiting_for_sweeps(sweeps, arguments.values.get("timeout"))
    runs = chosen_runs(context, arguments)
    if not runs:
        # A run that was never sent would be waited for for ever: only resume sends it.
        runs = [each for each in context.session.unfinished() if each.following or each.task_id]
    if not runs:
        context.say("No runs in flight.")
        return None
    for each in runs:
        if not each.following and each.task_id and each.error is None and each.video is None:
            each.follow()
    context.show_runs(runs)
    return context.waiting(runs, arguments.values.get("timeout"))
