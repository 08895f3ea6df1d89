"""A process that makes a sweep, or goes on with it, and is killed with SIGKILL after a given time.

Run as a program it loads everything once and then forks a child for each line it reads: seconds until the
kill, or ``N tasks``: when the service has accepted so many. Printed for each: the signal that ended the
child, 0 when it came to the end of the sweep.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from kill_points import session_at
from quick_sessions import textured_picture

from kling_nb.errors import RunNotFound
from kling_nb.session import sweeping  # noqa: F401 - loaded before the fork, as everything it needs

NAME = "killed"
RUNS = 12


def make(home: str, sandbox_home: str, tasks: int) -> None:
    """Begin the sweep, or go on with it, to its end or until the service has so many tasks."""
    with session_at(home, sandbox_home) as session:
        try:
            sweep = session.sweep_of(NAME).resume()
        except RunNotFound:
            sweep = session.sweep(
                textured_picture(), "a {{what}}", what=["boat", "kite", "fish"], mode=["std", "pro"],
                model="kling-v1", repeat=2, name=NAME,
            )  # fmt: skip
        while not sweep.done:
            if sum(run.task_id is not None for run in sweep.runs) >= tasks:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.005)


def main(home: str, sandbox_home: str) -> None:
    """Fork and kill."""
    for line in sys.stdin:
        number, _, counted = line.partition(" ")
        child = os.fork()
        if child == 0:
            make(home, sandbox_home, int(number) if counted else RUNS + 1)
            os._exit(0)
        if not counted:
            time.sleep(float(number))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
