"""The run log as tables for other tools: ``wide``, one row a run, and ``tidy``, one row a run and metric."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from kling_nb.domain.nearest import closest
from kling_nb.domain.scores import MEASURES
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.session.chosen import ids_of
from kling_nb.session.toldframe import ToldFrame

if TYPE_CHECKING:
    from kling_nb.session.facade import Session

View = Literal["tidy", "wide"]
VIEWS: Final[tuple[View, ...]] = get_args(View)

VARIABLE: Final = "var_"
"""What the columns of a sweep's variables begin with."""

RUN_NUMBER: Final = "run"
"""Column that stands for the id where metadata are left out: 1, 2, 3 in the order of the rows."""

PLAIN: Final = frozenset(
    {
        *("created_at", "sending_at", "submitted_at", "started_at", "finished_at", "downloaded_at"),
        *("status", "provider", "form", "model_name", "mode", "duration", "cfg_scale", "camera_control"),
        *("sound", "aspect_ratio", "dynamic_mask_count", "brush_way", "multi_shot", "shot_type", "watermark"),
        *("repeat", "forced", "again", "estimate_units", "estimate_usd", "currency", "estimate_amount"),
        *("estimate_mark", "price_as_of", "actual_units", "actual_usd", "actual_amount", "purse"),
        *("image_bytes", "image_width", "image_height", "image_tail_bytes", "image_tail_width"),
        *("image_tail_height", "static_mask_bytes", "video_duration", "video_bytes"),
        *("error_kind", "error_code", "error_http", "rating", "kept"),
        *("flags", "score_confidence", "score_version", *(measure.name for measure in MEASURES)),
    }
)
"""Columns that stay without metadata: settings, times, money, judgements and scores. What is not named here
is left out, so that a new column cannot give away a prompt, a path or an id."""

UNITS: Final[Mapping[str, str]] = {
    "succeeded": "",
    "rating": "0-5",
    "kept": "",
    "elapsed": "s",
    "estimate_units": "units",
    "actual_units": "units",
    "estimate_usd": "USD",
    "actual_usd": "USD",
    "video_duration": "s",
    "video_bytes": "bytes",
    "score_confidence": "",
    **{measure.name: measure.unit for measure in MEASURES},
}
"""Metrics of the tidy table with the unit of each."""

_ABOUT: Final = (
    *("id", RUN_NUMBER, "created_at", "sweep_id", "repeat", "provider", "model_name", "mode", "duration"),
    *("prompt", "negative_prompt", "cfg_scale", "camera_control", "sound", "brush_way", "name"),
)
"""Columns that say which run a row of the tidy table is about."""


def table(
    runs: Any = None, *, view: View = "wide", metadata: bool = True, session: Session | None = None
) -> pd.DataFrame:
    """Return runs as a table for other tools.

    Parameters
    ----------
    runs
        :func:`kling_nb.runs` or a part of it, a filter such as ``{"status": "succeeded"}``, runs, ids, a
        sweep; None is every run. Columns that you have added to a frame come along.
    view
        ``wide``: one row a run, the columns of :func:`kling_nb.runs`, and one ``var_…`` for each variable of
        sweeps. ``tidy``: one row a run and metric (``metric``, ``value``, ``unit``), beside what the run is
        about; a metric that a run does not have makes no row.
    metadata
        False leaves out prompts, paths, addresses, ids, names, tags, notes, error texts and the texts among
        the variables; the column ``run`` then numbers the runs. Settings, times, money, ratings and scores
        stay.
    session
        Whose runs; default the session of the module functions.

    Raises
    ------
    InputError
        An unknown view, or no runs are named.
    """
    if view not in VIEWS:
        near = closest(str(view), VIEWS)
        raise InputError(
            f"There is no view {view!r}.",
            f"Views: {', '.join(VIEWS)}.",
            f"Did you mean {near}?" if near else "",
        )
    from kling_nb.session.default import default_session  # noqa: PLC0415 - the default is made on first use

    session = session or default_session()
    wide = rows_of(runs, session)
    wide, variables = _spread(wide)
    if not metadata:
        wide, variables = _bare(wide, variables)
    made = pd.concat([wide, variables], axis=1)
    return ToldFrame(made) if view == "wide" else _tidy(made)


