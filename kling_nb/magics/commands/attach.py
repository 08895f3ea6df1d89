"""``%kling attach``: follow a task that this log does not know, or no longer knows enough about."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import one_run, refuse_words
from kling_nb.magics.context import Context


def run(context: Context, arguments: Arguments) -> None:
    """Attach to a task by the service's id or by our external id.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The id; ``-p`` names the service that knows it, ``--run`` the run whose answer was lost.

    Raises
    ------
    UsageError
        No id, or ``--force`` where nothing is bound.
    """
    lost = arguments.values.get("run")
    if not arguments.positional:
        raise UsageError(
            "%kling attach needs the id of a task.",
            "The service's task id or the external id of a run.",
            "Write e.g. %kling attach 829611643369439283",
        )
    refuse_words(arguments, "%kling attach TASK [--run RUN] [-p PROVIDER]", allowed=1)
    if arguments.flag("force") and lost is None:
        raise UsageError(
            "--force binds a task to a run, and no run is named.",
            "Without --run the task is followed as a run of its own.",
            "Add --run r-…, or leave --force out.",
        )
    attached = context.session.attach(
        arguments.positional[0].text,
        provider=arguments.values.get("provider"),
        run=None if lost is None else one_run(context, lost),
        force=arguments.flag("force"),
    )
    context.show_runs([attached])
    context.assign(arguments.values.get("out"), attached)
