"""Looks at the run log now and then, as long as somebody looks at what is shown of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kling_nb.runlog import RunLog

logger = logging.getLogger("kling_nb")

PERIOD_S: Final = 1.0
"""Seconds between two looks; one costs about a tenth of a millisecond."""


class LogWatch:
    """Calls a function when rows of the log have changed, whoever changed them: a magic, another kernel.

    Parameters
    ----------
    log
        The run log.
    changed
        Called from a thread of its own with the change counter as it was before.
    period
        Seconds between two looks.
    """

    def __init__(self, log: RunLog, changed: Callable[[int], None], *, period: float = PERIOD_S) -> None:
        self._log = log
        self._changed = changed
        self._period = period
        self._seen = log.change_counter()
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._viewers: set[str] = set()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def opened(self, viewer: str) -> None:
        """Begin to look for a page."""
        with self._lock:
            self._viewers.add(viewer)
            if self._thread is None or self._ended.is_set() or not self._thread.is_alive():
                # An event of its own: a thread that was told to end may not have heard of it yet.
                self._ended = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._ended,), name="kling_nb gallery", daemon=True
                )
                self._thread.start()

    def closed(self, viewer: str) -> None:
        """Stop looking for a page."""
        with self._lock:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._ended.set()

    def stop(self) -> None:
        """Stop looking for all pages."""
        with self._lock:
            self._viewers.clear()
            self._ended.set()

    def look(self) -> None:
        """Look now; what had changed before has been told when this returns."""
        # One after the other: of two that look at once, the one that read first could tell last.
        with self._looking:
            now = self._log.change_counter()
            if now != self._seen:
                self._changed(self._seen)
                # Only now: what could not be told is told by the next look.
                self._seen = now

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(self._period):
            try:
                self.look()
            except Exception:
                # A log that is locked or gone for a moment must not end the looking.
                logger.debug("the run log could not be looked at", exc_info=True)
