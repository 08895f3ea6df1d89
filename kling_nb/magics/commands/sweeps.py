"""``%kling sweeps``: the sweeps of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    import pandas as pd


def run(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return the sweeps, newest first.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        No words.
    """
    refuse_words(arguments, "%kling sweeps")
    return context.session.sweeps()
