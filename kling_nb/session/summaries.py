"""What came of the runs, by day, model or anything else: success, what was kept, and what that cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.task import RunStatus
from kling_nb.session.groups import labels_of, names_of, values_of
from kling_nb.stats import cost_per_kept, spread_of, success_rate

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.svg import Plot

SHORT: Final = {"model": "model_name", "sweep": "sweep_id"}
"""Words for columns."""


def summary_frame(frame: pd.DataFrame, by: str | Sequence[str] = "day") -> pd.DataFrame:
    """Return one row a group of runs; rehearsals on the sandbox stand apart from real runs.

    Parameters
    ----------
    frame
        Of runs.
    by
        ``day`` (of this machine's time zone), ``model``, ``provider``, ``sweep``, ``prompt``, or any other
        column or variable, or several.

    Returns
    -------
    DataFrame
        Number of runs, of those that succeeded and failed, ``success`` with its 95 % interval; rated, mean
        and spread of ratings; kept, discarded and undecided clips; clips measured and those of them with a
        flag, median path error (%) and gain of those that have one; Kling units and dollars spent; what a
        kept clip cost in units, or in dollars where a door bills in something else, with its interval;
        median seconds. Newest day or largest group first.

    Raises
    ------
    UsageError
        There is no such column.
    """
    import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

    names = tuple(SHORT.get(name, name) for name in names_of(by))
    shown = names_of(by)
    columns = (*shown, "purse", *_COLUMNS)
    if frame.empty:
        return pd.DataFrame(columns=list(columns))
    labels = labels_of(frame, names)
    purses = frame["purse"].astype(object).where(frame["purse"].notna(), "real")
    groups: dict[Any, list[int]] = {}
    for row, key in enumerate(zip(labels, purses, strict=True)):
        groups.setdefault(key, []).append(row)
    rows = [
        {**dict(zip(shown, label, strict=True)), "purse": purse, **_summary(frame.iloc[held])}
        for (label, purse), held in groups.items()
    ]
    table = pd.DataFrame(rows, columns=list(columns))
    order = [*shown, "purse"] if shown == ("day",) else ["runs"]
    return table.sort_values(order, ascending=False, ignore_index=True, kind="stable")


_COLUMNS: Final = (
    *("runs", "succeeded", "failed", "success", "success_low", "success_high"),
    *("rated", "rating", "rating_sd", "kept", "discarded", "undecided"),
    *("measured", "flagged", "path_error", "gain"),
    *("units", "usd", "per_kept", "per_kept_low", "per_kept_high", "per_kept_in", "seconds"),
)


def _summary(runs: pd.DataFrame) -> dict[str, Any]:
    succeeded = int((runs["status"] == RunStatus.SUCCEEDED.value).sum())
    failed = int((runs["status"] == RunStatus.FAILED.value).sum())
    rate = success_rate(succeeded, succeeded + failed)
    ratings = spread_of(runs["rating"].to_numpy(dtype=float, na_value=math.nan).tolist())
    kept = int(runs["kept"].fillna(False).sum())
    discarded = int((~runs["kept"].fillna(True)).sum())
    seconds = values_of(runs, "seconds")
    return {
        "runs": len(runs),
        "succeeded": succeeded,
        "failed": failed,
        "success": rate.share,
        "success_low": rate.low,
        "success_high": rate.high,
        "rated": ratings.n,
        "rating": ratings.mean,
        "rating_sd": ratings.sd,
        "kept": kept,
        "discarded": discarded,
        "undecided": succeeded - int((runs["kept"].notna() & _succeeded(runs)).sum()),
        **_measured(runs),
        "units": float(_spent(runs, "units").sum()),
        "usd": float(_spent(runs, "usd").sum()),
        **_per_kept(runs),
        "seconds": float(seconds.median()) if seconds.notna().any() else math.nan,
    }


def _measured(runs: pd.DataFrame) -> dict[str, Any]:
    """Return how many clips were measured, how many of them have a flag, and the middle of what they show."""
    if "score_version" not in runs.columns:
        return {"measured": 0, "flagged": 0, "path_error": math.nan, "gain": math.nan}
    middle = {name: runs[name].dropna() for name in ("path_error", "gain")}
    return {
        "measured": int(runs["score_version"].notna().sum()),
        "flagged": sum(bool(len(flags)) for flags in runs["flags"]),
        **{name: float(values.median()) if len(values) else math.nan for name, values in middle.items()},
    }


def _succeeded(runs: pd.DataFrame) -> pd.Series[bool]:
    return runs["status"] == RunStatus.SUCCEEDED.value


def _spent(runs: pd.DataFrame, currency: str) -> pd.Series[float]:
    """Return what each run that ended counts in a budget; NaN where nobody knows."""
    failed = runs["status"] == RunStatus.FAILED.value
    ended = failed | _succeeded(runs)
    spent: pd.Series[float] = runs[f"actual_{currency}"].fillna(
        runs[f"estimate_{currency}"].mask(failed, 0.0)
    )
    return spent.where(ended, 0.0)


def _per_kept(runs: pd.DataFrame) -> dict[str, Any]:
    """Return what a kept clip costs, from the runs that are decided: judged, or failed."""
    decided = runs[runs["kept"].notna() | (runs["status"] == RunStatus.FAILED.value)]
    kept = int(decided["kept"].fillna(False).sum())
    for currency in ("units", "usd"):
        costs = _spent(decided, currency)
        if costs.notna().all() and runs["kept"].notna().any():
            found = cost_per_kept(costs.tolist(), kept)
            numbers = (found.estimate, found.low, found.high, currency)
            return dict(zip(_PER_KEPT, numbers, strict=True))
    return dict(zip(_PER_KEPT, (math.nan, math.nan, math.nan, ""), strict=True))


_PER_KEPT: Final = ("per_kept", "per_kept_low", "per_kept_high", "per_kept_in")


def summary_plot(table: pd.DataFrame, most: int = 20) -> Plot:
    """Show a summary: kept, other and failed runs of each group, and what a kept clip cost.

    Parameters
    ----------
    table
        Of :func:`summary_frame`.
    most
        At most so many groups.
    """
    from kling_nb.session.plots import bars  # noqa: PLC0415 - only for those who look

    names = list(table.columns)[: list(table.columns).index("purse")]
    rows = []
    for row in table.head(most).to_dict("records"):
        name = " · ".join(str(row[each]) for each in names)
        name += " (sandbox)" if row["purse"] == "sandbox" else ""
        price = row["per_kept"]
        word = "" if not math.isfinite(price) else f"{price:.3g} {row['per_kept_in']} a kept clip"
        rows.append((name, row["kept"], max(0, row["succeeded"] - row["kept"]), row["failed"], word))
    return bars(rows, f"runs by {', '.join(names)}")
