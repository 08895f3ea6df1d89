"""The folder of one sandbox: who serves it, where, and with which credentials."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from filelock import FileLock, Timeout

STATE_NAME = "sandbox.json"
SERVER_LOCK = "sandbox.lock"
START_LOCK = "start.lock"
# Longer than anyone who only looks (`is_served`) holds the server lock.
LOCK_PATIENCE_S = 1.0
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
        state = json.loads((home / STATE_NAME).read_text(encoding="utf-8"))
        return SandboxInfo(**{f.name: state[f.name] for f in fields(SandboxInfo)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(home: Path, info: SandboxInfo) -> None:
    """Write the state file, readable by its owner only, in one step."""
    target = home / STATE_NAME
    draft = target.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(info), file)
    draft.replace(target)


def is_served(home: Path) -> bool:
    """Whether a live process holds the server lock of ``home``."""
    if not (home / SERVER_LOCK).exists():
        return False
    try:
        with FileLock(home / SERVER_LOCK, timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def serving(home: Path) -> Iterator[bool]:
    """Hold the server lock; yields whether it could be taken."""
    lock = FileLock(home / SERVER_LOCK, timeout=LOCK_PATIENCE_S)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def start_lock(home: Path, timeout: float) -> FileLock:
    """Return the lock under which a server may be started; one starter at a time."""
    return FileLock(home / START_LOCK, timeout=timeout)
