"""Work that takes a second, off the kernel's threads: the newest order wins."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger("kling_nb")

Result = TypeVar("Result")


class LatestOnly(Generic[Result]):
    """Does one thing at a time; what was ordered meanwhile is replaced by what is ordered later.

    Parameters
    ----------
    done
        Called on the worker's thread with the result, or with the exception that ended the work; not for
        work that has been superseded.
    """

    def __init__(self, done: Callable[[Result | Exception], None]) -> None:
        self._done = done
        self._lock = threading.Lock()
        self._next: Callable[[], Result] | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being worked on or ordered."""
        return self._thread is not None

    def order(self, work: Callable[[], Result]) -> None:
        """Do this next; returns at once."""
        with self._lock:
            self._next = work
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kling_nb preview", daemon=True)
                self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until nothing is left to do; for tests and scripts."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._lock:
                work, self._next = self._next, None
                if work is None:
                    self._thread = None
                    return
            result: Result | Exception
            try:
                result = work()
            except Exception as error:  # told to whoever ordered the work
                result = error
            if self._next is None:
                self._tell(result)

    def _tell(self, result: Result | Exception) -> None:
        try:
            self._done(result)
        except Exception:
            # A page that is gone, or is changed meanwhile: what is ordered next must be done all the same.
            logger.exception("the outcome of a check or a preview could not be shown")
