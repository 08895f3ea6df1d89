"""Writing to the run log from the background loop: in order, off the loop, and never forgotten.

A write that must be on disk before something else happens (before a request leaves) is awaited with
:meth:`Journal.write` and raises. A write that records what has already happened on the service (a task id, a
result) must not be lost because a disk is full for a minute: :meth:`Journal.keep` tries again until it is
written, while the run goes on in memory.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.runlog import RunLog, RunRecord

RETRY_S = 2.0
"""Seconds between two attempts to write what could not be written."""


@dataclass(slots=True)
class _Job:
    """One thing to do on the writing thread, and whom to tell."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]

    def run(self) -> tuple[asyncio.Future[Any], Any, BaseException | None]:
        try:
            return self.done, self.work(), None
        except Exception as error:
            return self.done, None, error


class Worker:
    """A daemon thread that does blocking work in order.

    A thread of an executor would be joined when the interpreter ends; this one never holds that up.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._name = name
        self._thread: threading.Thread | None = None

    def call(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Have ``work`` done on the thread; call from a running loop and await the result."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return future

    def _serve(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            # Whatever piled up meanwhile is answered with one wake-up of the loop.
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            results = [job.run() for job in jobs]
            try:
                jobs[0].loop.call_soon_threadsafe(_tell, results)
            except RuntimeError:
                return  # The loop is closed: the interpreter is ending.


def _tell(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, value, error in results:
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
    trouble
        Called with a run id and a sentence when a write has to wait, and with an empty sentence when it
        succeeded after all.
    """

    def __init__(self, log: RunLog, trouble: Callable[[str, str], None]) -> None:
        self.log = log
        self.worker = Worker("kling-log")
        self._trouble = trouble
        self._late: dict[str, dict[str, Any]] = {}
        self._retry: asyncio.Task[None] | None = None

    async def write(self, run_id: str, **columns: Any) -> RunRecord:
        """Write columns of a run; on disk when it returns.

        Raises
        ------
        RunLogError
            The log cannot be written; nothing changed.
        """
        late = self._late.pop(run_id, {})
        columns = {**late, **columns}
        try:
            record: RunRecord = await self.worker.call(lambda: self.log.update(run_id, **columns))
        except Exception:
            self._postpone(run_id, late)
            raise
        return record

    async def keep(self, run_id: str, **columns: Any) -> RunRecord | None:
        """Write columns of a run, again and again if need be.

        Returns
        -------
        RunRecord or None
            The row as written; None when writing has to be tried again later.
        """
        try:
            return await self.write(run_id, **columns)
        except Exception as error:
            self._postpone(run_id, columns)
            self._trouble(run_id, f"the run log cannot be written ({_first_line(error)}); trying again")
            if self._retry is None or self._retry.done():
                self._retry = asyncio.create_task(self._write_late())
            return None

    async def call(self, work: Callable[[], Any]) -> Any:
        """Do something else with the log, in order with the writes."""
        return await self.worker.call(work)

    @property
    def pending(self) -> int:
        """Runs with something not yet written."""
        return len(self._late)

    def _postpone(self, run_id: str, columns: dict[str, Any]) -> None:
        if columns:
            # What was postponed meanwhile is newer and wins.
            self._late[run_id] = {**columns, **self._late.get(run_id, {})}

    async def _write_late(self) -> None:
        while self._late:
            await asyncio.sleep(RETRY_S)
            for run_id in list(self._late):
                try:
                    await self.write(run_id)
                except Exception:
                    break
                self._trouble(run_id, "")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
