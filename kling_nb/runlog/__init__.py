"""The run log: one row a run, on disk before anything is sent.

Importing this package is cheap: SQLAlchemy loads with the first log, pandas with the first frame.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.runlog.ids import new_id
    from kling_nb.runlog.inputs import InputStore
    from kling_nb.runlog.log import Change, RunLog, open_log
    from kling_nb.runlog.records import RunRecord

__all__ = ["Change", "InputStore", "RunLog", "RunRecord", "new_id", "open_log"]

_HOMES = {
    "Change": "kling_nb.runlog.log",
    "InputStore": "kling_nb.runlog.inputs",
    "RunLog": "kling_nb.runlog.log",
    "RunRecord": "kling_nb.runlog.records",
    "new_id": "kling_nb.runlog.ids",
    "open_log": "kling_nb.runlog.log",
}


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(home), name)
