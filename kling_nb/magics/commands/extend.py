"""``%kling extend RUN "what happens next"``: an earlier clip made longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.call import call_of
from kling_nb.magics.context import Context
from kling_nb.magics.generate import generate

if TYPE_CHECKING:
    from kling_nb.magics.waiting import Waiting


def run(context: Context, arguments: Arguments) -> Waiting | None:
    """Send the extension and show its card; the cell magic ``%%kling extend RUN`` does the same.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        A run, its variable or the id of a video; then what happens next.

    Raises
    ------
    UsageError
        No clip is named.
    """
    if not arguments.positional and "param" not in arguments.values:
        raise UsageError(
            "Which clip shall go on?",
            "%kling extend needs a run or the id of a video.",
            'Write %kling extend r-… "what happens next", or %%kling extend r-… with the prompt below.',
        )
    return generate(context, call_of(arguments, extend=True))
