"""``%kling diff RUN RUN``: what differs between two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    from kling_nb.session.diffing import RunDiff


def run(context: Context, arguments: Arguments) -> RunDiff:
    """Return what differs between two runs: fields, words of the prompts, pictures, outcome.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Two runs by id or variable.

    Raises
    ------
    UsageError
        Not two runs.
    """
    runs = chosen_runs(context, arguments)
    if len(runs) != 2:
        raise UsageError(
            f"{len(runs)} run{'' if len(runs) == 1 else 's'} to compare.",
            "A difference is between two.",
            "Write %kling diff r-… r-…",
        )
    return context.session.diff(*runs)
