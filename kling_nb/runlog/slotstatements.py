"""The statements of the slots, compiled once (see :mod:`kling_nb.runlog.statements`)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sqlalchemy as sa

from kling_nb.runlog.columntypes import UtcDateTime
from kling_nb.runlog.schema import FACTS, RUNS, SLOT_LIMITS, SLOT_QUEUE, SLOTS
from kling_nb.runlog.statements import Statement, compile_statement


class SlotStatements:
    """The statements for one dialect.

    Parameters
    ----------
    dialect
        Dialect of the database.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect

    def _compiled(self, statement: sa.Executable) -> Statement:
        return compile_statement(statement, self._dialect)

    @cached_property
    def mine(self) -> Statement:
        """Select the slot of ``run_id``."""
        return self._compiled(sa.select(SLOTS.c.run_id).where(_THIS_RUN))

    @cached_property
    def insert(self) -> Statement:
        """Insert a slot."""
        return self._compiled(
            SLOTS.insert().values({c.name: sa.bindparam(c.name, type_=c.type) for c in SLOTS.c})
        )

    @cached_property
    def free(self) -> Statement:
        """Give the slot of ``run_id`` back."""
        return self._compiled(SLOTS.delete().where(_THIS_RUN))

    @cached_property
    def free_lost(self) -> Statement:
        """Give the slot of ``run_id`` back if its task is not known."""
        return self._compiled(SLOTS.delete().where(_THIS_RUN & ~SLOTS.c.known))

    @cached_property
    def free_gone(self) -> Statement:
        """Give the slot of ``run_id`` back if its task was known."""
        return self._compiled(SLOTS.delete().where(_THIS_RUN & SLOTS.c.known))

    @cached_property
    def free_unsent(self) -> Statement:
        """Give the slot of ``run_id`` back if the run was not sent."""
        sent = sa.select(RUNS.c.id).where(RUNS.c.id == SLOTS.c.run_id, RUNS.c.sending_at.is_not(None))
        return self._compiled(SLOTS.delete().where(_THIS_RUN & ~sent.exists()))

    @cached_property
    def know(self) -> Statement:
        """Note that the task of ``run_id`` is known, and keep its slot ``until``."""
        return self._compiled(SLOTS.update().where(_THIS_RUN).values(known=sa.true(), until=_UNTIL))

    @cached_property
    def renew(self) -> Statement:
        """Keep the slot of ``run_id`` for ``owner`` ``until``, if that is later."""
        late = _THIS_RUN & (SLOTS.c.until < _UNTIL)
        return self._compiled(SLOTS.update().where(late).values(until=_UNTIL, owner=sa.bindparam("owner")))

    @cached_property
    def count(self) -> Statement:
        """Count the live uses of ``slot`` at ``now``."""
        return self._compiled(_counting(SLOTS.c.slot == sa.bindparam("slot")))

    @cached_property
    def known_count(self) -> Statement:
        """Count the known tasks of ``slot`` at ``now``."""
        return self._compiled(_counting((SLOTS.c.slot == sa.bindparam("slot")) & SLOTS.c.known))

    @cached_property
    def known_limit(self) -> Statement:
        """Select the number of slots learnt ``since``."""
        fresh = SLOT_LIMITS.c.learned_at > sa.bindparam("since", type_=UtcDateTime())
        return self._compiled(
            sa.select(SLOT_LIMITS.c.quota).where((SLOT_LIMITS.c.slot == sa.bindparam("slot")) & fresh)
        )

    @cached_property
    def any_limit(self) -> Statement:
        """Select whether any number was learnt."""
        return self._compiled(sa.select(SLOT_LIMITS.c.slot).limit(1))

    @cached_property
    def lift(self) -> Statement:
        """Raise the number learnt to the tasks that are known to live, if they are more."""
        live = _counting((SLOTS.c.slot == SLOT_LIMITS.c.slot) & SLOTS.c.known)
        beyond = live.correlate(SLOT_LIMITS).scalar_subquery()
        slot = sa.select(SLOTS.c.slot).where(_THIS_RUN).scalar_subquery()
        surpassed = (SLOT_LIMITS.c.slot == slot) & (SLOT_LIMITS.c.quota < beyond)
        return self._compiled(SLOT_LIMITS.update().where(surpassed).values(quota=beyond))

    @cached_property
    def learn(self) -> Statement:
        """Note how many slots there are."""
        values = {"slot": sa.bindparam("slot"), "quota": sa.bindparam("quota"), "learned_at": _NOW}
        return self._compiled(SLOT_LIMITS.insert().values(values))

    @cached_property
    def relearn(self) -> Statement:
        """Change how many slots there are."""
        values = {"quota": sa.bindparam("quota"), "learned_at": _NOW}
        return self._compiled(
            SLOT_LIMITS.update().where(SLOT_LIMITS.c.slot == sa.bindparam("slot")).values(values)
        )

    @cached_property
    def ahead(self) -> Statement:
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
    def stay(self) -> Statement:
        """Keep the place of ``owner`` ``until``."""
        return self._compiled(SLOT_QUEUE.update().where(_PLACE).values(until=_UNTIL))

    @cached_property
    def join(self) -> Statement:
        """Take a place in the queue."""
        values = {
            "slot": sa.bindparam("slot"),
            "owner": sa.bindparam("owner"),
            "since": _SINCE,
            "until": _UNTIL,
        }
        return self._compiled(SLOT_QUEUE.insert().values(values))

    @cached_property
    def leave(self) -> Statement:
        """Give the place up."""
        return self._compiled(SLOT_QUEUE.delete().where(_PLACE))

    @cached_property
    def fact(self) -> Statement:
        """Select a fact by ``name``."""
        return self._compiled(sa.select(FACTS.c.value).where(FACTS.c.name == sa.bindparam("name")))

    @cached_property
    def keep_fact(self) -> Statement:
        """Insert a fact."""
        return self._compiled(FACTS.insert().values(name=sa.bindparam("name"), value=sa.bindparam("value")))


_NOW = sa.bindparam("now", type_=UtcDateTime())
_SINCE = sa.bindparam("since", type_=UtcDateTime())
_UNTIL = sa.bindparam("until", type_=UtcDateTime())
_THIS_RUN = SLOTS.c.run_id == sa.bindparam("run_id", type_=sa.Text())
_PLACE = (SLOT_QUEUE.c.slot == sa.bindparam("slot")) & (SLOT_QUEUE.c.owner == sa.bindparam("owner"))


def _counting(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(SLOTS).where(which & (SLOTS.c.until > _NOW))
