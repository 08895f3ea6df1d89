"""Changes of runs inside one transaction, with what they mean for budgets and slots."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from kling_nb.errors import BudgetError
from kling_nb.runlog.budgets import Budgets
from kling_nb.runlog.changes import Admission, Change, Outcome
from kling_nb.runlog.charges import Charge
from kling_nb.runlog.slots import Slots, Tally
from kling_nb.runlog.statements import Statements


class Batch:
    """The changes of one transaction.

    Parameters
    ----------
    cursor
        In a write transaction.
    statements, budgets, slots
        Those of the log.
    """

    def __init__(self, cursor: Any, statements: Statements, budgets: Budgets, slots: Slots) -> None:
        self._cursor = cursor
        self._statements = statements
        self._budgets = budgets
        self._slots = slots
        self._tally = Tally()

    def refused(self, change: Change) -> Outcome:
        """Return what keeps a change from being made: a budget, or that all slots are in use."""
        admission = change.admission
        if admission is None:
            return None
        return self._over_budget(change.run_id, admission) or self._slots.take(
            self._cursor, change.run_id, admission.wish, self._slots.now(), self._tally
        )

    def make(self, change: Change) -> bool:
        """Make one change; whether its run exists."""
        cursor, run_id = self._cursor, change.run_id
        if change.columns:
            values = {f"new_{name}": value for name, value in change.columns.items()}
            self._statements.change(change.columns).run(cursor, {**values, "run_id": run_id})
            if cursor.rowcount == 0:
                return False
            self._slots.changed(cursor, run_id, change.columns, self._tally)
        if change.releases is not None:
            self._statements.release.run(cursor, {"run_id": run_id, "holder": change.releases})
            cursor.fetchall()
            self._slots.released(cursor, run_id)
        if change.occupies is not None:
            self._slots.occupied(cursor, run_id, change.occupies, known=change.known)
            self._tally.free.clear()
        return True

    def _over_budget(self, run_id: str, admission: Admission) -> BudgetError | None:
        if not (admission.caps or self._limited):
            return None
        self._statements.charged.run(self._cursor, {"run_id": run_id})
        row = self._cursor.fetchone()
        if row is None:
            return None
        charge = Charge.of(self._statements.record(row))
        try:
            self._budgets.guard(self._cursor, charge, admission.caps, sending=True, alerted=False)
        except BudgetError as error:
            return error
        return None

    @cached_property
    def _limited(self) -> bool:
        return self._budgets.holds_any(self._cursor)
