"""Slots of an account, shared by all kernels of a log.

The service gives an account a number of slots per model and refuses what is beyond it (1303,
``spec/official-api.md`` §13). A run takes a slot in the transaction that lets it be sent and gives it back
in the one that notes its end. What a dead kernel held ends by itself: a request without an answer with the
lease, a task that nobody follows after half an hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kling_nb.domain.task import RunStatus
from kling_nb.runlog.schema import RUNS, SLOTS
from kling_nb.runlog.slotstatements import SlotStatements

if TYPE_CHECKING:
    from kling_nb.runlog.database import Database

SENDING_S = 180.0
"""How long a slot is kept for a request without an answer, unless its kernel renews the lease."""

KNOWN_S = 1800.0
"""How long a slot is kept for a task that nobody follows."""

TURN_S = 10.0
"""How long a waiting kernel keeps its place without asking again."""

LEARNT_S = 2 * 3600.0
"""How long a learnt number of slots holds: packs of slots are bought and expire."""


_FINAL = (RunStatus.SUCCEEDED, RunStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run needs to be sent.

    Parameters
    ----------
    slot
        Name of the account's slots for the model.
    quota
        How many this kernel believes in.
    owner
        This kernel.
    """

    slot: str
    quota: int
    owner: str


@dataclass(frozen=True, slots=True)
class Busy:
    """No slot is free for the asker now.

    Parameters
    ----------
    held, limit
        Slots in use, and how many there are.
    learnt
        Whether the service has told that number by refusing one more.
    unsure
        How many are kept for requests whose answer was lost: nobody knows whether the service has a task.
    until
        When the first of those is given up, None without any.
    """

    held: int
    limit: int
    learnt: bool = False
    unsure: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that takes up a slot: whose it is, and whether the service is known to have its task."""

    run_id: str
    owner: str
    known: bool


@dataclass(slots=True)
class Tally:
    """What one transaction has found out about slots, so that a batch of runs asks once.

    Parameters
    ----------
    free
        Slots left for the asking kernel, by slot and owner.
    learnt
        Whether the log has learnt any number of slots; None before it was asked.
    """

    free: dict[tuple[str, str], int] = field(default_factory=dict)
    learnt: bool | None = None


class Slots:
    """The slots noted in one log.

    Parameters
    ----------
    database
        The log's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @cached_property
    def _sql(self) -> SlotStatements:
        return SlotStatements(self._database.dialect)

    def now(self) -> datetime:
        """Return the moment that slots are judged at, by the clock that all kernels of the log go by."""
        return self._database.now()

    # --- inside the transaction of a run ------------------------------------------------------------------

    def take(
        self, cursor: Any, run_id: str, wish: Wish, now: datetime, tally: Tally | None = None
    ) -> Busy | None:
        """Take a slot for a run, or say that none is free for it.

        Others that wait longer come first: a kernel that has just given a slot back must not take it again
        before their turn.
        """
        self._sql.mine.run(cursor, {"run_id": run_id})
        if cursor.fetchone() is not None:
            return None
        tally, key = tally or Tally(), (wish.slot, wish.owner)
        if tally.free.get(key, 0) <= 0:
            found = self._free_for(cursor, wish, now)
            if isinstance(found, Busy):
                return found
            tally.free[key] = found
        tally.free[key] -= 1
        self._put(cursor, run_id, wish, known=False, until=now + timedelta(seconds=SENDING_S))
        return None

    def changed(self, cursor: Any, run_id: str, columns: Any, tally: Tally | None = None) -> None:
        """Follow a change of a run: its task became known, it ended, or it was not sent after all."""
        # A word from outside may come as plain text.
        final = columns.get("status") in _FINAL
        if final or ("sending_at" in columns and columns["sending_at"] is None):
            self._sql.free.run(cursor, {"run_id": run_id})
        elif columns.get("status") == RunStatus.UNCERTAIN:
            # The service no longer knows the task. A request whose answer was lost may still be there.
            self._sql.free_gone.run(cursor, {"run_id": run_id})
        elif columns.get("task_id") is not None:
            now = self.now()
            known = {"run_id": run_id, "until": now + timedelta(seconds=KNOWN_S), "now": now}
            self._sql.know.run(cursor, known)
            if self._has_learnt(cursor, tally or Tally()):
                # More tasks live than were thought possible: the number learnt was too low.
                self._sql.lift.run(cursor, known)

    def released(self, cursor: Any, run_id: str) -> None:
        """Follow the end of a lease: a run that was not sent needs no slot."""
        self._sql.free_unsent.run(cursor, {"run_id": run_id})

    def leased(self, cursor: Any, run_id: str, owner: str, until: datetime) -> None:
        """Follow the renewal of a lease."""
        self._sql.renew.run(cursor, {"run_id": run_id, "owner": owner, "until": until})

    def occupied(self, cursor: Any, run_id: str, wish: Wish, *, known: bool) -> None:
        """Note a run that takes up a slot whether or not one is free: the service may have it already."""
        until = self.now() + timedelta(seconds=KNOWN_S if known else SENDING_S)
        self._occupy(cursor, run_id, wish, known=known, until=until)

    # --- transactions of their own ------------------------------------------------------------------------

    def reserve(self, run_id: str, wish: Wish) -> Busy | None:
        """Take a slot for a run that will be sent next, or take a place among those that wait."""
        now = self.now()
        with self._database.writing(durable=False) as cursor:
            busy = self.take(cursor, run_id, wish, now)
            place = {"slot": wish.slot, "owner": wish.owner}
            if busy is None:
                self._sql.leave.run(cursor, place)
                return None
            until = now + timedelta(seconds=TURN_S)
            self._sql.stay.run(cursor, {**place, "until": until})
            if cursor.rowcount == 0:
                self._sql.join.run(cursor, {**place, "since": now, "until": until})
        return busy

    def refused(self, slot: str) -> int:
        """Learn from a refusal: no more slots than tasks are known to live now, and at least one.

        Returns
        -------
        int
            The number learnt.
        """
        now = self.now()
        with self._database.writing(durable=False) as cursor:
            self._sql.known_count.run(cursor, {"slot": slot, "now": now})
            quota = max(1, int(cursor.fetchone()[0]))
            values = {"slot": slot, "quota": quota, "now": now}
            self._sql.relearn.run(cursor, values)
            if cursor.rowcount == 0:
                self._sql.learn.run(cursor, values)
        return quota

    def holders(self, slot: str) -> list[Holder]:
        """Return the runs that take up slots now."""
        if not self._database.exists:
            return []
        live = (SLOTS.c.slot == slot) & (SLOTS.c.until > self.now())
        query = sa.select(SLOTS.c.run_id, SLOTS.c.owner, SLOTS.c.known).where(live)
        with self._database.reading() as connection:
            return [Holder(*row) for row in connection.execute(query)]

    def with_unsure(self, busy: Busy, slot: str) -> Busy:
        """Add how many of the slots in use are kept for runs whose answer was lost, and how long."""
        lost = (RUNS.c.status == RunStatus.UNCERTAIN) & ~SLOTS.c.known
        live = (SLOTS.c.slot == slot) & (SLOTS.c.until > self.now())
        query = sa.select(SLOTS.c.until).join(RUNS, RUNS.c.id == SLOTS.c.run_id).where(live & lost)
        with self._database.reading() as connection:
            ends = [row[0] for row in connection.execute(query)]
        return replace(busy, unsure=len(ends), until=min(ends, default=None))

    def free(self, run_ids: Sequence[str]) -> None:
        """Give back slots of requests whose kernel is gone and whose task nobody knows."""
        with self._database.writing(durable=False) as cursor:
            for run_id in run_ids:
                self._sql.free_lost.run(cursor, {"run_id": run_id})

    def learnt(self, slot: str) -> int | None:
        """Return how many slots there are as far as refusals told, None when none did lately."""
        if not self._database.exists:
            return None
        with self._database.reading() as connection:
            return self._limit(connection.connection.cursor(), slot, self.now())

    def salt(self) -> str:
        """Return the random text that fingerprints of credentials in this log are made with."""
        with self._database.writing(durable=True) as cursor:
            self._sql.fact.run(cursor, {"name": "salt"})
            row = cursor.fetchone()
            if row is not None:
                return str(row[0])
            salt = secrets.token_hex(16)
            self._sql.keep_fact.run(cursor, {"name": "salt", "value": salt})
        return salt

    # --- inside -------------------------------------------------------------------------------------------

    def _free_for(self, cursor: Any, wish: Wish, now: datetime) -> int | Busy:
        """Return how many slots a kernel may take now, at least one, or that there is none for it."""
        learnt = self._limit(cursor, wish.slot, now)
        limit = wish.quota if learnt is None else min(wish.quota, learnt)
        self._sql.count.run(cursor, {"slot": wish.slot, "now": now})
        held = int(cursor.fetchone()[0])
        if held < limit:
            self._sql.ahead.run(cursor, {"slot": wish.slot, "owner": wish.owner, "now": now})
            free = limit - held - int(cursor.fetchone()[0])
            if free > 0:
                return free
        return Busy(held, limit, learnt is not None and learnt <= wish.quota)

    def _limit(self, cursor: Any, slot: str, now: datetime) -> int | None:
        self._sql.known_limit.run(cursor, {"slot": slot, "since": now - timedelta(seconds=LEARNT_S)})
        row = cursor.fetchone()
        return None if row is None else int(row[0])

    def _occupy(self, cursor: Any, run_id: str, wish: Wish, *, known: bool, until: datetime) -> None:
        self._sql.free.run(cursor, {"run_id": run_id})
        self._put(cursor, run_id, wish, known=known, until=until)

    def _put(self, cursor: Any, run_id: str, wish: Wish, *, known: bool, until: datetime) -> None:
        values = {"run_id": run_id, "slot": wish.slot, "owner": wish.owner, "known": known, "until": until}
        self._sql.insert.run(cursor, values)

    def _has_learnt(self, cursor: Any, tally: Tally) -> bool:
        if tally.learnt is None:
            self._sql.any_limit.run(cursor, {})
            tally.learnt = cursor.fetchone() is not None
        return tally.learnt
