"""Statements compiled once by SQLAlchemy Core and then run straight through the driver.

Core's work per execution costs several times what SQLite needs to store a row. The SQL, the parameter order
and the type conversions are still Core's; only the repetition is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from kling_nb.domain.task import RunStatus
from kling_nb.runlog.columntypes import UtcDateTime
from kling_nb.runlog.records import RunRecord
from kling_nb.runlog.schema import COLUMNS, RUNS

Convert = Callable[[Any], Any]

_READ = [RUNS.c[name] for name in COLUMNS]
_values_of = attrgetter(*COLUMNS)
_NEXT_REVISION = sa.select(
    sa.func.coalesce(sa.func.max(RUNS.alias("others").c.revision), sa.literal_column("0"))
    + sa.literal_column("1")
).scalar_subquery()
_THIS_RUN = RUNS.c.id == sa.bindparam("run_id", type_=sa.Text())


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameter order and conversions.

    Parameters
    ----------
    sql
        Text in the driver's parameter style.
    names
        Bind names in positional order, None for drivers that take a mapping.
    constants
        Values that belong to the statement itself, such as a limit.
    converters
        Conversion to the driver's values, by bind name; absent where none is needed.
    """

    sql: str
    names: tuple[str, ...] | None
    constants: Mapping[str, Any]
    converters: Mapping[str, Convert]

    def run(self, cursor: Any, values: Mapping[str, Any]) -> None:
        """Execute on a driver's cursor.

        Parameters
        ----------
        cursor
            DBAPI cursor.
        values
            Python values by bind name.
        """
        driver = {**self.constants, **values}
        for name, convert in self.converters.items():
            if driver[name] is not None:
                driver[name] = convert(driver[name])
        try:
            cursor.execute(self.sql, self._arrange(driver))
        except Exception as error:
            # A lone surrogate in somebody's message must not cost us the row that holds the task id. Nor
            # may a zero byte, which PostgreSQL's driver refuses before anything is sent.
            if not (isinstance(error, UnicodeEncodeError) or "NUL (0x00)" in str(error)):
                raise
            cursor.execute(self.sql, self._arrange({name: _storable(v) for name, v in driver.items()}))

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
        """Insert one record (``values``)."""
        return self._compiled(RUNS.insert().values(**_binds(COLUMNS), revision=_NEXT_REVISION))

    @cached_property
    def twin(self) -> Statement:
        """Select the newest run of ``identity`` and ``repeat`` whose status is not ``dead``."""
        same = (RUNS.c.identity == sa.bindparam("identity")) & (RUNS.c.repeat == sa.bindparam("repeat"))
        alive = RUNS.c.status != sa.bindparam("dead")
        return self._compiled(sa.select(*_READ).where(same & alive).order_by(RUNS.c.id.desc()).limit(1))

    @cached_property
    def charged(self) -> Statement:
        """Select the whole row of ``run_id``."""
        return self._compiled(sa.select(*_READ).where(_THIS_RUN))

    @cached_property
    def between(self) -> Statement:
        """Select the newest runs with ids from ``low`` to ``high``, at most ``most``."""
        low, high = sa.bindparam("low", type_=sa.Text()), sa.bindparam("high", type_=sa.Text())
        query = sa.select(*_READ).where(RUNS.c.id.between(low, high)).order_by(RUNS.c.id.desc())
        return self._compiled(query.limit(sa.bindparam("most", type_=sa.Integer())))

    @cached_property
    def lease(self) -> Statement:
        """Give ``run_id`` to ``owner`` until ``until`` if nobody else holds it at ``now``."""
        free = RUNS.c.owner.is_(None) | (RUNS.c.owner == sa.bindparam("new_owner"))
        free |= RUNS.c.lease_until.is_(None) | (RUNS.c.lease_until < sa.bindparam("now"))
        taken: dict[str, Any] = {"owner": sa.bindparam("new_owner"), "lease_until": sa.bindparam("until")}
        return self._compiled(RUNS.update().where(_THIS_RUN & free).values(taken).returning(RUNS.c.id))

    @cached_property
    def release(self) -> Statement:
        """Take ``run_id`` from ``holder``."""
        held = _THIS_RUN & (RUNS.c.owner == sa.bindparam("holder"))
        freed = {"owner": sa.null(), "lease_until": sa.null()}
        return self._compiled(RUNS.update().where(held).values(freed).returning(RUNS.c.id))

    @cached_property
    def known(self) -> Statement:
        """Select the id of ``run_id``."""
        return self._compiled(sa.select(RUNS.c.id).where(_THIS_RUN))

    @cached_property
    def touch(self) -> Statement:
        """Raise the revision of ``run_id``: something beside its row has changed."""
        return self._compiled(RUNS.update().where(_THIS_RUN).values(revision=_NEXT_REVISION))

    def update(self, columns: Iterable[str]) -> Statement:
        """Return the update of these columns (binds ``new_…``) of ``run_id``; it returns the whole row.

        Parameters
        ----------
        columns
            Names to set.
        """
        return self._update(frozenset(columns), returning=True)

    def change(self, columns: Iterable[str]) -> Statement:
        """Return the same update without the row: reading it back costs more than writing.

        Parameters
        ----------
        columns
            Names to set.
        """
        return self._update(frozenset(columns), returning=False)

    def _update(self, columns: frozenset[str], *, returning: bool) -> Statement:
        key = (columns, returning)
        if key not in self._updates:
            values = _binds(sorted(columns), prefix="new_")
            change = RUNS.update().where(_THIS_RUN).values(**values, revision=_NEXT_REVISION)
            self._updates[key] = self._compiled(change.returning(*_READ) if returning else change)
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

    def _compiled(self, statement: sa.Executable) -> Statement:
        return compile_statement(statement, self._dialect)

    @cached_property
    def _readers(self) -> dict[str, Convert]:
        dialect = self._dialect
        if dialect.name != "sqlite":
            # The driver makes Python values of everything; only the time zone is the session's.
            return {
                name: partial(kind.process_result_value, dialect=dialect)
                for name in COLUMNS
                if isinstance(kind := RUNS.c[name].type, UtcDateTime)
            }
        types = {name: RUNS.c[name].type.dialect_impl(dialect) for name in COLUMNS}
        readers = {name: native.result_processor(dialect, None) for name, native in types.items()}
        return {name: reader for name, reader in readers.items() if reader is not None}


