"""``kn.gallery``, ``kn.compare`` and ``kn.grid``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError
from kling_nb.session import default_session
from kling_nb.session.chosen import ids_of
from kling_nb.widgets.gallery.blind import BlindComparison
from kling_nb.widgets.gallery.pivot import pivot_of
from kling_nb.widgets.gallery.widget import Gallery

if TYPE_CHECKING:
    from kling_nb.session import Session

LIMIT: Final = 500
"""Runs shown at once unless more are asked for."""

COMPARED: Final = ("side", "wipe", "difference", "frames")


def gallery(runs: Any = None, *, limit: int = LIMIT, session: Session | None = None) -> Gallery:
    """Look at many clips at once; they play on one clock.

    Parameters
    ----------
    runs
        :func:`runs` or a part of it, a list of runs or ids, a sweep; None is the newest runs.
    limit
        At most so many.
    session
        Whose runs; default the session of the module functions.

    Returns
    -------
    Gallery
        A widget: space plays, arrows step frame by frame, 0 to 5 rate, ``?`` tells the rest.
    """
    session = session or default_session()
    ids = ids_of(session.runs(limit) if runs is None else runs, session)
    return Gallery(session, ids[:limit], {"mode": "sheet"}, left_out=max(0, len(ids) - limit))


def compare(
    *runs: Any,
    mode: str = "side",
    blind: bool = False,
    by: str | Sequence[str] = "prompt",
    question: str | None = None,
    votes: int = 30,
    session: Session | None = None,
) -> Gallery:
    """Compare clips: side by side, two of them by a wipe or by their difference, or blind by votes.

    Parameters
    ----------
    *runs
        Runs or ids, or one table, list or sweep of them; with ``blind`` none takes all runs.
    mode
        ``side``, ``wipe``, ``difference`` or ``frames`` (evenly spaced frames of each clip).
    blind
        Show two clips at a time without a word about them and ask which one is better; the votes are in
        the run log at once, and :func:`ranking` tells what they say.
    by
        With ``blind``: column, or several, whose values are compared; clips with the same values never meet.
    question
        With ``blind``: what is asked.
    votes
        With ``blind``: at most so many pairs.
    session
        Whose runs; default the session of the module functions.

    Raises
    ------
    InputError
        Fewer than two runs, or an unknown mode.
    """
    session = session or default_session()
    if blind:
        what = runs[0] if len(runs) == 1 else list(runs) or None
        return BlindComparison(session, session.blind(what, by, question=question), votes=votes)
    if mode not in COMPARED:
        raise InputError(f"There is no way to compare called {mode!r}.", "", f"Ways: {', '.join(COMPARED)}.")
    ids = ids_of(list(runs), session)
    if len(ids) < 2:
        raise InputError(
            f"{len(ids)} run{'' if len(ids) == 1 else 's'} to compare.",
            "A comparison takes at least two different runs.",
            'kn.compare("r-…", "r-…"), or kn.gallery(…) to look at one.',
        )
    made = Gallery(session, ids[:LIMIT], {"mode": mode}, left_out=max(0, len(ids) - LIMIT))
    made.marked = ids[:LIMIT]
    return made


def grid(
    runs: Any,
    rows: str | Sequence[str],
    cols: str | Sequence[str] = (),
    *,
    limit: int = LIMIT,
    session: Session | None = None,
) -> Gallery:
    """Lay out clips as a table: a pivot whose cells hold videos.

    Parameters
    ----------
    runs
        :func:`runs` or a part of it, a list of runs or ids, a sweep.
    rows, cols
        Column of the table, or several, whose values make the rows and the columns, also variables of a
        sweep. A cell holds all runs with its values (repeats), or none. The values of a score (``gain``,
        ``path_error`` …) are divided into about five steps.
    limit
        At most so many runs.
    session
        Whose runs; default the session of the module functions.

    Raises
    ------
    UsageError
        No such column.
    """
    session = session or default_session()
    frame = session.table(runs)
    ids = [str(run_id) for run_id in frame["id"]]
    plan = {"mode": "grid", "pivot": pivot_of(frame, rows, cols, ids[:limit])}
    return Gallery(session, ids[:limit], plan, left_out=max(0, len(ids) - limit))
