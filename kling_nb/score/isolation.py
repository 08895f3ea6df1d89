"""What a process that reads clips of strangers may do to this machine: little, and no longer than we live.

A clip can be made to ask for any amount of memory or time. Its reader gets no key, a limit of memory, one
thread for each library, and ends by itself when the kernel that started it is gone, however that ended.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Final

from kling_nb.keys import is_private

MEMORY_BYTES: Final = 4 << 30
"""Address space of a reader: an 8K clip takes two thirds of it, those of 1080p a tenth."""

WATCH_S: Final = 2.0
"""How often a reader looks whether its kernel still lives, in seconds."""

ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Variables that keep libraries from starting a thread, and taking memory, for each of many cores."""


def environment() -> dict[str, str]:
    """Return what a reader gets of the environment: everything but keys."""
    return {name: value for name, value in os.environ.items() if not is_private(name, value)} | ONE_THREAD


def changes() -> dict[str, str]:
    """Return the same as changes, for those who can only add to the environment: keys are emptied."""
    return {name: "" for name, value in os.environ.items() if is_private(name, value)} | ONE_THREAD


def stand_apart(parent: int, niceness: int = 0) -> None:
    """Set up this process as a reader.

    Interrupt is not for it: the kernel that it belongs to ends it.

    Parameters
    ----------
    parent
        The kernel's process.
    niceness
        How far it stands back behind everything else.
    """
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    limit_memory(MEMORY_BYTES)
    threading.Thread(target=_end_with, args=(parent,), name="kling-watch", daemon=True).start()


def limit_memory(most: int) -> None:
    """Let this process have so many bytes at most, where the system can see to it."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    # Some systems know the limit and refuse to set it.
    with suppress(ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (least, hard))


def _end_with(parent: int) -> None:
    """End when the kernel is gone, also where a copy of it, or a worker beside, still holds the line."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(0)
