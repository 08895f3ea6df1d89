"""The line that ``%load_ext`` shows: which service, why, where runs are kept; then unfinished runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import kling_nb
from kling_nb.errors import KlingError
from kling_nb.widgets.output import CellOutput, has_page

_CREDENTIALS = (
    ("official", ("KLING_API_KEY",)),
    ("official", ("KLINGAI_API_KEY",)),
    ("official", ("KLING_ACCESS_KEY", "KLING_SECRET_KEY")),
    ("official", ("KLINGAI_ACCESS_KEY", "KLINGAI_SECRET_KEY")),
    ("acedata", ("ACEDATACLOUD_API_TOKEN",)),
    ("aimlapi", ("AIMLAPI_API_KEY",)),
    ("aimlapi", ("AIMLAPI_KEY",)),
)
"""Variables that hold a credential, in the order in which they are looked at: a guess, because asking the
doors themselves would load them."""


def first_guess(environ: Mapping[str, str]) -> tuple[str, str]:
    """Tell provider and reason from the environment alone, before the settings are loaded.

    Loading the settings costs more than the whole of ``%load_ext`` may take. The session's own answer
    replaces this one a moment later (:func:`say_the_rest`).

    Parameters
    ----------
    environ
        Environment of the kernel.

    Returns
    -------
    (str, str)
        Provider and reason.
    """
    if named := environ.get("KLING_NB_PROVIDER", "").strip().lower():
        return named, "named in the settings"
    for provider, names in _CREDENTIALS:
        if all(environ.get(name) for name in names):
            return provider, f"credential from {' + '.join(names)}"
    return "sandbox", "no Kling credential found; a local imitation that charges nothing"


def load_line(provider: str, reason: str, home: Path) -> str:
    """Return the line.

    Parameters
    ----------
    provider, reason
        Which service and why.
    home
        Folder of the runs.
    """
    return (
        f"kling_nb {kling_nb.__version__} · provider {provider} ({reason}) · "
        f"runs in {short_path(home)} · %kling help"
    )


def short_path(path: Path) -> str:
    """Return a path relative to the working directory or the home folder where that is shorter."""
    for folder, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(folder) and path != folder:
            return f"{prefix}{path.relative_to(folder)}"
    return str(path)


def unfinished_line(followed: int, waiting: int) -> str:
    """Return the sentence about runs of earlier kernels, empty without any.

    Parameters
    ----------
    followed
        Runs that are in flight and followed again.
    waiting
        Runs that were written down and never sent.
    """
    parts = []
    if followed:
        parts.append(f"{followed} {_runs(followed)} still in flight, following {_them(followed)}")
    if waiting:
        parts.append(f"{waiting} {_runs(waiting)} never sent: %kling resume sends {_them(waiting)}")
    return "; ".join(parts)


def _runs(count: int) -> str:
    return "run" if count == 1 else "runs"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def say_first_line() -> CellOutput | None:
    """Show the line at once.

    Returns
    -------
    CellOutput or None
        To replace it; None in a terminal, where output cannot be replaced.
    """
    home = Path(os.environ.get("KLING_NB_HOME") or "kling_runs").expanduser().absolute()
    guess = first_guess(os.environ)
    if not has_page():
        print(load_line(*_looked_up(guess), home))  # noqa: T201 - a terminal
        return None
    return CellOutput({"text/plain": load_line(*guess, home)})


def _looked_up(guess: tuple[str, str]) -> tuple[str, str]:
    """Return the session's own answer where the guess could be wrong: what is printed cannot be corrected.

    A key in a ``.env`` or in the keyring sends runs to a service that charges, and the line must say so.
    """
    here = Path.cwd()
    maybe = any((folder / ".env").exists() for folder in (here, *here.parents)) or find_spec("keyring")
    if guess[0] != "sandbox" or not maybe:
        return guess
    from kling_nb import settings  # noqa: PLC0415 - loaded only where there may be such a key
    from kling_nb.session.choice import choose_provider  # noqa: PLC0415 - as above

    try:
        chosen = choose_provider(settings.load())
    except KlingError as error:
        return "none", error.what
    return chosen.provider, chosen.reason


def say_the_rest(output: CellOutput | None) -> None:
    """Correct the line with what the session knows and add unfinished runs; called in the background.

    Parameters
    ----------
    output
        From :func:`say_first_line`; None says nothing.
    """
    try:
        text = _full_text()
    except KlingError as error:
        text = "\n".join([f"kling_nb {kling_nb.__version__}", *error.lines()])
    if output is not None:
        output.replace({"text/plain": text})


def _full_text() -> str:
    from kling_nb.session import default_session  # noqa: PLC0415 - loaded in the background only
    from kling_nb.session.retention import removal_notice  # noqa: PLC0415 - as above

    session = default_session()
    line = load_line(*session.choose_provider(), session.home)
    # Follows and looks up only: what was never sent waits for %kling resume.
    runs = session.resume(send=False)
    followed = [run for run in runs if run.following]
    lines = [line, unfinished_line(len(followed), len(runs) - len(followed))]
    lines += [f"sweep {each.id} was interrupted: %kling resume {each.id}" for each in session.interrupted()]
    lines += [f"{run.id}: {notice}" for run in runs if (notice := removal_notice(run.record))]
    return "\n".join(filter(None, lines))
