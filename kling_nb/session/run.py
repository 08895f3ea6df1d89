"""The handle of one run: a row of the log and, while it is followed, the live state of its task."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError, WaitTimeout
from kling_nb.session.derived import Derived, Maker
from kling_nb.session.events import Emitter
from kling_nb.session.judged import Judge, Judged
from kling_nb.session.measured import Known, Measured, Meter
from kling_nb.session.money import RunCost, cost_of
from kling_nb.session.places import kept_at
from kling_nb.session.troubles import error_of
from kling_nb.session.views import html_of, params_of

if TYPE_CHECKING:
    from kling_nb.domain.brush import MotionBrush
    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord

REASON = "provider_reason"
"""Key in ``options``."""

IMPORTED = "imported"
"""Key in ``options`` of a run that came out of a capsule, its tag, and the beginning of its identity."""

SLICE_S = 0.1
"""Longest uninterrupted wait, in seconds: Interrupt and widget buttons stay immediate."""


class Keeper(Judge, Maker, Meter, Protocol):
    """What a handle needs from the session it belongs to."""

    home: Path

    def reopen(self) -> None:
        """Set things up again after a fork."""

    def follow(self, run: Run) -> None:
        """Begin (or begin again) to follow a run."""

    def stop(self, run: Run) -> None:
        """Stop following a run; its task goes on."""

    def fetch_missing(self, run: Run) -> None:
        """Begin to bring home a clip that lies in the team's store."""

    def expected_seconds(self, record: RunRecord) -> float | None:
        """Tell how long runs like this one took."""

    def brush_of(self, record: RunRecord) -> MotionBrush | None:
        """Rebuild the motion brush of a run."""


