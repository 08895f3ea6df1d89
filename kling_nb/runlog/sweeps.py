"""Plans of sweeps in the log, and rows of runs that do not exist yet."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kling_nb.runlog.ids import new_id
from kling_nb.runlog.records import RunRecord
from kling_nb.runlog.schema import SWEEPS, field_kinds
from kling_nb.runlog.statements import compile_statement

if TYPE_CHECKING:
    from kling_nb.runlog.database import Database

PREFIX = "s-"
UNPACKED = frozenset({"id", "created_at", "owner", "lease_until", "sweep_id", "repeat", "wire", "base_url"})
"""Columns that a run gets when it is made."""


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """One sweep.

    Parameters
    ----------
    id, name
        ``s-…``, and what a person calls it.
    created_at
        When it was planned.
    plan
        Everything it makes, as JSON.
    state, reason
        ``running``, ``stopped`` or ``done``, and why.
    owner
        Which kernel makes its runs; None while none does.
    """

    id: str
    name: str | None
    created_at: datetime
    plan: dict[str, Any]
    state: str = "running"
    reason: str = ""
    owner: str | None = None


_COLUMNS = tuple(item.name for item in fields(SweepRecord))


def new_sweep_id() -> str:
    """Return a fresh id, sorted by time like those of runs."""
    return PREFIX + new_id()[2:]


class Sweeps:
    """The sweeps of one log.

    Parameters
    ----------
    database
        The log's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, record: SweepRecord) -> None:
        """Write a plan; it is on the platter when this returns."""
        binds = {name: sa.bindparam(name, type_=SWEEPS.c[name].type) for name in _COLUMNS}
        self._write(SWEEPS.insert().values(**binds), {name: getattr(record, name) for name in _COLUMNS})

    def set_state(self, sweep_id: str, state: str, reason: str = "", owner: str | None = None) -> None:
        """Note that a sweep runs, and where; that it stopped, or is done."""
        self._change(sweep_id, state=state, reason=reason, owner=owner)

    def set_plan(self, sweep_id: str, plan: dict[str, Any]) -> None:
        """Write a changed plan; it is on the platter when this returns."""
        self._change(sweep_id, plan=plan)

    def find(self, word: str) -> list[SweepRecord]:
        """Return the sweeps with this id, else this name, else an id that begins so; newest first."""
        for where in (
            SWEEPS.c.id == word,
            SWEEPS.c.name == word,
            SWEEPS.c.id.startswith(word, autoescape=True),
        ):
            if found := self._select(where):
                return found
        return []

    def all(self, state: str | None = None) -> list[SweepRecord]:
        """Return all sweeps, or those in a state; newest first."""
        return self._select(sa.true() if state is None else SWEEPS.c.state == state)

    def _select(self, where: sa.ColumnElement[bool]) -> list[SweepRecord]:
        if not self._database.exists:
            return []
        query = sa.select(*(SWEEPS.c[name] for name in _COLUMNS)).where(where)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(SWEEPS.c.id.desc())).all()
        return [SweepRecord(*row) for row in rows]

    def _change(self, sweep_id: str, **columns: Any) -> None:
        binds: dict[str, Any] = {
            name: sa.bindparam(f"new_{name}", type_=SWEEPS.c[name].type) for name in columns
        }
        change = SWEEPS.update().where(SWEEPS.c.id == sa.bindparam("sweep_id")).values(**binds)
        values = {f"new_{name}": value for name, value in columns.items()}
        self._write(change, {"sweep_id": sweep_id, **values})

    def _write(self, statement: sa.Executable, values: dict[str, Any]) -> None:
        with self._database.writing(durable=True) as cursor:
            compile_statement(statement, self._database.dialect).run(cursor, values)


def pack(record: RunRecord) -> dict[str, Any]:
    """Return a row that will be made later as plain JSON; what it gets only then is left out."""
    found = {}
    for item in fields(record):
        value = getattr(record, item.name)
        if item.name in UNPACKED or value is None or (item.default is not MISSING and value == item.default):
            continue
        found[item.name] = value.isoformat() if isinstance(value, datetime) else _plain(value)
    return found


def unpack(packed: dict[str, Any], **columns: Any) -> RunRecord:
    """Return the row with the columns that it gets now."""
    kinds = field_kinds()
    # A column that a later version took away must not keep a sweep from going on.
    values = {name: _typed(value, kinds[name]) for name, value in packed.items() if name in kinds}
    return RunRecord(**{**values, **columns})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _typed(value: Any, kind: type) -> Any:
    if kind is Decimal:
        return Decimal(value)
    return datetime.fromisoformat(value) if kind is datetime else value
