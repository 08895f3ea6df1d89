"""Filters over the table: column values or SQL expressions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa

from kling_nb.runlog.schema import COLUMNS, RUNS

Where = Mapping[str, Any] | sa.ColumnElement[bool]
"""Column values (a list means any of them, None means empty), or an expression over ``schema.RUNS``."""


def condition(where: Where | None) -> sa.ColumnElement[bool]:
    """Return a filter as an SQL expression.

    Parameters
    ----------
    where
        Column values, an expression, or None for everything.

    Raises
    ------
    TypeError
        A name that is no column.
    """
    if where is None:
        return sa.true()
    if not isinstance(where, Mapping):
        return where
    unknown = [name for name in where if name not in COLUMNS]
    if unknown:
        close = get_close_matches(unknown[0], COLUMNS, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise TypeError(f"the run log has no column {unknown[0]!r}{hint}")
    return sa.and_(sa.true(), *(_matches(RUNS.c[name], value) for name, value in where.items()))


def picked(where: sa.ColumnElement[bool] | None, limit: int | None) -> sa.ColumnElement[bool]:
    """Return which rows are meant: those that match, or only the newest of them.

    Parameters
    ----------
    where
        Filter; None is everything.
    limit
        At most so many.
    """
    where = sa.true() if where is None else where
    if limit is None:
        return where
    # Sorting the ids of all that match, and not their rows, is several times faster.
    newest = sa.select(RUNS.c.id).where(where).order_by(RUNS.c.id.desc()).limit(limit)
    return RUNS.c.id.in_(newest.correlate(None))


def _matches(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    if value is None:
        return column.is_(None)
    if isinstance(value, (list, tuple, set, frozenset)):
        return column.in_(list(value))
    if isinstance(column.type, sa.JSON):
        # PostgreSQL compares no JSON; both databases keep its text as it was written.
        return sa.cast(column, sa.Text()) == json.dumps(value)
    matches: sa.ColumnElement[bool] = column == value
    return matches
