"""``%kling cost``: the price of a request before it is sent, or of runs."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import chosen_runs
from kling_nb.magics.context import Context
from kling_nb.magics.pictures import names_picture
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
    # A picture may be named out of habit: it does not change the price.
    named = [token for token in arguments.positional if not names_picture(token, context.variables)]
    if named:
        runs = chosen_runs(context, Arguments(named))
        context.say("\n".join(_line(each) for each in runs))
        return
    names = ("model_name", "mode", "duration", "sound", "provider")
    request = {name: arguments.values[name] for name in names if name in arguments.values}
    request |= arguments.values.get("param", {})
    context.say(str(context.session.cost(**request)))


def _line(run: Run) -> str:
    return f"{run.id}: {run.cost}"
