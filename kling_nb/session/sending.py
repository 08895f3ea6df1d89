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
    InputError,
    KlingError,
    ModelRetired,
    NotSent,
    ServiceError,
    SubmitUncertain,
    TransportError,
)
from kling_nb.providers.base import redacted_body
from kling_nb.session.forms import form_of
from kling_nb.session.slots import NoSlot
from kling_nb.session.steps import SENT_WITH, Flight, Steps, first_sent
from kling_nb.session.troubles import error_columns, no_error_columns
from kling_nb.session.uncertain import may_be_found, must_be_looked_for
from kling_nb.session.uploading import UPLOADS, addressed
from kling_nb.transport.lookup import search
from kling_nb.transport.submit import create_task

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest
    from kling_nb.session.gate import ModelGate
    from kling_nb.session.journal import Journal
    from kling_nb.session.leases import Leases
    from kling_nb.session.run import Run
    from kling_nb.session.service import Service
    from kling_nb.session.slots import AccountSlots

CLOCKS_AGREE = timedelta(minutes=1)
"""How far the service's clock may be from this machine's."""

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
        await self._check_own(run, service, intent, task)
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
        age = datetime.now(UTC) - first_sent(run.record)
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
        steps = Steps(
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
        self, run: Run, service: Service, intent: Intent, steps: Steps, request: VideoRequest
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

    async def _check_own(self, run: Run, service: Service, intent: Intent, task: Task) -> None:
        """Refuse an answer that names the task of another run: its video is not what was asked for."""
        provider = run.record.provider
        first = self._named.setdefault((provider, task.task_id), run.id)
        others = [] if first == run.id else [first]
        if not (service.provider.has_external_id and intent.own_id):
            # Elsewhere the answer carries our id, which nobody else can have.
            rows = await self._journal.call(lambda: self._journal.log.find(task_id=task.task_id))
            others += [row.id for row in rows if row.provider == provider and row.id != run.id]
        if not others:
            if not intent.own_id and service.provider.has_external_id:
                _check_age(run, task)
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


def _check_age(run: Run, task: Task) -> None:
    """Refuse a task that a person's own id leads to and that was there before the run was sent."""
    if task.created_at is not None and task.created_at < first_sent(run.record) - CLOCKS_AGREE:
        raise may_be_found(
            run,
            "was sent under an id that another task has",
            f"Task {task.task_id} was made {task.created_at:%Y-%m-%d %H:%M:%S} UTC, before this run.",
        )


def _check_allowed(run: Run) -> None:
    if not run.may_send:
        raise NotSent(
            f"Run {run.id} was never sent.",
            "Its kernel ended before the request left; nothing was charged.",
            f"%kling resume {run.id} or running its cell again sends it.",
            run_id=run.id,
        )
