"""``%kling cost``: the price of a request before it is sent, or of runs."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs
from kling_nb.magics.context import Context
from kling_nb.session import Run


def run(context: Context, arguments: Arguments) -> None:
    """Show what runs cost, or what a clip with these options would cost.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Run ids or variables; or request options, for which no picture is needed.
    """
    if arguments.positional:
        runs = chosen_runs(context, arguments)
        context.say("\n".join(_line(each) for each in runs))
        return
    names = ("model_name", "mode", "duration", "sound", "provider")
    request = {name: arguments.values[name] for name in names if name in arguments.values}
    request |= arguments.values.get("param", {})
    context.say(str(context.session.cost(**request)))


def _line(run: Run) -> str:
    return f"{run.id}: {run.cost}"
