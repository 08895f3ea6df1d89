"""Statements compiled once by SQLAlchemy Core and then run straight through the driver.

Core's per-execution work costs about ten times what SQLite needs to store a row. The SQL, the parameter
order and the type conversions are still Core's: only the repetition is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from kling_nb.domain.task import RunStatus
from kling_nb.runlog.records import RunRecord
from kling_nb.runlog.schema import COLUMNS, RUNS

Convert = Callable[[Any], Any]

_READ = [RUNS.c[name] for name in COLUMNS]
_values_of = attrgetter(*COLUMNS)
# Literals, not parameters: every parameter of a statement is then one of ours.
_NEXT_REVISION = sa.select(
    sa.func.coalesce(sa.func.max(RUNS.alias("others").c.revision), sa.literal_column("0"))
    + sa.literal_column("1")
).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameter order and conversions.

    Parameters
    ----------
    sql
        Text in the driver's parameter style.
    names
        Bind names in positional order, None for drivers that take a mapping.
    converters
        Conversion to the driver's values, by bind name; absent where none is needed.
    """

    sql: str
    names: tuple[str, ...] | None
    converters: Mapping[str, Convert]

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Execute with Python values by bind name."""
        driver = dict(values)
        for name, convert in self.converters.items():
            if driver[name] is not None:
                driver[name] = convert(driver[name])
        try:
            return connection.exec_driver_sql(self.sql, self._arrange(driver))
        except UnicodeEncodeError:
            # A lone surrogate in somebody's error message must not cost us the row that holds the task id.
            return connection.exec_driver_sql(
                self.sql, self._arrange({k: _encodable(v) for k, v in driver.items()})
            )

    def _arrange(self, driver: dict[str, Any]) -> Any:
        return driver if self.names is None else tuple([driver[name] for name in self.names])


class Statements:
    """The log's statements for one dialect.

    Parameters
    ----------
    dialect
        Dialect of the database.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._updates: dict[tuple[frozenset[str], bool], Statement] = {}

    @cached_property
    def insert(self) -> Statement:
        """Insert one record."""
        values: dict[str, Any] = {name: sa.bindparam(name, type_=RUNS.c[name].type) for name in COLUMNS}
        return self._compile(RUNS.insert().values(**values, revision=_NEXT_REVISION))

    def update(self, columns: Iterable[str], *, quiet: bool = False) -> Statement:
        """Return the update of these columns of the run ``run_id``, which returns the whole row.

        Parameters
        ----------
        columns
            Names to set.
        quiet
            Leave the revision alone: the change concerns no reader.
        """
        key = (frozenset(columns), quiet)
        if key not in self._updates:
            values: dict[str, Any] = {
                name: sa.bindparam(f"new_{name}", type_=RUNS.c[name].type) for name in sorted(key[0])
            }
            if not quiet:
                values["revision"] = _NEXT_REVISION
            change = RUNS.update().where(RUNS.c.id == sa.bindparam("run_id", type_=sa.Text()))
            self._updates[key] = self._compile(change.values(**values).returning(*_READ))
        return self._updates[key]

    def values(self, record: RunRecord) -> dict[str, Any]:
        """Return a record's fields by column name."""
        return dict(zip(COLUMNS, _values_of(record), strict=True))

    def record(self, row: Sequence[Any]) -> RunRecord:
        """Return the record of a driver's row with the columns in order."""
        values = dict(zip(COLUMNS, row, strict=True))
        for name, convert in self._readers.items():
            if values[name] is not None:
                values[name] = convert(values[name])
        return record_of(values)

    @cached_property
    def _readers(self) -> dict[str, Convert]:
        readers = {
            name: self._type(RUNS.c[name].type).result_processor(self._dialect, None) for name in COLUMNS
        }
        return {name: reader for name, reader in readers.items() if reader is not None}

    def _type(self, type_: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
        return type_.dialect_impl(self._dialect)

    def _compile(self, statement: sa.UpdateBase) -> Statement:
        compiled = statement.compile(dialect=self._dialect)
        assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
        converters = {
            name: processor
            for name, bind in compiled.binds.items()
            if (processor := self._type(bind.type).bind_processor(self._dialect)) is not None
        }
        names = tuple(compiled.positiontup or ()) if compiled.positional else None
        return Statement(str(compiled), names, converters)


def record_of(values: dict[str, Any]) -> RunRecord:
    """Return the record of one row's Python values by column name."""
    for name, empty in _EMPTY.items():
        if values[name] is None:
            values[name] = empty()
    values["status"] = RunStatus(values["status"])
    return RunRecord(**values)


_EMPTY: dict[str, Callable[[], Any]] = {
    "tags": list,
    "notices": list,
    "versions": dict,
    "options": dict,
    "answers": dict,
}
"""Fields that are never None; a row written by hand may leave them out."""


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
