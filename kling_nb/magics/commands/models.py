"""``%kling models``: what each model can do and whether it is still served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import named_provider
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    import pandas as pd


def run(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return the capability table with its dates.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        A word or ``-p`` names the service whose retirements are shown.
    """
    provider = named_provider(arguments, "%kling models [DOOR]")
    return context.session.models(provider)
