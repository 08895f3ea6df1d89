"""``%kling capsule RUN [FILE.zip]`` packs a run; ``%kling capsule FILE.zip`` opens one."""

from __future__ import annotations

from pathlib import Path

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import latest_run, one_run, refuse_words
from kling_nb.magics.context import Context
from kling_nb.session.capsule import capsule, open_capsule

USAGE = "%kling capsule [RUN] [FILE.zip], or %kling capsule FILE.zip"


def run(context: Context, arguments: Arguments) -> None:
    """Pack a run with its inputs and clip into a zip file, or take such a file into this log.

    A single word that is an existing zip file is opened: its card is shown, nothing is sent.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Run and file.

    Raises
    ------
    UsageError
        A word that is neither.
    InputError
        The run has no clip, or the file is no capsule.
    """
    refuse_words(arguments, USAGE, allowed=2)
    words = [token.text for token in arguments.positional]
    files = [word for word in words if word.lower().endswith(".zip")]
    runs = [word for word in words if word not in files]
    if len(files) > 1 or len(runs) > 1:
        raise UsageError(
            "One run and one file make a capsule.", f"Given: {' '.join(words)}.", f"Usage: {USAGE}"
        )
    if files and not runs and Path(files[0]).expanduser().exists():
        opened = open_capsule(files[0], session=context.session)
        context.assign(arguments.values.get("out"), opened)
        context.show_runs([opened.run])
        return
    if files and not runs:
        raise UsageError(
            f"There is no capsule {files[0]}.",
            "To make one, a run is named before the file.",
            f"Write %kling capsule r-… {files[0]}.",
        )
    chosen = one_run(context, runs[0]) if runs else latest_run(context)
    path = capsule(chosen, files[0] if files else None, session=context.session)
    context.assign(arguments.values.get("out"), path)
    context.say(f"{path} · {path.stat().st_size / 1e6:.1f} MB · %kling capsule {path.name} opens it")
