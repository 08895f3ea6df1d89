"""``%kling resume``: pick up what earlier kernels left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs
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
        Run ids or variables (default: all unfinished runs), ``--wait``, ``--timeout``.
    """
    named = chosen_runs(context, arguments)
    runs = context.session.resume(*(each.id for each in named))
    if not runs:
        context.say("Nothing to resume: no unfinished runs.")
        return None
    context.show_runs(runs)
    return context.waiting(runs, arguments.values.get("timeout")) if arguments.flag("wait") else None
