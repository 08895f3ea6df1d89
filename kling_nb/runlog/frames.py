"""The runs as a DataFrame: real dtypes, and only what changed is read again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from kling_nb.runlog.database import Database
from kling_nb.runlog.schema import COLUMNS, RUNS, field_kinds

FRAME_COLUMNS = (
    *("id", "created_at", "status", "provider", "model_name", "mode", "duration"),
    *(
        "prompt",
        "negative_prompt",
        "cfg_scale",
        "camera_control",
        "dynamic_mask_count",
        "sound",
        "aspect_ratio",
    ),
    *("estimate_units", "actual_units", "estimate_usd", "rating", "name", "tags", "note"),
    *("video_path", "error_code", "error_message", "image_source", "image_tail_source"),
)
"""What people look at first; the other columns follow in the table's order."""

_LEFT_OUT = frozenset({"request", "wire", "answers", "owner", "lease_until"})
FRAME_COLUMNS += tuple(name for name in COLUMNS if name not in _LEFT_OUT and name not in FRAME_COLUMNS)

CATEGORIES = ("status", "provider", "model_name", "mode")
"""Few values, many rows: grouped and filtered by."""

_RELOAD_SHARE = 0.2
"""Beyond this share of changed rows, loading everything again is as fast."""

Convert = Callable[[Sequence[Any]], Any]
Rows = list[tuple[Any, ...]]


