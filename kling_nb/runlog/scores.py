"""Scores of runs: one row a measured clip, beside the run and not in it.

Every step of every run copies its row; forty numbers that come once, at the end, have a table of their own.
Writing scores raises the run's revision, by which cached frames, here and in other kernels, notice them.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kling_nb.domain.scores import FLAGS, UNREADABLE, Flag, Scores
from kling_nb.runlog.records import utc_now
from kling_nb.runlog.schema import MEASURED, SCORES
from kling_nb.runlog.statements import Statement, Statements, compile_statement

if TYPE_CHECKING:
    from kling_nb.runlog.database import Database

logger = logging.getLogger("kling_nb")

_T = TypeVar("_T")

_AT_ONCE: Final = 500
"""Rows of one query or transaction: other kernels get their turn between."""

_OWN: Final = ("version", "clip_sha256", "asked_digest", "values", "flags")
"""Fields of the scores that have columns."""

# JSON as text: one row that somebody has damaged must not hide all the others.
_NUMBERS: Final = (SCORES.c.run_id, SCORES.c.score_version, SCORES.c.video_sha256, SCORES.c.asked_digest,
                   sa.cast(SCORES.c.flags, sa.Text()), SCORES.c.score_confidence,
                   *(SCORES.c[name] for name in MEASURED))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """The numbers of one clip, without paths and curves: what is cheap to read of thousands.

    Parameters
    ----------
    version, clip_sha256, asked_digest
        By which one knows whether they still hold, as in :class:`kling_nb.domain.scores.Scores`.
    flags
        What to look at.
    confidence
        That of the least sure of the numbers, 0 to 1; None without any.
    values
        One number, or None, for each measure.
    """

    version: int
    clip_sha256: str
    asked_digest: str
    flags: tuple[Flag, ...]
    confidence: float | None
    values: dict[str, float | None]


class ScoreBook:
    """The scores of one log.

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

    def put(self, found: Mapping[str, Scores]) -> set[str]:
        """Write scores of many runs; the last writer wins, but an older version never replaces a newer.

        Parameters
        ----------
        found
            Scores by complete run id.

        Returns
        -------
        set of str
            Ids of the runs that have these scores now. The others are not in the log any more, or were
            measured by a newer version.

        Raises
        ------
        RunLogError
            The log cannot be written; what was written before stays.
        """
        written: set[str] = set()
        for part in _parts(found.items()):
            with self._database.writing(durable=False) as cursor:
                written |= {run_id for run_id, scores in part if self._write(cursor, run_id, scores)}
        return written

    def _write(self, cursor: Any, run_id: str, scores: Scores) -> bool:
        self._statements.known.run(cursor, {"run_id": run_id})
        if cursor.fetchone() is None:
            return False
        self._upsert.run(cursor, _row(run_id, scores))
        if cursor.rowcount == 0:
            return False
        self._statements.touch.run(cursor, {"run_id": run_id})
        return True

    def of(self, ids: Iterable[str]) -> dict[str, Scores]:
        """Return the scores of those of the runs that have any, by id."""
        columns = (*_NUMBERS, sa.cast(SCORES.c.detail, sa.Text()))
        return dict(self._read(_scores, columns, ids))

    def measured(self, ids: Iterable[str]) -> dict[str, Measured]:
        """Return numbers and flags of those of the runs that have scores, by id."""
        return dict(self._read(_measured, _NUMBERS, ids))

    def _read(
        self, make: Callable[[Sequence[Any]], _T], columns: Sequence[Any], ids: Iterable[str]
    ) -> Iterator[tuple[str, _T]]:
        """Yield what is in the rows; one that cannot be read counts as none, and is measured again."""
        for row in self._rows(columns, ids):
            try:
                yield row[0], make(row)
            except UNREADABLE as error:
                logger.debug("the scores of %s cannot be read: %s", row[0], error)

    def _rows(self, columns: Sequence[Any], ids: Iterable[str]) -> Iterator[Sequence[Any]]:
        wanted = list(dict.fromkeys(ids))
        if not wanted or not self._database.exists:
            return
        with self._database.reading() as connection:
            for part in _parts(wanted):
                yield from connection.execute(sa.select(*columns).where(SCORES.c.run_id.in_(part)))

    @cached_property
    def _upsert(self) -> Statement:
        binds = {column.name: sa.bindparam(column.name, type_=column.type) for column in SCORES.columns}
        insert = (sqlite if self._database.dialect.name == "sqlite" else postgresql).insert(SCORES)
        statement = insert.values(binds)
        changed = {name: statement.excluded[name] for name in binds if name != "run_id"}
        return compile_statement(
            statement.on_conflict_do_update(
                index_elements=["run_id"],
                set_=changed,
                where=SCORES.c.score_version <= statement.excluded.score_version,
            ),
            self._database.dialect,
        )


def _row(run_id: str, scores: Scores) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "score_version": scores.version,
        "score_confidence": scores.least_confidence,
        "flags": list(scores.flags),
        **{name: scores.values[name] for name in MEASURED},
        "video_sha256": scores.clip_sha256,
        "asked_digest": scores.asked_digest,
        "measured_at": utc_now(),
        "detail": _detail(scores),
    }


def _detail(scores: Scores) -> dict[str, Any]:
    """Return what has no column."""
    return {name: value for name, value in scores.to_json().items() if name not in _OWN}


def _measured(row: Sequence[Any]) -> Measured:
    version, confidence = int(row[1]), None if row[5] is None else _number(row[5])
    return Measured(version, str(row[2]), str(row[3]), _flags(row), confidence, _values(row))


def _scores(row: Sequence[Any]) -> Scores:
    own = (row[1], row[2], row[3], _values(row), _flags(row))
    return Scores.from_json({**json.loads(row[-1]), **dict(zip(_OWN, own, strict=True))})


def _values(row: Sequence[Any]) -> dict[str, float | None]:
    begin = len(_NUMBERS) - len(MEASURED)
    found = zip(MEASURED, row[begin : begin + len(MEASURED)], strict=True)
    return {name: None if value is None else _number(value) for name, value in found}


def _flags(row: Sequence[Any]) -> tuple[Flag, ...]:
    found = json.loads(row[4])
    return tuple(flag for flag in found if flag in FLAGS) if isinstance(found, list) else ()


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


def _parts(items: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