class Run(Judged, Derived, Measured):
    """One run of the log and the live handle of its task.

    Made by ``submit``, ``run``, ``attach`` and ``resume``. Reading its properties never asks the service and
    never waits for it; ``scores`` looks into the log until it finds some, and a team's log may be far away.

    Parameters
    ----------
    record
        The row.
    keeper
        The session that follows it.

    Attributes
    ----------
    default_timeout
        Limit of :meth:`wait` in seconds when none is given there.
    may_send
        Whether this kernel was asked to send the run, by its cell or by ``resume``: only then is it sent, or
        sent again under the same id once the service has said that it does not know it.
    """

    def __init__(self, record: RunRecord, keeper: Keeper) -> None:
        self._keeper = keeper
        self._lock = threading.Lock()
        self._record = record
        self._error: KlingError | None = None
        self._message = ""
        self._reused = False
        self._following = False
        self._unheard = 0
        self._settled = threading.Event()
        self._settled.set()
        self._changed = Emitter(self)
        self._told: tuple[str, ...] = ()
        self._scores = Known()
        self.default_timeout: float | None = None
        self.may_send = False

    # --- what it is -------------------------------------------------------------------------------------

    @property
    def record(self) -> RunRecord:
        """The row of the log as last written."""
        return self._record

    @property
    def id(self) -> str:
        """Run id, ``r-…``."""
        return self._record.id

    @property
    def status(self) -> RunStatus:
        """One of created, submitted, processing, succeeded, failed, uncertain."""
        return self._record.status

    @property
    def service_status(self) -> str | None:
        """The service's own status word."""
        return self._record.service_status

    @property
    def task_id(self) -> str | None:
        """The service's id of the task, once it accepted one."""
        return self._record.task_id

    @property
    def external_task_id(self) -> str | None:
        """Our id of the task; ``attach`` finds the task by it."""
        return self._record.external_task_id

    @property
    def provider(self) -> str:
        """Which service the run belongs to."""
        return self._record.provider or ""

    @property
    def provider_reason(self) -> str:
        """Why that provider was chosen, empty for runs that were attached."""
        return str(self._record.options.get(REASON, ""))

    @property
    def prompt(self) -> str:
        """The prompt as sent."""
        return self._record.prompt or ""

    @property
    def params(self) -> dict[str, Any]:
        """Request fields that were set, without media, prompt and ids."""
        return params_of(self._record)

    @property
    def image(self) -> Path | None:
        """The start image as sent, kept in the input store; None for a URL."""
        return self._input(self._record.image_sha256)

    @property
    def image_tail(self) -> Path | None:
        """The end image as sent, kept in the input store; None for a URL."""
        return self._input(self._record.image_tail_sha256)

    @property
    def way(self) -> str | None:
        """How the motion brush was used: ``native``, ``endframe`` or ``words``; None without one."""
        return self._record.brush_way

    @property
    def brush(self) -> MotionBrush | None:
        """The motion brush, rebuilt from the log; None without one."""
        return self._keeper.brush_of(self._record)

    @property
    def cost(self) -> RunCost:
        """Estimated and actual cost."""
        return cost_of(self._record)

    @property
    def error(self) -> KlingError | None:
        """Why the run failed or could not go on; None while all is well."""
        return self._error if self._error is not None else error_of(self._record)

    @property
    def video(self) -> Path | None:
        """The finished clip on this machine; None before it is there or when the file was removed."""
        video = self._file(self._record.video_path)
        if video is None and self._record.video_path is not None:
            # On another machine, perhaps: a copy is on its way when there is one, and the listeners are told.
            self._keeper.fetch_missing(self)
        return video

    @property
    def poster(self) -> Path | None:
        """First frame as JPEG; None before the clip is there."""
        return self._file(self._record.poster_path)

    @property
    def sidecar(self) -> Path | None:
        """JSON beside the clip: request with media as hash and size, task ids, cost, times."""
        video = self._record.video_path
        return None if video is None else self._file(str(Path(video).with_suffix(".json")))

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about this run, one sentence each."""
        return (*self._record.notices, *self._told)

    @property
    def message(self) -> str:
        """What is going on right now, for a status line; empty when there is nothing to say."""
        # A card takes the end of a run for its last state, a moment before it is settled.
        return "" if self.status is RunStatus.FAILED else self._message

    @property
    def reused(self) -> bool:
        """Whether this handle came from an identical run instead of a new one: nothing was charged."""
        return self._reused

    @property
    def following(self) -> bool:
        """Whether the task is being followed right now."""
        return self._following

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for: filed, failed, or stopped by a problem."""
        return self._settled.is_set()

    @property
    def complete(self) -> bool:
        """Whether the run is at its end: failed, or succeeded with its video on this machine."""
        if self.status is RunStatus.SUCCEEDED:
            return self.video is not None
        return self.status is RunStatus.FAILED

    @property
    def elapsed(self) -> float | None:
        """Seconds from the submit to the end, or to now; None when nothing was sent."""
        record = self._record
        if record.finished_at is not None:
            begin, end = record.submitted_at or record.sending_at, record.finished_at
        else:
            # A finished task has the service's times, "now" is ours: clocks must not be mixed.
            begin, end = record.sending_at or record.submitted_at, datetime.now(UTC)
        return None if begin is None else max(0.0, (end - begin).total_seconds())

    @property
    def expected(self) -> float | None:
        """Median seconds of your own runs with this model, mode and duration; None without history."""
        return self._keeper.expected_seconds(self._record)

    def _file(self, relative: str | None) -> Path | None:
        path = kept_at(self._keeper.home, relative)
        return path if path is not None and path.is_file() else None

    def _input(self, sha256: str | None) -> Path | None:
        if sha256 is None:
            return None
        return next(iter((self._keeper.home / "inputs").glob(f"{sha256}.*")), None)

    # --- following --------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, *, raise_on_failure: bool = True) -> Run:
        """Wait until the video is here or the run cannot go on.

        Interrupting the wait (Interrupt in Jupyter, Ctrl-C) stops only the waiting.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as the task runs.
        raise_on_failure
            Raise the run's error; False returns the run instead.

        Raises
        ------
        WaitTimeout
            The time was up; the task goes on and is still followed.
        KlingError
            The run's own error.
        """
        deadline = self._deadline(timeout)
        self._follow_if_idle()
        while not self._settled.wait(min(SLICE_S, max(0.0, deadline - time.monotonic()))):
            self._check_deadline(deadline)
        return self._result(raise_on_failure)

    def __await__(self) -> Generator[Any, None, Run]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Run:
        deadline = self._deadline(None)
        self._follow_if_idle()
        # Looking in slices leaves the kernel's loop alone: no callback, no future, no task of ours on it.
        while not self._settled.is_set():
            self._check_deadline(deadline)
            await asyncio.sleep(SLICE_S / 2)
        return self._result(raise_on_failure=True)

    def _deadline(self, timeout: float | None) -> float:
        seconds = self.default_timeout if timeout is None else timeout
        return float("inf") if seconds is None else time.monotonic() + seconds

    def _check_deadline(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise WaitTimeout(
                f"Run {self.id} is still {self.status.value}; waiting ended, the task goes on.",
                f"{self._named_task()} is still followed. {self.message}".strip(),
                f'Look again with kn.run("{self.id}") or %kling wait {self.id}.',
                run_id=self.id,
            )

    def _named_task(self) -> str:
        known = self.task_id or self.external_task_id
        return f"Task {known}" if known else "It has no task yet and"

    def _follow_if_idle(self) -> None:
        self._keeper.reopen()
        if self._settled.is_set() and not self.complete and self.error is None:
            self.follow()

    def _result(self, raise_on_failure: bool) -> Run:
        if raise_on_failure and (error := self.error) is not None:
            raise error
        return self

    def follow(self) -> Run:
        """Follow the task (again): after :meth:`stop_following`, or when a problem has been fixed.

        Nothing that may have been sent is sent again without looking it up first. A run that an earlier
        kernel wrote down and never sent stays unsent: ``resume`` or its cell sends it.
        """
        self._keeper.follow(self)
        return self

    def stop_following(self) -> None:
        """Stop following; the task goes on at the service, which offers no way to cancel it."""
        self._keeper.stop(self)

    def on_change(self, callback: Callable[[Run], None]) -> Callable[[], None]:
        """Have a function called with this run whenever something about it changes.

        Parameters
        ----------
        callback
            Called from a thread of its own, never from the loop that follows the runs; it may be slow.
            Changes that pile up meanwhile are told in one call.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._changed.subscribe(callback)

    @property
    def _judge(self) -> Judge:
        return self._keeper

    @property
    def _maker(self) -> Maker:
        return self._keeper

    @property
    def _meter(self) -> Meter:
        return self._keeper

    # --- views ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        model = " ".join(str(x) for x in (self._record.model_name, self._record.mode) if x)
        return f"<Run {self.id} {self.status.value}{' · ' + model if model else ''}>"

    def _repr_html_(self) -> str:
        return html_of(self)

    # --- called by the session --------------------------------------------------------------------------

    def set_record(self, record: RunRecord, **columns: Any) -> None:
        """Take over a row, with further columns, and tell the listeners."""
        record = record.changed(**columns) if columns else record
        with self._lock:
            same = record == self._record
            self._record = record
        if not same:
            self._changed.emit()

    def take_over(self, record: RunRecord) -> None:
        """Take over a row that was read from the log, unless whoever follows the run knows better."""
        with self._lock:
            if self._following or record == self._record:
                return
            self._record = record
        self._changed.emit()

    def set_columns(self, **columns: Any) -> None:
        """Change columns of the row in memory and tell the listeners."""
        with self._lock:
            self._record = self._record.changed(**columns)
        self._changed.emit()

    def set_scores(self, scores: Scores) -> None:
        """Take over scores and tell the listeners."""
        self._scores.set(scores)
        self._changed.emit()

    def tell(self) -> None:
        """Have the listeners look again."""
        self._changed.emit()

    def set_message(self, text: str) -> None:
        """Say what is going on right now."""
        if text != self._message:
            self._message = text
            self._changed.emit()

    def add_notice(self, text: str) -> None:
        """Tell something that concerns this handle only and is not written into the log."""
        if text not in self._told:
            self._told = (*self._told, text)
            self._changed.emit()

    def set_reused(self) -> None:
        """Mark the handle as an identical earlier run."""
        self._reused = True
        self._changed.emit()

    def begin(self) -> bool:
        """Mark the run as followed; False when it already is.

        Then it may be about to stop: whoever drives it has to hear the wish and answer with :meth:`hear`.
        Until that, no end without a reason counts as one.
        """
        with self._lock:
            if self._following:
                self._unheard += 1
                return False
            self._begin()
        self._changed.emit()
        return True

    def hear(self, *, driven: bool) -> bool:
        """Take note that a wish to follow this run on has come to whoever drives it.

        Parameters
        ----------
        driven
            Whether it is still being driven.

        Returns
        -------
        bool
            Whether it had stopped before: it is marked as followed again and has to be driven anew.
        """
        ended = self.complete or self.error is not None
        with self._lock:
            self._unheard -= 1
            if driven or self._following:
                return False
            if ended:
                self._settled.set()
            else:
                self._begin()
        self._changed.emit()
        return not ended

    def _begin(self) -> None:
        self._following = True
        self._error = None
        self._settled.clear()

    def abandon(self) -> None:
        """Forget, in a forked child, that the parent follows the run."""
        self._lock = threading.Lock()
        self._changed.renew()
        self._following = False
        self._unheard = 0
        self._message = ""
        self._settled = threading.Event()
        self._settled.set()

    def settle(self, error: KlingError | None = None) -> None:
        """Mark the run as no longer followed, with the reason if there is one."""
        with self._lock:
            self._following = False
            self._error = error
            self._message = ""
            if error is not None or self._unheard == 0:
                self._settled.set()
        self._changed.emit()
