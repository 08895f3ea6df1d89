"""One daemon thread with an event loop of its own, where everything asynchronous runs.

The kernel's loop is never nested and never used (``design``: lost widget events). The loop class
pins asyncio's own methods because ``nest_asyncio.apply()`` patches the loop *class* for the whole
process, whatever loop it is given.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_SLICE_S = 0.1
"""Longest uninterrupted wait of a caller, so that Interrupt is immediate on every platform."""


class TransportLoop(asyncio.SelectorEventLoop):
    """A selector loop that stays asyncio's own even after ``nest_asyncio`` patched its parent."""

    run_forever = asyncio.BaseEventLoop.run_forever
    run_until_complete = asyncio.BaseEventLoop.run_until_complete
    _run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]  # private, pinned on purpose
    _check_running = asyncio.BaseEventLoop._check_running  # type: ignore[attr-defined]  # as above


class LoopThread:
    """A running loop in a daemon thread.

    Attributes
    ----------
    pid
        Process that started the thread; a forked child has no such thread.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = TransportLoop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kling_nb-transport", daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop itself; use it for ``call_soon_threadsafe`` only."""
        return self._loop

    @property
    def alive(self) -> bool:
        """Whether work can be given to this thread from this process."""
        return self.pid == os.getpid() and self._thread.is_alive() and not self._loop.is_closed()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return threading.current_thread() is self._thread

    def submit(self, coro: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop.

        Parameters
        ----------
        coro
            Coroutine to run.

        Returns
        -------
        concurrent.futures.Future
            Result; cancelling it cancels the coroutine.

        Raises
        ------
        RuntimeError
            If the thread has been stopped or belongs to another process.
        """
        if not self.alive:
            coro.close()
            raise RuntimeError("the background loop is not running in this process")
        return asyncio.run_coroutine_threadsafe(coro, self._loop)

    def call(self, coro: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result.

        Parameters
        ----------
        coro
            Coroutine to run.
        timeout
            Seconds to wait; the coroutine is cancelled when they have passed.

        Returns
        -------
        T
            The coroutine's result.

        Raises
        ------
        TimeoutError
            If the time has passed.
        RuntimeError
            If called on the loop's own thread, where waiting would never end.
        """
        if self.is_current:
            coro.close()
            raise RuntimeError("call() from the background loop would wait for itself; await instead")
        future = self.submit(coro)
        left = timeout
        try:
            while True:
                step = _SLICE_S if left is None else min(_SLICE_S, max(left, 0.0))
                try:
                    return future.result(step)
                except TimeoutError:
                    if future.done():
                        return future.result()
                    if left is not None:
                        left -= step
                        if left <= 0:
                            raise
        except BaseException:
            future.cancel()
            raise

    def stop(self, timeout: float = 2.0) -> None:
        """Cancel what runs and end the thread; for tests and orderly shutdown.

        Parameters
        ----------
        timeout
            Seconds to wait for the thread.
        """
        if not self.alive or self.is_current:
            return
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._loop.close()

    async def _drain(self) -> None:
        me = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not me]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        self._loop.call_soon(self._loop.stop)


_lock = threading.Lock()
_current: list[LoopThread] = []


def background() -> LoopThread:
    """Return this process's loop thread, starting it when needed.

    Returns
    -------
    LoopThread
        The same object for every caller; a new one after a fork or after ``stop``.
    """
    with _lock:
        if not _current or not _current[0].alive:
            _current[:] = [LoopThread()]
        return _current[0]


def _forget_in_child() -> None:
    # The lock may be held by a thread that does not exist in the child.
    global _lock  # noqa: PLW0603 - a fresh lock is the only safe one after fork
    _lock = threading.Lock()
    _current.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
