"""The whole table as a frame, kept, and brought up to date by what changed since."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from kling_nb.runlog.conditions import picked
from kling_nb.runlog.database import Database
from kling_nb.runlog.frames import CATEGORIES, FRAME_COLUMNS, build
from kling_nb.runlog.schema import RUNS, SCORE_COLUMNS, SCORES, field_kinds
from kling_nb.runlog.statements import Statement, compile_statement

Positions = npt.NDArray[np.intp]

_RELOAD_SHARE = 0.2
"""Beyond this share of changed rows, loading everything again is as fast."""


@dataclass(frozen=True, slots=True)
class _State:
    """What tells one content of the table from another."""

    generation: int
    revision: int
    count: int
    latest: str | None
    """Id of the row changed last."""


@dataclass(frozen=True, slots=True)
class _Cached:
    frame: pd.DataFrame
    ids: list[str]
    state: _State


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
                query = self._select.where(picked(where, limit))
                return build([tuple(row) for row in connection.execute(query)])
            self._cached = self._refreshed(connection)
            return _own(self._cached.frame if limit is None else self._cached.frame.head(limit))

    def _refreshed(self, connection: sa.Connection) -> _Cached:
        old, state = self._cached, self._state(connection)
        if old is not None and old.state == state:
            return old
        if old is not None and self._follows(connection, old.state, state):
            merged = self._merged(connection, old, state)
            # A row deleted by hand leaves no revision behind: the counts disagree.
            if merged is not None and len(merged.ids) == state.count:
                return merged
        rows = self._fetch(connection, self._all)
        return _Cached(build(rows), [row[0] for row in rows], state)

    def _state(self, connection: sa.Connection) -> _State:
        latest = "SELECT id FROM runs ORDER BY revision DESC LIMIT 1"
        query = f"SELECT coalesce(max(revision), 0), count(*), ({latest}) FROM runs"  # noqa: S608 - a constant
        return _State(self._database.generation, *connection.exec_driver_sql(query).one())

    def _follows(self, connection: sa.Connection, old: _State, new: _State) -> bool:
        """Tell whether all changes since carry higher revisions.

        They do as long as the row with the highest one was not deleted by hand: the next write would then
        use its number again.
        """
        if old.generation != new.generation or old.latest is None:
            return False
        return connection.scalar(sa.select(RUNS.c.id).where(RUNS.c.id == old.latest)) is not None

    def _merged(self, connection: sa.Connection, old: _Cached, state: _State) -> _Cached | None:
        """Return the old frame with the rows changed since, None when there are too many."""
        most = max(1, int(len(old.ids) * _RELOAD_SHARE))
        rows = self._fetch(connection, self._changed, since=old.state.revision, most=most + 1)
        if len(rows) > most:
            return None
        changed = {row[0] for row in rows}
        kept = [position for position, run_id in enumerate(old.ids) if run_id not in changed]
        ids = [row[0] for row in rows] + [old.ids[position] for position in kept]
        # Nearly sorted already, which Python's sort makes use of.
        ranking = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
        order = np.array(ranking, dtype=np.intp)
        slots = np.flatnonzero(order < len(rows))
        old_rows = np.array([-1] * len(rows) + kept, dtype=np.intp)[order]
        frame = _spliced(old.frame, old_rows, build(rows), order[slots], slots)
        return _Cached(frame, [ids[position] for position in ranking], state)

    def _fetch(self, connection: sa.Connection, statement: Statement, **values: int) -> list[tuple[Any, ...]]:
        """Read raw rows: converting a column at once is much faster than converting cell by cell."""
        cursor = connection.connection.cursor()
        statement.run(cursor, values)
        return list(cursor.fetchall())

    @cached_property
    def _select(self) -> sa.Select[Any]:
        read = _read_raw if self._database.dialect.name == "sqlite" else _read_plain
        columns = (read(name).label(name) for name in FRAME_COLUMNS)
        return sa.select(*columns).select_from(RUNS.outerjoin(SCORES)).order_by(RUNS.c.id.desc())

    @cached_property
    def _all(self) -> Statement:
        return compile_statement(self._select, self._database.dialect)

    @cached_property
    def _changed(self) -> Statement:
        # Unordered: asked for the newest ids first, SQLite walks all of them, not the few new revisions.
        changed = self._select.where(RUNS.c.revision > sa.bindparam("since")).order_by(None)
        changed = changed.limit(sa.bindparam("most"))
        return compile_statement(changed, self._database.dialect)


def _read_raw(name: str) -> sa.ColumnElement[Any]:
    """Return a column as the driver has it: converting a whole column is faster than cell by cell."""
    return sa.type_coerce(_column(name), sa.types.NullType())


def _read_plain(name: str) -> sa.ColumnElement[Any]:
    """Return a column as numbers and texts: PostgreSQL's driver would make an object of every cell."""
    column, kind = _column(name), field_kinds().get(name)
    if kind is datetime:
        return sa.cast(sa.extract("epoch", column) * sa.literal_column("1000000"), sa.BigInteger())
    if kind is Decimal:
        return sa.cast(column, sa.Double())
    return sa.cast(column, sa.Text()) if isinstance(column.type, sa.JSON) else _read_raw(name)


def _column(name: str) -> sa.Column[Any]:
    return SCORES.c[name] if name in SCORE_COLUMNS else RUNS.c[name]


def _own(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy; pandas 3 copies on write, so there it costs nothing."""
    return frame.copy(deep=int(pd.__version__.split(".")[0]) < 3)


def _spliced(
    old: pd.DataFrame, old_rows: Positions, new: pd.DataFrame, new_rows: Positions, slots: Positions
) -> pd.DataFrame:
    """Return ``old`` in the order ``old_rows`` (-1: from ``new``) with ``new_rows`` put at ``slots``.

    Column by column: ``pd.concat`` and a reordering would copy everything twice.
    """
    data = {}
    for name in FRAME_COLUMNS:
        before, after = old[name].array, new[name].array
        if name in CATEGORIES:
            known = before.categories.union(after.categories, sort=False)
            before, after = before.set_categories(known), after.set_categories(known)
        column = before.take(old_rows, allow_fill=True)
        column[slots] = after.take(new_rows)
        data[name] = column
    return pd.DataFrame(data, copy=False)
