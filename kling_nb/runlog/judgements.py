"""What a person says about runs: several of them in one transaction, and votes between two clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kling_nb.errors import RunNotFound
from kling_nb.runlog.records import RunRecord, utc_now
from kling_nb.runlog.schema import VOTES
from kling_nb.runlog.statements import Statement, Statements, compile_statement

if TYPE_CHECKING:
    from kling_nb.runlog.database import Database


@dataclass(frozen=True, slots=True)
class Judgement:
    """What changes about one run.

    Parameters
    ----------
    run_id
        Complete id.
    columns
        New values.
    only_if
        Values that these columns must still have; another value stays. None changes whatever is there.
    add, remove
        Tags; those that somebody else gives at the same moment stay.
    """

    run_id: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    only_if: Mapping[str, Any] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def changes(self, record: RunRecord) -> dict[str, Any]:
        """Return the columns that are to be written, with the row as it is."""
        changes = {name: value for name, value in self.columns.items() if getattr(record, name) != value}
        if self.only_if is not None:
            kept = self.only_if
            changes = {name: value for name, value in changes.items() if getattr(record, name) == kept[name]}
        if self.add or self.remove:
            tags = [tag for tag in record.tags if tag not in self.remove]
            tags += [tag for tag in dict.fromkeys(self.add) if tag not in tags]
            if tags != record.tags:
                changes["tags"] = tags
        return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Which of two clips a person found better.

    Parameters
    ----------
    left, right
        Run ids, as they were shown.
    outcome
        ``left``, ``right``, ``tie`` or ``skip``.
    question
        What was asked.
    voter
        Who answered.
    blind
        Whether labels were hidden.
    voted_at
        When, in UTC.
    id
        Number in the log; None before it is there.
    """

    left: str
    right: str
    outcome: str
    question: str
    voter: str
    blind: bool = True
    voted_at: datetime = field(default_factory=utc_now)
    id: int | None = None


class Judgements:
    """Judgements and votes of one log.

    Parameters
    ----------
    database
        The log's database.
    statements
        Statements of the log.
    """

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._statements = statements

    def make(self, judgements: Sequence[Judgement]) -> list[tuple[RunRecord, RunRecord]]:
        """Write all of them, or none.

        Returns
        -------
        list of (RunRecord, RunRecord)
            The rows before and after; what did not change is not written.

        Raises
        ------
        RunNotFound
            One of the runs does not exist; nothing was changed.
        RunLogError
            The log cannot be written; nothing was changed.
        """
        made = []
        with self._database.writing(durable=False) as cursor:
            for judgement in judgements:
                self._statements.charged.run(cursor, {"run_id": judgement.run_id})
                row = cursor.fetchone()
                if row is None:
                    raise RunNotFound(
                        f"No run {judgement.run_id!r} in {self._database.where}.",
                        "It may have been removed from the log.",
                        "kn.runs() lists all runs; nothing was changed.",
                    )
                before = self._statements.record(row)
                made.append((before, self._write(cursor, before, judgement.changes(before))))
        return made

    def _write(self, cursor: Any, before: RunRecord, columns: dict[str, Any]) -> RunRecord:
        if not columns:
            return before
        values = {f"new_{name}": value for name, value in columns.items()}
        self._statements.update(columns).run(cursor, {**values, "run_id": before.id})
        return self._statements.record(cursor.fetchall()[0])

    def vote(self, vote: Vote) -> int:
        """Write a vote and return its number.

        Raises
        ------
        RunLogError
            The log cannot be written.
        """
        values = {name: getattr(vote, name) for name in _VOTE_COLUMNS}
        with self._database.writing(durable=False) as cursor:
            self._insert.run(cursor, values)
            return int(cursor.fetchall()[0][0])

    def unvote(self, number: int) -> bool:
        """Take a vote back; whether it was there."""
        with self._database.writing(durable=False) as cursor:
            self._delete.run(cursor, {"number": number})
            return bool(cursor.rowcount)

    def votes(self, *, question: str | None = None, voter: str | None = None) -> list[Vote]:
        """Return votes, the first first.

        Parameters
        ----------
        question, voter
            Only those of this question, or person.
        """
        if not self._database.exists:
            return []
        query = sa.select(VOTES).order_by(VOTES.c.id)
        if question is not None:
            query = query.where(VOTES.c.question == question)
        if voter is not None:
            query = query.where(VOTES.c.voter == voter)
        with self._database.reading() as connection:
            return [Vote(**row) for row in connection.execute(query).mappings()]

    @cached_property
    def _insert(self) -> Statement:
        binds = {name: sa.bindparam(f"{name}", type_=VOTES.c[name].type) for name in _VOTE_COLUMNS}
        return compile_statement(VOTES.insert().values(binds).returning(VOTES.c.id), self._database.dialect)

    @cached_property
    def _delete(self) -> Statement:
        query = VOTES.delete().where(VOTES.c.id == sa.bindparam("number", type_=sa.Integer()))
        return compile_statement(query, self._database.dialect)


_VOTE_COLUMNS = tuple(column.name for column in VOTES.columns if column.name != "id")
