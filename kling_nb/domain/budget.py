"""Budgets as values: an amount in Kling units or dollars, for a run, a sweep or a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final, Literal

from kling_nb.domain.capabilities import USD_PER_UNIT
from kling_nb.domain.moneytext import dollars_text, plain_decimal

Money = Literal["units", "USD"]
"""What a budget is counted in: units, or dollars when written as ``"$5"`` (``spec/gateways.md`` §2.7)."""

MICRO: Final = Decimal(1_000_000)
"""Budgets are kept to a millionth of a unit or dollar, in whole numbers: sums of them are exact."""

ALERT: Final = Decimal("0.8")
"""Share of a budget at which it is told once that it is nearly used up (``spec/user-needs.md`` U10)."""

REAL: Final = "real"
SANDBOX_PURSE: Final = "sandbox"
IMPORTED_PURSE: Final = "imported"
"""Of clips that somebody else has made: they count in no budget."""

_AMOUNT: Final = re.compile(r"(?P<dollars>\$?)\s*(?P<number>\d{1,12}(\.\d{1,6})?)\s*(units?)?", re.ASCII)


class Scope(StrEnum):
    """What a budget limits."""

    RUN = "run"
    """Each single clip."""
    SWEEP = "sweep"
    """All runs of a named group."""
    DAY = "day"
    """All runs of a local day."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Some money.

    Parameters
    ----------
    value
        Not negative.
    currency
        ``units`` or ``USD``.
    """

    value: Decimal
    currency: Money = "units"

    @classmethod
    def parse(cls, text: str | float | Decimal) -> Amount:
        """Read ``20``, ``"20 units"``, ``"2.5"`` or ``"$5"``.

        Raises
        ------
        ValueError
            Anything else; also negative, infinite and nonsensically small or large amounts.
        """
        # A number of the notebook may carry digits that nobody wrote, such as 0.30000000000000004.
        written = f"{text:.6f}" if isinstance(text, float) else str(text)
        match = _AMOUNT.fullmatch(written.strip())
        if match is None or (match["dollars"] and match[4]):
            raise ValueError(f"{text!r} is no amount; write 20 for Kling units or $5 for dollars")
        return cls(Decimal(match["number"]), "USD" if match["dollars"] else "units")

    @property
    def micro(self) -> int:
        """In millionths."""
        return micro(self.value)

    def __str__(self) -> str:
        if self.currency == "USD":
            return dollars_text(self.value)
        return f"{plain_decimal(self.value)} {'unit' if self.value == 1 else 'units'}"


@dataclass(frozen=True, slots=True)
class Limit:
    """One budget that holds.

    Parameters
    ----------
    scope, amount
        What it limits, and to how much.
    name
        The sweep it is for; empty for every one.
    source
        Who set it, for people: ``%kling budget``, ``KLING_NB_BUDGET_DAY``.
    id
        Its row in the log; None for a limit of this kernel only.
    set_at
        When it was set, timezone-aware UTC.
    """

    scope: Scope
    amount: Amount
    name: str = ""
    source: str = "%kling budget"
    id: int | None = None
    set_at: datetime | None = None

    def concerns(self, sweep: str | None) -> bool:
        """Whether a run of this sweep (None: of no sweep) counts in it."""
        if self.scope is not Scope.SWEEP:
            return True
        return sweep is not None and self.name in ("", sweep)

    @property
    def title(self) -> str:
        """What it is called: ``day budget``, ``budget of sweep cats``."""
        return f"budget of sweep {self.name}" if self.name else f"{self.scope.value} budget"


def micro(value: Decimal) -> int:
    """Return an amount in millionths, to the nearest one."""
    return int((value * MICRO).to_integral_value(ROUND_HALF_EVEN))


def from_micro(value: int, currency: Money) -> Amount:
    """Return an amount from millionths."""
    return Amount(Decimal(value) / MICRO, currency)


def units_of(usd: Decimal) -> Decimal:
    """Return what dollars are in Kling units at their list price, to a millionth."""
    return round(usd / USD_PER_UNIT, 6)


def purse_of(provider: str | None) -> str:
    """Return which purse a provider's runs are paid from: a rehearsal must not eat the real budget."""
    local = provider is not None and (provider == "sandbox" or provider.startswith("sandbox-"))
    return SANDBOX_PURSE if local else REAL
