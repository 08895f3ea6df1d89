"""``%kling budget``: what runs, sweeps and days may cost, for every kernel that shares the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context

if TYPE_CHECKING:
    import pandas as pd

USAGE = "%kling budget [run | sweep [NAME] | day] [AMOUNT | off]"


def run(context: Context, arguments: Arguments) -> pd.DataFrame:
    """Return the budgets with what is spent, reserved and left; set one first.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Nothing; or what is limited and to how much: ``day 20`` (Kling units), ``day $5``, ``sweep cats 10``,
        ``day off``.

    Raises
    ------
    UsageError
        Words that make no budget; nothing was changed.
    """
    words = [token.text for token in arguments.positional]
    refuse_words(arguments, USAGE, allowed=3 if words[:1] == ["sweep"] else 2)
    if len(words) == 1:
        raise UsageError(f"How much for a {words[0]}?", "The amount is missing.", f"Usage: {USAGE}")
    session = context.session
    if words:
        name = words[1] if len(words) == 3 else None
        table = session.budget(words[0], words[-1], name=name)
    else:
        table = session.budget()
    start = table.attrs["day"]
    none = " There is no budget yet: %kling budget day 20 sets one." if table.empty else ""
    context.say(f"The day began at {start:%Y-%m-%d %H:%M} {start.tzname()} (UTC{start:%z}).{none}")
    return table
