"""What a run was expected to cost and what the service took."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_nb.domain.capabilities import USD_PER_UNIT
from kling_nb.domain.task import RunStatus

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

DRIFT = Decimal("0.01")
"""Relative difference between estimate and deduction that is told (``spec/capabilities.md`` §6.2)."""


def number(value: Decimal) -> str:
    """Write a decimal without trailing zeros and without an exponent."""
    return f"{value.normalize():f}"


@dataclass(frozen=True, slots=True)
class RunCost:
    """Cost of one run.

    Parameters
    ----------
    estimate
        Units expected before the submit, None when no price is known.
    actual
        Units the service deducted, None before the end.
    usd
        List price of ``actual`` or, before the end, of the estimate.
    mark, as_of
        How far the estimate's price can be trusted, and its date.
    """

    estimate: Decimal | None
    actual: Decimal | None
    usd: Decimal | None
    mark: str = ""
    as_of: str = ""

    @property
    def units(self) -> Decimal | None:
        """Units deducted, or expected as long as the service has not said."""
        return self.estimate if self.actual is None else self.actual

    @property
    def drifted(self) -> bool:
        """Whether the deduction differs from the estimate by more than 1 %."""
        if self.actual is None or not self.estimate:
            return False
        return abs(self.actual - self.estimate) > DRIFT * self.estimate

    def __str__(self) -> str:
        if self.units is None:
            return "cost unknown"
        usd = "" if self.usd is None else f" (${self.usd:.2f} list)"
        units = f"{number(self.units)} {'unit' if self.units == 1 else 'units'}"
        if self.actual is not None:
            return f"{units} deducted{usd}"
        source = ", ".join(part for part in (self.as_of, self.mark) if part)
        return f"{units} expected{usd}{' · ' + source if source else ''}"

    def __repr__(self) -> str:
        return f"<RunCost {self}>"


def cost_of(record: RunRecord) -> RunCost:
    """Read the cost of a run from its row; what the service refused has cost nothing."""
    refused = record.status is RunStatus.FAILED and record.task_id is None
    actual = Decimal(0) if refused and record.actual_units is None else record.actual_units
    usd = record.estimate_usd if actual is None else actual * USD_PER_UNIT
    return RunCost(record.estimate_units, actual, usd, record.estimate_mark or "", record.price_as_of or "")


def drift_notice(record: RunRecord, actual: Decimal) -> str:
    """Return the sentence about a deduction that differs from the estimate, empty when it does not."""
    cost = RunCost(record.estimate_units, actual, None)
    if not cost.drifted or cost.estimate is None:
        return ""
    return (
        f"The service deducted {number(actual)} units, {number(cost.estimate)} were expected "
        f"(price table of {record.price_as_of or 'unknown date'})."
    )
