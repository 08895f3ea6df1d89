"""``%kling export runs.csv``: runs as a table for other tools."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.selecting import meant
from kling_nb.session.export import export


def run(context: Context, arguments: Arguments) -> None:
    """Write runs into a CSV, Parquet or JSON file; the ending says which.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The file, then runs, or filters; ``--tidy``, ``--no-metadata``.

    Raises
    ------
    UsageError
        No file is named.
    InputError
        The file cannot be written.
    """
    if not arguments.positional:
        raise UsageError(
            "Into which file?", "Its ending says which kind: .csv, .parquet, .json, .jsonl.",
            "Write e.g. %kling export runs.csv.",
        )  # fmt: skip
    path = export(
        arguments.positional[0].text,
        meant(context, arguments, arguments.positional[1:], "%kling export"),
        view="tidy" if arguments.flag("tidy") else "wide",
        metadata=not arguments.flag("bare"),
        session=context.session,
    )
    context.say(f"{path} · {path.stat().st_size / 1e3:.1f} kB")
