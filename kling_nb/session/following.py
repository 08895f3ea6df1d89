"""What happens to a run on the background loop, from its row on disk to its video on disk.

One coroutine a run: hold the lease, take a slot, send (or find what was sent), watch, note the end, bring the
video home. Whatever interrupts it — a stop, an error, a killed process — leaves a row from which the same
coroutine goes on later without sending anything twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kling_nb.domain.task import RunStatus, Task
from kling_nb.errors import DownloadError, KlingError, NotSent, SubmitUncertain, TaskGone
from kling_nb.session.budget import caps_of
from kling_nb.session.forms import form_of
from kling_nb.session.money import actual_columns, drift_notice, taken
from kling_nb.session.sending import Intent, Sender
from kling_nb.session.slots import AccountSlots
from kling_nb.session.steps import Flight, Stopped
from kling_nb.session.troubles import error_columns, no_error_columns
from kling_nb.session.uncertain import must_be_looked_for

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.filing import Filer
    from kling_nb.session.gate import ModelGate
    from kling_nb.session.journal import Journal
    from kling_nb.session.leases import Leases
    from kling_nb.session.pool import ServicePool
    from kling_nb.session.run import Run
    from kling_nb.session.service import Service

logger = logging.getLogger("kling_nb")

STUCK_S = 600.0
STUCK_FACTOR = 4.0
LONGER = "Taking longer than usual"
"""A hint is given once after max(600 s, 4 x own median) (``spec/official-api.md`` §12)."""


@dataclass(slots=True)
class _Job:
    """One run being driven."""

    flight: Flight = field(default_factory=Flight)
    task: asyncio.Task[None] | None = None
    begun: bool = False
    """A task that is cancelled before its first step never enters its body, nor the clean-up in it."""
    ending: bool = False
    """Whether the lease is being given back, which nothing may interrupt."""
    again: Intent | None = None
    """What to go on with when a stop is through: somebody has changed their mind meanwhile."""

    def take_again(self) -> Intent | None:
        """Return what to go on with, as if nothing had been stopped; None when the end is the end."""
        again, self.again = self.again, None
        if again is not None:
            self.flight, self.ending = Flight(), False
        return again


class Follower:
    """Drives the runs of one session; used on the background loop only.

    Parameters
    ----------
    journal, leases, pool, filer
        The log, the right to act on a run, the services, and the folder for videos.
    filed
        Called with a run whose video was stored just now; must not wait.
    """

    def __init__(
        self,
        journal: Journal,
        leases: Leases,
        pool: ServicePool,
        filer: Filer,
        filed: Callable[[Run], None] = lambda _: None,
    ) -> None:
        self._filed = filed
        self._journal = journal
        self._leases = leases
        self._pool = pool
        self._filer = filer
        self._slots = AccountSlots(journal, leases.owner, lambda record: caps_of(pool.settings, record))
        self._sender = Sender(journal, leases, self._slots)
        self._jobs: dict[str, _Job] = {}

    def start(self, run: Run, intent: Intent) -> asyncio.Task[None]:
        """Drive a run that :meth:`Run.begin` has marked."""
        job = _Job()
        self._jobs[run.id] = job
        job.task = asyncio.create_task(self._drive(run, intent, job), name=f"kling-run-{run.id}")
        return job.task

    def go_on(self, run: Run, intent: Intent) -> bool:
        """Drive a run on that is being driven, should it be about to stop; False when it has stopped."""
        job = self._jobs.get(run.id)
        if job is not None and job.flight.stopping:
            job.again = intent
        return job is not None

    def stop(self, run_id: str) -> None:
        """Stop driving a run; a request that is on its way is never torn off."""
        job = self._jobs.get(run_id)
        if job is None:
            return
        job.again = None
        if job.flight.stopping:
            return
        job.flight.stopping = True
        if job.begun and not job.ending and not job.flight.aloft and job.task is not None:
            job.task.cancel()

    async def close(self) -> None:
        """Stop driving all runs."""
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for run_id in list(self._jobs):
            self.stop(run_id)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._filer.close()

    async def _drive(self, run: Run, intent: Intent, job: _Job) -> None:
        error: KlingError | None = None
        job.begun = True
        try:
            error = await self._drive_once(run, intent, job)
            while error is None and not run.complete and (again := job.take_again()) is not None:
                error = await self._drive_once(run, again, job)
        finally:
            self._jobs.pop(run.id, None)
            run.settle(error)

    async def _drive_once(self, run: Run, intent: Intent, job: _Job) -> KlingError | None:
        """Drive a run until it ends, cannot go on or is stopped; returns why it cannot go on."""
        error: KlingError | None = None
        try:
            job.flight.check()
            if await self._leases.hold(run):
                await self._advance(run, intent, job)
        except Stopped:
            logger.debug("following %s was stopped", run.id)
        except asyncio.CancelledError:
            if not job.flight.stopping or job.task is None:
                raise
            job.task.uncancel()
        except KlingError as caught:
            error = caught
            await self._stopped_by(run, caught)
        except Exception as caught:
            logger.exception("following %s failed", run.id)
            error = KlingError(
                f"Following {run.id} failed.",
                f"{type(caught).__name__}: {caught}",
                "The run is in the log; %kling resume goes on with it. Please report this.",
                run_id=run.id,
            )
        finally:
            job.ending = True
            await self._leases.release(run)
        return error

    async def _advance(self, run: Run, intent: Intent, job: _Job) -> None:
        if run.status is RunStatus.SUCCEEDED and run.video is None:
            # Neither address nor credential is needed for what a colleague's kernel has filed.
            notice = await self._filer.from_shelf(run.record)
            if notice is not None:
                run.add_notice(notice)
        if run.complete:
            return  # Another kernel brought it there.
        if _was_sent(run.record):
            dialect = self._pool.provider(run.record.provider or "official")
            if not dialect.has_external_id:
                # Nothing can be asked, so neither address nor credential is needed to say what is to be done.
                raise must_be_looked_for(run, dialect.door)
        service = await self._pool.of(run.record)
        if not run.status.is_final:
            await self._live(run, service, intent, job)
        if run.status is RunStatus.SUCCEEDED and run.video is None:
            await self._file(run, service)

    async def _live(self, run: Run, service: Service, intent: Intent, job: _Job) -> None:
        gate = service.gate(run.record.model_name)
        if run.task_id is None and run.record.sending_at is None:
            if not gate.is_free:
                run.set_message(f"waiting for a free slot ({gate.held} of {gate.quota} in use)")
            await gate.acquire()
        else:
            gate.occupy()
        try:
            run.set_message("")
            if run.record.sending_at is not None:
                await self._slots.occupy(run, gate, service)
            if run.task_id is None:
                task = await self._send(run, service, gate, intent, job)
                job.flight.check()
                if task.status.is_final:
                    # Some services answer a create with the finished clip (``spec/gateways.md`` §2.2).
                    await self._conclude(run, service, task)
                    return
            await self._watch(run, service)
        finally:
            gate.release()

    async def _send(self, run: Run, service: Service, gate: ModelGate, intent: Intent, job: _Job) -> Task:
        """Send; a sandbox that cannot be reached is started anew and tried once more.

        As after ``resume``: what may have arrived is looked up before it is sent again.
        """
        try:
            return await self._sender.send(run, service, gate, intent, job.flight)
        except (NotSent, SubmitUncertain) as error:
            once = isinstance(error, SubmitUncertain) and not service.provider.has_external_id
            if once or not (run.may_send and await service.recover(error, failures=2)):
                raise
            return await self._sender.send(run, service, gate, intent, job.flight)

    async def _watch(self, run: Run, service: Service) -> None:
        background: set[asyncio.Task[Any]] = set()

        def report(task: Task) -> None:
            record = run.record
            columns = self._progress(record, task)
            columns = {name: value for name, value in columns.items() if getattr(record, name) != value}
            if not columns:
                return  # The answer to the create said as much.
            run.set_columns(**columns)
            write = asyncio.create_task(self._journal.keep(run.id, **columns))
            background.add(write)
            write.add_done_callback(background.discard)

        task_id = run.task_id or ""
        future = service.tracker.watch(
            task_id,
            form_of(run.record),
            age=run.elapsed or 0.0,
            report=report,
            note=run.set_message,
        )
        try:
            task = await self._until_end(run, future)
        finally:
            service.tracker.drop(task_id)
        await self._conclude(run, service, task)

    async def _until_end(self, run: Run, future: asyncio.Future[Task]) -> Task:
        if not await _ends_before(STUCK_S, run, future):
            # Only now is the log asked, on its own thread: most runs never take so long.
            usual = await self._journal.call(lambda: run.expected) or 0.0
            told = any(notice.startswith(LONGER) for notice in run.record.notices)
            if not await _ends_before(STUCK_FACTOR * usual, run, future) and not told:
                like = f"; runs like it took {usual:.0f} s" if usual else ""
                await self.notify(run, f"{LONGER} ({run.elapsed or 0:.0f} s{like}); still followed.")
        return await future

    @staticmethod
    def _progress(record: RunRecord, task: Task) -> dict[str, Any]:
        columns: dict[str, Any] = {"status": task.status, "service_status": task.service_status}
        if task.status is RunStatus.PROCESSING and record.started_at is None and not task.unknown_word:
            columns["started_at"] = task.updated_at or datetime.now(UTC)
        if task.unknown_word:
            notice = f"The service reports the unknown status {task.service_status!r}; waiting on."
            if notice not in record.notices:
                columns["notices"] = [*record.notices, notice]
        return columns

    async def _conclude(self, run: Run, service: Service, task: Task) -> None:
        record = run.record
        columns: dict[str, Any] = {
            "status": task.status,
            "service_status": task.service_status,
            "finished_at": task.updated_at or datetime.now(UTC),
            **actual_columns(record, task),
            "balance_deduction": task.raw.get("final_balance_deduction"),
            **no_error_columns(record.answers),
        }
        columns["answers"] = {**columns["answers"], "final": task.raw}
        if task.status is RunStatus.FAILED:
            failure = service.provider.failure(task)
            failure.run_id = run.id
            columns |= error_columns(failure, columns["answers"])
        else:
            columns |= {
                "video_id": task.video_id,
                "video_url": task.video_url,
                "video_duration": _seconds(task),
            }
        amount = taken(record, task)
        if amount is not None and (notice := drift_notice(record, amount)) and task.video_url:
            columns["notices"] = [*record.notices, notice]
        await self._keep(run, columns)

    async def _file(self, run: Run, service: Service) -> None:
        run.set_message("downloading")
        filed = await self._filer.file(run.record, service, run.set_message)
        columns = {**filed.columns, **no_error_columns(run.record.answers)}
        if filed.notices:
            columns["notices"] = [*run.record.notices, *filed.notices]
        run.set_columns(**columns)
        await self._leases.keep_and_release(run, **columns)
        self._filed(run)

    async def _stopped_by(self, run: Run, error: KlingError) -> None:
        """Write down why a run cannot go on; an error before anything was sent leaves the row as it is."""
        error.run_id = run.id
        if isinstance(error, TaskGone | SubmitUncertain):
            columns = {"status": RunStatus.UNCERTAIN, **error_columns(error, run.record.answers)}
            await self._keep(run, columns)
        elif isinstance(error, DownloadError):
            await self._keep(run, error_columns(error, run.record.answers))

    async def notify(self, run: Run, notice: str) -> None:
        """Add a notice to a run."""
        await self._keep(run, {"notices": [*run.record.notices, notice]})

    async def _keep(self, run: Run, columns: dict[str, Any]) -> None:
        run.set_columns(**columns)
        await self._journal.keep(run.id, **columns)


def _was_sent(record: RunRecord) -> bool:
    """Whether a run may have a task that it does not know."""
    return not record.status.is_final and record.task_id is None and record.sending_at is not None


async def _ends_before(age: float, run: Run, future: asyncio.Future[Task]) -> bool:
    """Wait until a run is so many seconds old; whether its task ended by then."""
    done, _ = await asyncio.wait({future}, timeout=max(0.0, age - (run.elapsed or 0.0)))
    return bool(done)


def _seconds(task: Task) -> float | None:
    try:
        return None if task.duration is None else float(task.duration)
    except ValueError:
        return None
