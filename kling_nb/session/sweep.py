"""The handle of a sweep: its runs, how far it is, stopping and going on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError, WaitTimeout
from kling_nb.runlog.ids import new_id
from kling_nb.session.clips import records_of
from kling_nb.session.events import Emitter
from kling_nb.session.run import SLICE_S
from kling_nb.session.sweep_driver import Driver
from kling_nb.session.sweep_frame import dropped_frame, frame_of
from kling_nb.session.sweep_notes import Plan
from kling_nb.session.sweep_progress import Progress, progress_of, was_sent
from kling_nb.session.sweep_state import RUNNING, STOPPED, is_running
from kling_nb.session.sweep_views import html_of, text_of

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.runlog import RunRecord
    from kling_nb.runlog.sweeps import SweepRecord
    from kling_nb.session.facade import Session
    from kling_nb.session.run import Run
    from kling_nb.session.svg import Plot
    from kling_nb.session.sweep_driver import Until
    from kling_nb.session.sweep_notes import Entry


class Sweep:
    """Runs that vary something, made one after another; made by ``kn.sweep`` and ``kn.sweep_of``.

    Parameters
    ----------
    record
        Its row in the log.
    session
        Who makes and follows the runs.
    """

    def __init__(self, record: SweepRecord, session: Session) -> None:
        self._record = record
        self._session = session
        self._plan = Plan.read(record.plan)
        self._lock = threading.Lock()
        # Held while a driver is set up: who stops the sweep then waits until there is something to stop.
        self._turn = threading.RLock()
        self._held: dict[str, Run] = {}
        self._watched: set[str] = set()
        self._state, self._reason = record.state, record.reason
        self._error: KlingError | None = None
        self._driver: Driver | None = None
        self._changed = Emitter(self)
        self.look()

    # --- what it is -------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Id, ``s-…``; the column ``sweep_id`` of the run log."""
        return self._record.id

    @property
    def name(self) -> str:
        """What a person calls it; empty without a name."""
        return self._record.name or ""

    @property
    def plan(self) -> Plan:
        """What it makes."""
        return self._plan

    @property
    def session(self) -> Session:
        """Who makes and follows its runs."""
        return self._session

    @property
    def state(self) -> str:
        """``running`` (here or in another kernel), ``stopped`` or ``done``.

        One that a killed kernel left behind is stopped.
        """
        return STOPPED if self._is_orphan else self._state

    @property
    def reason(self) -> str:
        """Why it stopped; empty while it runs."""
        return "no kernel goes on with it" if self._is_orphan else self._reason

    @property
    def _is_orphan(self) -> bool:
        if self._state != RUNNING or self._driver is not None:
            return False
        return not is_running(self._record, self._session.owner)

    @property
    def error(self) -> KlingError | None:
        """What stopped it, None when nothing went wrong."""
        return self._error

    @property
    def message(self) -> str:
        """How far it is, for whoever waits for it."""
        return str(self.progress)

    @property
    def runs(self) -> list[Run]:
        """The runs that exist, in the order of the plan."""
        with self._lock:
            return [self._held[entry.id] for entry in self._plan.entries if entry.id in self._held]

    @property
    def pairs(self) -> list[tuple[Entry, Run | None]]:
        """Every run of the plan, with its handle once it exists."""
        with self._lock:
            return [(entry, self._held.get(entry.id)) for entry in self._plan.entries]

    @property
    def dropped(self) -> pd.DataFrame:
        """Combinations that are not made, and why."""
        rows = [(each["variables"], each["rule"], each["reason"]) for each in self._plan.dropped]
        return dropped_frame(list(self._plan.axes), rows)

    @property
    def frame(self) -> pd.DataFrame:
        """The runs as a table, in the order of the plan, what varies in front."""
        return frame_of(self._session.log, self._plan, self.pairs)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        held = [(run, run.id != entry.id) for entry, run in self.pairs if run is not None]
        found = progress_of(len(self._plan.entries), held, self._session.settings.quota)
        driver = self._driver
        return replace(found, measuring=True) if driver is not None and driver.measuring else found

    @property
    def cost(self) -> str:
        """What was spent, in words; the numbers are in :attr:`progress`."""
        return self.progress.spent

    @property
    def done(self) -> bool:
        """Whether nothing happens any more: all made, or stopped and nothing under way."""
        return self._driver is None and all(run.done for run in self.runs)

    def __len__(self) -> int:
        return len(self._plan.entries)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    # --- going on ---------------------------------------------------------------------------------------

    def resume(self, *, until: Until | None = None, failed: bool = False) -> Sweep:
        """Go on: after :meth:`stop`, a stop rule, an error, or in another kernel.

        Runs that exist are followed to their end; those that do not are made. Nothing is sent twice.

        Parameters
        ----------
        until
            A stop rule instead of the one it was made with.
        failed
            Make those that were refused or failed once more; the failed rows stay in the log.
        """
        self._session.ready()
        with self._turn:
            if (former := self._driver) is not None:
                if not former.is_ending:
                    return self
                former.join()
            with self._lock:
                if failed:
                    self._replace_failed()
                rule = until if until is not None else self._plan.notes.get("until")
                driver = self._driver = Driver(self, rule)
            before = self._state, self._reason, self._error, self._record
            try:
                self.look()
                self.note(RUNNING)
                driver.start()
            except BaseException:
                self._state, self._reason, self._error, self._record = before
                self.ended(driver)
                raise
        return self

    def _replace_failed(self) -> None:
        """Give the entries whose runs failed new ids, in the log first."""
        lost = {key for key, run in self._held.items() if run.status is RunStatus.FAILED}
        runs = [
            {**each, "id": new_id()} if each["id"] in lost else each for each in self._record.plan["runs"]
        ]
        stored = {**self._record.plan, "runs": runs}
        with self._session.turn:
            self._session.log.sweeps.set_plan(self.id, stored)
        self._record = replace(self._record, plan=stored)
        self._plan = Plan.read(stored)
        for key in lost:
            del self._held[key]

    def stop(self, reason: str = "stopped by hand") -> Sweep:
        """Send nothing more; what the service has is followed to its end."""
        with self._turn:
            driver = self._driver
        if driver is not None:
            driver.halt(reason)
        return self

    def wait(self, timeout: float | None = None) -> Sweep:
        """Wait until all runs are at their end, or the sweep has stopped and nothing is under way.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as it takes.

        Raises
        ------
        WaitTimeout
            The time was up; the sweep goes on.
        KlingError
            What stopped the sweep. Runs that failed are in :attr:`frame` and raise nothing.
        """
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        while not self.done:
            if time.monotonic() >= deadline:
                raise WaitTimeout(
                    f"Sweep {self.id} is still running; waiting ended, it goes on.",
                    str(self.progress),
                    f'Look again with kn.sweep_of("{self.id}").',
                )
            time.sleep(SLICE_S)
        return self._result()

    def __await__(self) -> Generator[Any, None, Sweep]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Sweep:
        # Looking in slices leaves the kernel's loop alone, as for a single run.
        while not self.done:  # noqa: ASYNC110 - told by another thread
            await asyncio.sleep(SLICE_S / 2)
        return self._result()

    def _result(self) -> Sweep:
        if self._error is not None:
            raise self._error
        return self

    def on_change(self, callback: Callable[[Sweep], None]) -> Callable[[], None]:
        """Have a function called with this sweep whenever something about it changes.

        Parameters
        ----------
        callback
            Called from a thread of its own; it may be slow.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._changed.subscribe(callback)

    # --- views ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str:
        return html_of(self)

    def plot_scores(self, by: str | Sequence[str] | None = None) -> Plot:
        """Return every score of every run as a dot, by what varies.

        Parameters
        ----------
        by
            Column of :attr:`frame`, or several; None is all that varies.

        Raises
        ------
        UsageError
            No such column.
        InputError
            No run has a score yet.
        """
        from kling_nb.session.scorepanels import scores_plot  # noqa: PLC0415 - only for those who look

        columns = list(self._plan.axes) or ["model_name"] if by is None else by
        return scores_plot(self.frame, columns, f"Scores of sweep {self.name or self.id}")

    # --- called by the session and the driver -----------------------------------------------------------

    def look(self) -> None:
        """Take over the runs that the log has: those made for this sweep, and identical ones."""
        missing = [entry for entry, run in self.pairs if run is None]
        rows = records_of(self._session.log, [entry.id for entry in missing])
        others = [entry for entry in missing if entry.id not in rows]
        twins = {} if self._plan.notes["again"] else self._twins(others)
        for entry in missing:
            row = rows.get(entry.id) or twins.get((self.identity(entry), entry.repeat))
            if row is not None:
                self.hold(entry, self._session.handle_of(row))

    def _twins(self, entries: list[Entry]) -> dict[tuple[str | None, int], RunRecord]:
        alive = [status for status in RunStatus if status is not RunStatus.FAILED]
        identities = list({self.identity(entry) for entry in entries})
        rows = self._session.log.records({"identity": identities, "status": alive}) if identities else []
        # Newest first: the last word has the newest one.
        return {(row.identity, row.repeat): row for row in reversed(rows)}

    def identity(self, entry: Entry) -> str | None:
        """Return the digest of what a run asks for."""
        return self._plan.rows[entry.cell].get("identity")

    def hold(self, entry: Entry, run: Run) -> None:
        """Take a run as the one of an entry."""
        with self._lock:
            self._held[entry.id] = run
            new = run.id not in self._watched
            self._watched.add(run.id)
        if new:
            run.on_change(self._run_changed)
        self._changed.emit()

    def note(self, state: str, reason: str = "", error: KlingError | None = None) -> None:
        """Write down how it stands."""
        self._state, self._reason, self._error = state, reason, error
        owner = self._session.owner if state == RUNNING else None
        self._record = replace(self._record, state=state, reason=reason, owner=owner)
        with self._session.turn:
            self._session.log.sweeps.set_state(self.id, state, reason, owner)
        self._changed.emit()

    def ended(self, driver: Driver) -> None:
        """Forget a driver that came to its end."""
        with self._lock:
            if self._driver is driver:
                self._driver = None
        self._changed.emit()

    def abandon(self) -> None:
        """Stop making runs because the session is closed; another kernel may go on at once."""
        if self._driver is None:
            return
        self._driver.abandon()
        with contextlib.suppress(KlingError), self._session.turn:
            self._session.log.sweeps.set_state(self.id, RUNNING)

    def orphan(self) -> None:
        """Forget, in a forked child, that the parent makes the runs."""
        self._driver = None
        self._lock, self._turn = threading.Lock(), threading.RLock()
        self._changed.renew()

    def stop_unsent(self) -> None:
        """Let runs that wait on this machine wait for the next :meth:`resume`."""
        for entry, run in self.pairs:
            if run is not None and run.id == entry.id and not was_sent(run):
                run.stop_following()

    def _run_changed(self, _run: Run) -> None:
        if self._driver is not None:
            self._driver.wake()
        self._changed.emit()
