"""Which runs are meant: a table of runs, handles, ids, a filter, or something that has runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.session.core import SessionCore

ADVICE: Final = "Give kn.runs() or a part of it, a filter, a list of runs or run ids, or a sweep."


def ids_of(what: Any, session: SessionCore) -> list[str]:
    """Return the ids of the runs that are meant, in order, each once.

    Parameters
    ----------
    what
        A frame with a column ``id``, a run, a run id, something with ``runs`` (a sweep), several of these,
        or a filter: a mapping of column values as :meth:`Session.runs` takes them.
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


def _ids(what: Any, session: SessionCore) -> Iterable[str]:
    if isinstance(what, str):
        return [session.log.get(what).id]
    if isinstance(what, Mapping):
        return [str(run_id) for run_id in session.log.frame(what or None)["id"]]
    if hasattr(what, "columns"):
        return _column(what)
    run_id = getattr(what, "id", None)
    # A sweep has an id of its own beside its runs.
    if isinstance(run_id, str) and not hasattr(what, "runs"):
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
