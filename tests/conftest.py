"""Fixtures shared by all tests: a local sandbox server, clean at the start of every test."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from postgres_server import PostgresServer, programs

from kling_nb.sandbox import launch
from kling_nb.sandbox.home import SandboxInfo

# A developer's own keys must never reach a test.
os.environ["PYTHON_DOTENV_DISABLED"] = "1"
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

# Thousands of tests make clips; those that are about measuring them say so.
os.environ["KLING_NB_SCORES"] = "off"

# A checker of addresses in other scripts, which no notebook here has: to build its grammar takes a second.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # imports of it fail, as where it is missing

# How long an example takes says more about the machine and its other work than about the code.
settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run: whoever changes something is not to meet what others have left undiscovered.
settings.register_profile("kling_nb", settings.get_profile("new"), derandomize=True)
settings.load_profile("kling_nb")

# Hundreds of processes import the package: what one of them has compiled the others read.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Budgets and sums go by the local day, in this process and in those it starts: none may end while tests run.
if datetime.now().hour >= 21 and hasattr(time, "tzset"):
    os.environ["TZ"] = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # where it is noon
    time.tzset()

QUICK = {"queued": 0.02, "min_processing": 0.05, "idle": 7200}
"""A worker may go for longer than ten minutes without a test that needs its server."""


class SandboxHandle:
    """A running sandbox: its address and credentials, and its control routes as methods."""

    def __init__(self, info: SandboxInfo) -> None:
        self.info = info
        self.home = Path(info.home)
        self.url = info.url
        self.access_key = info.access_key
        self.secret_key = info.secret_key
        self.api_key = info.api_key
        self.acedata_token = info.acedata_token
        self.aimlapi_key = info.aimlapi_key
        self.http = httpx.Client(
            base_url=info.url,
            headers={"Authorization": f"Bearer {info.api_key}"},
            timeout=30,
            trust_env=False,
        )

    def control(self, method: str, path: str, payload: Any = None) -> Any:
        """Call a control route and return its JSON; an error answer fails the test."""
        answer = self.http.request(method, f"/sandbox/{path}", json=payload)
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, spec: str, method: str = "", path: str = "", times: int = 1) -> None:
        """Queue a fault for the next matching calls (path may be a shell pattern)."""
        match = {key: value for key, value in (("method", method), ("path", path)) if value}
        self.control("POST", "faults", {"spec": spec, "match": match, "times": times})

    def config(self, **changes: Any) -> dict[str, Any]:
        """Change switches until the end of the test; returns all of them."""
        return self.control("PATCH", "config", changes)

    def finish_all(self) -> None:
        """End every task under way now, and from here on each as soon as it is made.

        With ``[[sandbox:slow:600]]`` a test decides when a task ends, whatever else the machine does.
        """
        self.config(time_scale=0)

    def tasks(self) -> list[dict[str, Any]]:
        """Debug records of all tasks, newest first."""
        return self.control("GET", "tasks")

    def task(self, task_id: str) -> dict[str, Any]:
        """Debug record of one task, by task id or external id."""
        return self.control("GET", f"tasks/{task_id}")

    def charges(self) -> list[Decimal]:
        """Units reserved or booked, one entry for each task that holds some, newest first."""
        return [Decimal(task["units"]) for task in self.tasks() if task["charge"] != "released"]

    def hold(self) -> None:
        """Let new tasks wait in the queue, until the test says ``work``."""
        self.config(queued=600, time_scale=1)

    def work(self) -> None:
        """Let tasks be worked on, those that wait, too, until the test says ``deliver``."""
        self.config(queued=0, min_processing=6e8, time_scale=1e-6)

    def deliver(self) -> None:
        """Let every task come to its end."""
        self.config(time_scale=0)

    def upload(self, data: bytes) -> str:
        """Store bytes and return a loopback URL for them."""
        answer = self.http.post("/sandbox/uploads", content=data)
        assert answer.status_code == 201, answer.text
        return answer.json()["url"]

    def reset(self) -> None:
        """Forget everything, switches back to those of the start."""
        self.control("POST", "reset")


MEMORY, ROOM = Path("/dev/shm"), 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Keep the files of tests in memory where there is room: no test can tell, and disks are slow to sync."""
    if config.option.basetemp or "PYTEST_DEBUG_TEMPROOT" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free > ROOM and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while thousands of tests are collected: nearly all of it is kept."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


SLOW = ("drill", "kernel", "notebooks", "benchmarks", "browser", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process has minutes of work left when the others are through."""
    here = Path(__file__).parent
    turn = {folder: number for number, folder in enumerate(SLOW)}
    items.sort(key=lambda item: turn.get(item.path.relative_to(here).parts[0], len(SLOW)))


def pytest_collection_finish() -> None:
    """Keep what collecting thousands of tests has made out of every later look for garbage."""
    gc.collect()
    gc.freeze()


def _served(home: Path, **options: Any) -> Iterator[SandboxHandle]:
    handle = SandboxHandle(launch.start(home, **options))
    try:
        yield handle
    finally:
        handle.http.close()
        launch.stop(home)


@pytest.fixture(scope="session")
def _quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    yield from _served(tmp_path_factory.mktemp("sandbox"), render="off", **QUICK)


@pytest.fixture(scope="session")
def _render_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    yield from _served(tmp_path_factory.mktemp("sandbox-render"), **QUICK)


@pytest.fixture
def sandbox(_quick_server: SandboxHandle) -> SandboxHandle:
    """A clean sandbox that delivers one tiny prepared clip for every task."""
    _quick_server.reset()
    return _quick_server


@pytest.fixture
def sandbox_render(_render_server: SandboxHandle) -> SandboxHandle:
    """A clean sandbox that renders every task for real."""
    _render_server.reset()
    return _render_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A database server for team logs; every test takes a schema of its own with ``new_log()``."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install psycopg[binary]")
    if programs() is None:
        pytest.skip("no PostgreSQL server programs here: apt-get install postgresql")
    server = PostgresServer()
    try:
        yield server
    finally:
        server.remove()