def build(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the driver's rows (columns as ``FRAME_COLUMNS``) as a frame.

    Parameters
    ----------
    rows
        Values as the driver returns them: SQLite's texts and numbers, or PostgreSQL's Python objects.
    """
    columns = zip(*rows, strict=True) if rows else ((),) * len(FRAME_COLUMNS)
    data = {name: _converter(name)(values) for name, values in zip(FRAME_COLUMNS, columns, strict=True)}
    return pd.DataFrame(data, copy=False)


@dataclass(slots=True)
class _Cached:
    frame: pd.DataFrame
    ids: list[str]
    revision: int


class FrameCache:
    """Keeps the last complete frame and brings it up to date.

    Parameters
    ----------
    database
        Where the runs are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._cached: _Cached | None = None

    def frame(self, where: sa.ColumnElement[bool] | None, limit: int | None) -> pd.DataFrame:
        """Return a frame of its own: the caller may change it.

        Parameters
        ----------
        where
            Filter, run in SQL.
        limit
            At most so many rows.
        """
        if not self._database.exists:
            return build(())
        with self._lock, self._database.reading() as connection:
            if where is not None or (limit is not None and self._cached is None):
                return build(_fetch(connection, where, limit))
            self._cached = self._refreshed(connection)
            return _own(self._cached.frame if limit is None else self._cached.frame.head(limit))

    def _refreshed(self, connection: sa.Connection) -> _Cached:
        revision, count = connection.exec_driver_sql(
            "SELECT coalesce(max(revision), 0), count(*) FROM runs"
        ).one()
        old = self._cached
        if old is not None and (old.revision, len(old.ids)) == (revision, count):
            return old
        if old is not None and old.revision <= revision:
            merged = self._merged(connection, old, revision)
            # A row deleted by hand leaves no revision behind: the counts disagree.
            if merged is not None and len(merged.ids) == count:
                return merged
        rows = _fetch(connection, None, None)
        return _Cached(build(rows), [row[0] for row in rows], revision)

    def _merged(self, connection: sa.Connection, old: _Cached, revision: int) -> _Cached | None:
        """Return the old frame with the rows changed since, None when there are too many."""
        most = int(len(old.ids) * _RELOAD_SHARE)
        rows = _fetch(connection, RUNS.c.revision > old.revision, most + 1)
        if len(rows) > most:
            return None
        changed = {row[0] for row in rows}
        kept = [position for position, run_id in enumerate(old.ids) if run_id not in changed]
        ids = [row[0] for row in rows] + [old.ids[position] for position in kept]
        source = np.concatenate([np.arange(len(rows)), np.array(kept, dtype=np.intp) + len(rows)]).astype(
            np.intp
        )
        # Nearly sorted already, which Python's sort makes use of.
        order = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
        both = _concat(build(rows), old.frame)
        return _Cached(both.take(source[order]).reset_index(drop=True), [ids[i] for i in order], revision)


def _fetch(connection: sa.Connection, where: sa.ColumnElement[bool] | None, limit: int | None) -> Rows:
    """Read raw rows: converting a column at once is an order of magnitude faster than cell by cell."""
    raw = (sa.type_coerce(RUNS.c[name], sa.types.NullType()).label(name) for name in FRAME_COLUMNS)
    query = sa.select(*raw).order_by(RUNS.c.id.desc()).limit(limit)
    if where is not None:
        query = query.where(where)
    return [tuple(row) for row in connection.execute(query).all()]


def _own(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy; pandas 3 copies on write, so there it costs nothing."""
    return frame.copy(deep=int(pd.__version__.split(".")[0]) < 3)


def _concat(new: pd.DataFrame, old: pd.DataFrame) -> pd.DataFrame:
    old = old.copy(deep=False)
    for name in CATEGORIES:
        known = old[name].cat.categories.union(new[name].cat.categories, sort=False)
        new[name] = new[name].cat.set_categories(known)
        old[name] = old[name].cat.set_categories(known)
    return pd.concat([new, old], ignore_index=True)


def _strings(values: Sequence[Any]) -> Any:
    return pd.array(np.array(values, dtype=object), dtype="string")


def _categories(values: Sequence[Any]) -> Any:
    return pd.Categorical(values)


def _integers(values: Sequence[Any]) -> Any:
    missing = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
    numbers = np.fromiter((value or 0 for value in values), dtype=np.int64, count=len(values))
    return pd.arrays.IntegerArray(numbers, missing)


def _booleans(values: Sequence[Any]) -> Any:
    missing = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
    flags = np.fromiter((bool(value) for value in values), dtype=bool, count=len(values))
    return pd.arrays.BooleanArray(flags, missing)


def _floats(values: Sequence[Any]) -> Any:
    return np.array(values, dtype=np.float64)


def _times(values: Sequence[Any]) -> Any:
    moments = pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601")
    return moments.astype("datetime64[us, UTC]")


def _json_text(values: Sequence[Any]) -> Any:
    return _strings(
        [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    )


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _tags(values: Sequence[Any]) -> Any:
    # Tuples, because the cells are shared with the kept frame.
    cells = np.empty(len(values), dtype=object)
    cells[:] = [() if value is None or value == "[]" else tuple(_parsed(value)) for value in values]
    return cells


def _sentences(values: Sequence[Any]) -> Any:
    return _strings(
        [None if value is None or value == "[]" else "; ".join(map(str, _parsed(value))) for value in values]
    )


def _cameras(values: Sequence[Any]) -> Any:
    return _strings([None if value is None else camera_text(_parsed(value)) for value in values])


def camera_text(camera: dict[str, Any]) -> str:
    """Return a camera control in the words a person types: ``zoom=5`` or ``forward_up``.

    Parameters
    ----------
    camera
        ``{"type": …, "config": {…}}`` (``spec/official-api.md`` §6).
    """
    config = camera.get("config") or {}
    moves = [f"{axis}={value:g}" for axis, value in config.items() if value]
    return " ".join(moves) or str(camera.get("type", ""))


_BY_NAME: dict[str, Convert] = {
    "tags": _tags,
    "notices": _sentences,
    "camera_control": _cameras,
    **dict.fromkeys(CATEGORIES, _categories),
}
_BY_KIND: dict[type, Convert] = {
    str: _strings,
    int: _integers,
    float: _floats,
    bool: _booleans,
    datetime: _times,
    Decimal: _floats,
    dict: _json_text,
}


def _converter(name: str) -> Convert:
    return _BY_NAME.get(name) or _BY_KIND[field_kinds()[name]]
