"""What runs count in budgets, and how budgets stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from kling_nb.domain.budget import REAL, Amount, Limit, Money
from kling_nb.runlog.records import RunRecord, utc_now


@dataclass(frozen=True, slots=True)
class Charge:
    """What a run counts in budgets.

    Parameters
    ----------
    purse, sweep
        Which sums it belongs to.
    units, usd
        Its expected price, None when unknown.
    runs
        How many runs it stands for.
    made_at, sent_at
        When the run was made, None for one that is made now; and when it was sent, if it is sent again.
    """

    purse: str
    sweep: str | None
    units: Decimal | None
    usd: Decimal | None
    runs: int = 1
    made_at: datetime | None = None
    sent_at: datetime | None = None

    @classmethod
    def of(cls, record: RunRecord) -> Charge:
        """Return the charge of a row."""
        purse, sweep = record.purse or REAL, record.sweep_id
        units, usd = record.estimate_units, record.estimate_usd
        return cls(purse, sweep, units, usd, made_at=record.created_at, sent_at=record.sending_at)

    @classmethod
    def together(cls, charges: Sequence[Charge]) -> Charge:
        """Return several charges of one purse and sweep as one; unknown when one of them is."""
        return cls(
            charges[0].purse,
            charges[0].sweep,
            _sum([charge.units for charge in charges]),
            _sum([charge.usd for charge in charges]),
            len(charges),
        )

    def price(self, currency: Money) -> Amount | None:
        """Return the price in a budget's currency."""
        value = self.units if currency == "units" else self.usd
        return None if value is None else Amount(value, currency)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one budget stands in one purse.

    Parameters
    ----------
    limit
        The budget.
    purse, name
        Where it is counted, and for which sweep.
    spent, reserved
        Taken by the service; held for runs that have not ended, or whose answer was lost.
    unpriced
        Runs that count nothing because no price was known when they were made.
    """

    limit: Limit
    purse: str
    name: str
    spent: Amount
    reserved: Amount
    unpriced: int = 0

    @property
    def left(self) -> Amount:
        """What may still be spent."""
        amount = self.limit.amount
        left = amount.value - self.spent.value - self.reserved.value
        return Amount(max(left, amount.value * 0), amount.currency)


def _sum(prices: Sequence[Decimal | None]) -> Decimal | None:
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) if len(known) == len(prices) else None


def day_start(now: datetime | None = None) -> datetime:
    """Return the last midnight of this machine's time zone, with that zone."""
    local = (now or utc_now()).astimezone()
    return datetime.combine(local.date(), time.min).astimezone()
