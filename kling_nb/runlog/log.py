"""The run log: insert, claim, update, look up, lease, and the table as a DataFrame."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from kling_nb.domain.budget import Limit
from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunNotFound
from kling_nb.runlog.batch import Batch
from kling_nb.runlog.budgets import Budgets
from kling_nb.runlog.changes import Change, Outcome
from kling_nb.runlog.charges import Charge
from kling_nb.runlog.conditions import Where, condition, picked
from kling_nb.runlog.database import Database
from kling_nb.runlog.ids import new_id, normalize
from kling_nb.runlog.judgements import Judgements
from kling_nb.runlog.migrate import Migrations
from kling_nb.runlog.records import RunRecord
from kling_nb.runlog.schema import COLUMNS, RUNS
from kling_nb.runlog.scores import ScoreBook
from kling_nb.runlog.slots import Slots
from kling_nb.runlog.statements import Statement, Statements, record_of
from kling_nb.runlog.sweeps import Sweeps

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.domain.scores import Scores
    from kling_nb.runlog.framecache import FrameCache

IN_FLIGHT = (RunStatus.CREATED, RunStatus.SUBMITTED, RunStatus.PROCESSING, RunStatus.UNCERTAIN)

DURABLE = frozenset({"external_task_id", "task_id", "sending_at", "submitted_at"})
"""Columns whose loss in a power cut could cost a second charge or a paid video."""

_SUGGESTIONS = 5
_HISTORY = 50


class RunLog:
    """One row a run, on disk when the call returns.

    Any number of threads and processes may use one log. Nothing is opened before the first use; reading a
    log that does not exist yet gives nothing and creates nothing.

    Parameters
    ----------
    target
        SQLite file, or ``postgresql+psycopg://…`` for a log that a team shares.
    busy_timeout
        Seconds a write waits for another process.
    read_only
        Only read.
    migrations
        Known schema revisions.
    told
        Called with a sentence for the person when the log was upgraded.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        busy_timeout: float = 15.0,
        read_only: bool = False,
        migrations: Migrations | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        try:
            self._database = Database(
                target,
                busy_timeout=busy_timeout,
                read_only=read_only,
                migrations=migrations or Migrations(),
                told=told,
            )
        finally:
            target = ""  # It may hold a password, and a traceback may show the variables of this frame.

    def __repr__(self) -> str:
        # A traceback may show one whose address could not be understood.
        return f"RunLog({self.location!r})" if hasattr(self, "_database") else "RunLog()"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def location(self) -> str:
        """Path or URL, without password."""
        return self._database.where

    def now(self) -> datetime:
        """Return the present moment by the clock that leases go by: this machine's, or the server's."""
        return self._database.now()

    def check(self) -> None:
        """Raise ``LogReadOnly``, ``LogTooNew`` or another ``RunLogError`` if the log cannot be used."""
        self._database.check()

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        self._database.close()

    @staticmethod
    def new_id() -> str:
        """Return a fresh run id (``ids.new_id``)."""
        return new_id()

    def insert(self, record: RunRecord) -> RunRecord:
        """Write a new row; it is on the platter when this returns.

        Raises
        ------
        RunLogError
            The log cannot be written, or the id exists.
        """
        with self._database.writing(durable=True) as cursor:
            self._statements.insert.run(cursor, self._row(record))
        return record

    def claim(
        self,
        record: RunRecord,
        *,
        again: bool = False,
        durable: bool = True,
        caps: Sequence[Limit] = (),
    ) -> RunRecord:
        """Insert the record unless an identical run lives or a budget forbids it; one step for all kernels.

        Parameters
        ----------
        record
            With ``identity`` and ``repeat``.
        again
            Insert although an identical run exists (also ``record.again``).
        durable
            Wait for the platter. False is safe for who writes something durable to the run before it is
            sent, such as ``sending_at``: that puts everything written earlier on the platter too.
        caps
            Budgets of this kernel beside those of the log.

        Returns
        -------
        RunRecord
            The record itself, with a notice when a budget is nearly used up, or the newest run with the
            same identity and repeat that has not failed: compare the ids.

        Raises
        ------
        BudgetError
            A budget forbids the run; nothing was inserted.
        """
        statements = self._statements
        with self._database.writing(durable=durable) as cursor:
            if record.identity is not None and not (again or record.again):
                twin = {"identity": record.identity, "repeat": record.repeat, "dead": RunStatus.FAILED}
                statements.twin.run(cursor, twin)
                existing = cursor.fetchone()
                if existing is not None:
                    return statements.record(existing)
            # A task that exists already cannot be prevented any more; it counts like any other.
            if record.sending_at is None and (alerts := self.budgets.guard(cursor, Charge.of(record), caps)):
                record = replace(record, notices=[*record.notices, *alerts])
            statements.insert.run(cursor, self._row(record))
        return record

    def update(self, run_id: str, **columns: Any) -> RunRecord:
        """Change columns of one run.

        Parameters
        ----------
        run_id
            Complete id.
        **columns
            New values; a JSON column is replaced as a whole.

        Returns
        -------
        RunRecord
            The row as it is now.

        Raises
        ------
        RunNotFound
            No such run.
        TypeError
            A name that is no column, or the id.
        """
        unknown = [name for name in columns if name not in COLUMNS or name == "id"]
        if unknown or not columns:
            raise TypeError(f"not columns that can be changed: {', '.join(unknown) or 'none given'}")
        statement = self._statements.update(columns)
        values = {f"new_{name}": value for name, value in columns.items()}
        with self._database.writing(durable=not DURABLE.isdisjoint(columns)) as cursor:
            statement.run(cursor, {**values, "run_id": run_id})
            rows = cursor.fetchall()
            self.slots.changed(cursor, run_id, columns)
        if not rows:
            raise self._not_found(run_id)
        return self._statements.record(rows[0])

    def apply(self, changes: Sequence[Change]) -> list[Outcome]:
        """Make several changes in one transaction: all or none, and one commit for all of them.

        Parameters
        ----------
        changes
            Made in this order.

        Returns
        -------
        list
            None for a change that was made; for one that was not admitted, what stands in its way.

        Raises
        ------
        RunNotFound
            One of the runs does not exist; nothing was changed.
        """
        durable = any(not DURABLE.isdisjoint(change.columns) for change in changes)
        missing = None
        outcomes: list[Outcome] = []
        with self._database.writing(durable=durable) as cursor:
            batch = Batch(cursor, self._statements, self.budgets, self.slots)
            for change in changes:
                outcomes.append(batch.refused(change))
                if outcomes[-1] is None and not batch.make(change):
                    missing = change.run_id
                    cursor.connection.rollback()
                    break
        if missing is not None:
            raise self._not_found(missing)
        return outcomes

    def get(self, run_id: str) -> RunRecord:
        """Return one run.

        Parameters
        ----------
        run_id
            Id or the beginning of one, with or without ``r-``, as long as only one run begins so.

        Raises
        ------
        RunNotFound
            No run, or several, with close ids to choose from.
        """
        rows = self._beginning_with(run_id) or self._beginning_with(normalize(run_id))
        exact = [row for row in rows if row.id in (run_id, normalize(run_id))]
        if exact or len(rows) == 1:
            return (exact or rows)[0]
        if rows:
            raise _ambiguous(run_id, [row.id for row in rows])
        raise self._not_found(run_id)

    def find(
        self, *, external_task_id: str | None = None, task_id: str | None = None, identity: str | None = None
    ) -> list[RunRecord]:
        """Return the runs with all the given keys, newest first."""
        keys = {"external_task_id": external_task_id, "task_id": task_id, "identity": identity}
        given = {name: value for name, value in keys.items() if value is not None}
        if not given:
            raise TypeError("find() needs external_task_id, task_id or identity")
        return self.records(given)

    def records(self, where: Where | None = None, *, limit: int | None = None) -> list[RunRecord]:
        """Return whole rows, newest first.

        Parameters
        ----------
        where
            Column values or an expression.
        limit
            At most so many.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as connection:
            return self._select(connection, condition(where), limit=limit)

    def unfinished(self) -> list[RunRecord]:
        """Return the runs that still need something, newest first: an answer, an end, or their download."""
        missing_video = (RUNS.c.status == RunStatus.SUCCEEDED) & RUNS.c.downloaded_at.is_(None)
        return self.records(RUNS.c.status.in_(IN_FLIGHT) | missing_video)

    def lease(self, run_id: str, owner: str, seconds: float) -> bool:
        """Take or renew the right to send and follow a run.

        Parameters
        ----------
        run_id
            Complete id.
        owner
            Name of this kernel, unique on the machine.
        seconds
            How long the right lasts without renewal.

        Returns
        -------
        bool
            False while another owner's lease runs.

        Raises
        ------
        RunNotFound
            No such run.
        """
        now = self._database.now()
        until = now + timedelta(seconds=seconds)
        taken = {"new_owner": owner, "now": now, "until": until}
        return self._apply_lease(self._statements.lease, run_id, taken, until)

    def release(self, run_id: str, owner: str) -> bool:
        """Give a lease back.

        Returns
        -------
        bool
            Whether ``owner`` held it.

        Raises
        ------
        RunNotFound
            No such run.
        """
        return self._apply_lease(self._statements.release, run_id, {"holder": owner})

    def recent_durations(
        self, model: str | None, mode: str | None, duration: int | None, provider: str | None = None
    ) -> list[float]:
        """Return how long like runs took from acceptance to their end, in seconds, newest first.

        At most fifty; they give the expected time and the "longer than usual" hint
        (``spec/official-api.md`` §12).
        """
        like = {"model_name": model, "mode": mode, "duration": duration, "status": RunStatus.SUCCEEDED}
        where = condition(like if provider is None else {**like, "provider": provider})
        where &= RUNS.c.submitted_at.is_not(None) & RUNS.c.finished_at.is_not(None)
        if not self._database.exists:
            return []
        query = sa.select(RUNS.c.submitted_at, RUNS.c.finished_at).where(where).order_by(RUNS.c.id.desc())
        with self._database.reading() as connection:
            pairs = connection.execute(query.limit(_HISTORY)).all()
        return [(end - start).total_seconds() for start, end in pairs]

    def put_scores(self, run_id: str, scores: Scores) -> bool:
        """Write the scores of one run; the last writer wins, an older version never replaces a newer.

        Parameters
        ----------
        run_id
            Complete id.
        scores
            What was measured of its clip.

        Returns
        -------
        bool
            False when a newer version has measured it already.

        Raises
        ------
        RunNotFound
            No such run.
        """
        if self.scores.put({run_id: scores}):
            return True
        if not self.scores.measured([run_id]):
            raise self._not_found(run_id)
        return False

    def scores_of(self, ids: Iterable[str]) -> dict[str, Scores]:
        """Return the scores of those of the runs that were measured, by id."""
        return self.scores.of(ids)

    def change_counter(self) -> int:
        """Return a number that rises whenever anyone adds, changes or measures a run (leases aside)."""
        if not self._database.exists:
            return 0
        with self._database.reading() as connection:
            return int(connection.exec_driver_sql("SELECT coalesce(max(revision), 0) FROM runs").scalar_one())

    def frame(self, where: Where | None = None, limit: int | None = None) -> pd.DataFrame:
        """Return the runs as a tidy table, newest first, one column a parameter.

        Ids and texts are strings, times timezone-aware UTC, counts ``Int64``, money and other numbers
        ``float64`` (exact decimals: ``get(id).actual_units``). Camera and notices are texts, tags are tuples;
        the raw JSON of request, wire and answers is left out. The whole table is kept and brought up to date
        by what changed since; a filter runs in SQL.

        Parameters
        ----------
        where
            Column values or an expression.
        limit
            At most so many rows.
        """
        return self._frames.frame(None if where is None else condition(where), limit)

    @cached_property
    def budgets(self) -> Budgets:
        """The budgets that every kernel of this log keeps to."""
        return Budgets(self._database)

    @cached_property
    def slots(self) -> Slots:
        """The slots of accounts that the kernels of this log share."""
        return Slots(self._database)

    @cached_property
    def sweeps(self) -> Sweeps:
        """The plans of sweeps."""
        return Sweeps(self._database)

    @cached_property
    def judgements(self) -> Judgements:
        """What people say about runs, and their votes."""
        return Judgements(self._database, self._statements)

    @cached_property
    def scores(self) -> ScoreBook:
        """What was measured of the clips."""
        return ScoreBook(self._database, self._statements)

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self._database.dialect)

    @cached_property
    def _frames(self) -> FrameCache:
        from kling_nb.runlog.framecache import FrameCache  # noqa: PLC0415 - pandas takes half a second to load

        return FrameCache(self._database)

    def _row(self, record: RunRecord) -> dict[str, Any]:
        """Return the values of a new row; its lease was given by this machine's clock."""
        values = self._statements.values(record)
        if record.lease_until is not None:
            values["lease_until"] = record.lease_until + self._database.ahead
        return values

    def _beginning_with(self, prefix: str) -> list[RunRecord]:
        if not self._database.exists:
            return []
        # "~" sorts after every character of an id; a range uses the index where LIKE would not.
        values = {"low": prefix, "high": prefix + "~", "most": _SUGGESTIONS + 1}
        with self._database.reading() as connection:
            cursor = connection.connection.cursor()
            self._statements.between.run(cursor, values)
            return [self._statements.record(row) for row in cursor.fetchall()]

    def _select(
        self, connection: sa.Connection, where: sa.ColumnElement[bool], *, limit: int | None
    ) -> list[RunRecord]:
        query = (
            sa.select(*(RUNS.c[name] for name in COLUMNS))
            .where(picked(where, limit))
            .order_by(RUNS.c.id.desc())
        )
        return [record_of(dict(row)) for row in connection.execute(query).mappings()]

    def _apply_lease(
        self, change: Statement, run_id: str, values: dict[str, Any], until: datetime | None = None
    ) -> bool:
        with self._database.writing(durable=False) as cursor:
            change.run(cursor, {"run_id": run_id, **values})
            if cursor.fetchall():
                if until is not None:
                    self.slots.leased(cursor, run_id, values["new_owner"], until)
                return True
            self._statements.known.run(cursor, {"run_id": run_id})
            known = cursor.fetchall()
        if not known:
            raise self._not_found(run_id)
        return False

    def _not_found(self, run_id: str) -> RunNotFound:
        with_task = self.find(task_id=run_id) or self.find(external_task_id=run_id)
        if with_task:
            return RunNotFound(
                f"No run {run_id!r} in {self.location}.",
                "That is a task id of the service, not a run id.",
                f"The run of this task is {with_task[0].id}.",
            )
        recent = [row.id for row in self.records(limit=200)]
        close = get_close_matches(normalize(run_id), recent, n=3, cutoff=0.75)
        advice = f"Did you mean {', '.join(close)}?" if close else "kn.runs() lists all runs."
        if not close and recent:
            advice = f"The newest are {', '.join(recent[:3])}; kn.runs() lists all."
        return RunNotFound(f"No run {run_id!r} in {self.location}.", "No id begins so.", advice)


def _ambiguous(typed: str, ids: list[str]) -> RunNotFound:
    more = ", …" if len(ids) > _SUGGESTIONS else ""
    return RunNotFound(
        f"Several runs begin with {typed!r}.",
        f"They are {', '.join(ids[:_SUGGESTIONS])}{more}.",
        "Type one more character of the id.",
    )


def open_log(
    target: str | os.PathLike[str], *, busy_timeout: float = 15.0, read_only: bool = False
) -> RunLog:
    """Return the log at a path or URL, checked if it exists, created with the first write if not.

    Parameters
    ----------
    target
        SQLite file, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    busy_timeout
        Seconds a write waits for another process.
    read_only
        Look at a log that cannot or must not be written.

    Raises
    ------
    LogReadOnly
        File or folder cannot be written (and ``read_only`` is not set).
    LogTooNew
        Written by a newer version.
    RunLogError
        Damaged, or somebody else's database.
    """
    try:
        log = RunLog(target, busy_timeout=busy_timeout, read_only=read_only)
    finally:
        target = ""  # As in the log.
    log.check()
    return log
