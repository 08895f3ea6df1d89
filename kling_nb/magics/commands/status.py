"""``%kling status``: one line a run."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs
from kling_nb.magics.context import Context
from kling_nb.widgets.state import clock, plain_text


def run(context: Context, arguments: Arguments) -> None:
    """Show the named runs, or those that are not finished.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Run ids or variables.
    """
    runs = chosen_runs(context, arguments) or context.session.unfinished()
    lines = []
    for each in runs:
        elapsed = "" if each.elapsed is None else f" · {clock(each.elapsed)}"
        following = " · followed" if each.following else ""
        head, *rest = plain_text(each).splitlines()
        lines += [f"{head}{elapsed}{following}", *(f"  {line}" for line in rest)]
    context.say("\n".join(lines) or "No unfinished runs.")
