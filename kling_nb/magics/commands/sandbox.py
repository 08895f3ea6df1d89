"""``%kling sandbox``: the local stand-in service."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.magics.suggest import did_you_mean

ACTIONS = ("start", "stop", "status")


def run(context: Context, arguments: Arguments) -> None:
    """Show where the sandbox runs; start or stop it.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Nothing or ``status``, ``start``, ``stop``.
    """
    refuse_words(arguments, "%kling sandbox [start | stop]", allowed=1)
    action = arguments.positional[0].text if arguments.positional else ""
    if action and action not in ACTIONS:
        raise UsageError(
            f"%kling sandbox has no {action!r}.", "It takes start or stop, or nothing to look.",
            did_you_mean(action, ACTIONS, "Write %kling sandbox start."),
        )  # fmt: skip
    session = context.session
    if action == "stop":
        context.say("The sandbox has been stopped." if session.stop_sandbox() else "No sandbox is running.")
        return
    info = session.sandbox(start=action == "start")
    if info is None:
        context.say("No sandbox is running; the next run on it, or %kling sandbox start, starts one.")
    else:
        context.say(f"The sandbox runs at {info.url} (process {info.pid}), files in {info.home}.")
