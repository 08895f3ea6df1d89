"""The folder of one sandbox: who serves it, where, and with which credentials."""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from filelock import FileLock, Timeout

if sys.platform != "win32":
    import fcntl

STATE_NAME = "sandbox.json"
SERVER_LOCK = "sandbox.lock"
START_LOCK = "start.lock"
# Longer than anyone who only looks (`is_served`) holds the server lock, on a machine that is not overloaded …
LOCK_PATIENCE_S = 1.0
# … and longer than a server that holds it needs to say so.
NAME_PATIENCE_S = 20.0
LOG_NAME = "sandbox.log"


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """Where a sandbox listens and what it accepts. The credentials stay out of ``repr``."""

    url: str
    pid: int
    port: int
    access_key: str
    secret_key: str
    api_key: str
    acedata_token: str
    aimlapi_key: str
    home: str
    started_at: str
    tls_cert: str = ""

    def __repr__(self) -> str:
        return f"SandboxInfo(url={self.url!r}, pid={self.pid}, home={self.home!r})"


def trust(context: ssl.SSLContext, cert: str) -> None:
    """Make a context accept the certificate in the PEM file ``cert``, whoever signed it."""
    context.load_verify_locations(cert)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def read_state(home: Path) -> SandboxInfo | None:
    """Return what the last server of ``home`` wrote, ``None`` when there is nothing readable."""
    try:
        return _state(home)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def names_another(home: Path, pid: int) -> bool:
    """Whether ``home`` has gone or names another process than ``pid``.

    A file that just cannot be read, for want of descriptors for instance, says nothing.
    """
    try:
        return _state(home).pid != pid
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return True
    except OSError:
        return False


def _state(home: Path) -> SandboxInfo:
    state = json.loads((home / STATE_NAME).read_text(encoding="utf-8"))
    return SandboxInfo(**{f.name: state[f.name] for f in fields(SandboxInfo)})


def write_state(home: Path, info: SandboxInfo) -> None:
    """Write the state file, readable by its owner only, in one step."""
    target = home / STATE_NAME
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(info), file)
    draft.replace(target)


def is_served(home: Path) -> bool:
    """Whether a live process holds the server lock of ``home``; any number may look at the same time."""
    if not (home / SERVER_LOCK).exists():
        return False
    if sys.platform != "win32":
        # Shared, so that nobody who looks takes another one who looks for a server.
        with suppress(OSError), (home / SERVER_LOCK).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            # Closing is not enough: a child forked at this moment would keep the lock for its life.
            fcntl.flock(file, fcntl.LOCK_UN)
            return False
    try:
        with FileLock(home / SERVER_LOCK, timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def serving(home: Path) -> Iterator[bool]:
    """Hold the server lock; yields whether it could be taken."""
    lock = FileLock(home / SERVER_LOCK)
    deadline = time.monotonic() + NAME_PATIENCE_S
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOCK_PATIENCE_S)
        except Timeout:
            # Without a server that lives it is someone who looks, and whom the machine gives no time.
            if _is_named(home) or time.monotonic() > deadline:
                yield False
                return
    try:
        yield True
    finally:
        lock.release()


def _is_named(home: Path) -> bool:
    """Whether the state file names a live process."""
    state = read_state(home)
    if state is None or sys.platform == "win32":  # where asking would end the process
        return state is not None
    try:
        os.kill(state.pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def start_lock(home: Path, timeout: float) -> FileLock:
    """Return the lock under which a server may be started; one starter at a time."""
    return FileLock(home / START_LOCK, timeout=timeout)
