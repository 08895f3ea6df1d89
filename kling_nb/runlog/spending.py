"""What runs count in budgets, summed by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kling_nb.domain.budget import Money
from kling_nb.domain.task import RunStatus
from kling_nb.runlog.columntypes import UtcDateTime
from kling_nb.runlog.schema import RUNS
from kling_nb.runlog.statements import Statement, compile_statement

_FINAL = (RunStatus.SUCCEEDED.value, RunStatus.FAILED.value)


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums in millionths of a unit or dollar.

    Parameters
    ----------
    settled
        Runs that have ended: what the service took, or the estimate where it does not say.
    sent
        Estimates of runs that the service has or may have.
    waiting
        Estimates of runs that were not sent yet.
    unpriced
        Number of runs that may have cost something and count nothing.
    """

    settled: int
    sent: int
    waiting: int
    unpriced: int


class Totals:
    """The sums of one database.

    Parameters
    ----------
    dialect
        Its dialect.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._statements: dict[tuple[str, Money], Statement] = {}

    def of_day(self, cursor: Any, currency: Money, purse: str, begin: datetime) -> Spent:
        """Sum the runs of a purse sent, or made and not sent, since a moment."""
        return self._sum(cursor, "day", currency, {"purse": purse, "begin": begin})

    def of_sweep(self, cursor: Any, currency: Money, purse: str, sweep: str) -> Spent:
        """Sum the runs of a purse in a sweep."""
        return self._sum(cursor, "sweep", currency, {"purse": purse, "sweep": sweep})

    def _sum(self, cursor: Any, span: str, currency: Money, values: dict[str, Any]) -> Spent:
        statement = self._statements.get((span, currency))
        if statement is None:
            query = _of_day(currency) if span == "day" else _of_sweep(currency)
            statement = self._statements[span, currency] = compile_statement(query, self._dialect)
        statement.run(cursor, values)
        return Spent(*(int(value) for value in cursor.fetchone()))


def _counted(currency: Money) -> list[sa.ColumnElement[Any]]:
    """Return what one run counts: its amount in millionths, whether it has ended, and whether it was sent."""
    actual, estimate = (
        (RUNS.c.actual_units, RUNS.c.estimate_units)
        if currency == "units"
        else (RUNS.c.actual_usd, RUNS.c.estimate_usd)
    )
    failed = RUNS.c.status == sa.literal_column("'failed'")
    value = sa.case((actual.is_not(None), actual), (failed, sa.literal_column("0")), else_=estimate)
    # Whole numbers add up exactly, which binary fractions do not.
    millionths = sa.func.round(sa.type_coerce(value, sa.Numeric()) * sa.literal_column("1000000"))
    final = RUNS.c.status.in_([sa.literal_column(f"'{word}'") for word in _FINAL])
    return [
        sa.cast(millionths, sa.BigInteger()).label("amount"),
        sa.case((final, 2), (RUNS.c.sending_at.is_not(None), 1), else_=0).label("state"),
    ]


def _of_day(currency: Money) -> sa.Select[Any]:
    begin = sa.bindparam("begin", type_=UtcDateTime())
    mine = RUNS.c.purse == sa.bindparam("purse", type_=sa.Text())
    # Two ranges of the one index that covers the sums; written with OR, rows would be fetched one by one.
    sent = sa.select(*_counted(currency)).where(mine, RUNS.c.sending_at >= begin)
    waiting = sa.select(*_counted(currency)).where(
        mine, RUNS.c.sending_at.is_(None), RUNS.c.created_at >= begin
    )
    return _summed(sa.union_all(sent, waiting).subquery())


def _of_sweep(currency: Money) -> sa.Select[Any]:
    mine = RUNS.c.purse == sa.bindparam("purse", type_=sa.Text())
    group = RUNS.c.sweep_id == sa.bindparam("sweep", type_=sa.Text())
    return _summed(sa.select(*_counted(currency)).where(mine, group).subquery())


def _summed(runs: sa.Subquery) -> sa.Select[Any]:
    def total(state: int) -> sa.ColumnElement[Any]:
        counted = sa.case((runs.c.state == state, runs.c.amount), else_=0)
        return sa.func.coalesce(sa.func.sum(counted), 0)

    unpriced = sa.func.coalesce(sa.func.sum(sa.case((runs.c.amount.is_(None), 1), else_=0)), 0)
    return sa.select(total(2), total(1), total(0), unpriced)
