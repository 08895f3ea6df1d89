"""Processes that share a log, forked from one that has loaded everything and opened nothing.

Loading takes each of them half a second, forking a hundredth of it. Run as a program this is the process
that they are forked from.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

_REQUEST = 1 << 16


class Kernel:
    """A process of its own: what it prints, what it is told, and how it ended.

    Attributes
    ----------
    stdin, stdout
        Text streams.
    returncode
        None until ``communicate`` has returned.
    """

    def __init__(self, pid: int, stdin: int, stdout: int, ending: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "w")
        self.stdout = os.fdopen(stdout)
        self.returncode: int | None = None
        self._ending = ending

    def communicate(self) -> tuple[str, None]:
        """Close its input and return what it still prints; it has ended then."""
        if self.returncode is not None:
            return "", None
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        with self.stdout:
            rest = self.stdout.read()
        with os.fdopen(self._ending) as ending:
            self.returncode = int(ending.read() or -signal.SIGKILL)
        return rest, None

    def kill(self) -> None:
        """End it wherever it is."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The process that kernels are forked from.

    Parameters
    ----------
    program
        File with ``main(*arguments)``.
    """

    def __init__(self, program: Path) -> None:
        self._asked, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno()), str(program)]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])

    def start(self, *arguments: str) -> Kernel:
        """Start ``main(*arguments)`` in a process of its own."""
        stdin, tell = os.pipe()
        hear, stdout = os.pipe()
        ending, end = os.pipe()
        socket.send_fds(self._asked, [json.dumps(arguments).encode()], [stdin, stdout, end])
        pid = int(self._asked.recv(20))
        for number in (stdin, stdout, end):
            os.close(number)
        return Kernel(pid, tell, hear, ending)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.close()
        self._process.wait(30)


def _born(main: Any, arguments: list[str], stdin: int, stdout: int, end: int) -> None:
    os.dup2(stdin, 0)
    os.dup2(stdout, 1)
    code = 0
    try:
        main(*arguments)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os.write(end, b"%d" % code)
    os._exit(code)


def _serve(asked: socket.socket, main: Any) -> None:
    # Nobody waits for the children: the system forgets them, and how they ended they write themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, given, *_ = socket.recv_fds(asked, _REQUEST, 3)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            asked.close()
            _born(main, json.loads(request), *given)
        for number in given:
            os.close(number)
        asked.send(b"%d" % pid)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), runpy.run_path(sys.argv[2])["main"])
