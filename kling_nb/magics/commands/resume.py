"""``%kling resume``: pick up what earlier kernels left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs, chosen_sweeps
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    from kling_nb.magics.waiting import Waiting


def run(context: Context, arguments: Arguments) -> Waiting | None:
    """Follow unfinished runs again; send those that were written down but never sent.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Ids or variables of runs and sweeps (default: all unfinished runs), ``--wait``, ``--timeout``.
    """
    timeout = arguments.values.get("timeout")
    sweeps = chosen_sweeps(context, arguments)
    for sweep in sweeps:
        context.show_sweep(sweep.resume())
    if sweeps and not arguments.positional:
        return context.waiting_for_sweeps(sweeps, timeout) if arguments.flag("wait") else None
    named = chosen_runs(context, arguments)
    runs = context.session.resume(*(each.id for each in named))
    if not runs:
        context.say("Nothing to resume: no unfinished runs.")
        return None
    context.show_runs(runs)
    return context.waiting(runs, timeout) if arguments.flag("wait") else None
