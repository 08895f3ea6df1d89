"""What a budget says when it stops a run."""

from __future__ import annotations

from kling_nb.domain.budget import Amount, Limit, Scope
from kling_nb.errors import BudgetError


def exceeded(
    limit: Limit, price: Amount, *, spent: Amount, reserved: Amount, sweep: str | None, runs: int = 1
) -> BudgetError:
    """Return the error for a run that would exceed a budget.

    Parameters
    ----------
    limit
        The budget.
    price
        What the run would cost.
    spent, reserved
        What was taken already, and what is held for runs on their way.
    sweep
        The run's sweep.
    runs
        How many runs the price is for.
    """
    what, these = ("this run", "this one") if runs == 1 else (f"these {runs} runs", "these")
    if limit.scope is Scope.RUN:
        why = f"It would cost {price}."
    else:
        why = f"Spent {spent}, reserved {reserved} for runs on their way, and {these} would cost {price}."
    named = f" ({sweep})" if limit.scope is Scope.SWEEP and not limit.name else ""
    return BudgetError(
        f"The {limit.title}{named} of {limit.amount} stops {what}; nothing was sent.",
        why,
        raising(limit),
    )


def unpriced(limit: Limit, other: Amount | None) -> BudgetError:
    """Return the error for a run whose price is unknown under a budget (``spec/gateways.md`` §2.7).

    Parameters
    ----------
    limit
        The budget.
    other
        The price in the currency that the budget is not counted in, where that is known.
    """
    currency = "Kling units" if limit.amount.currency == "units" else "dollars"
    known = "" if other is None else f" (it is {other}, and the budget is counted in {currency})"
    return BudgetError(
        f"The price of this run in {currency} is unknown, and there is a {limit.title} of {limit.amount}.",
        f"What it costs cannot be held against the budget{known}; nothing was sent.",
        "State a price: assume_units=… for this run, or kn.prices({…}) for its door; or end the budget.",
    )


def raising(limit: Limit) -> str:
    """Return how a budget is raised."""
    if limit.id is None:
        return f"It was set by {limit.source}; raise it there."
    words = f"%kling budget {limit.scope.value}{' ' + limit.name if limit.name else ''}"
    tomorrow = " A new day begins at midnight." if limit.scope is Scope.DAY else ""
    return f"{words} AMOUNT raises it for every kernel of this log.{tomorrow}"
