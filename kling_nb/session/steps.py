"""What is written down before, between and after the requests of one create."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_nb.errors import BudgetError, ConcurrencyError, KlingError, RateError, SubmitUncertain
from kling_nb.transport.submit import Step, SubmitEvent

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.gate import ModelGate
    from kling_nb.session.journal import Journal
    from kling_nb.session.leases import Leases
    from kling_nb.session.run import Run
    from kling_nb.session.service import Service
    from kling_nb.session.slots import AccountSlots

SENT_WITH, FIRST_SENT = "sent_with", "first_sent_at"
"""Keys in ``options``: fingerprint of the key a run was sent with, and when, if it was sent again since."""


class Stopped(Exception):
    """Following was stopped at a point where nothing is on its way."""


@dataclass(slots=True)
class Flight:
    """Whether a request of a run is on its way right now, and whether its following shall stop."""

    aloft: bool = False
    stopping: bool = False

    def land(self) -> None:
        """Note that nothing is on its way any more."""
        self.aloft = False

    def check(self) -> None:
        """Raise :class:`Stopped` when following shall stop."""
        if self.stopping:
            raise Stopped


class Steps:
    """Writes down the steps of one create as they are taken.

    Attributes
    ----------
    may_exist
        Whether the service may hold the task: from the first lost answer on, that of an earlier attempt
        included. Only then ``sending_at`` is never taken back.
    """

    def __init__(
        self,
        journal: Journal,
        leases: Leases,
        slots: AccountSlots,
        run: Run,
        *,
        service: Service,
        gate: ModelGate,
        flight: Flight,
    ) -> None:
        self._journal = journal
        self._leases = leases
        self._slots = slots
        self._run = run
        self._service = service
        self._gate = gate
        self._flight = flight
        self.may_exist = run.record.sending_at is not None

    async def told(self, event: SubmitEvent) -> None:
        """Write a step down, before it is taken."""
        if event.step is Step.SENDING:
            await self._sending()
            return
        self._flight.land()
        if event.not_created:
            await self.not_sent()
        else:
            self.may_exist = True
        if event.step is Step.WAITING:
            if isinstance(event.error, RateError):
                self._gate.refused()
            if isinstance(event.error, ConcurrencyError):
                await self._slots.refused(self._run, self._gate, self._service)
            self._run.set_message(f"{event.message} Next attempt in {event.delay_s:.0f} s.")
        else:
            self._run.set_message(event.message)
        self._flight.check()

    async def _sending(self) -> None:
        self._flight.check()
        self._flight.aloft = True
        # Hours may have passed in a queue, and a machine that slept has lost its lease.
        if not await self._leases.confirm(self._run):
            raise _taken_over(self._run)
        columns = await self._columns()
        try:
            await self._slots.admit(self._run, self._gate, self._service, columns)
        except BudgetError as error:
            if not self.may_exist:
                raise
            limit = error.what.partition(";")[0].rstrip(".")
            raise SubmitUncertain("It is not sent again.", f"{limit}. {error.why}") from error
        self._run.set_columns(**columns)
        if self._flight.stopping:
            await self.not_sent()
            raise Stopped
        self._run.set_message("sending")

    async def _columns(self) -> dict[str, Any]:
        """Return what is written before each request: a charge belongs to the day on which it can be made."""
        record, now = self._run.record, datetime.now(UTC)
        told = {SENT_WITH: await self._slots.account(self._service)}
        if record.sending_at is not None:
            told[FIRST_SENT] = first_sent(record).isoformat()
        columns: dict[str, Any] = {"sending_at": now, "base_url": self._service.base_url}
        options = {**record.options, **told}
        return columns if options == record.options else columns | {"options": options}

    async def not_sent(self) -> None:
        """Take ``sending_at`` back: the service is known not to hold the task."""
        if self._run.record.sending_at is not None and not self.may_exist:
            self._run.set_columns(sending_at=None)
            await self._journal.keep(self._run.id, sending_at=None)


def first_sent(record: RunRecord) -> datetime:
    """Return when the first request of a run left."""
    first = record.options.get(FIRST_SENT)
    return datetime.fromisoformat(first) if first else record.sending_at or datetime.now(UTC)


def _taken_over(run: Run) -> KlingError:
    return KlingError(
        f"Run {run.id} was taken over by another kernel.",
        "This one slept for too long.",
        f'kn.run("{run.id}").wait() shows how it goes on.',
        run_id=run.id,
    )
