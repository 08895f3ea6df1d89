"""The run log: one row a run, on disk before anything is sent.

Importing this package is cheap: SQLAlchemy loads with the first log, pandas with the first frame.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.runlog.changes import Admission, Change
    from kling_nb.runlog.ids import new_id
    from kling_nb.runlog.inputs import InputStore
    from kling_nb.runlog.judgements import Judgement, Vote
    from kling_nb.runlog.log import RunLog, open_log
    from kling_nb.runlog.records import RunRecord
    from kling_nb.runlog.slots import Busy, Wish

__all__ = [
    "Admission",
    "Busy",
    "Change",
    "InputStore",
    "Judgement",
    "RunLog",
    "RunRecord",
    "Vote",
    "Wish",
    "new_id",
    "open_log",
]

_HOMES = {
    "Admission": "kling_nb.runlog.changes",
    "Busy": "kling_nb.runlog.slots",
    "Change": "kling_nb.runlog.changes",
    "InputStore": "kling_nb.runlog.inputs",
    "Judgement": "kling_nb.runlog.judgements",
    "RunLog": "kling_nb.runlog.log",
    "RunRecord": "kling_nb.runlog.records",
    "Vote": "kling_nb.runlog.judgements",
    "Wish": "kling_nb.runlog.slots",
    "new_id": "kling_nb.runlog.ids",
    "open_log": "kling_nb.runlog.log",
}


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(home), name)
