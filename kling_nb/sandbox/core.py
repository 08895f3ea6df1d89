"""The sandbox without HTTP: switches, store, money, files, faults and the engine, wired together."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kling_nb.sandbox.callbacks import Callbacks
from kling_nb.sandbox.clock import Clock
from kling_nb.sandbox.config import Config, Credentials
from kling_nb.sandbox.engine import LOST_CREATE_S, Engine
from kling_nb.sandbox.faults import Fault, FaultQueue
from kling_nb.sandbox.fetch import fetch
from kling_nb.sandbox.files import Files
from kling_nb.sandbox.ledger import Ledger
from kling_nb.sandbox.prepared import PreparedClip
from kling_nb.sandbox.production import Producer
from kling_nb.sandbox.store import TaskStore
from kling_nb.sandbox.tasks import Job, Task
from kling_nb.sandbox.uploads import Uploads

CallbackBody = Callable[[Task], bytes | None]


class Sandbox:
    """One local Kling: everything the dialects and the control routes share.

    Parameters
    ----------
    home
        Folder of the store and the files; created when missing.
    config
        The switches at start; ``reset`` returns to them.
    credentials
        The accepted ones.
    source
        Unix seconds; replaced in tests.
    """

    def __init__(
        self,
        home: Path,
        config: Config | None = None,
        credentials: Credentials | None = None,
        source: Callable[[], float] = time.time,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.config = self._start_config = config or Config()
        self.credentials = credentials or Credentials()
        self.base_url = ""
        self.ending: Callable[[], bool] = lambda: False
        self._calls = 0
        self._last_call = time.monotonic()
        self.clock = Clock(self._config, source)
        self.store = TaskStore(home / "sandbox.sqlite")
        self.ledger = Ledger(self.store, self._config, self.clock)
        self.faults = FaultQueue()
        secret = self.store.meta("url_secret", secrets.token_hex(32))
        self.files = Files(
            folder=home / "files",
            secret=secret,
            store=self.store,
            clock=self.clock,
            config=self._config,
            base_url=lambda: self.base_url,
        )
        self.uploads = Uploads(home / "uploads", lambda: self.base_url)
        self.engine = Engine(
            store=self.store,
            ledger=self.ledger,
            producer=Producer(self.files, PreparedClip(), self._config, self.load),
            config=self._config,
            clock=self.clock,
            changed=self._changed,
        )
        self.callbacks = Callbacks(self._config, self.clock)
        self.callback_bodies: dict[str, CallbackBody] = {}
        self.unsigned_callbacks: set[str] = set()

    def _config(self) -> Config:
        return self.config

    def _changed(self, task: Task) -> None:
        write = self.callback_bodies.get(task.dialect)
        body = write(task) if write and task.callback_url else None
        if body is not None:
            self.callbacks.send(task, body, signed=task.dialect not in self.unsigned_callbacks)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Whoever is being answered keeps the server up."""
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._last_call = time.monotonic()

    def idle_for(self) -> float:
        """Return the seconds since the last answer, 0 while there is anything to do."""
        return time.monotonic() - self._last_call if self.engine.idle and not self._calls else 0.0

    def load(self, url: str) -> bytes:
        """Return what lies behind an http(s) URL; called in a thread.

        Raises
        ------
        FetchError
            As for `fetch`.
        """
        data = self.uploads.read(url)
        if data is not None:
            return data
        return fetch(url, allow_network=self.config.allow_network, own_cert=self.config.tls_cert)

    def accept(self, task: Task, job: Job, faults: tuple[Fault, ...]) -> None:
        """Take a checked task in, with the faults that were asked for it."""
        task.faults = tuple(fault.spec for fault in faults if fault.on_task)
        task.flaps = int(task.fault("flap") or 0)
        if task.fault("lost-create") is not None:
            task.visible_from = self.clock.now() + LOST_CREATE_S
        self.engine.accept(task, job)

    def reconfigure(self, config: Config) -> None:
        """Switch to ``config`` at once."""
        self.config = config
        self.ledger.recount()
        self.engine.config_changed()

    async def reset(self) -> None:
        """Forget tasks, files, faults and charges, and return to the switches of the start."""
        await self._abandon()
        self.store.clear()
        self.files.remove()
        self.faults.waiting.clear()
        self.reconfigure(self._start_config)

    async def stop(self) -> None:
        """Stop working and close the store; unfinished tasks go on at the next start."""
        await self._abandon()
        self.engine.close()
        self.store.close()

    async def _abandon(self) -> None:
        """Stop all work, that of calls that arrive meanwhile, too; none is under way on return."""
        while self.engine.busy or self.callbacks.busy:
            await self.engine.abandon()
            await self.callbacks.abandon()
