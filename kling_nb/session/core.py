"""What every session has: settings, run log, services, and the runs it follows."""

from __future__ import annotations

import logging
import os
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from pydantic import SecretStr

from kling_nb import settings as settings_module
from kling_nb.errors import KlingError
from kling_nb.runlog import InputStore, RunLog
from kling_nb.session import judging
from kling_nb.session.cell import cell_of
from kling_nb.session.choice import Choice, choose_provider
from kling_nb.session.code import python_of
from kling_nb.session.engine import Engine
from kling_nb.session.masks import RECOGNIZE
from kling_nb.session.records import OWN_ID, rebuild, rebuild_brush
from kling_nb.session.run import IMPORTED, Run
from kling_nb.session.sending import Intent
from kling_nb.session.uploading import registered_uploader

if TYPE_CHECKING:
    from kling_nb.domain.brush import MotionBrush
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.scores import Scores
    from kling_nb.domain.wire import Answer, Call
    from kling_nb.providers.base import Provider
    from kling_nb.runlog import RunRecord
    from kling_nb.session.doors import SandboxAddress
    from kling_nb.session.pool import Pace
    from kling_nb.session.service import Service
    from kling_nb.session.shelf import Shelf
    from kling_nb.session.uploading import Uploader
    from kling_nb.settings import Settings

logger = logging.getLogger(__name__)

LOG_FILE = "runs.sqlite"
HINT_S = 5.0
"""How long a median of the log is used without looking again: cards ask for it at every change."""


