"""A log of its own for every test."""

from __future__ import annotations

import inspect
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from kernels_of_a_log import Kernel, Nursery
from postgres_server import PostgresServer

from kling_nb.runlog import RunLog, open_log

WORKER = Path(__file__).with_name("worker.py")

Start = Callable[..., Kernel]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "runs.sqlite"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Hold every promise of the log on SQLite and on PostgreSQL; tests that look into the file, on SQLite."""
    if "place" not in metafunc.fixturenames or metafunc.module.__name__.endswith("test_postgres"):
        return
    asked = inspect.signature(metafunc.function).parameters
    # Several processes take seconds to start, and some of what they do is tested there on the server anyway.
    marks = pytest.mark.drill if "start" in asked else ()
    server = pytest.param("postgresql", marks=marks)
    metafunc.parametrize("place", ["sqlite"] if "path" in asked else ["sqlite", server], indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Where the log is: a file, or an empty schema of a server."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("path"))
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_log()


@pytest.fixture
def log(place: str) -> Iterator[RunLog]:
    with open_log(place) as log:
        yield log


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery(WORKER) as nursery:
        yield nursery


@pytest.fixture
def start(place: str, nursery: Nursery) -> Iterator[Start]:
    """Start ``worker.py COMMAND TARGET …`` as another kernel would run."""
    started: list[Kernel] = []

    def start(command: str, *arguments: object) -> Kernel:
        started.append(nursery.start(command, place, *map(str, arguments)))
        return started[-1]

    yield start
    for kernel in started:
        kernel.kill()
        kernel.communicate()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def write_protected() -> Callable[..., AbstractContextManager[None]]:
    """Take all write permissions of the given places away, for somebody for whom that counts."""
    return _write_protected


@contextmanager
def _as_ordinary_user() -> Iterator[None]:
    """Root may write everything, also what is read-only; become nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def _write_protected(*places: Path) -> Iterator[None]:
    before = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(stat.S_IMODE(before[place]) & ~0o222 | 0o444)
    try:
        with _as_ordinary_user():
            yield
    finally:
        for place, mode in before.items():
            place.chmod(stat.S_IMODE(mode))
