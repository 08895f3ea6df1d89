"""Waiting for runs: on the kernel's loop or by blocking. Interrupt ends only the waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from kling_nb.errors import KlingError, WaitTimeout

SLICE_S = 0.05
"""Seconds between two looks: Interrupt and clicks never wait longer."""


class Awaited(Protocol):
    """What can be waited for: a run, or a sweep."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""

    @property
    def error(self) -> KlingError | None:
        """Why it could not go on."""

    @property
    def message(self) -> str:
        """What is going on."""


class WaitInterrupted(KlingError):
    """Interrupt was pressed while waiting; the tasks go on."""


class Waiting:
    """Runs someone wants to wait for.

    Parameters
    ----------
    runs
        The runs, or sweeps.
    timeout
        Seconds, None without limit.
    tell
        Called with each run when all have ended: a terminal has no card that shows the end.
    """

    def __init__(
        self, runs: Sequence[Awaited], timeout: float | None, tell: Callable[[Any], None] | None = None
    ) -> None:
        self._runs = list(runs)
        self._tell = tell
        self._timeout = timeout
        self._deadline = float("inf") if timeout is None else time.monotonic() + timeout

    async def until_done(self) -> None:
        """Wait without holding up the kernel's loop.

        Raises
        ------
        KlingError
            The first error among the runs, when all have ended.
        WaitTimeout, WaitInterrupted
            The tasks go on.
        """
        try:
            while self._open():  # noqa: ASYNC110 - no future of ours on the kernel's loop, only sleeps
                await asyncio.sleep(SLICE_S)
        except asyncio.CancelledError:
            raise self._interrupted() from None
        self._end()

    def block(self) -> None:
        """Wait synchronously; raises like :meth:`until_done`."""
        try:
            while self._open():
                time.sleep(SLICE_S)
        except KeyboardInterrupt:
            raise self._interrupted() from None
        self._end()

    def _open(self) -> bool:
        going = [run for run in self._runs if not run.done]
        if going and time.monotonic() >= self._deadline:
            raise WaitTimeout(
                f"{_listed(going)} not finished after {self._timeout:g} s; waiting ended, the task goes on.",
                f"It is still followed: the card shows when it is done.{_going_on(going)}",
                f"Wait on with %kling wait {' '.join(run.id for run in going)}",
            )
        return bool(going)

    def _interrupted(self) -> WaitInterrupted:
        going = [run for run in self._runs if not run.done]
        return WaitInterrupted(
            f"Stopped waiting for {_listed(going)}.",
            "The task goes on and is still followed; the service offers no way to cancel it.",
            f"Wait on with %kling wait {' '.join(run.id for run in going)}",
        )

    def _end(self) -> None:
        if self._tell is not None:
            for run in self._runs:
                self._tell(run)
        for run in self._runs:
            if run.error is not None:
                raise run.error


def _going_on(runs: Sequence[Awaited]) -> str:
    """Return what holds the runs up, as far as they say it; each sentence once."""
    said = dict.fromkeys(run.message for run in runs if run.message)
    return "".join(f" {message}" for message in said)


def _listed(runs: Sequence[Awaited]) -> str:
    return ", ".join(run.id for run in runs) or "the run"