class SessionCore:
    """The part of a session that is set up once; its parameters are those of :class:`Session`."""

    def __init__(
        self,
        provider: str | None = None,
        home: str | os.PathLike[str] | None = None,
        log_url: str | None = None,
        settings: Settings | None = None,
        *,
        pace: Pace | None = None,
        posters: bool = True,
        uploader: Uploader | None = None,
        **explicit: Any,
    ) -> None:
        self._given = {
            "provider": provider,
            "home": None if home is None else Path(home),
            "log_url": log_url,
            **{name: _hidden(name, value) for name, value in explicit.items()},
        }
        # Or a setting that cannot be used would show the key beside it in a traceback with local variables.
        explicit.clear()
        log_url = None
        self._fixed = settings
        self._pace = pace
        self._posters = posters
        self._uploader = uploader
        self._lock = threading.RLock()
        self._open()

    if TYPE_CHECKING:
        # What handles of runs ask for is made by the whole session.
        def vary(self, source: str | Run, **changes: Any) -> Run: ...  # noqa: D102
        def extend(self, source: str | Run, prompt: str | None = None, **params: Any) -> Run: ...  # noqa: D102
        def scores_of(self, record: RunRecord) -> Scores | None: ...  # noqa: D102
        def measure(self, run: Run, *, again: bool = False) -> Scores: ...  # noqa: D102
        def is_measuring(self, run_id: str) -> bool: ...  # noqa: D102

    def _open(self) -> None:
        """Set up what belongs to this process; a forked child does it again."""
        for run in list(getattr(self, "_runs", {}).values()):
            run.abandon()
        self._pid = os.getpid()
        first = self.settings
        self.home = first.home
        self._log_url = first.log_url
        self.log = RunLog(first.log_url or self.home / LOG_FILE, told=self._tell)
        self.shelf = self._make_shelf(first)
        self.inputs = InputStore(self.home, None if self.shelf is None else self.shelf.fetch)
        self._runs: WeakValueDictionary[str, Run] = WeakValueDictionary()
        self._hints: dict[tuple[Any, ...], tuple[float, float | None]] = {}
        self.messages: list[str] = []
        self.judged: deque[judging.Undo] = deque(maxlen=judging.UNDOS)
        self._engine = Engine(
            first,
            self.home,
            self.log,
            self._say,
            pace=self._pace,
            posters=self._posters,
            uploader=self._uploads_by,
            shelf=self.shelf,
            filed=self.filed,
        )
        if self.shelf is not None:
            self.shelf.resume()

    def filed(self, run: Run) -> None:
        """Take note of a run whose video was stored just now; on the loop."""

    def _make_shelf(self, settings: Settings) -> Shelf | None:
        """Return what keeps the team's copies; None where there is no store."""
        self._media_url = settings.media_url
        if settings.media_url is None:
            return None
        from kling_nb.session.mediastore import MediaStore  # noqa: PLC0415 - only teams have one
        from kling_nb.session.shelf import Shelf  # noqa: PLC0415 - as above

        return Shelf(self.home, MediaStore(settings.media_url), self._say_of)

    @property
    def settings(self) -> Settings:
        """The settings that hold now."""
        return self._fixed or settings_module.load(**self._given)

    def ready(self) -> Settings:
        """Set up again after a fork, and take over settings that have changed."""
        with self._lock:
            self.reopen()
            settings = self.settings
            self._engine.pool.use(settings)
            return settings

    def reopen(self) -> None:
        """Set up again after a fork."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._open()

    def choose_provider(self, named: str | None = None) -> Choice:
        """Return the provider for new runs and the reason.

        Parameters
        ----------
        named
            A provider named in the call; wins.
        """
        return choose_provider(self.settings, named)

    def address(self, provider: str) -> str:
        """Return where new runs of a provider go; starts the sandbox if need be."""
        self.ready()
        return self._engine.pool.address(provider)

    def service(self, provider: str) -> Service:
        """Return the service of a provider, opened if need be."""
        self.ready()
        return self._engine.service(provider)

    def ask(self, call: Callable[[Service], Call], provider: str) -> Answer:
        """Make one safe call to a provider and return the raw answer."""
        self.ready()
        return self._engine.ask(call, provider)

    def sandbox(self, *, start: bool = False) -> SandboxAddress | None:
        """Return where the sandbox of this session runs.

        Parameters
        ----------
        start
            Start it when it does not run; otherwise None is returned then.
        """
        self.ready()
        return self._engine.pool.sandbox(start=start)

    def stop_sandbox(self) -> bool:
        """End the sandbox of this session; its tasks are kept. Returns whether it was running."""
        self.ready()
        return self._engine.pool.stop_sandbox()

    @property
    def owner(self) -> str:
        """The name of this kernel in the log."""
        return str(self._engine.owner)

    def dialect(self, provider: str) -> Provider:
        """Return the dialect of a provider as the settings want it spoken."""
        return self._engine.pool.provider(provider)

    @property
    def turn(self) -> threading.Lock:
        """Held by whoever writes to the log outside the background loop."""
        return self._engine.turn

    def follow(self, run: Run) -> None:
        """Follow a run (again), with the permission to send that it was given before."""
        self.ready()
        self._follow(run, send=False)

    def stop(self, run: Run) -> None:
        """Stop following a run."""
        self._engine.stop(run.id)

    def expected_seconds(self, record: RunRecord) -> float | None:
        """Return the median time of like runs in the log, None without any."""
        key = (record.model_name, record.mode, record.duration, record.provider)
        asked, seconds = self._hints.get(key, (float("-inf"), None))
        if time.monotonic() - asked >= HINT_S:
            found = self.log.recent_durations(*key)
            seconds = statistics.median(found) if found else None
            self._hints[key] = (time.monotonic(), seconds)
        return seconds

    def code_of(self, record: RunRecord) -> str:
        """Return the Python call that makes a run."""
        return python_of(record)

    def cell_of(self, record: RunRecord) -> str:
        """Return the ``%%kling`` cell that makes a run; a picture without a path by its kept copy."""
        return cell_of(record, self._kept_picture, brush=record.id)

    def _kept_picture(self, sha256: str) -> str:
        path = self.inputs.path(sha256) or self.home / "inputs" / f"{sha256}.png"
        here = Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def brush_of(self, record: RunRecord) -> MotionBrush | None:
        """Return the motion brush of a run."""
        return rebuild_brush(record, self.inputs)

    def annotate(self, run: Run, columns: dict[str, Any]) -> None:
        """Write a person's own words about a run."""
        columns = judging.checked(columns)
        judging.judge(self, [run.id], ", ".join(columns), columns)

    def retag(self, run: Run, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """Add and remove tags of a run."""
        judging.judge(self, [run.id], f"tags {', '.join((*add, *remove))}", add=add, remove=remove)

    def told(self, record: RunRecord, names: Iterable[str]) -> None:
        """Let the handle of a run know columns that were written."""
        with self._lock:
            run = self._runs.get(record.id)
        if run is not None:
            run.set_columns(**{name: getattr(record, name) for name in names})

    def close(self) -> None:
        """Stop following and close log and connections; every run stays where it is."""
        if self._pid == os.getpid():
            self._engine.close()
            if self.shelf is not None:
                self.shelf.close()
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session home={str(self.home)!r}>"

    def _say(self, text: str) -> None:
        self.messages.append(text)

    def _tell(self, text: str) -> None:
        """Tell a person what no cell waits for: a notebook shows it below the cell that runs."""
        self._say(text)
        logger.warning("%s", text)

    def _say_of(self, run_id: str, text: str) -> None:
        run = self._runs.get(run_id)
        if run is None:
            self._tell(f"{run_id}: {text}")
        else:
            run.add_notice(text)

    def fetch_missing(self, run: Run) -> None:
        """Begin to bring home a clip that a colleague's kernel has filed; returns at once."""
        if self.shelf is not None and run.record.downloaded_at is not None:
            self.shelf.want(run.record, run.set_columns)

    def handle_of(self, record: RunRecord) -> Run:
        """Return the one handle of a run in this process, brought up to date with its row."""
        return self._run_of(record)

    def _run_of(self, record: RunRecord) -> Run:
        """Return the one handle of a run in this process."""
        with self._lock:
            run = self._runs.get(record.id)
            if run is None:
                run = self._runs[record.id] = Run(record, self)
                return run
        if not run.following and record != run.record:
            # The row may be older than what this kernel has written since: it was read while the run was
            # followed to its end.
            with suppress(KlingError):
                record = self.log.get(record.id)
            run.take_over(record)
        return run

    def _follow(self, run: Run, *, send: bool, rebuilt: Callable[[], VideoRequest] | None = None) -> None:
        """Follow a run that is not at its end.

        Parameters
        ----------
        run
            The run.
        send
            Permit sending, also to a drive that is on its way already.
        rebuilt
            Returns the request; None takes it from the log and the input store.
        """
        # What was imported has no task that could be asked.
        if run.complete or run.record.form == RECOGNIZE or IMPORTED in run.record.options:
            return
        run.may_send = run.may_send or send
        begun, record = run.begin(), run.record
        if self.shelf is not None and send and begun:
            self.shelf.keep_inputs(record)
        own_id = bool(record.options.get(OWN_ID, True))
        intent = Intent(rebuilt or (lambda: rebuild(record, self.inputs)), own_id)
        if begun:
            self._engine.start(run, intent)
        else:
            self._engine.go_on(run, intent)

    def _uploads_by(self) -> Uploader | None:
        return self._uploader or registered_uploader()

    def is_current(self) -> bool:
        """Whether the settings still name this home and log, in this process."""
        now = self.settings
        same = (now.home, now.log_url, now.media_url) == (self.home, self._log_url, self._media_url)
        return same and self._pid == os.getpid()


def _hidden(name: str, value: Any) -> Any:
    """Wrap a secret, so that it shows in no repr and no traceback with local variables."""
    return SecretStr(value) if isinstance(value, str) and settings_module.is_secret(name) else value
