"""Filters over the table: column values or SQL expressions."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import sqlalchemy as sa

from kling_nb.domain.scores import FLAGS
from kling_nb.errors import UsageError
from kling_nb.runlog.schema import COLUMNS, RUNS, SCORE_COLUMNS, SCORES

Where = Mapping[str, Any] | sa.ColumnElement[bool]
"""Column values (a list means any of them, None means empty, ``(">=", 0.9)`` compares), or an expression over
``schema.RUNS``."""

COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip


class FilterError(UsageError, TypeError):
    """A filter names no column, or compares it with what cannot be in it."""


def condition(where: Where | None) -> sa.ColumnElement[bool]:
    """Return a filter as an SQL expression.

    Parameters
    ----------
    where
        Column values, an expression, or None for everything. Scores count as columns, too.

    Raises
    ------
    FilterError
        A name that is no column, or a column of numbers held against something else.
    """
    if where is None:
        return sa.true()
    if not isinstance(where, Mapping):
        return where
    known = (*COLUMNS, *SCORE_COLUMNS)
    unknown = [name for name in where if name not in known]
    if unknown:
        close = get_close_matches(unknown[0], known, n=3)
        raise FilterError(
            f"The run log has no column {unknown[0]!r}.",
            f"Did you mean {', '.join(close)}?" if close else "No column is called like that.",
            "kn.runs().columns lists them.",
        )
    return sa.and_(
        sa.true(),
        *(
            _measured(name, value) if name in SCORE_COLUMNS else _matches(RUNS.c[name], value)
            for name, value in where.items()
        ),
    )


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


def _measured(name: str, value: Any) -> sa.ColumnElement[bool]:
    """Return a condition on a run's scores that stands by itself, whatever the query selects from."""
    column = SCORES.c[name]
    if value is None:
        empty = sa.cast(column, sa.Text()) != "[]" if name == "flags" else column.is_not(None)
        return RUNS.c.id.not_in(sa.select(SCORES.c.run_id).where(empty))
    matches = _flagged(column, value) if name == "flags" else _matches(column, value)
    return RUNS.c.id.in_(sa.select(SCORES.c.run_id).where(matches))


def _flagged(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    """Return whether one of the flags is among those of a clip."""
    wanted = [value] if isinstance(value, str) else list(value)
    if unknown := [flag for flag in wanted if flag not in FLAGS]:
        raise FilterError(
            f"There is no flag {unknown[0]!r}.",
            "A clip may have several flags; a list of them finds clips with any.",
            f"Known are {', '.join(FLAGS)}.",
        )
    text = sa.cast(column, sa.Text())
    return sa.or_(sa.false(), *(text.contains(json.dumps(flag), autoescape=True) for flag in wanted))


def _checked(column: sa.Column[Any], value: Any) -> Any:
    """Return a value with numbers where the column has some.

    What no number can be is refused: a database would find nothing, or fail with words of its own.
    """
    if column.type.python_type not in (int, float) or isinstance(value, sa.ColumnElement):
        return value
    if isinstance(value, tuple) and len(value) == 2 and value[0] in COMPARED:
        return value[0], _number(column, value[1])
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_number(column, each) for each in value]
    return _number(column, value)


def _number(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise FilterError(
            f"{column.name} is a number, and {value!r} is none.",
            "A number fits, a list of them, or a comparison.",
            f'Write e.g. kn.runs({column.name}=(">=", 0.9)); known are {" ".join(COMPARED)}.',
        ) from None
    return number if isinstance(value, str) else value


def _matches(column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    if value is None:
        return column.is_(None)
    value = _checked(column, value)
    if isinstance(value, tuple) and len(value) == 2 and value[0] in COMPARED:
        compared: sa.ColumnElement[bool] = COMPARED[value[0]](column, value[1])
        return compared
    if isinstance(value, (list, tuple, set, frozenset)):
        return column.in_(list(value))
    if isinstance(column.type, sa.JSON):
        # PostgreSQL compares no JSON; both databases keep its text as it was written.
        return sa.cast(column, sa.Text()) == json.dumps(value)
    matches: sa.ColumnElement[bool] = column == value
    return matches
