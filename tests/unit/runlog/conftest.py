"""A log of its own for every test."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kling_nb.runlog import RunLog, open_log

WORKER = Path(__file__).with_name("worker.py")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "runs.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[RunLog]:
    with open_log(path) as log:
        yield log


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Start ``worker.py COMMAND PATH …`` as another kernel would run."""
    started: list[subprocess.Popen[str]] = []

    def start(command: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(WORKER), command, str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


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