def rows_of(runs: Any, session: Session) -> pd.DataFrame:
    """Return the rows that are meant as :func:`kling_nb.runs` has them, with the columns a person has added.

    Parameters
    ----------
    runs
        As for :func:`table`.
    session
        Whose runs.
    """
    everything = session.log.frame()
    if runs is None:
        return everything
    ids = ids_of(runs, session)
    rows = everything.set_index("id", drop=False).reindex(ids).dropna(subset=["id"])
    if hasattr(runs, "columns") and "id" in runs.columns:
        own = [name for name in runs.columns if name not in everything.columns]
        if own:
            added = runs[["id", *own]].drop_duplicates("id").set_index("id")
            rows = rows.join(added)
    return rows.reset_index(drop=True)


def _spread(wide: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the variables of sweeps out of their column: a column each."""
    if "variables" not in wide.columns:
        return wide, pd.DataFrame(index=wide.index)
    rows = [_variables(cell) for cell in wide["variables"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    data = {f"{VARIABLE}{name}": _values([row.get(name) for row in rows]) for name in names}
    return wide.drop(columns="variables"), pd.DataFrame(data, index=wide.index)


def _variables(cell: Any) -> dict[str, Any]:
    found = json.loads(cell) if isinstance(cell, str) else cell
    return dict(found) if isinstance(found, Mapping) else {}


def _values(cells: Sequence[Any]) -> Any:
    """Return values of one variable with one type: numbers where all are numbers, else texts."""
    given = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, bool) for cell in given):
        return pd.array(np.array(cells, dtype=object), dtype="boolean")
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in given):
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    texts = [cell if cell is None or isinstance(cell, str) else json.dumps(cell) for cell in cells]
    return pd.array(np.array(texts, dtype=object), dtype="string")


def _bare(wide: pd.DataFrame, variables: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    kept = wide[[name for name in wide.columns if name in PLAIN]].copy()
    kept.insert(0, RUN_NUMBER, np.arange(1, len(kept) + 1))
    numbers = [name for name in variables.columns if not pd.api.types.is_string_dtype(variables[name])]
    return kept, variables[numbers]


def _tidy(wide: pd.DataFrame) -> pd.DataFrame:
    about = [name for name in _ABOUT if name in wide.columns]
    about += [name for name in wide.columns if str(name).startswith(VARIABLE)]
    metrics = metrics_of(wide)
    long = metrics.stack(future_stack=True).dropna()
    rows = long.index.get_level_values(0)
    made = wide[about].take(np.asarray(rows, dtype=np.intp)).reset_index(drop=True)
    names = long.index.get_level_values(1).astype(str)
    made["metric"] = pd.array(np.asarray(names, dtype=object), dtype="string")
    made["value"] = long.to_numpy(dtype=np.float64)
    made["unit"] = pd.array(np.array([UNITS.get(name, "") for name in names], dtype=object), dtype="string")
    return made


def metrics_of(wide: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of each run, one column a metric; numbered rows."""
    ended = wide["status"].isin([RunStatus.SUCCEEDED.value, RunStatus.FAILED.value])
    found = {"succeeded": (wide["status"] == RunStatus.SUCCEEDED.value).astype(float).where(ended)}
    begin = wide["submitted_at"].fillna(wide["sending_at"])
    found["elapsed"] = (wide["finished_at"] - begin).dt.total_seconds()
    found |= {name: _floats(wide[name]) for name in UNITS if name in wide.columns}
    own = [name for name in wide.columns if _is_own_number(wide, name)]
    found |= {str(name): _floats(wide[name]) for name in own}
    ordered = [name for name in (*UNITS, *map(str, own)) if name in found]
    return pd.DataFrame({name: np.asarray(found[name], dtype=np.float64) for name in ordered})


def _is_own_number(wide: pd.DataFrame, name: Any) -> bool:
    from kling_nb.runlog.frames import FRAME_COLUMNS  # noqa: PLC0415 - loaded with the first frame

    if name in FRAME_COLUMNS or name == RUN_NUMBER or str(name).startswith(VARIABLE):
        return False
    return bool(pd.api.types.is_numeric_dtype(wide[name]))


def _floats(column: pd.Series[Any]) -> Any:
    return column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
