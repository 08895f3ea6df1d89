"""Slots: how many tasks of one model this process lets run at the same time.

The service gives an account a number of slots per model and answers 1303 beyond it
(``spec/official-api.md`` §13); a slot is held from ``submitted`` until the task ends. Runs that would exceed
the number wait here, on this machine, instead of asking the service again and again. Slots that other kernels
hold are seen in the run log (:mod:`kling_nb.session.slots`); this queue keeps the usual case free of that.
"""

from __future__ import annotations

import asyncio
from collections import deque


class ModelGate:
    """The slots of one model on one service; used on the background loop only.

    Parameters
    ----------
    quota
        Slots, from the setting ``quota``.
    """

    def __init__(self, quota: int) -> None:
        self.quota = max(1, quota)
        self.held = 0
        self.congested = False
        # Held by the one run that asks the log for a slot while other kernels use them all.
        self.turn = asyncio.Lock()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._freed: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """Runs waiting for a slot."""
        return len(self._waiting)

    @property
    def is_free(self) -> bool:
        """Whether a run could start now."""
        # After a 1303 one run at a time asks the service; the others wait for its answer.
        return self.held < self.quota and not self.congested

    async def acquire(self) -> None:
        """Take a slot, first come first served."""
        if self.is_free and not self._waiting:
            self.held += 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ticket)
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self.release()
            else:
                self._waiting.remove(ticket)
            raise

    def occupy(self) -> None:
        """Count a task that is already running on the service; never waits."""
        self.held += 1

    def freed(self) -> asyncio.Future[None]:
        """Return a future that is done when this process gives a slot back."""
        if self._freed is None or self._freed.done():
            self._freed = asyncio.get_running_loop().create_future()
        return self._freed

    def release(self) -> None:
        """Give a slot back and let the next run go."""
        self.held -= 1
        self.congested = False
        if self._freed is not None and not self._freed.done():
            self._freed.set_result(None)
        self._wake()

    def refused(self) -> None:
        """Note that the service had no slot although this process thought so (1303)."""
        self.congested = True

    def accepted(self) -> None:
        """Note that the service took a task: the congestion, if any, is over."""
        self.congested = False
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self.is_free:
            ticket = self._waiting.popleft()
            if not ticket.done():
                # Counted here, not by the woken run: a newcomer must not take the slot in between.
                self.held += 1
                ticket.set_result(None)
