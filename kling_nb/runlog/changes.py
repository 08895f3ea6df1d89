"""Changes of runs as values, so that many of them can share a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kling_nb.domain.budget import Limit
from kling_nb.errors import BudgetError
from kling_nb.runlog.slots import Busy, Wish

Outcome = BudgetError | Busy | None
"""What stands in the way of a change, None when it was made."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a run needs to be sent.

    Parameters
    ----------
    wish
        The slot it needs.
    caps
        Budgets of this kernel beside those of the log.
    """

    wish: Wish
    caps: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one run (:meth:`RunLog.apply`).

    Parameters
    ----------
    run_id
        Complete id.
    columns
        New values.
    releases
        Owner that gives its lease back.
    admission
        What must hold for the change to be made: it lets the run be sent.
    occupies, known
        The slot that the run takes up already, and whether the service is known to have its task.
    """

    run_id: str
    columns: Mapping[str, Any]
    releases: str | None = None
    admission: Admission | None = None
    occupies: Wish | None = None
    known: bool = False
