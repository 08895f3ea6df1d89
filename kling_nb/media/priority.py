"""Encoders that raise themselves to real-time priority are put back.

SVT-AV1 run by root (in a container, say) moves the calling thread to the FIFO class of the scheduler at the
highest priority and leaves it there; its worker threads and every process started later inherit it. Such
processes keep all others from running, those of the browser and the notebook server included.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def kept_priority() -> Iterator[None]:
    """Give the calling thread, and threads that are started meanwhile, the priority that it had before.

    Only Linux needs it and has the calls; elsewhere nothing is done.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameter, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameter)
            for thread in _threads() - before:
                try:
                    os.sched_setscheduler(thread, policy, parameter)
                except ProcessLookupError:
                    continue  # it has ended


def _threads() -> set[int]:
    return {int(entry.name) for entry in _THREADS.iterdir()}
