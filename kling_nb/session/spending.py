"""What was spent, by day, model, provider or sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kling_nb.domain.budget import IMPORTED_PURSE
from kling_nb.domain.task import RunStatus
from kling_nb.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.runlog import RunLog

GROUPS: Final = {
    "day": "day",
    "model": "model_name",
    "provider": "provider",
    "sweep": "sweep_id",
}
"""What can be asked for -> column."""

_ENDED: Final = (RunStatus.SUCCEEDED.value, RunStatus.FAILED.value)


def spent_frame(log: RunLog, by: str = "day") -> pd.DataFrame:
    """Return sums over the runs of a log, counted as budgets count them.

    Parameters
    ----------
    log
        The run log.
    by
        ``day`` (of this machine's time zone), ``model``, ``provider`` or ``sweep``.

    Returns
    -------
    DataFrame
        One row a purse and group, newest day or dearest group first: number of runs, units and dollars
        spent, those reserved for runs that have not ended, and runs of unknown price.

    Raises
    ------
    UsageError
        Nothing is grouped by that.
    """
    if by not in GROUPS:
        raise UsageError(
            f"Spending is not summed by {by!r}.",
            "It is summed by what every run has.",
            f'Write one of {", ".join(GROUPS)}: kn.spent(by="model")',
        )
    frame = log.frame()
    # What somebody else has paid for is nobody's spending here.
    runs = _counted(frame[frame["purse"] != IMPORTED_PURSE])
    sums = {
        "runs": ("id", "size"),
        **{name: (name, "sum") for name in ("units", "usd", "reserved_units", "reserved_usd", "unpriced")},
    }
    grouped = runs.groupby(["purse", GROUPS[by]], observed=True, dropna=by == "sweep").agg(**sums)
    table = grouped.reset_index().rename(columns={GROUPS[by]: by})
    order = [by, "purse"] if by == "day" else ["units", "runs"]
    return table.sort_values(order, ascending=False, ignore_index=True)


def _counted(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with what each counts: actual cost, nothing for a failed one, else its estimate."""
    ended = runs["status"].isin(_ENDED)
    failed = runs["status"] == RunStatus.FAILED.value
    counted = runs[["id", "purse", "model_name", "provider", "sweep_id"]].copy()
    moment = runs["sending_at"].fillna(runs["created_at"])
    counted["day"] = [each.to_pydatetime().astimezone().date() for each in moment]
    counted["unpriced"] = True
    for currency in ("units", "usd"):
        value = runs[f"actual_{currency}"].fillna(runs[f"estimate_{currency}"].mask(failed, 0.0))
        counted[currency] = value.where(ended, 0.0)
        counted[f"reserved_{currency}"] = value.where(~ended, 0.0)
        counted["unpriced"] &= value.isna()
    return counted
