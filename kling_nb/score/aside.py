"""One process that measures clips one after the other, behind everything else on the machine.

A clip that ends the reader of videos ends that process and not the kernel. It belongs to a session of its
own, so that Interrupt does not reach it, ends with the kernel, and answers in JSON: nothing that a hostile
clip could make of it is ever executed here.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Final

from kling_nb.keys import looks_secret
from kling_nb.score.workers import LIMIT_S, Job, Outcome, as_json, from_json, measure_job, quiet_worker

NICENESS: Final = 10
WATCH_S: Final = 2.0
"""How often the process looks whether the kernel still lives, in seconds."""

_LENGTH: Final = struct.Struct(">Q")
_CODE: Final = "import sys; sys.path[:] = {path!r}; from kling_nb.score.aside import serve; serve({parent})"


class Aside:
    """The process, started when first needed; for one thread at a time, except :meth:`stop`."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        child = self._child
        return None if child is None else child.pid

    def measure(self, job: Job) -> Outcome | None:
        """Measure a clip; None when the process ended over it."""
        child = self._started()
        if child is None or child.stdin is None or child.stdout is None:
            return None
        # A clip that holds the reader for ever is taken out of its hands.
        watch = threading.Timer(2 * LIMIT_S, child.kill)
        watch.daemon = True
        watch.start()
        try:
            _write(child.stdin, pickle.dumps(job))
            answer = _read(child.stdout)
        except (OSError, ValueError):
            answer = None
        finally:
            watch.cancel()
        if answer is None:
            self._end(child)
            return None
        return from_json(json.loads(answer))

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

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            if self._child is None:
                self._child = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                    [sys.executable, "-c", _CODE.format(path=sys.path, parent=os.getpid())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    env={name: value for name, value in os.environ.items() if not looks_secret(name)},
                )
            return self._child

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._child = None
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        child.wait()


def serve(parent: int) -> None:
    """Measure what arrives until the kernel closes the line; the main function of the process."""
    quiet_worker(NICENESS)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    lines = sys.stdin.buffer
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while (data := _read(lines)) is not None:
        job: Job = pickle.loads(data)  # noqa: S301 - from the process that started this one
        _write(answers, json.dumps(as_json(measure_job(job))).encode())


def _watch(parent: int) -> None:
    """End with the kernel, also where a copy of it still holds the line."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(0)


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """Return the next message; None when the line is closed, even within one."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None
