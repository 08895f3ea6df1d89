"""Budgets: set once, in the log, and held in the transaction that makes or sends a run.

Nothing is booked. What a run counts follows from its own row — the estimate until the service has said what
it took, nothing when it was refused or failed, the estimate for good when its answer was lost — so there is
no second account that could disagree, whatever path a run takes and whichever kernel takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kling_nb.domain.budget import ALERT, REAL, SANDBOX_PURSE, Amount, Limit, Money, Scope, from_micro
from kling_nb.runlog.charges import Charge, Standing, day_start
from kling_nb.runlog.columntypes import Money as Decimals
from kling_nb.runlog.columntypes import UtcDateTime
from kling_nb.runlog.records import utc_now
from kling_nb.runlog.refusals import exceeded, unpriced
from kling_nb.runlog.schema import ALERTS, BUDGETS, RUNS
from kling_nb.runlog.spending import Spent, Totals
from kling_nb.runlog.statements import Statement, compile_statement

if TYPE_CHECKING:
    from kling_nb.runlog.database import Database


class Budgets:
    """The budgets of one log.

    Parameters
    ----------
    database
        The log's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, scope: Scope, amount: Amount | None, name: str = "") -> None:
        """Set a budget for every kernel that shares the log; the old one stays on record with its time.

        Parameters
        ----------
        scope
            What it limits.
        amount
            To how much; None ends it.
        name
            A sweep, for :attr:`Scope.SWEEP`; empty for every sweep.

        Raises
        ------
        RunLogError
            The log cannot be written; the budget is as it was.
        """
        values = {
            "scope": scope.value,
            "name": name,
            "amount": None if amount is None else amount.value,
            "currency": "units" if amount is None else amount.currency,
            "set_at": utc_now(),
        }
        with self._database.writing(durable=True) as cursor:
            self._insert.run(cursor, values)

    def limits(self) -> list[Limit]:
        """Return the budgets that hold, those of runs first."""
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            return self._stored(connection.connection.cursor())

    def history(self) -> list[tuple[datetime, Scope, str, Amount | None]]:
        """Return every setting of a budget: when, what, for which sweep, and to how much."""
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(BUDGETS).order_by(BUDGETS.c.id)).all()
        return [
            (
                row.set_at,
                Scope(row.scope),
                row.name,
                None if row.amount is None else Amount(row.amount, row.currency),
            )
            for row in rows
        ]

    def standing(self, limits: Sequence[Limit], purses: Iterable[str], day: datetime) -> list[Standing]:
        """Return how budgets of days and sweeps stand.

        Parameters
        ----------
        limits
            The budgets.
        purses
            Purses to show.
        day
            Beginning of the day.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            cursor = connection.connection.cursor()
            return [
                self._standing(cursor, limit, purse, name, day)
                for limit in limits
                for purse in purses
                for name in self._names(cursor, limit, purse)
            ]

    def afford(self, charges: Sequence[Charge], caps: Sequence[Limit] = ()) -> None:
        """Refuse several runs that together would exceed a budget, before the first of them is made.

        Nothing is reserved: each is asked again when it is made.

        Parameters
        ----------
        charges
            Of one purse and sweep.
        caps
            Limits of this kernel.

        Raises
        ------
        BudgetError
            They cannot all be paid.
        """
        if not charges:
            return
        stored = self.limits()
        if not (stored or caps):
            return
        with self._database.writing(durable=False) as cursor:
            self._adopt.run(cursor, {})
            day = day_start()
            for limit in (*stored, *caps):
                if not limit.concerns(charges[0].sweep):
                    continue
                for charge in charges if limit.scope is Scope.RUN else [Charge.together(charges)]:
                    self._check(cursor, limit, charge, day, sending=False)

    def guard(
        self,
        cursor: Any,
        charge: Charge,
        caps: Sequence[Limit] = (),
        *,
        sending: bool = False,
        alerted: bool = True,
    ) -> list[str]:
        """Refuse a run that a budget forbids; inside the transaction that makes or sends it.

        Parameters
        ----------
        cursor
            In a write transaction, so that nobody else can pass at the same moment.
        charge
            What the run would count.
        caps
            Limits of this kernel beside those of the log: they can only make it tighter.
        sending
            The run is in the log already: only what was sent counts beside it. Otherwise runs made under a
            wider budget, and never sent, would keep each other from being sent.
        alerted
            Note which budgets are nearly used up, and say so once.

        Returns
        -------
        list of str
            Sentences about budgets that are now nearly used up.

        Raises
        ------
        BudgetError
            Nothing was written.
        """
        stored = self._stored(cursor) if self.holds_any(cursor) else []
        if stored or caps:
            # A kernel that still runs an older version of this package writes rows without a purse.
            self._adopt.run(cursor, {})
        alerts = []
        day = day_start()  # Once: over midnight, a run must not be held against two days.
        for limit in (*stored, *caps):
            if limit.concerns(charge.sweep):
                held = self._check(cursor, limit, charge, day, sending=sending)
                if alerted and limit.id is not None and held > ALERT * limit.amount.micro:
                    alerts += self._alert(cursor, limit, charge, held, day)
        return alerts

    def holds_any(self, cursor: Any) -> bool:
        """Whether the log has ever had a budget."""
        self._any.run(cursor, {})
        return cursor.fetchone() is not None

    def _check(self, cursor: Any, limit: Limit, charge: Charge, day: datetime, *, sending: bool) -> int:
        """Return what is held with this run, in millionths; raise when it is too much."""
        currency = limit.amount.currency
        price = charge.price(currency)
        if price is None:
            raise unpriced(limit, charge.price("USD" if currency == "units" else "units"))
        spent = Spent(0, 0, 0, 0)
        if limit.scope is Scope.DAY:
            spent = self._totals.of_day(cursor, currency, charge.purse, day)
        elif limit.scope is Scope.SWEEP:
            spent = self._totals.of_sweep(cursor, currency, charge.purse, charge.sweep or "")
        # A run of an earlier day has no place among those that wait today, and comes after them.
        waits_already = sending and (limit.scope is not Scope.DAY or (charge.made_at or day) >= day)
        reserved = spent.sent if waits_already else spent.sent + spent.waiting
        if charge.sent_at is not None and (
            limit.scope is Scope.SWEEP or (limit.scope is Scope.DAY and charge.sent_at >= day)
        ):
            reserved -= price.micro  # Sent again, it holds its own place.
        held = spent.settled + reserved + price.micro
        if price.micro and held > limit.amount.micro:
            raise exceeded(
                limit,
                price,
                spent=from_micro(spent.settled, currency),
                reserved=from_micro(reserved, currency),
                sweep=charge.sweep,
                runs=charge.runs,
            )
        return 0 if limit.scope is Scope.RUN else held

    def _alert(self, cursor: Any, limit: Limit, charge: Charge, held: int, day: datetime) -> list[str]:
        span = f"{day:%Y-%m-%d}" if limit.scope is Scope.DAY else f"sweep {charge.sweep}"
        key = {"budget_id": limit.id, "span": f"{charge.purse} {span}"}
        self._told.run(cursor, key)
        if cursor.fetchone() is not None:
            return []
        self._tell.run(cursor, key)
        used = from_micro(held, limit.amount.currency)
        return [f"The {limit.title} of {limit.amount} is used up to {used}, this run included."]

    def _standing(self, cursor: Any, limit: Limit, purse: str, name: str, day: datetime) -> Standing:
        currency = limit.amount.currency
        if limit.scope is Scope.DAY:
            spent = self._totals.of_day(cursor, currency, purse, day)
        else:
            spent = self._totals.of_sweep(cursor, currency, purse, name)
        reserved = from_micro(spent.sent + spent.waiting, currency)
        return Standing(limit, purse, name, from_micro(spent.settled, currency), reserved, spent.unpriced)

    def _names(self, cursor: Any, limit: Limit, purse: str) -> list[str]:
        """Return the sweeps to show for a budget; one empty name for a day."""
        if limit.scope is Scope.DAY:
            return [""]
        if limit.scope is Scope.RUN:
            return []
        if limit.name:
            return [limit.name]
        self._sweeps.run(cursor, {"purse": purse})
        return [row[0] for row in cursor.fetchall()]

    def _stored(self, cursor: Any) -> list[Limit]:
        self._newest.run(cursor, {})
        rows = [row for row in cursor.fetchall() if row[3] is not None]
        limits = [
            Limit(Scope(scope), self._amount(amount, currency), name, id=key, set_at=self._time(at))
            for key, scope, name, amount, currency, at in rows
        ]
        return sorted(limits, key=lambda limit: (list(Scope).index(limit.scope), limit.name))

    def _amount(self, value: Any, currency: Money) -> Amount:
        read = Decimals().process_result_value(value, self._database.dialect)
        assert read is not None
        return Amount(read, currency)

    def _time(self, value: Any) -> datetime | None:
        return UtcDateTime().process_result_value(value, self._database.dialect)

    @cached_property
    def _totals(self) -> Totals:
        return Totals(self._database.dialect)

    @cached_property
    def _any(self) -> Statement:
        return self._compiled(sa.select(BUDGETS.c.id).limit(1))

    @cached_property
    def _newest(self) -> Statement:
        newest = sa.select(sa.func.max(BUDGETS.c.id)).group_by(BUDGETS.c.scope, BUDGETS.c.name)
        return self._compiled(sa.select(BUDGETS).where(BUDGETS.c.id.in_(newest)))

    @cached_property
    def _adopt(self) -> Statement:
        real = sa.literal_column(f"'{REAL}'", sa.Text())
        sandbox = sa.literal_column(f"'{SANDBOX_PURSE}'", sa.Text())
        # The only rehearsal that those versions knew.
        purse = sa.case((RUNS.c.provider == sandbox, sandbox), else_=real)
        return self._compiled(RUNS.update().where(RUNS.c.purse.is_(None)).values(purse=purse))

    @cached_property
    def _insert(self) -> Statement:
        names = [column.name for column in BUDGETS.c if column.name != "id"]
        return self._compiled(
            BUDGETS.insert().values({name: sa.bindparam(name, type_=BUDGETS.c[name].type) for name in names})
        )

    @cached_property
    def _told(self) -> Statement:
        same = (ALERTS.c.budget_id == sa.bindparam("budget_id")) & (ALERTS.c.span == sa.bindparam("span"))
        return self._compiled(sa.select(ALERTS.c.span).where(same))

    @cached_property
    def _tell(self) -> Statement:
        return self._compiled(
            ALERTS.insert().values(budget_id=sa.bindparam("budget_id"), span=sa.bindparam("span"))
        )

    @cached_property
    def _sweeps(self) -> Statement:
        of_purse = (RUNS.c.purse == sa.bindparam("purse")) & RUNS.c.sweep_id.is_not(None)
        return self._compiled(sa.select(RUNS.c.sweep_id).where(of_purse).distinct())

    def _compiled(self, statement: sa.Executable) -> Statement:
        return compile_statement(statement, self._database.dialect)
