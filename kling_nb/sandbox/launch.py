"""Find a running sandbox or start one; light, for use by whoever needs a sandbox (stdlib and httpx only)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from filelock import Timeout

from kling_nb.errors import SandboxError
from kling_nb.sandbox.home import LOG_NAME, SandboxInfo, is_served, read_state, start_lock, trust

START_S = 60.0
ANSWER_S = 5.0
# A machine that is busy with other things may not let the server answer at once.
PATIENCE_S = 20.0
# Longer than whoever else starts it may take: then it is up, or it is our turn.
OTHER_STARTER_S = START_S + 2 * PATIENCE_S
LOOK_AGAIN_S = 0.05
LOG_TAIL = 600
# One look takes no longer by itself: what is above it, the machine stood still for everybody.
LONGEST_LOOK_S = ANSWER_S + 1
SECRETS = frozenset(
    {"access_key", "secret_key", "api_key", "acedata_token", "aimlapi_key", "callback_secret"}
)
"""Options that go to the server through a pipe: a command line is shown to every user by ``ps``."""
PATHS = ("tls_cert", "tls_key")


class _Patience:
    """Seconds of waiting; time in which nobody on the machine could do anything hardly counts."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._at = time.monotonic()

    def is_over(self) -> bool:
        """Whether the seconds have passed; asked once between two looks."""
        now = time.monotonic()
        self._left -= min(now - self._at, LONGEST_LOOK_S)
        self._at = now
        return self._left <= 0


def find(home: Path | str) -> SandboxInfo | None:
    """Return the running sandbox of ``home``, ``None`` when there is none.

    A state file without a process behind it, or with another process behind its address, does not count.
    """
    folder = Path(home).resolve()
    patience = _Patience(PATIENCE_S)
    while is_served(folder):
        info = read_state(folder)
        if info is not None and _answers(info):
            return info
        if patience.is_over():
            return None
        time.sleep(LOOK_AGAIN_S)
    return None


def start(home: Path | str, **options: Any) -> SandboxInfo:
    """Return the sandbox of ``home``, starting one when none runs.

    The server is a process of its own session without ties to this one: it outlives a killed kernel.

    Parameters
    ----------
    home
        Its folder; created when missing.
    options
        Start options, underscores for dashes: ``port``, ``idle``, credentials and every switch of
        ``kling_nb.sandbox.config.Config``. Ignored when a server already runs.

    Raises
    ------
    SandboxError
        The server did not come up; its last words are in the error.
    """
    folder = Path(home).resolve()
    running = find(folder)
    if running is not None:
        return running
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with start_lock(folder, OTHER_STARTER_S):
            return find(folder) or _launch(folder, options)
    except Timeout:
        raise SandboxError(
            "The local sandbox did not start",
            "Another process has been starting it for over a minute.",
            "Try again, or look into " + str(folder / LOG_NAME),
        ) from None
    except OSError as error:
        raise SandboxError(
            "The local sandbox cannot be started.",
            f"{error.strerror or error}: {error.filename or folder}.",
            "Choose a folder that can be written with KLING_NB_SANDBOX_HOME or KLING_NB_HOME.",
        ) from None


def stop(home: Path | str, timeout: float = 30.0) -> bool:
    """End the sandbox of ``home``; return whether one was running."""
    folder = Path(home).resolve()
    served = is_served(folder)
    info = find(folder)
    if info is None:
        if is_served(folder):
            raise SandboxError(f"The sandbox of {folder} does not answer", "", "End its process by hand.")
        return served  # it was about to end
    with contextlib.suppress(ProcessLookupError):  # it may just have ended by itself
        os.kill(info.pid, signal.SIGTERM)
    patience = _Patience(timeout)
    while is_served(folder):
        if patience.is_over():
            raise SandboxError("The local sandbox does not end", f"Process {info.pid} ignores SIGTERM.")
        time.sleep(LOOK_AGAIN_S)
    return True


def _answers(info: SandboxInfo) -> bool:
    try:
        answer = httpx.get(
            f"{info.url}/sandbox/health",
            headers={"Authorization": f"Bearer {info.api_key}"},
            timeout=ANSWER_S,
            trust_env=False,
            verify=_trusting(info.tls_cert),
        )
        return bool(answer.status_code == 200 and answer.json().get("pid") == info.pid)
    except (httpx.HTTPError, OSError, ValueError):
        return False


def _trusting(cert: str) -> ssl.SSLContext:
    """Return a context that accepts this one certificate; the machine's, slow to load, are no use here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if cert:
        trust(context, cert)
    return context


def _command(folder: Path, options: dict[str, Any]) -> list[str]:
    command = [sys.executable, "-m", "kling_nb.sandbox", "--home", str(folder)]
    if SECRETS & set(options):
        command.append("--secrets-from-stdin")
    for name, value in options.items():
        if name in SECRETS:
            continue
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if name in PATHS and value:
            text = str(Path(value).resolve())  # the server runs in another folder
        command.append(f"--{name.replace('_', '-')}={text}")
    return command


def _launch(folder: Path, options: dict[str, Any]) -> SandboxInfo:
    descriptor = os.open(folder / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            _command(folder, options),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd=folder,
        )
    # Reaps the server should it end before we do, and keeps the handle from warning about it.
    threading.Thread(target=child.wait, name="sandbox-reaper", daemon=True).start()
    _tell_secrets(child, options)
    patience = _Patience(START_S)
    while not patience.is_over():
        info = read_state(folder)
        if info is not None and info.pid == child.pid and _answers(info):
            return info
        if child.poll() is not None:
            break
        time.sleep(LOOK_AGAIN_S)
    raise _not_started(folder, child)


def _tell_secrets(child: subprocess.Popen[bytes], options: dict[str, Any]) -> None:
    assert child.stdin is not None
    secrets = {name: value for name, value in options.items() if name in SECRETS}
    # A server that ended at once is told about below, with its own last words.
    with contextlib.suppress(BrokenPipeError), child.stdin:
        if secrets:
            child.stdin.write(json.dumps(secrets).encode())


def _not_started(folder: Path, child: subprocess.Popen[bytes]) -> SandboxError:
    if child.poll() is None:
        child.terminate()
    said = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip()
    return SandboxError(
        "The local sandbox did not start",
        said or f"It ended with code {child.returncode}.",
        f"Its log: {folder / LOG_NAME}",
    )