def compile_statement(statement: sa.Executable, dialect: sa.Dialect) -> Statement:
    """Compile once what will run often.

    Parameters
    ----------
    statement
        Without ``IN`` over a parameter: its length would have to be known now.
    dialect
        Dialect of the database.
    """
    assert isinstance(statement, sa.ClauseElement)
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, sa.sql.compiler.SQLCompiler)
    converters = {
        name: processor
        for name, bind in compiled.binds.items()
        if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    names = tuple(compiled.positiontup or ()) if compiled.positional else None
    return Statement(str(compiled), names, constants, converters)


def record_of(values: dict[str, Any]) -> RunRecord:
    """Return the record of one row's Python values by column name."""
    for name, empty in _EMPTY.items():
        if values[name] is None:
            values[name] = empty()
    values["status"] = RunStatus(values["status"])
    return RunRecord(**values)


_EMPTY: dict[str, Callable[[], Any]] = {
    "tags": list,
    "variables": dict,
    "notices": list,
    "versions": dict,
    "options": dict,
    "answers": dict,
}
"""Fields that are never None; a row written by hand may leave them out."""


def _binds(columns: Iterable[str], prefix: str = "") -> dict[str, Any]:
    return {name: sa.bindparam(prefix + name, type_=RUNS.c[name].type) for name in columns}


def _storable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
