"""What a run was expected to cost and what the service took, in whatever it bills in."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kling_nb.domain.budget import Amount, units_of
from kling_nb.domain.capabilities import USD_PER_UNIT, usd_rate
from kling_nb.domain.task import RunStatus

if TYPE_CHECKING:
    from kling_nb.domain.cost import Cost
    from kling_nb.domain.task import Task
    from kling_nb.runlog import RunRecord

DRIFT = Decimal("0.01")
"""Relative difference between estimate and deduction that is told (``spec/capabilities.md`` §6.2)."""

UNITS = "units"
ASSUMED = "assumed"
"""Mark of a price that the person gave with the run (``assume_units``, ``spec/gateways.md`` §2.7)."""


def number(value: Decimal) -> str:
    """Write a decimal without trailing zeros and without an exponent."""
    return f"{value.normalize():f}"


@dataclass(frozen=True, slots=True)
class RunCost:
    """Cost of one run.

    Parameters
    ----------
    estimate
        Expected before the submit, in `currency`; None when no price is known.
    actual
        What the service deducted, None before the end and where it does not say.
    usd
        Dollars of ``actual`` or, before the end, of the estimate.
    mark, as_of
        How far the estimate's price can be trusted, and its date.
    currency
        ``units``, ``credits`` or ``tokens``.
    """

    estimate: Decimal | None
    actual: Decimal | None
    usd: Decimal | None
    mark: str = ""
    as_of: str = ""
    currency: str = UNITS

    @property
    def amount(self) -> Decimal | None:
        """Deducted, or expected as long as the service has not said."""
        return self.estimate if self.actual is None else self.actual

    @property
    def units(self) -> Decimal | None:
        """The same where the service bills in Kling units."""
        return self.amount if self.currency == UNITS else None

    @property
    def drifted(self) -> bool:
        """Whether the deduction differs from the estimate by more than 1 %."""
        if self.actual is None or not self.estimate:
            return False
        return abs(self.actual - self.estimate) > DRIFT * self.estimate

    def __str__(self) -> str:
        if self.amount is None and self.usd is None:
            return "cost unknown"
        listed = " list" if self.currency == UNITS else ""
        dollars = "" if self.usd is None else f"${self.usd:.2f}"
        words = dollars if self.amount is None else self._words(self.amount)
        usd = f" ({dollars}{listed})" if dollars and self.amount is not None else ""
        if self.actual is not None:
            return f"{words} deducted{usd}"
        source = ", ".join(part for part in (self.as_of, self.mark) if part)
        return f"{words} expected{usd}{' · ' + source if source else ''}"

    def _words(self, value: Decimal) -> str:
        return f"{number(value)} {self.currency.removesuffix('s') if value == 1 else self.currency}"

    def __repr__(self) -> str:
        return f"<RunCost {self}>"


def cost_of(record: RunRecord) -> RunCost:
    """Read the cost of a run from its row; what the service refused has cost nothing."""
    currency = record.currency or UNITS
    estimate, actual = record.estimate_units, record.actual_units
    if currency != UNITS:
        estimate, actual = record.estimate_amount, record.actual_amount
    if actual is None and record.status is RunStatus.FAILED and record.task_id is None:
        actual = Decimal(0)
    usd = record.estimate_usd
    if actual is not None:
        usd = record.actual_usd if record.actual_usd is not None else _usd(actual, record)
    return RunCost(estimate, actual, usd, record.estimate_mark or "", record.price_as_of or "", currency)


def estimate_columns(cost: Cost, assume_units: object = None) -> dict[str, Any]:
    """Return what a new run's row says about its price; budgets count with it.

    Parameters
    ----------
    cost
        The estimate.
    assume_units
        Kling units a person lets the run count where no price is known. A known price stands.

    Raises
    ------
    ValueError
        It is no amount of units.
    """
    units, usd, mark = cost.units, cost.usd, cost.mark
    by_user = cost.mark == "user" or usd_rate(cost.currency) is not None
    if units is None and usd is not None and by_user:
        # Tokens and credits become units only through a price or rate that the user has stated.
        units = units_of(usd)
    if units is None and assume_units is not None:
        assumed = Amount.parse(assume_units if isinstance(assume_units, float) else str(assume_units))
        if assumed.currency != UNITS:
            raise ValueError(f"assume_units={assume_units!r} is no number of Kling units")
        units, mark = assumed.value, ASSUMED if usd is None else mark
        usd = units * USD_PER_UNIT if usd is None else usd
    return {
        "estimate_units": units,
        "estimate_usd": usd,
        "currency": cost.currency,
        "estimate_amount": cost.amount,
        "estimate_mark": mark,
        "price_as_of": cost.as_of,
    }


def actual_columns(record: RunRecord, task: Task) -> dict[str, Any]:
    """Return what the row of a run that has ended says about its price.

    What a service takes in a currency of its own counts in budgets through the user's rate, or at the rate
    of the estimate; without either the estimate goes on to count.
    """
    amount, currency = taken(record, task), record.currency or UNITS
    usd = _cash(task, "USD")
    if amount is None:
        return {"actual_units": None, "actual_usd": usd, "actual_amount": None}
    usd = _usd(amount, record) if usd is None else usd
    units = amount if currency == UNITS else _scaled(amount, record.estimate_amount, record.estimate_units)
    if units is None and usd is not None and usd_rate(currency) is not None:
        units = units_of(usd)
    return {"actual_units": units, "actual_usd": usd, "actual_amount": amount}


def taken(record: RunRecord, task: Task) -> Decimal | None:
    """Return what the service took for a task in the run's currency, None when it does not say.

    No units beside money means that an account without packs has paid in money (``spec/official-api.md``
    §7.2), not that the clip was free: budgets in units then count the estimate.
    """
    if task.units is None:
        return _cash(task, record.currency or UNITS)
    paid_in_money = not task.units and any(cash.amount for cash in task.cash)
    return None if paid_in_money else task.units


def drift_notice(record: RunRecord, actual: Decimal) -> str:
    """Return the sentence about a deduction that differs from the estimate, empty when it does not."""
    currency = record.currency or UNITS
    estimate = record.estimate_units if currency == UNITS else record.estimate_amount
    cost = RunCost(estimate, actual, None, currency=currency)
    if not cost.drifted or estimate is None:
        return ""
    source = "your own price" if record.estimate_mark == "user" else "price table of unknown date"
    source = f"price table of {record.price_as_of}" if record.price_as_of else source
    return f"The service deducted {number(actual)} {currency}, {number(estimate)} were expected ({source})."


def _cash(task: Task, currency: str) -> Decimal | None:
    paid = [cash.amount for cash in task.cash if cash.currency == currency]
    return sum(paid, Decimal(0)) if paid else None


def _usd(amount: Decimal, record: RunRecord) -> Decimal | None:
    """Return dollars of an amount in the run's currency."""
    currency = record.currency or UNITS
    rate = USD_PER_UNIT if currency == UNITS else usd_rate(currency)
    if rate is not None:
        return round(amount * rate, 6)
    return _scaled(amount, record.estimate_amount, record.estimate_usd)


def _scaled(amount: Decimal, of: Decimal | None, to: Decimal | None) -> Decimal | None:
    return None if not of or to is None else round(amount * to / of, 6)
