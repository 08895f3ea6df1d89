"""What a sweep costs: the sum of what is new, the share that exists already, and the question before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kling_nb.domain.budget import SANDBOX_PURSE, Amount, Limit, Scope, purse_of
from kling_nb.domain.moneytext import dollars_text, plain_decimal
from kling_nb.errors import UsageError
from kling_nb.runlog import RunRecord
from kling_nb.runlog.charges import Charge
from kling_nb.session.budget import caps_of
from kling_nb.session.money import estimate_columns
from kling_nb.session.sweep_frame import dropped_frame
from kling_nb.session.sweep_views import plan_lines

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.runlog import RunLog
    from kling_nb.session.build import Prepared
    from kling_nb.session.sweep_build import Draft
    from kling_nb.settings import Settings

SETTING = "sweep_confirm_units"


@dataclass(frozen=True, slots=True)
class Total:
    """The price of a sweep.

    Parameters
    ----------
    runs, cached
        How many runs it has, and how many of them the log has already: those cost nothing.
    units, usd
        Sum over the new ones whose price is known.
    unpriced
        New ones whose price is unknown.
    real
        Whether any of them is paid with real money.
    """

    runs: int
    cached: int
    units: Decimal
    usd: Decimal
    unpriced: int
    real: bool

    def __str__(self) -> str:
        if self.cached == self.runs:
            return "nothing: the log has all of them"
        parts = [_amounts(self.units, self.usd)] if self.units or self.usd or not self.unpriced else []
        parts += [f"{self.unpriced} of unknown price"] if self.unpriced else []
        text = " and ".join(parts)
        return (
            f"{text} ({self.cached} of {self.runs} cost nothing: the log has them)" if self.cached else text
        )


@dataclass(frozen=True, slots=True, repr=False)
class Planned:
    """A sweep that was looked at and not made.

    Parameters
    ----------
    draft
        Its requests, and the combinations that are not possible.
    total
        What it would cost.
    """

    draft: Draft
    total: Total

    def __repr__(self) -> str:
        return "\n".join(plan_lines(self.draft, self.total))

    @property
    def dropped(self) -> pd.DataFrame:
        """Combinations that are not possible, and why."""
        return dropped_frame(
            [axis.name for axis in self.draft.axes],
            [(each.variables, each.rule, each.reason) for each in self.draft.dropped],
        )


def _amounts(units: Decimal, usd: Decimal) -> str:
    listed = dollars_text(round(usd, 2))
    return f"{plain_decimal(units)} {'unit' if units == 1 else 'units'} ({listed} list)" if units else listed


def total_of(draft: Draft, assume_units: object = None) -> Total:
    """Sum up what a sweep would cost."""
    rows = [estimate_columns(prepared.cost, assume_units) for prepared in draft.new]
    return Total(
        runs=len(draft.runs),
        cached=len(draft.runs) - len(rows),
        units=sum((row["estimate_units"] or Decimal(0) for row in rows), Decimal(0)),
        usd=sum((row["estimate_usd"] or Decimal(0) for row in rows), Decimal(0)),
        unpriced=sum(row["estimate_units"] is None and row["estimate_usd"] is None for row in rows),
        real=any(purse_of(prepared.provider) != SANDBOX_PURSE for prepared in draft.new),
    )


def check_affordable(
    log: RunLog,
    settings: Settings,
    new: Sequence[Prepared],
    sweep_id: str,
    *,
    budget: Amount | None,
    assume_units: object = None,
) -> None:
    """Refuse a sweep that budgets cannot pay as a whole.

    Raises
    ------
    BudgetError
        Nothing was sent.
    """
    rows = [
        RunRecord(provider=each.provider, sweep_id=sweep_id, **estimate_columns(each.cost, assume_units))
        for each in new
    ]
    own = () if budget is None else (Limit(Scope.SWEEP, budget, sweep_id, source="budget="),)
    purses: dict[str | None, list[Charge]] = {}
    for row in rows:
        purses.setdefault(row.purse, []).append(Charge.of(row))
    for charges in purses.values():
        log.budgets.afford(charges, (*caps_of(settings), *own))


def confirm(total: Total, settings: Settings, ask: Callable[[str], Any] | None) -> None:
    """Ask before a sweep that costs more than the limit, or an unknown sum of real money.

    Parameters
    ----------
    total
        Its price.
    settings
        ``sweep_confirm_units``.
    ask
        Puts a question to the person and returns the answer; None when there is nobody to ask.

    Raises
    ------
    UsageError
        The answer is not yes, or nobody can be asked; nothing was sent.
    """
    limit = settings.sweep_confirm_units
    if not total.real or limit is None or (total.units <= limit and not total.unpriced):
        return
    why = f"{total.runs - total.cached} new runs cost {total}"
    how = f"{why}; more than {plain_decimal(limit)} units are asked about"
    try:
        answer = "" if ask is None else str(ask(f"{why}. Send them? [y/N] "))
    except Exception as error:
        # Front ends without input raise errors of their own kinds.
        raise _refused(how, "This front end takes no input.") from error
    if answer.strip().lower() not in ("y", "yes"):
        raise _refused(how, "It was not confirmed." if ask else "Nobody can be asked here.")


def _refused(how: str, why: str) -> UsageError:
    advice = f"yes=True or --yes sends it; %kling config {SETTING} VALUE sets the limit."
    return UsageError(f"Nothing was sent: {how}.", why, advice)
