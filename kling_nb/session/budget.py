"""Budgets of a session: those of the log, which bind every kernel, and its own, which can only be tighter."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kling_nb.domain.budget import REAL, SANDBOX_PURSE, Amount, Limit, Scope
from kling_nb.errors import UsageError
from kling_nb.runlog import RunRecord
from kling_nb.runlog.charges import Charge, Standing, day_start
from kling_nb.session.money import estimate_columns
from kling_nb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from kling_nb.runlog import RunLog
    from kling_nb.session.build import Prepared
    from kling_nb.session.records import Label

OFF = "off"
IDENTICAL_RULE = "L34"
BUDGET = "budget"
"""Key in a run's ``options``: the budget that was given with it."""

COLUMNS = ("budget", "purse", "limit", "spent", "reserved", "left", "currency", "set_by", "set_at")


def caps_of(settings: Settings, record: RunRecord | None = None) -> tuple[Limit, ...]:
    """Return the budgets of this kernel, and of a run itself.

    Parameters
    ----------
    settings
        From variables, ``%kling config`` and arguments.
    record
        The run, whose own budget is for its sweep, or for itself where it belongs to none.
    """
    caps = list(_kernel_caps(*(getattr(settings, field) for field in _FIELDS.values())))
    own = None if record is None else record.options.get(BUDGET)
    if record is not None and own is not None:
        scope = Scope.RUN if record.sweep_id is None else Scope.SWEEP
        caps.append(Limit(scope, Amount.parse(own), record.sweep_id or "", source="budget="))
    return tuple(caps)


_FIELDS = {scope: f"budget_{scope.value}" for scope in Scope}


@lru_cache(maxsize=8)
def _kernel_caps(*texts: str | None) -> tuple[Limit, ...]:
    """Return the budgets of the settings; asked for with every run, and hardly ever others than before."""
    return tuple(
        Limit(scope, Amount.parse(text), source=str(Settings.model_fields[field].validation_alias))
        for (scope, field), text in zip(_FIELDS.items(), texts, strict=True)
        if text is not None
    )


def check_affordable(log: RunLog, settings: Settings, prepared: Sequence[Prepared], label: Label) -> None:
    """Refuse runs of one cell that together exceed a budget: half of a cell's runs is nobody's wish.

    Parameters
    ----------
    log, settings
        Where budgets stand.
    prepared
        The requests; those that an identical run stands for cost nothing.
    label
        How they will be sent.

    Raises
    ------
    BudgetError
        They cannot all be paid; nothing was sent.
    """
    check_label(label)
    new = [each for each in prepared if label.again or not _reused(each)]
    rows = [
        RunRecord(
            provider=each.provider,
            sweep_id=label.sweep,
            options={} if label.budget is None else {BUDGET: str(label.budget)},
            **estimate_columns(each.cost, label.assume_units),
        )
        for each in new
    ]
    if not rows:
        return
    charges, caps = [Charge.of(row) for row in rows], caps_of(settings, rows[0])
    log.budgets.afford(charges, caps)
    if label.budget is not None and label.sweep is None:
        # Given with a cell, it is for all that the cell makes.
        log.budgets.afford([Charge.together(charges)], caps[-1:])


def _reused(prepared: Prepared) -> bool:
    return any(problem.id == IDENTICAL_RULE for problem in prepared.problems)


def read_amount(value: object) -> Amount:
    """Read what a person wrote as an amount.

    Raises
    ------
    UsageError
        It is none.
    """
    text = value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    try:
        return Amount.parse(text)
    except ValueError as error:
        raise UsageError(
            f"{value!r:.60} is no amount of money.",
            "An amount is a number, not negative, in Kling units or dollars.",
            "Write 20 for Kling units or $5 for dollars.",
        ) from error


def set_budget(log: RunLog, scope: str, amount: object, name: str | None = None) -> None:
    """Set a budget in the log: it holds for every kernel that shares it.

    Parameters
    ----------
    log
        The run log.
    scope
        ``run``, ``sweep`` or ``day``.
    amount
        Kling units, ``"$5"``, or ``"off"``.
    name
        One sweep; None is for all of them.

    Raises
    ------
    UsageError
        No such scope, no amount, or a name where there can be none.
    """
    if scope not in list(Scope):
        raise UsageError(
            f"There is no budget for {scope!r}.",
            f"Budgets are for {', '.join(Scope)}.",
            "Write e.g. %kling budget day 20",
        )
    if name is not None and scope != Scope.SWEEP:
        raise UsageError(f"A {scope} has no name.", "Only sweeps have one.", f"%kling budget {scope} AMOUNT")
    ended = isinstance(amount, str) and amount.strip().lower() == OFF
    log.budgets.set(Scope(scope), None if ended else read_amount(amount), name or "")


def budget_frame(log: RunLog, settings: Settings) -> pd.DataFrame:
    """Return every budget that holds, with what is spent, reserved and left in each purse.

    ``frame.attrs["day"]`` is the midnight at which the day began, with its zone. A budget for single runs
    has nothing to sum up.
    """
    import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

    limits = [*log.budgets.limits(), *caps_of(settings)]
    day = day_start()
    standings = {id(limit): [] for limit in limits}  # type: dict[int, list[Standing]]
    for found in log.budgets.standing(limits, (REAL, SANDBOX_PURSE), day):
        standings[id(found.limit)].append(found)
    rows = [row for limit in limits for row in _rows(limit, standings[id(limit)])]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame.attrs["day"] = day
    return frame


def _rows(limit: Limit, standings: list[Standing]) -> list[tuple[object, ...]]:
    amount, made = limit.amount, (limit.amount.currency, limit.source, limit.set_at)
    title = " ".join(part for part in (limit.scope.value, limit.name) if part)
    if not standings:
        return [(title, "each", float(amount.value), None, None, None, *made)]
    return [
        (
            f"{title} {each.name}" if each.name and not limit.name else title,
            each.purse,
            *(float(part.value) for part in (amount, each.spent, each.reserved, each.left)),
            *made,
        )
        for each in standings
    ]


def check_label(label: Label) -> None:
    """Refuse what a run says about its own budget before anything is made of it.

    Raises
    ------
    UsageError
        No amount, or a sweep without a name.
    """
    for word in ("name", "note", "sweep"):
        given = getattr(label, word)
        if given is not None and not isinstance(given, str):
            raise UsageError(
                f"{word}={given!r:.60} cannot be used.",
                f"Text is needed, not {type(given).__name__}.",
                f'Write {word}="{given!s:.40}".',
            )
    if label.budget is not None:
        read_amount(label.budget)
    if label.assume_units is not None and read_amount(label.assume_units).currency != "units":
        raise UsageError(
            f"assume_units={label.assume_units!r} is in dollars.",
            "It is what the run counts in Kling units.",
            "Write a number of units.",
        )
    if label.sweep is not None and not label.sweep.strip():
        raise UsageError(
            "The name of the sweep is empty.",
            "It groups runs that share a budget.",
            "Write e.g. sweep='cats'.",
        )
