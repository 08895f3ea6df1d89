"""Slots of an account, shared by all kernels of a log.

The service gives an account a number of slots per model and refuses what is beyond it (1303,
``spec/official-api.md`` §13). A run takes a slot in the transaction that lets it be sent and gives it back
in the one that notes its end. What a dead kernel held ends by itself: a request without an answer with the
lease, a task that nobody follows after half an hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kling_nb.domain.task import RunStatus
from kling_nb.runlog.columntypes import UtcDateTime
from kling_nb.runlog.records import utc_now
from kling_nb.runlog.schema import FACTS, RUNS, SLOT_LIMITS, SLOT_QUEUE, SLOTS
from kling_nb.runlog.statements import Statement, compile_statement

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
    """

    held: int
    limit: int
    learnt: bool = False


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

    # --- inside the transaction of a run ------------------------------------------------------------------

    def take(
        self, cursor: Any, run_id: str, wish: Wish, now: datetime, tally: Tally | None = None
    ) -> Busy | None:
        """Take a slot for a run, or say that none is free for it.

        Others that wait longer come first: a kernel that has just given a slot back must not take it again
        before their turn.
        """
        self._mine.run(cursor, {"run_id": run_id})
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
            self._free.run(cursor, {"run_id": run_id})
        elif columns.get("status") == RunStatus.UNCERTAIN:
            # The service no longer knows the task. A request whose answer was lost may still be there.
            self._free_gone.run(cursor, {"run_id": run_id})
        elif columns.get("task_id") is not None:
            now = utc_now()
            known = {"run_id": run_id, "until": now + timedelta(seconds=KNOWN_S), "now": now}
            self._know.run(cursor, known)
            if self._has_learnt(cursor, tally or Tally()):
                # More tasks live than were thought possible: the number learnt was too low.
                self._raise.run(cursor, known)

    def released(self, cursor: Any, run_id: str) -> None:
        """Follow the end of a lease: a run that was not sent needs no slot."""
        self._free_unsent.run(cursor, {"run_id": run_id})

    def leased(self, cursor: Any, run_id: str, owner: str, until: datetime) -> None:
        """Follow the renewal of a lease."""
        self._renew.run(cursor, {"run_id": run_id, "owner": owner, "until": until})

    def occupied(self, cursor: Any, run_id: str, wish: Wish, *, known: bool) -> None:
        """Note a run that takes up a slot whether or not one is free: the service may have it already."""
        until = utc_now() + timedelta(seconds=KNOWN_S if known else SENDING_S)
        self._occupy(cursor, run_id, wish, known=known, until=until)

    # --- transactions of their own ------------------------------------------------------------------------

    def reserve(self, run_id: str, wish: Wish) -> Busy | None:
        """Take a slot for a run that will be sent next, or take a place among those that wait."""
        now = utc_now()
        with self._database.writing(durable=False) as cursor:
            busy = self.take(cursor, run_id, wish, now)
            place = {"slot": wish.slot, "owner": wish.owner}
            if busy is None:
                self._leave.run(cursor, place)
                return None
            until = now + timedelta(seconds=TURN_S)
            self._stay.run(cursor, {**place, "until": until})
            if cursor.rowcount == 0:
                self._join.run(cursor, {**place, "since": now, "until": until})
        return busy

    def refused(self, slot: str) -> int:
        """Learn from a refusal: no more slots than tasks are known to live now, and at least one.

        Returns
        -------
        int
            The number learnt.
        """
        now = utc_now()
        with self._database.writing(durable=False) as cursor:
            self._known_count.run(cursor, {"slot": slot, "now": now})
            quota = max(1, int(cursor.fetchone()[0]))
            values = {"slot": slot, "quota": quota, "now": now}
            self._relearn.run(cursor, values)
            if cursor.rowcount == 0:
                self._learn.run(cursor, values)
        return quota

    def holders(self, slot: str) -> list[Holder]:
        """Return the runs that take up slots now."""
        if not self._database.exists:
            return []
        live = (SLOTS.c.slot == slot) & (SLOTS.c.until > utc_now())
        query = sa.select(SLOTS.c.run_id, SLOTS.c.owner, SLOTS.c.known).where(live)
        with self._database.reading() as connection:
            return [Holder(*row) for row in connection.execute(query)]

    def free(self, run_ids: Sequence[str]) -> None:
        """Give back slots of requests whose kernel is gone and whose task nobody knows."""
        with self._database.writing(durable=False) as cursor:
            for run_id in run_ids:
                self._free_lost.run(cursor, {"run_id": run_id})

    def learnt(self, slot: str) -> int | None:
        """Return how many slots there are as far as refusals told, None when none did lately."""
        if not self._database.exists:
            return None
        with self._database.reading() as connection:
            return self._limit(connection.connection.cursor(), slot, utc_now())

    def salt(self) -> str:
        """Return the random text that fingerprints of credentials in this log are made with."""
        with self._database.writing(durable=True) as cursor:
            self._fact.run(cursor, {"name": "salt"})
            row = cursor.fetchone()
            if row is not None:
                return str(row[0])
            salt = secrets.token_hex(16)
            self._keep_fact.run(cursor, {"name": "salt", "value": salt})
        return salt

    # --- inside -------------------------------------------------------------------------------------------

    def _free_for(self, cursor: Any, wish: Wish, now: datetime) -> int | Busy:
        """Return how many slots a kernel may take now, at least one, or that there is none for it."""
        learnt = self._limit(cursor, wish.slot, now)
        limit = wish.quota if learnt is None else min(wish.quota, learnt)
        self._count.run(cursor, {"slot": wish.slot, "now": now})
        held = int(cursor.fetchone()[0])
        if held < limit:
            self._ahead.run(cursor, {"slot": wish.slot, "owner": wish.owner, "now": now})
            free = limit - held - int(cursor.fetchone()[0])
            if free > 0:
                return free
        return Busy(held, limit, learnt is not None and learnt <= wish.quota)

    def _limit(self, cursor: Any, slot: str, now: datetime) -> int | None:
        self._known_limit.run(cursor, {"slot": slot, "since": now - timedelta(seconds=LEARNT_S)})
        row = cursor.fetchone()
        return None if row is None else int(row[0])

    def _occupy(self, cursor: Any, run_id: str, wish: Wish, *, known: bool, until: datetime) -> None:
        self._free.run(cursor, {"run_id": run_id})
        self._put(cursor, run_id, wish, known=known, until=until)

    def _put(self, cursor: Any, run_id: str, wish: Wish, *, known: bool, until: datetime) -> None:
        values = {"run_id": run_id, "slot": wish.slot, "owner": wish.owner, "known": known, "until": until}
        self._insert.run(cursor, values)

    def _has_learnt(self, cursor: Any, tally: Tally) -> bool:
        if tally.learnt is None:
            self._any_limit.run(cursor, {})
            tally.learnt = cursor.fetchone() is not None
        return tally.learnt

    def _compiled(self, statement: sa.Executable) -> Statement:
        return compile_statement(statement, self._database.dialect)

    @cached_property
    def _mine(self) -> Statement:
        return self._compiled(sa.select(SLOTS.c.run_id).where(_THIS_RUN))

    @cached_property
    def _insert(self) -> Statement:
        return self._compiled(
            SLOTS.insert().values({c.name: sa.bindparam(c.name, type_=c.type) for c in SLOTS.c})
        )

    @cached_property
    def _free(self) -> Statement:
        return self._compiled(SLOTS.delete().where(_THIS_RUN))

    @cached_property
    def _free_lost(self) -> Statement:
        return self._compiled(SLOTS.delete().where(_THIS_RUN & ~SLOTS.c.known))

    @cached_property
    def _free_gone(self) -> Statement:
        return self._compiled(SLOTS.delete().where(_THIS_RUN & SLOTS.c.known))

    @cached_property
    def _free_unsent(self) -> Statement:
        sent = sa.select(RUNS.c.id).where(RUNS.c.id == SLOTS.c.run_id, RUNS.c.sending_at.is_not(None))
        return self._compiled(SLOTS.delete().where(_THIS_RUN & ~sent.exists()))

    @cached_property
    def _know(self) -> Statement:
        return self._compiled(SLOTS.update().where(_THIS_RUN).values(known=sa.true(), until=_UNTIL))

    @cached_property
    def _renew(self) -> Statement:
        late = _THIS_RUN & (SLOTS.c.until < _UNTIL)
        return self._compiled(SLOTS.update().where(late).values(until=_UNTIL, owner=sa.bindparam("owner")))

    @cached_property
    def _count(self) -> Statement:
        return self._compiled(_counting(SLOTS.c.slot == sa.bindparam("slot")))

    @cached_property
    def _known_count(self) -> Statement:
        return self._compiled(_counting((SLOTS.c.slot == sa.bindparam("slot")) & SLOTS.c.known))

    @cached_property
    def _known_limit(self) -> Statement:
        fresh = SLOT_LIMITS.c.learned_at > sa.bindparam("since", type_=UtcDateTime())
        return self._compiled(
            sa.select(SLOT_LIMITS.c.quota).where((SLOT_LIMITS.c.slot == sa.bindparam("slot")) & fresh)
        )

    @cached_property
    def _any_limit(self) -> Statement:
        return self._compiled(sa.select(SLOT_LIMITS.c.slot).limit(1))

    @cached_property
    def _raise(self) -> Statement:
        live = _counting((SLOTS.c.slot == SLOT_LIMITS.c.slot) & SLOTS.c.known)
        beyond = live.correlate(SLOT_LIMITS).scalar_subquery()
        slot = sa.select(SLOTS.c.slot).where(_THIS_RUN).scalar_subquery()
        surpassed = (SLOT_LIMITS.c.slot == slot) & (SLOT_LIMITS.c.quota < beyond)
        return self._compiled(SLOT_LIMITS.update().where(surpassed).values(quota=beyond))

    @cached_property
    def _learn(self) -> Statement:
        values = {"slot": sa.bindparam("slot"), "quota": sa.bindparam("quota"), "learned_at": _NOW}
        return self._compiled(SLOT_LIMITS.insert().values(values))

    @cached_property
    def _relearn(self) -> Statement:
        values = {"quota": sa.bindparam("quota"), "learned_at": _NOW}
        return self._compiled(
            SLOT_LIMITS.update().where(SLOT_LIMITS.c.slot == sa.bindparam("slot")).values(values)
        )

    @cached_property
    def _ahead(self) -> Statement:
        """Count the other kernels that have waited longer; who does not wait yet comes after all of them."""
        others = SLOT_QUEUE.alias("others")
        same = others.c.slot == sa.bindparam("slot")
        mine = sa.select(SLOT_QUEUE.c.since).where(
            SLOT_QUEUE.c.slot == sa.bindparam("slot"), SLOT_QUEUE.c.owner == sa.bindparam("owner")
        )
        earlier = others.c.since < sa.func.coalesce(mine.scalar_subquery(), _NOW)
        alive = (others.c.owner != sa.bindparam("owner")) & (others.c.until > _NOW)
        return self._compiled(sa.select(sa.func.count()).select_from(others).where(same & alive & earlier))

    @cached_property
    def _stay(self) -> Statement:
        return self._compiled(SLOT_QUEUE.update().where(_PLACE).values(until=_UNTIL))

    @cached_property
    def _join(self) -> Statement:
        values = {
            "slot": sa.bindparam("slot"),
            "owner": sa.bindparam("owner"),
            "since": _SINCE,
            "until": _UNTIL,
        }
        return self._compiled(SLOT_QUEUE.insert().values(values))

    @cached_property
    def _leave(self) -> Statement:
        return self._compiled(SLOT_QUEUE.delete().where(_PLACE))

    @cached_property
    def _fact(self) -> Statement:
        return self._compiled(sa.select(FACTS.c.value).where(FACTS.c.name == sa.bindparam("name")))

    @cached_property
    def _keep_fact(self) -> Statement:
        return self._compiled(FACTS.insert().values(name=sa.bindparam("name"), value=sa.bindparam("value")))


_NOW = sa.bindparam("now", type_=UtcDateTime())
_SINCE = sa.bindparam("since", type_=UtcDateTime())
_UNTIL = sa.bindparam("until", type_=UtcDateTime())
_THIS_RUN = SLOTS.c.run_id == sa.bindparam("run_id", type_=sa.Text())
_PLACE = (SLOT_QUEUE.c.slot == sa.bindparam("slot")) & (SLOT_QUEUE.c.owner == sa.bindparam("owner"))


def _counting(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(SLOTS).where(which & (SLOTS.c.until > _NOW))
