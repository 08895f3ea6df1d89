"""Sending a run once: what is on disk before, during and after the create.

The order of writes is the safety (``spec/official-api.md`` §11):

1. the row with the external id exists before this module is entered;
2. ``sending_at`` is on disk before the first byte leaves, so a row without it was certainly never sent; the
   transaction that writes it is the one that asks the budgets and takes a slot;
3. an answer that proves "not created" takes ``sending_at`` back;
4. the task id is on disk before the first query for its status.

A row with ``sending_at`` and without task id may exist at the service. It is looked up by its external id,
and sent again only when asked for, under the same id, with the same key, after the service has said "not
found" often enough and the budgets have been asked again.
Where a service knows no external ids it stays uncertain until a person binds the task to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kling_nb.domain import capabilities
from kling_nb.domain.task import RunStatus, Task
from kling_nb.errors import (
    ApiError,
    BudgetError,
    ConcurrencyError,
    InputError,
    KlingError,
    ModelRetired,
    NotSent,
    RateError,
    ServiceError,
    SubmitUncertain,
    TransportError,
)
from kling_nb.providers.base import redacted_body
from kling_nb.session.forms import form_of
from kling_nb.session.slots import NoSlot
from kling_nb.session.troubles import error_columns, no_error_columns
from kling_nb.session.uncertain import may_be_found, must_be_looked_for
from kling_nb.session.uploading import UPLOADS, addressed
from kling_nb.transport.lookup import search
from kling_nb.transport.submit import Step, SubmitEvent, create_task

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest
    from kling_nb.runlog import RunRecord
    from kling_nb.session.gate import ModelGate
    from kling_nb.session.journal import Journal
    from kling_nb.session.leases import Leases
    from kling_nb.session.run import Run
    from kling_nb.session.service import Service
    from kling_nb.session.slots import AccountSlots

SENT_WITH, FIRST_SENT = "sent_with", "first_sent_at"
"""Keys in ``options``: fingerprint of the key a run was sent with, and when, if it was sent again since."""

RESEND_WITHIN = timedelta(days=7)
"""A lost create is sent again only this long after: tasks are purged after 30 days, and "not found" about a
purged task must not lead to a second charge."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is needed to send a run.

    Parameters
    ----------
    rebuild
        Returns the request, for runs that still have to be sent.
    own_id
        Whether the external id was made here; a person's own id may belong to another task.
    """

    rebuild: Callable[[], VideoRequest]
    own_id: bool = True


class Stopped(Exception):
    """Following was stopped at a point where nothing is on its way."""


class Sender:
    """Brings runs to the service; used on the background loop only.

    Parameters
    ----------
    journal, leases, slots
        The run log, the right to send, and what budgets and other kernels leave to send with.
    """

    def __init__(self, journal: Journal, leases: Leases, slots: AccountSlots) -> None:
        self._journal = journal
        self._leases = leases
        self._slots = slots
        self._named: dict[tuple[str | None, str], str] = {}

    async def send(self, run: Run, service: Service, gate: ModelGate, intent: Intent, flight: Flight) -> Task:
        """Give a run its task: by finding what was sent, or by sending.

        Parameters
        ----------
        run
            A run without task id.
        service, gate
            Where to, and the slots of its model.
        intent
            The request, when it has to be sent.
        flight
            Told while a request is on its way; asked whether to stop.

        Returns
        -------
        Task
            As created or found; it may have ended already.

        Raises
        ------
        SubmitUncertain
            The task may exist and could not be found.
        NotSent
            The service cannot be reached; nothing was created and the run can still be sent.
        ApiError
            The service refused; written into the row.
        """
        task = await self._find(run, service) if run.record.sending_at is not None else None
        if task is None:
            _check_allowed(run)
            task = await self._create(run, service, gate, intent, flight)
            await self._check_new(run, service, task)
        await self._accepted(run, task)
        return task

    async def _find(self, run: Run, service: Service) -> Task | None:
        """Look for a task that may have been created by an earlier attempt."""
        if not service.provider.has_external_id:
            raise must_be_looked_for(run, service.provider.door)
        policy = service.submit_policy
        run.set_message("looking the task up by its external id")
        trouble: KlingError | None = None
        try:
            task = await search(
                service.client,
                service.provider,
                run.external_task_id or "",
                form_of(run.record),
                times=policy.lookups,
                span_s=policy.lookup_span_s,
            )
        except (ApiError, TransportError) as error:
            task, trouble = None, error
        if trouble is not None:
            raise may_be_found(run, "could not be looked up", f"{trouble.what} {trouble.why}")
        if task is not None:
            return task
        used = run.record.options.get(SENT_WITH)
        if used is not None and used != await self._slots.account(service):
            raise may_be_found(
                run,
                "was sent with another key",
                "With the present one the service does not know it, and may charge another account. "
                "Put the former key back and resume, or make a new run with --again.",
            )
        age = datetime.now(UTC) - _first_sent(run.record)
        if not run.may_send:
            raise may_be_found(
                run,
                "was sent, but its answer was lost",
                "The service does not know it: it probably never arrived.",
            )
        if age > RESEND_WITHIN:
            raise may_be_found(
                run,
                f"was sent {age.days} days ago and never answered",
                "It is too old to send it again without a doubt.",
            )
        return None

    async def _create(
        self, run: Run, service: Service, gate: ModelGate, intent: Intent, flight: Flight
    ) -> Task:
        steps = _Steps(
            self._journal, self._leases, self._slots, run, service=service, gate=gate, flight=flight
        )
        request = await self._with_addresses(run, service, intent.rebuild())
        while True:
            try:
                task = await self._create_once(run, service, intent, steps, request)
            except NoSlot:
                # Waited for out here: inside, it would keep creates of other models from being sent.
                flight.land()
                flight.check()
                await self._slots.wait(run, gate, service)
            else:
                gate.accepted()
                return task
            finally:
                flight.land()

    async def _create_once(
        self, run: Run, service: Service, intent: Intent, steps: _Steps, request: VideoRequest
    ) -> Task:
        try:
            return await create_task(
                service.client,
                service.provider,
                request,
                run.external_task_id or "",
                form=form_of(run.record),
                on_event=steps.told,
                policy=service.submit_policy,
                adopt_duplicate=intent.own_id,
                may_exist=steps.may_exist,
            )
        except NotSent:
            await steps.not_sent()
            raise
        except (ApiError, InputError) as error:
            await self._refused(run, error)
            raise
        except SubmitUncertain as error:
            if not service.provider.has_external_id:
                raise must_be_looked_for(run, service.provider.door, error) from error
            # Here a run stands behind the id, and resuming it does more than attaching to a task.
            raise may_be_found(
                run, "was sent, but its answer was lost", f"{error.what} {error.why}"
            ) from error

    async def _with_addresses(self, run: Run, service: Service, request: VideoRequest) -> VideoRequest:
        """Put local pictures at addresses where the service takes nothing else, and write them down."""
        addresses = await service.upload(request)
        if not addresses:
            return request
        request = addressed(request, addresses)
        call = service.provider.create(request, run.external_task_id or "")
        columns: dict[str, Any] = {
            "options": {**run.record.options, UPLOADS: addresses},
            "wire": redacted_body(call),
        }
        await self._journal.write(run.id, **columns)
        run.set_columns(**columns)
        return request

    async def _check_new(self, run: Run, service: Service, task: Task) -> None:
        """Refuse an answer that names the task of another run: its video is not what was asked for."""
        provider = run.record.provider
        first = self._named.setdefault((provider, task.task_id), run.id)
        others = [] if first == run.id else [first]
        if not service.provider.has_external_id:
            # Elsewhere the answer carries our id, which has been compared.
            rows = await self._journal.call(lambda: self._journal.log.find(task_id=task.task_id))
            others += [row.id for row in rows if row.provider == provider and row.id != run.id]
        if not others:
            return
        what, why = (
            "The answer names the task of another run.",
            f"Task {task.task_id} is that of {others[0]}.",
        )
        if not service.provider.has_external_id:
            raise must_be_looked_for(run, service.provider.door, ServiceError(what, why, ""))
        raise may_be_found(run, "was answered with the task of another run", why)

    async def _refused(self, run: Run, error: KlingError) -> None:
        """Write a definite refusal down: no task exists, nothing was charged."""
        record = run.record
        if isinstance(error, ModelRetired) and record.model_name:
            capabilities.mark_retired(record.model_name, record.provider or "official")
        columns: dict[str, Any] = {
            "status": RunStatus.FAILED,
            "finished_at": datetime.now(UTC),
            **error_columns(error, record.answers),
        }
        run.set_columns(**columns)
        await self._journal.keep(run.id, **columns)

    async def _accepted(self, run: Run, task: Task) -> None:
        record = run.record
        status = RunStatus.PROCESSING if task.status is RunStatus.PROCESSING else RunStatus.SUBMITTED
        cleared = no_error_columns(record.answers)
        columns: dict[str, Any] = {
            **cleared,
            "task_id": task.task_id,
            "status": status,
            "service_status": task.service_status,
            "submitted_at": task.created_at or datetime.now(UTC),
            "answers": {**cleared["answers"], "create": task.raw},
        }
        if record.sending_at is None:
            columns["sending_at"] = columns["submitted_at"]
        run.set_columns(**columns)
        run.set_message("")
        await self._journal.keep(run.id, **columns)


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


class _Steps:
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
            told[FIRST_SENT] = _first_sent(record).isoformat()
        columns: dict[str, Any] = {"sending_at": now, "base_url": self._service.base_url}
        options = {**record.options, **told}
        return columns if options == record.options else columns | {"options": options}

    async def not_sent(self) -> None:
        """Take ``sending_at`` back: the service is known not to hold the task."""
        if self._run.record.sending_at is not None and not self.may_exist:
            self._run.set_columns(sending_at=None)
            await self._journal.keep(self._run.id, sending_at=None)


def _first_sent(record: RunRecord) -> datetime:
    """Return when the first request of a run left."""
    first = record.options.get(FIRST_SENT)
    return datetime.fromisoformat(first) if first else record.sending_at or datetime.now(UTC)


def _check_allowed(run: Run) -> None:
    if not run.may_send:
        raise NotSent(
            f"Run {run.id} was never sent.",
            "Its kernel ended before the request left; nothing was charged.",
            f"%kling resume {run.id} or running its cell again sends it.",
            run_id=run.id,
        )


def _taken_over(run: Run) -> KlingError:
    return KlingError(
        f"Run {run.id} was taken over by another kernel.",
        "This one slept for too long.",
        f'kn.run("{run.id}").wait() shows how it goes on.',
        run_id=run.id,
    )
