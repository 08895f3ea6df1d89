"""Writing to the run log from the background loop: in order, off the loop, and never forgotten.

A write that must be on disk before something else happens (before a request leaves) is awaited with
:meth:`Journal.write` and raises. A write that records what has already happened on the service (a task id, a
result) must not be lost because a disk is full for a minute: :meth:`Journal.keep` tries again until it is
written, while the run goes on in memory. Whatever waits to be written at one moment shares one transaction.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from kling_nb.errors import RunNotFound
from kling_nb.runlog import Change

if TYPE_CHECKING:
    from kling_nb.runlog import Admission, RunLog
    from kling_nb.runlog.changes import Outcome

RETRY_S = 2.0
"""Seconds between two attempts to write what could not be written."""

GATHER_S = 0.002
"""Seconds for which writes are gathered while many are made."""

REMOVED = "its row was removed from the run log; nothing more is kept about it"

Told = tuple[asyncio.Future[Any], Any, BaseException | None]


@dataclass(slots=True)
class _Job:
    """A change to write or something else to do, and whom to tell."""

    work: Change | Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class Writer:
    """A daemon thread that works on the log in order.

    A thread of an executor would be joined when the interpreter ends; this one never holds that up.

    Parameters
    ----------
    log
        The run log.
    turn
        Held while writing. Other threads of this process that write hold it too: they then wait exactly as
        long as needed, where SQLite would look again at growing intervals.
    """

    def __init__(self, log: RunLog, turn: threading.Lock) -> None:
        self._log = log
        self._turn = turn
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, work: Change | Callable[[], Any]) -> asyncio.Future[Any]:
        """Have something done on the thread; call from a running loop and await the result."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="kling-log", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return future

    def _serve(self) -> None:
        busy = False
        while True:
            jobs = [self._jobs.get()]
            if busy:
                # Where several wait, more are coming: one commit for all of them.
                time.sleep(GATHER_S)
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            busy = len(jobs) > 1
            with self._turn:
                outcomes = list(self._done(jobs))
            try:
                # One wake-up of the loop for all of them.
                jobs[0].loop.call_soon_threadsafe(_tell, outcomes)
            except RuntimeError:
                return  # The loop is closed: the interpreter is ending.

    def _done(self, jobs: Iterable[_Job]) -> Iterator[Told]:
        for are_changes, group in groupby(jobs, key=lambda job: isinstance(job.work, Change)):
            members = list(group)
            made = self._together(members) if are_changes and len(members) > 1 else None
            if made is not None:
                yield from ((job.done, refused, None) for job, refused in zip(members, made, strict=True))
            else:
                # One by one, so that an error is told to the one it concerns.
                yield from map(self._alone, members)

    def _together(self, jobs: list[_Job]) -> list[Any] | None:
        try:
            return list(self._log.apply([job.work for job in jobs if isinstance(job.work, Change)]))
        except Exception:
            return None

    def _alone(self, job: _Job) -> Told:
        try:
            work = job.work
            if isinstance(work, Change):
                return job.done, self._log.apply([work])[0], None
            return job.done, work(), None
        except Exception as error:
            return job.done, None, error


def _tell(outcomes: list[Told]) -> None:
    for future, value, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


class Journal:
    """The run log as seen from the loop.

    Parameters
    ----------
    log
        The run log.
    turn
        Lock of all writers of this process.
    trouble
        Called with a run id and a sentence when a write has to wait, and with an empty sentence when it
        succeeded after all.
    """

    def __init__(self, log: RunLog, turn: threading.Lock, trouble: Callable[[str, str], None]) -> None:
        self.log = log
        self._writer = Writer(log, turn)
        self._trouble = trouble
        self._late: dict[str, dict[str, Any]] = {}
        self._retry: asyncio.Task[None] | None = None

    async def write(self, run_id: str, **columns: Any) -> None:
        """Write columns of a run; on disk when it returns.

        Raises
        ------
        RunLogError
            The log cannot be written; nothing changed.
        """
        await self.admit(run_id, None, **columns)

    async def admit(self, run_id: str, admission: Admission | None, **columns: Any) -> Outcome:
        """Write columns of a run if it is admitted; on disk when it returns.

        Returns
        -------
        BudgetError, Busy or None
            What keeps it from being admitted; then nothing changed.

        Raises
        ------
        RunLogError
            The log cannot be written; nothing changed.
        """
        late = self._late.pop(run_id, {})
        try:
            refused = await self._write(run_id, late | columns, admission)
        except Exception:
            self._postpone(run_id, late)
            raise
        if refused is not None:
            self._postpone(run_id, late)
        return refused

    async def keep(self, run_id: str, *, releases: str | None = None, **columns: Any) -> bool:
        """Write columns of a run, again and again if need be.

        Parameters
        ----------
        run_id
            Complete id.
        releases
            Owner that gives its lease back with this write, should it succeed at once.
        **columns
            New values.

        Returns
        -------
        bool
            Whether it is written; else it is tried again until it is, or until somebody removes the row.
        """
        columns = self._late.pop(run_id, {}) | columns
        try:
            await self._write(run_id, columns, releases=releases)
        except RunNotFound:
            self._trouble(run_id, REMOVED)
            return False
        except Exception as error:
            self._postpone(run_id, columns)
            self._trouble(run_id, f"the run log cannot be written ({_first_line(error)}); trying again")
            return False
        return True

    async def release(self, run_id: str, owner: str) -> None:
        """Give a lease back."""
        await self._writer.call(Change(run_id, {}, releases=owner))

    async def call(self, work: Change | Callable[[], Any]) -> Any:
        """Do something else with the log, in order with the writes."""
        return await self._writer.call(work)

    async def _write(
        self,
        run_id: str,
        columns: dict[str, Any],
        admission: Admission | None = None,
        releases: str | None = None,
    ) -> Outcome:
        change = Change(run_id, columns, admission=admission, releases=releases)
        refused: Outcome = await self._writer.call(change)
        if refused is not None:
            return refused
        # An older write of these columns that failed meanwhile must not undo this one.
        late = self._late.get(run_id, {})
        for name in columns:
            late.pop(name, None)
        if not late:
            self._late.pop(run_id, None)
        return None

    def _postpone(self, run_id: str, columns: dict[str, Any]) -> None:
        if columns:
            # What was postponed meanwhile is newer and wins.
            self._late[run_id] = {**columns, **self._late.get(run_id, {})}
            if self._retry is None or self._retry.done():
                self._retry = asyncio.create_task(self._write_late())

    async def _write_late(self) -> None:
        while self._late:
            await asyncio.sleep(RETRY_S)
            for run_id in list(self._late):
                try:
                    await self.write(run_id)
                except RunNotFound:
                    self._late.pop(run_id, None)
                    self._trouble(run_id, REMOVED)
                    continue
                except Exception:
                    break
                self._trouble(run_id, "")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
