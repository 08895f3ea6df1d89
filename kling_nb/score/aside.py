"""One process that measures clips one after the other, behind everything else on the machine.

A clip that ends the reader of videos ends that process and not the kernel. It belongs to a session of its
own, so that Interrupt does not reach it, ends with the kernel, and answers in JSON: nothing that a hostile
clip could make of it is ever executed here.
"""

from __future__ import annotations

import atexit
import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Final

from kling_nb.domain.scores import UNREADABLE
from kling_nb.score import isolation
from kling_nb.score.workers import (
    LIMIT_S,
    STUCK,
    Job,
    Outcome,
    as_json,
    from_json,
    measure_job,
    unmeasured,
)

NICENESS: Final = 10

PATIENCE_S: Final = LIMIT_S + 60
"""The process gives a clip up by itself, unless the library that reads it never comes back."""

ENDS_S: Final = 10.0
"""How long the end of a process that was killed is waited for, in seconds: it stands back in that, too."""

MOST_BYTES: Final = 64 << 20
"""Largest answer that is taken; a few ten thousand bytes are usual."""

_LENGTH: Final = struct.Struct(">Q")
_CODE: Final = "import sys; sys.path[:] = {path!r}; from kling_nb.score.aside import serve; serve({parent})"


class Aside:
    """The process, started when first needed; for one thread at a time, except :meth:`stop`.

    Parameters
    ----------
    patience_s
        How long one clip may take.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        child = self._child
        return None if child is None else child.pid

    @property
    def stopped(self) -> bool:
        """Whether it was ended for good."""
        return self._stopped

    def measure(self, job: Job) -> Outcome | None:
        """Measure a clip; None when the process ended over it."""
        child = self._started()
        if child is None or child.stdin is None or child.stdout is None:
            return None
        stuck = threading.Event()

        def give_up() -> None:
            stuck.set()
            child.kill()

        watch = threading.Timer(self._patience_s, give_up)
        watch.daemon = True
        watch.start()
        try:
            _write(child.stdin, pickle.dumps(job))
            answer = _read(child.stdout, MOST_BYTES)
            outcome = None if answer is None else from_json(json.loads(answer))
        except (OSError, *UNREADABLE):
            outcome = None  # Gone, or no longer the one that we know.
        finally:
            watch.cancel()
        if outcome is not None:
            return outcome
        self._end(child)
        return Outcome(job.key, unmeasured(job, STUCK)) if stuck.is_set() else None

    def rest(self) -> None:
        """End the process; the next clip starts another."""
        if self._child is not None:
            self._end(self._child)

    def stop(self) -> None:
        """End the process for good; any thread."""
        with self._lock:
            self._stopped = True
            child = self._child
        if child is not None:
            child.kill()
            with suppress(subprocess.TimeoutExpired):
                child.wait(ENDS_S)

    def disown(self) -> None:
        """Let go of the process, in a copy of the kernel: it belongs to the other one."""
        atexit.unregister(self.stop)
        child, self._child, self._stopped = self._child, None, True
        if child is not None:
            child.returncode = 0  # Not ours to wait for.
            _close(child)

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            if self._child is None:
                # Pipes without buffers: a copy of the kernel must not inherit half a message, nor the end of
                # the interpreter find a buffer in use by the thread that waits.
                self._child = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                    [sys.executable, "-c", _CODE.format(path=sys.path, parent=os.getpid())],
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    env=isolation.environment(),
                )
                atexit.register(self.stop)
            return self._child

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
                atexit.unregister(self.stop)
        child.kill()
        _close(child)
        child.wait()


def serve(parent: int) -> None:
    """Measure what arrives until the kernel closes the line; the main function of the process."""
    isolation.stand_apart(parent, NICENESS)
    lines = sys.stdin.buffer
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while (data := _read(lines)) is not None:
        job: Job = pickle.loads(data)  # noqa: S301 - from the process that started this one
        _write(answers, json.dumps(as_json(measure_job(job))).encode())


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _write(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(_LENGTH.pack(len(data)) + data)
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def _read(stream: IO[bytes], most: int | None = None) -> bytes | None:
    """Return the next message; None when the line is closed, even within one, or it is too long."""
    head = _read_bytes(stream, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    return None if most is not None and length > most else _read_bytes(stream, length)


def _read_bytes(stream: IO[bytes], count: int) -> bytes | None:
    parts, missing = [], count
    while missing:
        part = stream.read(missing)
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
