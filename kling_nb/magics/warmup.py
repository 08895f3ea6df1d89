"""Heavy imports in a background thread, so that the first ``%%kling`` finds them ready.

They run between cells, never beside one: two threads that import the same package at once can see halves
of it, and the cell's own ``import numpy`` would fail. So they begin when the loading cell has ended, and the
next cell waits for them. So does what uses the package outside cells: Tab, and executions without hooks.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable

MODULES = ("kling_nb.session", "kling_nb.widgets.card", "kling_nb.magics.dispatch")
"""Not pandas: imported outside a cell it takes the notebook for a terminal and narrows every table."""

HEAD_START_S = 0.05
"""Seconds the loading cell gets to send its answer before the imports begin."""

LOOK_S = 1.0
"""Seconds between looks whether the thread that is waited for still lives."""

_thread: threading.Thread | None = None
_lock = threading.Lock()


def start(then: Callable[[], None]) -> None:
    """Get ready to import after the running cell; call ``then`` in the same thread afterwards.

    Parameters
    ----------
    then
        Must not print: a bare print from a thread lands in whichever cell is running.
    """
    global _thread  # noqa: PLW0603 - imports are a matter of the process, so is their thread
    with _lock:
        thread = threading.Thread(target=_work, args=(_thread, then), name="kling-warmup", daemon=True)
        thread.start()
        # Known from here on, when it is alive: nobody waits for one that is not.
        _thread = thread


def _work(before: threading.Thread | None, then: Callable[[], None]) -> None:
    if before is not None:
        before.join()
    _released.wait()
    # The cell that loads the extension answers first: imports hold the interpreter for long stretches.
    _awaited.wait(HEAD_START_S)
    _here.imports = True
    try:
        for name in MODULES:
            importlib.import_module(name)
        _imported.set()
        then()
    except Exception:
        # The magic imports again in the foreground and shows what is wrong there.
        logging.getLogger("kling_nb").debug("background imports failed", exc_info=True)
    finally:
        _imported.set()


_released = threading.Event()
_awaited = threading.Event()
_imported = threading.Event()
_here = threading.local()
"""Whether this very thread is the one that imports, which must not wait for itself."""


def release(*_: object) -> None:
    """Let the imports begin: the loading cell has ended; the hook ``post_run_cell`` calls it."""
    _released.set()


def finish(*_: object) -> None:
    """Wait until the imports are through; the hook ``pre_run_cell``, the magic and Tab call it."""
    thread = _thread
    if thread is None or hasattr(_here, "imports"):
        return
    _awaited.set()
    _released.set()
    # A forked child has the events of its parent, but not the thread that would set them.
    while thread.is_alive() and not _imported.wait(LOOK_S):
        pass


def finish_begun() -> None:
    """Wait for imports that have begun; whoever imports in the loading cell has the interpreter to itself."""
    if _released.is_set():
        finish()


def is_ready() -> bool:
    """Whether nothing heavy is left to import."""
    return _thread is None or _imported.is_set()
