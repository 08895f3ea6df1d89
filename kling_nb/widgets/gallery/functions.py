"""``kn.gallery``, ``kn.compare`` and ``kn.grid``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError
from kling_nb.session import default_session
from kling_nb.session.chosen import ids_of
from kling_nb.widgets.gallery.blind import BlindComparison
from kling_nb.widgets.gallery.pivot import conditions_of, pivot_of
from kling_nb.widgets.gallery.widget import Gallery

if TYPE_CHECKING:
    from kling_nb.session import Session

LIMIT: Final = 500
"""Runs shown at once unless more are asked for."""

QUESTION: Final = "Which clip is better?"
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
    by: str | Sequence[str] | None = None,
    question: str = QUESTION,
    votes: int = 30,
    session: Session | None = None,
) -> Gallery:
    """Compare clips: side by side, two of them by a wipe or by their difference, or blind by votes.

    Parameters
    ----------
    *runs
        Runs or ids, or one table or list of them.
    mode
        ``side``, ``wipe``, ``difference`` or ``frames`` (evenly spaced frames of each clip).
    blind
        Show two clips at a time without a word about them and ask which one is better; the votes are in
        the run log at once.
    by
        With ``blind``: column, or several, whose values are compared, such as ``prompt``; clips with the
        same values never meet. None compares every clip with every other.
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
    if mode not in COMPARED:
        raise InputError(f"There is no way to compare called {mode!r}.", "", f"Ways: {', '.join(COMPARED)}.")
    ids = ids_of(list(runs), session)
    if len(ids) < 2:
        raise InputError(
            f"{len(ids)} run{'' if len(ids) == 1 else 's'} to compare.",
            "A comparison takes at least two different runs.",
            'kn.compare("r-…", "r-…"), or kn.gallery(…) to look at one.',
        )
    if blind:
        shown = [run_id for run_id in ids if session.run(run_id).video is not None]
        conditions = conditions_of(session.runs(id=shown), by, shown)
        return BlindComparison(session, conditions, question=question, votes=votes)
    made = Gallery(session, ids, {"mode": mode})
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
        Column of the table, or several, whose values make the rows and the columns. A cell holds all runs
        with its values (repeats), or none.
    limit
        At most so many runs.
    session
        Whose runs; default the session of the module functions.

    Raises
    ------
    InputError
        No such column.
    """
    session = session or default_session()
    ids = ids_of(runs, session)
    frame = runs if hasattr(runs, "columns") else session.runs(id=ids)
    pivot = pivot_of(frame.head(limit) if hasattr(runs, "columns") else frame, rows, cols, ids[:limit])
    plan = {"mode": "grid", "pivot": pivot}
    return Gallery(session, ids[:limit], plan, left_out=max(0, len(ids) - limit))
