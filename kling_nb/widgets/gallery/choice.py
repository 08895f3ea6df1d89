"""Which runs are meant: a table of runs, handles, ids, or something that has runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.session import Session

ADVICE = "Give kn.runs() or a part of it, a list of runs or run ids, or a sweep."


def ids_of(what: Any, session: Session) -> list[str]:
    """Return the ids of the runs that are meant, in order, each once.

    Parameters
    ----------
    what
        A frame with a column ``id``, a run, a run id, something with ``runs`` (a sweep), or several of these.
    session
        Completes ids of which only the beginning is given.

    Raises
    ------
    InputError
        It names no runs.
    RunNotFound
        An id that is not in the log.
    """
    return list(dict.fromkeys(_ids(what, session)))


def _ids(what: Any, session: Session) -> Iterable[str]:
    if isinstance(what, str):
        return [session.log.get(what).id]
    if hasattr(what, "columns"):
        return _column(what)
    run_id = getattr(what, "id", None)
    if isinstance(run_id, str):
        return [run_id]
    runs = getattr(what, "runs", what)
    if isinstance(runs, Iterable):
        return [run_id for each in runs for run_id in _ids(each, session)]
    raise InputError(f"{type(what).__name__} names no runs.", "Runs are known by their ids.", ADVICE)


def _column(frame: Any) -> list[str]:
    if "id" in frame.columns:
        return [str(run_id) for run_id in frame["id"]]
    if frame.index.name == "id":
        return [str(run_id) for run_id in frame.index]
    raise InputError("The table names no runs.", "It has no column id.", ADVICE)
