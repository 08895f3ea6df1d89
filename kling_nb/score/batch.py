"""Many clips on any executor: few at a time, nothing lost to a worker that dies, each result told at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import suppress
from typing import Any, Final

from kling_nb.errors import UsageError
from kling_nb.score import isolation
from kling_nb.score.workers import (
    CRASHED,
    LIMIT_S,
    STUCK,
    Job,
    Outcome,
    measure_job,
    unmeasured,
    words_of,
)

PER_WORKER: Final = 3
"""Jobs handed out for each worker: enough that none waits, few enough that thousands need no memory."""

LOOK_AGAIN_S: Final = 0.2
"""Longest uninterrupted wait, in seconds."""

PATIENCE_S: Final = 2 * LIMIT_S
"""A worker gives a clip up by itself, unless the library that reads it never comes back."""

Told = Callable[[Outcome], None]
Work = Callable[[Job], Outcome]


class Batch:
    """Measures clips on an executor.

    Parameters
    ----------
    told
        Called on this thread with each outcome as soon as it is there.
    executor
        Where; None starts processes that end with the batch.
    processes
        How many of these; None is one a core.
    work
        What is done with a job.
    patience_s
        How long processes of its own may all be silent before they are ended.
    """

    def __init__(
        self,
        told: Told,
        executor: Executor | None = None,
        *,
        work: Work = measure_job,
        processes: int | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._told = told
        self._work = work
        self._given = executor
        self._processes = processes
        self._own: Any = None
        self._waiting: dict[Future[Outcome], Job] = {}
        self._suspects: list[tuple[Job, str]] = []
        self._patience_s = patience_s
        self._heard = time.monotonic()

    def run(self, jobs: Iterable[Job]) -> None:
        """Measure all; ends when the last outcome was told.

        Whatever interrupts it: what is finished by then is told, nothing new begins, and processes of its own
        are ended.

        Parameters
        ----------
        jobs
            Taken one by one, as workers become free.
        """
        whole = False
        try:
            for job in jobs:
                while len(self._waiting) >= PER_WORKER * self._lanes():
                    self._collect()
                self._hand_out(job)
            while self._waiting:
                self._collect()
            # Whoever was at work when a worker died may have killed it: alone, each shows what it does.
            while self._suspects:
                self._try_alone(self._suspects.pop(0)[0])
            whole = True
        finally:
            try:
                if not whole:
                    self._break_off()
            finally:
                self._end_own(kill=not whole)

    def _hand_out(self, job: Job) -> None:
        executor = self._executor()
        try:
            future = executor.submit(self._work, job)
        except Exception as error:
            # Broken, closed or shut down, and each library has an error of its own for it: somebody else's
            # executor cannot be mended, ours is made anew.
            unused = not self._waiting and not self._suspects
            if executor is self._given and unused and not isinstance(error, BrokenExecutor):
                raise UsageError(
                    "The executor takes no work.",
                    f"{type(error).__name__}: {error}.",
                    "Give one that runs, or none: then processes are started for the purpose.",
                ) from error
            self._given = None if executor is self._given else self._given
            self._end_own(kill=True)
            future = self._executor().submit(self._work, job)
        if not self._waiting:
            self._heard = time.monotonic()
        self._waiting[future] = job

    def _collect(self) -> None:
        wait(self._waiting, timeout=LOOK_AGAIN_S, return_when=FIRST_COMPLETED)
        # wait() itself never sees those that an executor's shutdown has cancelled.
        done = [future for future in self._waiting if future.done()]
        if done:
            self._heard = time.monotonic()
        elif self._own is not None and time.monotonic() - self._heard > self._patience_s:
            # Whoever holds them up is found when each is tried alone.
            self._end_own(kill=True)
        for future in done:
            self._take(future, self._waiting.pop(future))

    def _take(self, future: Future[Outcome], job: Job) -> None:
        """Tell an outcome, send what was missing, or note that the job has to be tried again."""
        try:
            outcome = future.result()
        except (Exception, CancelledError) as error:
            self._suspects.append((job, _reason(error)))
            return
        if outcome.scores is None:
            self._hand_out(job.with_files(outcome.absent))
            return
        self._told(outcome)

    def _try_alone(self, job: Job) -> None:
        before = len(self._suspects)
        self._hand_out(job)
        while self._waiting:
            self._collect()
        if len(self._suspects) > before:
            suspect, why = self._suspects.pop()
            self._told(Outcome(suspect.key, unmeasured(suspect, why)))

    def _break_off(self) -> None:
        for future in self._waiting:
            # Processes of our own are killed; loky then writes into every future, and wants none cancelled.
            if self._own is None:
                future.cancel()
            if not future.done() or future.cancelled() or future.exception() is not None:
                continue
            outcome = future.result()
            if outcome.scores is not None:
                self._told(outcome)
        self._waiting.clear()

    def _lanes(self) -> int:
        return workers_of(self._executor())

    def _executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            from loky import ProcessPoolExecutor  # noqa: PLC0415 - only where many clips are measured

            self._own = ProcessPoolExecutor(
                self._processes or cores(),
                initializer=isolation.stand_apart,
                initargs=(os.getpid(),),
                env=isolation.changes(),
            )
        executor: Executor = self._own
        return executor

    def _end_own(self, *, kill: bool) -> None:
        own, self._own = self._own, None
        if own is not None:
            own.shutdown(wait=True, kill_workers=kill)


def cores() -> int:
    """Return how many processors this process may use."""
    with suppress(AttributeError):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def workers_of(executor: Executor) -> int:
    """Return how many jobs an executor works on at the same time.

    Pools of the standard library and of loky know it; a Dask client counts its threads; of others it is
    taken to be as many as this machine has cores.
    """
    known = getattr(executor, "_max_workers", None)
    if isinstance(known, int) and known > 0:
        return known
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):
        with suppress(Exception):
            return max(1, int(sum(client.nthreads().values())))
    return cores()


def _reason(error: BaseException) -> str:
    """Say why a job came back without an answer; Dask and loky have names of their own for it."""
    if isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker":
        return CRASHED
    if type(error).__name__ == "ShutdownExecutorError":
        return STUCK
    return f"the executor did not do it ({words_of(error)})"
