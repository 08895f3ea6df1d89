"""Whether somebody makes the runs of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kling_nb.session.owner import Owner

if TYPE_CHECKING:
    from kling_nb.runlog.sweeps import SweepRecord

RUNNING: Final = "running"
STOPPED: Final = "stopped"
DONE: Final = "done"


def is_running(record: SweepRecord, here: str) -> bool:
    """Whether a kernel that may still live makes the runs of a sweep.

    Parameters
    ----------
    record
        Its row.
    here
        This kernel, which knows by itself whether it does.
    """
    other, me = Owner.parse(record.owner or ""), Owner.parse(here)
    if record.state != RUNNING or other is None or me is None or other == me:
        return False
    return not other.is_gone(me)
