"""The numbers above a report: all runs together, and in groups."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kling_nb.errors import UsageError
from kling_nb.session.groups import labels_of, names_of, text_of
from kling_nb.session.summaries import SHORT, summary_frame
from kling_nb.session.tables import PLAIN

if TYPE_CHECKING:
    import pandas as pd

MOST = 30
"""Groups in the summary; a finer grouping is no summary."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The summary.

    Parameters
    ----------
    by
        What it is grouped by, in words.
    rows
        Name of the group, then texts of the columns.
    left_out
        Groups beyond those shown.
    """

    by: str
    rows: list[list[str]]
    left_out: int = 0


COLUMNS = ("runs", "succeeded", "rating", "kept", "cost", "per kept clip", "time")


def totals(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return label and text of what holds for all runs together; rehearsals stand apart from real runs."""
    found = [("runs", str(len(frame)))]
    if frame.empty:
        return found
    everything = summary_frame(frame.assign(everything="all"), "everything")
    several = len(everything) > 1
    for row in everything.to_dict("records"):
        where = f" · {row['purse']}" if several else ""
        texts = dict(zip(COLUMNS, _texts(row), strict=True))
        found += [(f"{name}{where}", texts[name]) for name in COLUMNS[1:] if texts[name]]
    return found


def groups(frame: pd.DataFrame, by: str | Sequence[str] | None, *, metadata: bool) -> Groups | None:
    """Return the summary; None where there is nothing to group.

    Parameters
    ----------
    frame
        Of runs.
    by
        Columns or variables; None chooses.
    metadata
        Whether words may stand in it.

    Raises
    ------
    UsageError
        There is no such column.
    """
    if frame.empty:
        return None
    names = _varied(frame) if by is None else names_of(by)
    if not metadata:
        names = tuple(name for name in names if _may_be_told(frame, name)) or ("model",)
    table = summary_frame(frame, names)
    several = table["purse"].nunique() > 1
    rows = []
    for row in table.head(MOST).to_dict("records"):
        label = text_of([row[name] for name in names]) + (f" · {row['purse']}" if several else "")
        rows.append([label, *_texts(row)])
    words = ", ".join(name.replace("_", " ") for name in names)
    return Groups(words, rows, max(0, len(table) - MOST))


def _varied(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the variables of the sweeps in the frame that take several values, else the model."""
    names = list(dict.fromkeys(name for cell in frame["variables"] for name in _names(cell)))
    found = []
    for name in names[:4]:
        try:
            if 1 < len(set(labels_of(frame, name))) <= MOST:
                found.append(name)
        except UsageError:
            continue
    return tuple(found) or ("model",)


def _names(cell: Any) -> list[str]:
    found = json.loads(cell) if isinstance(cell, str) else {}
    return list(found) if isinstance(found, dict) else []


def _may_be_told(frame: pd.DataFrame, name: str) -> bool:
    if name == "day" or SHORT.get(name, name) in PLAIN:
        return True
    return all(isinstance(value, int | float) for (value,) in labels_of(frame, name))


def _texts(row: Mapping[Any, Any]) -> list[str]:
    ended = row["succeeded"] + row["failed"]
    share = f" ({row['success_low']:.0%}-{row['success_high']:.0%})" if ended else ""
    success = f"{row['succeeded']} of {ended}{share}" if ended else ""
    spread = f" ± {row['rating_sd']:.2f}" if not math.isnan(row["rating_sd"]) else ""
    rating = f"{row['rating']:.2f}{spread} (n = {row['rated']})" if row["rated"] else ""
    judged = row["kept"] + row["discarded"]
    kept = f"{row['kept']} of {judged}" if judged else ""
    cost = f"{row['units']:g} units" if row["units"] else f"${row['usd']:.2f}" if row["usd"] else ""
    seconds = "" if math.isnan(row["seconds"]) else f"{row['seconds']:.0f} s (median)"
    return [str(row["runs"]), success, rating, kept, cost, _per_kept(row), seconds]


def _per_kept(row: Mapping[Any, Any]) -> str:
    if not math.isfinite(row["per_kept"]):
        return ""
    unit = "units" if row["per_kept_in"] == "units" else "USD"
    known = math.isfinite(row["per_kept_low"]) and math.isfinite(row["per_kept_high"])
    span = f" ({row['per_kept_low']:.2g}-{row['per_kept_high']:.2g})" if known else ""
    return f"{row['per_kept']:.3g} {unit}{span}"
