"""The right to send and follow a run: one kernel at a time, whatever happens to the others.

A lease is renewed while its kernel lives and ends by itself. On one machine nobody waits for that: a lease
whose process is gone is taken over at once. While another living kernel holds a run, its row is watched
instead, so that this kernel shows the same progress without asking the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError
from kling_nb.session.owner import Owner

if TYPE_CHECKING:
    from datetime import datetime

    from kling_nb.runlog import RunRecord
    from kling_nb.session.journal import Journal
    from kling_nb.session.run import Run

LEASE_S = 180.0
RENEW_S = 60.0
LOOK_S = 0.5
"""How often the row of a run is looked at while another kernel follows it."""


class Leases:
    """Leases of one session; used on the background loop only.

    Parameters
    ----------
    journal
        The log.
    owner
        This session.
    """

    def __init__(self, journal: Journal, owner: Owner) -> None:
        self._journal = journal
        self.owner = owner
        self._held: dict[str, float] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def hold(self, run: Run) -> bool:
        """Take the lease of a run, waiting for another living kernel if need be.

        Returns
        -------
        bool
            False when the other kernel brought the run to its end: nothing is left to do.
        """
        while not await self._take(run):
            record = run.record
            if _ended(record) and record.owner is None:
                run.set_message("")
                return False
            other = Owner.parse(record.owner or "")
            run.set_message(f"followed by another kernel{f' (process {other.pid})' if other else ''}")
            await asyncio.sleep(LOOK_S)
        run.set_message("")
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="kling-leases")
        return True

    async def confirm(self, run: Run) -> bool:
        """Whether the run is still ours to send.

        A machine that slept may have let the lease run out, and another kernel may have taken the run over
        and sent it meanwhile.
        """
        if time.time() - self._held.get(run.id, 0.0) < LEASE_S - RENEW_S:
            return True
        before = run.record.sending_at
        return await self._take(run) and run.record.sending_at == before and run.task_id is None

    async def release(self, run: Run) -> None:
        """Give a lease back; never raises."""
        held = self._held.pop(run.id, None) is not None
        if held or run.record.owner == str(self.owner):
            with contextlib.suppress(KlingError):
                await self._journal.release(run.id, str(self.owner))
            run.set_columns(owner=None, lease_until=None)

    async def keep_and_release(self, run: Run, **columns: Any) -> None:
        """Write the last columns of a run and give its lease back in one step.

        Where they cannot be written now, they are written later and the lease is kept until
        :meth:`release`.
        """
        if await self._journal.keep(run.id, releases=str(self.owner), **columns):
            self._held.pop(run.id, None)
            run.set_columns(owner=None, lease_until=None)

    async def _take(self, run: Run) -> bool:
        if run.record.owner == str(self.owner) and run.id not in self._held:
            # The row was inserted with our lease a moment ago.
            self._held[run.id] = run.record.created_at.timestamp()
            return True
        # Noted before it is taken: whoever is stopped in between gives back what the log's thread takes then.
        known = self._held.setdefault(run.id, 0.0)
        taken = bool(await self._journal.call(lambda: self._take_now(run)))
        if taken:
            self._held[run.id] = time.time()
        elif not known:
            self._held.pop(run.id, None)
        return taken

    def _take_now(self, run: Run) -> bool:
        log, me = self._journal.log, str(self.owner)
        record = log.get(run.id)
        if record.owner not in (None, me) and not _expired(record, log.now()):
            other = Owner.parse(record.owner or "")
            if other is None or not other.is_gone(self.owner):
                run.set_record(record)
                return False
            # Only the lease of the owner just judged is broken: two rescuers cannot both get it.
            log.release(run.id, record.owner or "")
        taken = log.lease(run.id, me, LEASE_S)
        # What the previous holder wrote counts, not what this kernel remembers.
        run.set_record(log.get(run.id))
        return taken

    async def _renew(self) -> None:
        while self._held:
            await asyncio.sleep(RENEW_S)
            for run_id in list(self._held):
                # One by one: a row that somebody deleted must not cost the others their leases.
                with contextlib.suppress(KlingError):
                    if await self._journal.call(partial(self._renew_now, run_id)) and run_id in self._held:
                        self._held[run_id] = time.time()

    def _renew_now(self, run_id: str) -> bool:
        return self._journal.log.lease(run_id, str(self.owner), LEASE_S)


def _expired(record: RunRecord, now: datetime) -> bool:
    return record.lease_until is None or record.lease_until < now


def _ended(record: RunRecord) -> bool:
    if record.status is RunStatus.FAILED or record.error_kind is not None:
        return True
    return record.status is RunStatus.SUCCEEDED and record.downloaded_at is not None
