"""``%kling report week.html``: runs as one HTML file."""

from __future__ import annotations

from typing import Any

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.selecting import meant
from kling_nb.widgets.report.functions import report


def run(context: Context, arguments: Arguments) -> None:
    """Write runs into a page that opens without kernel and server.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The file, then runs, or filters; ``--title``, ``--by``, ``--videos``, ``--cap``, ``--no-metadata``.

    Raises
    ------
    UsageError
        No file is named.
    InputError
        The file cannot be written.
    """
    if not arguments.positional:
        raise UsageError("Into which file?", "The report is a page.", "Write e.g. %kling report week.html.")
    values = arguments.values
    given: dict[str, Any] = {name: values[name] for name in ("title", "videos", "cap_mb") if name in values}
    given |= {"by": list(values["by"])} if "by" in values else {}
    path = report(
        arguments.positional[0].text,
        meant(context, arguments, arguments.positional[1:], "%kling report"),
        metadata=not arguments.flag("bare"),
        session=context.session,
        **given,
    )
    context.say(f"{path} · {path.stat().st_size / 1e6:.1f} MB")
