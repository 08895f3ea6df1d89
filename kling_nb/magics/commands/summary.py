"""``%kling summary``: what came of the runs, and what a kept clip costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    import pandas as pd


def run(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return success, ratings, kept clips and their cost; ``--plot`` shows them as a picture, too.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        What the rows are: ``day`` (default), ``model``, ``provider``, ``sweep``, ``prompt``, any column.

    Raises
    ------
    UsageError
        No such column.
    """
    from kling_nb.session.summaries import summary_plot  # noqa: PLC0415 - pandas takes half a second to load

    names = [token.text for token in arguments.positional] or ["day"]
    table = context.session.summary(names)
    if arguments.flag("plot") and context.has_page:
        context.display({"text/html": summary_plot(table).svg, "text/plain": ""})
    context.assign(arguments.values.get("out"), table)
    return table
