"""The life of a task: queue, worker, render, end (``spec/sandbox.md`` §5).

Everything here runs on the server's event loop; only decoding and rendering leave it, for a thread pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kling_nb.render import RenderStopped
from kling_nb.sandbox.clock import Clock
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.ledger import Ledger
from kling_nb.sandbox.production import Failure, Producer, Product
from kling_nb.sandbox.store import TaskStore
from kling_nb.sandbox.tasks import Job, State, Task

LOG = logging.getLogger(__name__)
RENDER_THREADS = 2
LOST_CREATE_S = 5.0
# Seconds seen for a 5 s clip (spec/official-api.md §12); longer clips take proportionally longer.
REALISTIC_S = {
    ("kling-v1", "std"): 249,
    ("kling-v1", "pro"): 204,
    ("kling-v1-6", "std"): 122,
    ("kling-v1-6", "pro"): 186,
    ("kling-v2-5-turbo", "std"): 50,
    ("kling-v2-6", "pro"): 110,
    ("kling-v3", "std"): 235,
    ("kling-v3", "pro"): 401,
}
REALISTIC_OTHER_S = 150
REALISTIC_SPREAD = 0.2


class WorkerSlots:
    """First come, first served slots whose number may change while tasks wait."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._busy < self._limit() and not self._waiting:
            self._busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    async def __aexit__(self, *exc: object) -> None:
        self._release()

    def _release(self) -> None:
        self._busy -= 1
        self.admit()

    def admit(self) -> None:
        """Let waiting tasks in as far as the limit allows; called when the limit changes, too."""
        while self._waiting and self._busy < self._limit():
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)


class Engine:
    """Moves every task of the store from ``submitted`` to its end."""

    def __init__(
        self,
        *,
        store: TaskStore,
        ledger: Ledger,
        producer: Producer,
        config: Callable[[], Config],
        clock: Clock,
        changed: Callable[[Task], None],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._producer = producer
        self._config = config
        self._clock = clock
        self._changed = changed
        self._threads = ThreadPoolExecutor(RENDER_THREADS, "sandbox-render")
        self._slots = WorkerSlots(lambda: config().workers)
        self._running: set[asyncio.Task[None]] = set()
        self._switched = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether any task is being moved on."""
        return bool(self._running)

    @property
    def idle(self) -> bool:
        """Whether no task is on its way; tasks stuck on purpose do not count."""
        return all(task.fault("stuck") is not None for task in self._store.unfinished())

    def resume(self) -> None:
        """Take up the tasks a killed process left unfinished."""
        for task in self._store.unfinished():
            self._spawn(task)

    def accept(self, task: Task, job: Job) -> None:
        """Store a new task, reserve its units and start it."""
        self._store.add(task, job)
        self._ledger.reserve(task)
        if self._config().callback_all:
            self._changed(task)
        self._spawn(task)

    def config_changed(self) -> None:
        """Use a new number of workers and a new scale of time at once."""
        self._slots.admit()
        self._switched.set()
        self._switched = asyncio.Event()

    async def abandon(self) -> None:
        """Stop all work without ending the tasks; renders under way are told to stop."""
        self._producer.stop()
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._producer.restart()

    def close(self) -> None:
        """Release the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _spawn(self, task: Task) -> None:
        running = asyncio.get_running_loop().create_task(self._live(task))
        self._running.add(running)
        running.add_done_callback(self._lived)

    def _lived(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        error = None if running.cancelled() else running.exception()
        if error is not None:
            LOG.error("a task could not be moved on", exc_info=error)

    async def _live(self, task: Task) -> None:
        if task.state is State.SUBMITTED:
            await self._pause(self._config().queued)
        if task.fault("stuck") is not None:
            self._move(task, State.PROCESSING)
            return
        async with self._slots:
            self._move(task, State.PROCESSING)
            started = time.monotonic()
            # Pictures are read only now: waiting tasks must not hold theirs in memory.
            outcome = await self._produce(task, self._store.job(task.id))
            task.timings["work_s"] = round(time.monotonic() - started, 4)
            await self._pause(self._processing_time(task), time.monotonic() - started)
            self._end(task, outcome)

    async def _produce(self, task: Task, job: Job) -> Product | Failure:
        loop = asyncio.get_running_loop()
        ids = [self._store.new_id(self._clock.now_ms()) for _ in range(2)]
        work = partial(self._producer.produce, task, job, ids[0], ids[1])
        try:
            return await loop.run_in_executor(self._threads, work)
        except RenderStopped:  # by a reset or the end of the server: no failure of this task
            raise asyncio.CancelledError from None
        except Exception as error:
            LOG.exception("task %s could not be rendered", task.id)
            return Failure("internal error", (repr(error),))

    async def _pause(self, seconds: float, spent: float = 0.0) -> None:
        """Wait; a scale of time that changes meanwhile holds for the whole of it."""
        began = time.monotonic() - spent
        while (left := began + seconds * self._config().time_scale - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._switched.wait()

    def _processing_time(self, task: Task) -> float:
        config = self._config()
        slow = task.fault("slow")
        if slow is not None:
            return float(slow)
        if config.profile == "fast":
            return config.min_processing
        usual = REALISTIC_S.get((task.model, task.mode), REALISTIC_OTHER_S) * task.duration / 5
        spread = random.Random(task.id).uniform(-REALISTIC_SPREAD, REALISTIC_SPREAD)  # noqa: S311 - a waiting time
        return usual * (1 + spread)

    def _touch(self, task: Task) -> None:
        task.updated = max(self._clock.now_ms(), task.updated + 1)

    def _move(self, task: Task, state: State) -> None:
        if task.state is state:  # rendering again after a restart: no transition
            return
        task.state = state
        self._touch(task)
        task.timings["queued_s"] = (task.updated - task.created) / 1000
        self._store.save(task)
        self._changed(task)

    def _end(self, task: Task, outcome: Product | Failure) -> None:
        self._touch(task)
        task.timings["total_s"] = (task.updated - task.created) / 1000
        if isinstance(outcome, Failure):
            task.state, task.message = State.FAILED, outcome.message
        else:
            task.state, task.video = State.SUCCEEDED, outcome.video
        for note in outcome.notes:
            task.note(note)
        self._ledger.settle(task, succeeded=task.state is State.SUCCEEDED)
        self._store.finish(task)
        self._changed(task)
