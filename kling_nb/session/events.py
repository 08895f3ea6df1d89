"""Telling listeners that a run changed, without ever holding up the loop that follows the runs.

Listeners (cards, galleries, people's own functions) may be slow or fail. They are called from one daemon
thread of their own; changes that arrive while a listener is busy are folded into one call, and the call after
the last change always sees the last state.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("kling_nb")

Listener = Callable[[Any], None]


class EventHub:
    """One thread that calls listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Emitter] = queue.SimpleQueue()
        self._pid = 0

    def post(self, emitter: Emitter) -> None:
        """Have an emitter's listeners called soon; returns at once."""
        with self._lock:
            if self._pid != os.getpid():
                self._queue = queue.SimpleQueue()
                self._pid = os.getpid()
                threading.Thread(
                    target=self._serve, args=(self._queue,), name="kling-events", daemon=True
                ).start()
            self._queue.put(emitter)

    def renew(self) -> None:
        """Start afresh in a forked child, where the thread is gone and the lock may be held by nobody."""
        self._lock = threading.Lock()
        self._pid = 0

    @staticmethod
    def _serve(source: queue.SimpleQueue[Emitter]) -> None:
        while True:
            source.get().deliver()


HUB = EventHub()
"""Shared by all sessions of the process: one thread is enough."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HUB.renew)


class Emitter:
    """The listeners of one thing.

    Parameters
    ----------
    subject
        What listeners receive as their only argument.
    """

    def __init__(self, subject: Any) -> None:
        self._subject = subject
        self._lock = threading.Lock()
        self._listeners: dict[int, Listener] = {}
        self._next = 0
        self._pending = False

    def renew(self) -> None:
        """Start afresh in a forked child; the listeners stay."""
        self._lock = threading.Lock()
        self._pending = False

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener and return the function that removes it."""
        with self._lock:
            key = self._next
            self._next += 1
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def emit(self) -> None:
        """Say that the subject changed; any thread, never blocks."""
        with self._lock:
            if self._pending or not self._listeners:
                return
            self._pending = True
        HUB.post(self)

    def deliver(self) -> None:
        """Call every listener once with the subject as it is now."""
        with self._lock:
            # Cleared before the calls: a change during them causes another round.
            self._pending = False
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(self._subject)
            except Exception:
                # A broken card must not stop the others, nor the run.
                logger.exception("a listener of %r failed", self._subject)
