"""Measuring clips one after the other beside everything else: a queue, a thread, and one process.

The thread only waits for the process, which starts with the first clip and ends when there was none for a
while. Nothing here holds up a cell, the loop that follows runs, or the end of the interpreter.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.score.aside import Aside
    from kling_nb.score.workers import Job

logger = logging.getLogger("kling_nb")

IDLE_S: Final = 60.0
"""How long the process waits for another clip, in seconds."""

TRIES: Final = 2
"""Processes that a clip may end before it is left alone."""

Make = Callable[[], "tuple[Job | None, Scores | None]"]
"""Says, on the thread of the queue, what is to be measured, or the scores that are known, or neither."""

Keep = Callable[["Job | None", "Scores"], None]
"""Takes scores, on the thread of the queue, with the job if they were measured just now."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One clip that waits."""

    key: str
    make: Make
    keep: Keep
    future: Future[Scores | None]


class Scorer:
    """The queue of clips that wait to be measured.

    Parameters
    ----------
    idle_s
        How long the process waits for another clip.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._aside: Aside | None = None
        self._closed = False
        self._begin()
        _SCORERS.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[_Wish] = deque()
        self._pending: dict[str, int] = {}
        self._thread: threading.Thread | None = None

    def forget(self) -> None:
        """Begin anew in a copy of the kernel: thread, process and whoever holds the lock are the other's."""
        aside, self._aside = self._aside, None
        if aside is not None:
            aside.disown()
        self._begin()

    def add(self, key: str, make: Make, keep: Keep, *, first: bool = False) -> Future[Scores | None]:
        """Have a clip measured some time soon; any thread, returns at once.

        Parameters
        ----------
        key
            What the caller knows it by.
        make
            Says what is to be done, when its turn has come.
        keep
            Takes the scores before the future has them.
        first
            Before all that wait.
        """
        future: Future[Scores | None] = Future()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="kling-scores", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    # No threads are left, or the interpreter is about to end.
                    _end(future, error=error)
                    return future
                self._thread = thread
            self._pending[key] = self._pending.get(key, 0) + 1
            (self._queue.appendleft if first else self._queue.append)(_Wish(key, make, keep, future))
            self._changed.notify_all()
        return future

    def pending(self, key: str) -> bool:
        """Whether a clip waits or is being measured."""
        with self._changed:
            return key in self._pending

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        aside = self._aside
        return None if aside is None else aside.pid

    def close(self) -> None:
        """End the process and forget what waits; the log says later what was not measured."""
        with self._changed:
            self._closed = True
            waiting, thread = list(self._queue), self._thread
            self._queue.clear()
            self._changed.notify_all()
            aside = self._aside
        for wish in waiting:
            wish.future.cancel()
        if aside is not None:
            aside.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    def _work(self) -> None:
        while True:
            wish = self._next()
            if wish is not None:
                self._do(wish)
                continue
            # By this thread, while nobody begins another one that would use the same process.
            if self._aside is not None:
                self._aside.rest()
            with self._changed:
                if self._closed or not self._queue:
                    self._thread = None
                    return

    def _next(self) -> _Wish | None:
        """Return what is first in the queue; None when nothing came for a while, or all is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed, self._idle_s)
            return None if self._closed or not self._queue else self._queue.popleft()

    def _do(self, wish: _Wish) -> None:
        try:
            job, scores = wish.make()
            if job is not None:
                scores = self._measured(job)
            if scores is not None and not self._closed:
                wish.keep(job, scores)
        except Exception as error:
            logger.debug("the clip of %s is not measured", wish.key, exc_info=True)
            self._forget(wish.key)
            _end(wish.future, error=error)
        else:
            # Before the end is told: who is told then looks, and must not find it pending.
            self._forget(wish.key)
            _end(wish.future, scores)

    def _forget(self, key: str) -> None:
        with self._changed:
            self._pending[key] -= 1
            if not self._pending[key]:
                del self._pending[key]

    def _measured(self, job: Job) -> Scores:
        from kling_nb.score.workers import CRASHED, unmeasured  # noqa: PLC0415 - loads with the first clip

        crashes = 0
        while crashes < TRIES:
            process = self._process()
            outcome = process.measure(job)
            if outcome is None and process.stopped:
                raise CancelledError  # The session, or the interpreter, ends: the clip is not to blame.
            if outcome is None:
                crashes += 1
            elif outcome.scores is None:
                job = job.with_files(outcome.absent)
            else:
                return outcome.scores
        return unmeasured(job, CRASHED)

    def _process(self) -> Aside:
        from kling_nb.score.aside import Aside  # noqa: PLC0415 - loads with the first clip

        with self._changed:
            if self._closed:
                raise CancelledError
            if self._aside is None:
                self._aside = Aside()
            return self._aside


_SCORERS: WeakSet[Scorer] = WeakSet()


def _forget_in_child() -> None:
    for scorer in list(_SCORERS):
        scorer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def _end(future: Future[Scores | None], scores: Scores | None = None, error: Exception | None = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(scores)
