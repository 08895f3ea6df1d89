"""The account's slots as a session sees them: a queue of its own per model, then the log all kernels share.

Most runs pass without waiting: the slot is taken in the very transaction that lets the run be sent. Where
none is free, one run of this kernel asks the log now and then, the others of the model wait behind it, and
no request leaves until the log has granted a slot.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from kling_nb import providers
from kling_nb.errors import BudgetError
from kling_nb.runlog import Admission, Busy, Change, Wish
from kling_nb.session.owner import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from kling_nb.domain.budget import Limit
    from kling_nb.runlog import RunRecord
    from kling_nb.session.gate import ModelGate
    from kling_nb.session.journal import Journal
    from kling_nb.session.run import Run
    from kling_nb.session.service import Service

    Caps = Callable[[RunRecord], tuple[Limit, ...]]

FIRST_S = 0.2
MOST_S = 2.0
"""Shortest and longest time between two questions of a waiting kernel, in seconds."""


class NoSlot(Exception):
    """Raised inside a create that must not leave because all slots are in use."""


class AccountSlots:
    """Admits runs to their services; used on the background loop only.

    Parameters
    ----------
    journal
        The log.
    owner
        This session.
    caps
        Returns the budgets of this kernel that hold for a run, beside those of the log.
    """

    def __init__(self, journal: Journal, owner: Owner, caps: Caps) -> None:
        self._journal = journal
        self._owner = owner
        self._caps = caps
        self._salt: str | None = None

    async def admit(self, run: Run, gate: ModelGate, service: Service, columns: dict[str, Any]) -> None:
        """Write the columns that let a run be sent, if budgets and slots allow it; on disk on return.

        Raises
        ------
        BudgetError
            A budget forbids the run.
        NoSlot
            All slots are in use: see :meth:`wait`.
        """
        wish = await self._wish(run, gate, service)
        admission = Admission(wish, self._caps(run.record))
        refused = await self._journal.admit(run.id, admission, **columns)
        if isinstance(refused, BudgetError):
            refused.run_id = run.id
            raise refused
        if refused is not None:
            raise NoSlot

    async def wait(self, run: Run, gate: ModelGate, service: Service) -> None:
        """Wait until the log grants a run its slot, taking turns with other kernels."""
        wish = await self._wish(run, gate, service)
        async with gate.turn:
            pause = FIRST_S
            while (busy := await self._journal.call(lambda: self._ask(run.id, wish))) is not None:
                run.set_message(_words(busy))
                freed = gate.freed()
                await asyncio.wait({freed}, timeout=pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
                pause = min(MOST_S, pause * 1.5)
        run.set_message("")

    async def occupy(self, run: Run, gate: ModelGate, service: Service) -> None:
        """Note a run that the service has already, or may have."""
        wish = await self._wish(run, gate, service)
        known = run.task_id is not None
        await self._journal.call(Change(run.id, {}, occupies=wish, known=known))

    async def refused(self, run: Run, gate: ModelGate, service: Service) -> None:
        """Learn from the service's refusal of one more task."""
        wish = await self._wish(run, gate, service)
        await self._journal.call(lambda: self._journal.log.slots.refused(wish.slot))

    async def account(self, service: Service) -> str:
        """Return what tells the account of a service from others; empty for the sandbox, which has one."""
        local = providers.is_local(service.provider.name)
        return "" if local else _mark(service, await self._salted())

    def _ask(self, run_id: str, wish: Wish) -> Busy | None:
        slots = self._journal.log.slots
        busy = slots.reserve(run_id, wish)
        if busy is None:
            return None
        lost = [
            holder.run_id
            for holder in slots.holders(wish.slot)
            if not holder.known and (owner := Owner.parse(holder.owner)) and owner.is_gone(self._owner)
        ]
        if lost:
            slots.free(lost)
            busy = slots.reserve(run_id, wish)
        return None if busy is None else slots.with_unsure(busy, wish.slot)

    async def _wish(self, run: Run, gate: ModelGate, service: Service) -> Wish:
        slot = slot_name(service, run.record.model_name, await self._salted())
        return Wish(slot, gate.quota, str(self._owner))

    async def _salted(self) -> str:
        if self._salt is None:
            self._salt = str(await self._journal.call(self._journal.log.slots.salt))
        return self._salt


def slot_name(service: Service, model: str | None, salt: str) -> str:
    """Return the name of the slots that an account has for a model at one address."""
    # The sandbox is one place wherever it listens.
    place = "" if providers.is_local(service.provider.name) else service.base_url
    return " ".join((service.provider.name, place, _mark(service, salt), model or ""))


def _mark(service: Service, salt: str) -> str:
    credential = service.client.credential
    return "" if credential is None else credential.fingerprint(salt)


def _words(busy: Busy) -> str:
    known = " as the service told" if busy.learnt else ""
    words = f"waiting for a free slot ({busy.held} of {busy.limit} in use, other kernels included{known})"
    if busy.until is None:
        return words
    one = busy.unsure == 1
    theirs = "is kept for a run whose answer was lost" if one else "are kept for runs whose answers were lost"
    it = "it" if one else "them"
    return (
        f"{words}; {busy.unsure} of them {theirs}, as the service may be busy with {it}, "
        f"{'' if one else 'the first '}until {busy.until.astimezone():%H:%M:%S} at most"
    )
