"""The part of a session that lives on the background loop, and the doors to it from other threads."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kling_nb.session.attaching import Found, adopted, search_forms
from kling_nb.session.filing import Filer
from kling_nb.session.following import Follower
from kling_nb.session.journal import Journal
from kling_nb.session.leases import Leases
from kling_nb.session.owner import Owner
from kling_nb.session.pool import ServicePool
from kling_nb.transport.loop import background

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.wire import Answer, Call
    from kling_nb.runlog import RunLog, RunRecord
    from kling_nb.session.pool import Pace
    from kling_nb.session.run import Run
    from kling_nb.session.sending import Intent
    from kling_nb.session.service import Service
    from kling_nb.session.shelf import Shelf
    from kling_nb.session.uploading import Uploader
    from kling_nb.settings import Settings

CLOSE_S = 5.0
FORK_S = 5.0
"""Longest wait of a fork for a write to end."""

_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()
_PAUSED: list[threading.Lock] = []


class Engine:
    """Follows runs on the background loop.

    Parameters
    ----------
    settings
        Addresses, credentials, quota.
    home
        Folder of log and videos.
    log
        The run log.
    say
        Called with sentences for the person.
    pace, posters
        See :class:`kling_nb.session.facade.Session`.
    uploader
        Returns what puts local pictures at an address now.
    shelf
        Where a team has copies of the videos.
    filed
        Called with a run whose video was stored just now, on the loop.
    """

    def __init__(
        self,
        settings: Settings,
        home: Path,
        log: RunLog,
        say: Callable[[str], None],
        *,
        pace: Pace | None = None,
        posters: bool = True,
        uploader: Callable[[], Uploader | None] = lambda: None,
        shelf: Shelf | None = None,
        filed: Callable[[Run], None] = lambda _: None,
    ) -> None:
        self._filed = filed
        self.owner = Owner.current()
        self.log = log
        self.turn = threading.Lock()
        _ENGINES.add(self)
        self.pool = ServicePool(settings, settings.sandbox_home or home / "sandbox", say, pace, uploader)
        self._home = home
        self._posters = posters
        self._shelf = shelf
        self._runs: dict[str, Run] = {}
        self._follower: Follower | None = None

    def start(self, run: Run, intent: Intent) -> None:
        """Follow a run that :meth:`Run.begin` has marked; any thread, returns at once."""
        self._runs[run.id] = run
        background().loop.call_soon_threadsafe(self._start, run, intent)

    def go_on(self, run: Run, intent: Intent) -> None:
        """Follow a run on, should it be about to stop; any thread, returns at once."""
        background().loop.call_soon_threadsafe(self._go_on, run, intent)

    def stop(self, run_id: str) -> None:
        """Stop following a run; any thread, returns at once."""
        background().loop.call_soon_threadsafe(self._stop, run_id)

    def service(self, provider: str) -> Service:
        """Open the service of a provider; not from the loop's own thread."""
        return background().call(self.pool.get(provider))

    def ask(self, call: Callable[[Service], Call], provider: str) -> Answer:
        """Make one safe call to a provider and wait for the answer; not from the loop's own thread."""

        async def go() -> Answer:
            service = await self.pool.get(provider)
            return await service.client.fetch(call(service))

        return background().call(go())

    def find(
        self, some_id: str, provider: str, base_url: str | None = None, form: Form | None = None
    ) -> Found:
        """Ask a service for a task; not from the loop's own thread.

        Parameters
        ----------
        some_id
            The service's id, or ours where the service knows it.
        provider, base_url
            Whom to ask; without an address the configured one.
        form
            What the task makes; None asks at the place of each form in turn.

        Raises
        ------
        TaskNotFound
            The service knows no such task.
        """

        async def ask() -> Found:
            service = await self.pool.get(provider, base_url)
            return await search_forms(service, some_id, form)

        return background().call(ask())

    def adopt(self, some_id: str, provider: str) -> RunRecord:
        """Write a row for a task that the log does not know, after asking the service about it.

        Raises
        ------
        TaskNotFound
            The service knows no such task.
        """
        record = adopted(self.find(some_id, provider), provider, str(self.owner))
        with self.turn:
            return self.log.claim(record)

    def close(self) -> None:
        """Stop following everything and close the connections."""

        async def go() -> None:
            try:
                if self._follower is not None:
                    await self._follower.close()
            finally:
                # Also when a request has not come back in time.
                await self.pool.close()

        # A request on its way gets these seconds; what is torn off after them is looked up on resume.
        with contextlib.suppress(TimeoutError):
            background().call(go(), timeout=CLOSE_S)

    def _start(self, run: Run, intent: Intent) -> None:
        if self._follower is None:
            journal = Journal(self.log, self.turn, self._trouble)
            filer = Filer(self._home, posters=self._posters, shelf=self._shelf)
            self._follower = Follower(journal, Leases(journal, self.owner), self.pool, filer, self._filed)
        task = self._follower.start(run, intent)
        task.add_done_callback(lambda _: self._forget(run))

    def _go_on(self, run: Run, intent: Intent) -> None:
        driven = self._follower is not None and self._follower.go_on(run, intent)
        if run.hear(driven=driven):
            self._runs[run.id] = run
            self._start(run, intent)

    def _forget(self, run: Run) -> None:
        # A run that was followed again meanwhile has a new task and must stay.
        if not run.following:
            self._runs.pop(run.id, None)

    def _stop(self, run_id: str) -> None:
        if self._follower is not None:
            self._follower.stop(run_id)

    def _trouble(self, run_id: str, text: str) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            run.set_message(text)


def _pause_writers() -> None:
    """Let no write be under way during a fork.

    SQLite keeps its locks by process: a child that inherits a half-done transaction would find the log locked
    by itself for ever.
    """
    for engine in list(_ENGINES):
        if engine.turn.acquire(timeout=FORK_S):
            _PAUSED.append(engine.turn)


def _resume_writers() -> None:
    while _PAUSED:
        _PAUSED.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_pause_writers, after_in_parent=_resume_writers, after_in_child=_resume_writers
    )
