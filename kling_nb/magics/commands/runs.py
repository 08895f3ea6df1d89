"""``%kling runs``: the run log as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.selecting import filtered

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "id",
    "status",
    "model_name",
    "mode",
    "duration",
    "prompt",
    "estimate_units",
    "actual_units",
    "created_at",
)
"""Columns of the first look; ``kn.runs()`` has all."""

SCORED = ("flags", "path_error", "gain", "leak", "motion")
"""Columns that are added where some run was measured."""


def run(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return the runs, newest first; with ``-o`` the variable gets every column.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Filters and ``-o NAME``.
    """
    if arguments.positional:
        raise UsageError(
            f"Unexpected word {arguments.positional[0].text!r}.",
            "%kling runs takes filters as options.",
            "One run is shown by %kling show RUN; filters: --status, --model, --tag, --provider, --limit.",
        )
    frame = filtered(context, arguments)
    context.assign(arguments.values.get("out"), frame)
    names = [name for name in COLUMNS if name in frame.columns]
    scored = [name for name in SCORED if name in frame.columns and frame[name].notna().any()]
    if not scored:
        return frame[names]
    shown = frame[[*names, *scored]].copy()
    if "flags" in scored:
        # The words that kn.runs(flags=…) takes.
        shown["flags"] = [", ".join(flags) if isinstance(flags, tuple) else "" for flags in frame["flags"]]
    return shown
