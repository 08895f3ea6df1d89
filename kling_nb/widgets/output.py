"""Output of a cell that can be replaced later, also from another thread; the fence around IPython."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from weakref import WeakSet

from IPython.core.getipython import get_ipython
from IPython.display import display

_latest: list[contextvars.Context] = []


class Looking(Protocol):
    """Something displayed that follows what happens elsewhere."""

    def look_again(self) -> None:
        """Show an end that has come, should it not be shown yet."""


class _Cells:
    """Which cells run; and, where a program executes them, what waits for the next one.

    Such a program (nbclient) hears what is sent while a cell runs, and drops what is sent between two cells.
    """

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self.running: int | None = None
        """How many run, one within another; None before the first word of a hook, or without any."""
        self.held: dict[CellOutput, Mapping[str, Any]] = {}
        self.looking: WeakSet[Any] = WeakSet()


_cells = _Cells()


def begin_cell(*_: object) -> None:
    """Note that a cell has begun, and send what came before it; the hook ``pre_run_cell`` calls it."""
    remember_cell()
    with _cells.turn:
        _cells.running = (_cells.running or 0) + 1
        held = dict(_cells.held)
        _cells.held.clear()
        for output, bundle in held.items():
            output.replace(bundle)


def end_cell(*_: object) -> None:
    """Show the ends that have come before the cell ends, too; the hook ``post_run_cell`` calls it.

    A cell that has waited for a run ends at once; who tells the card about it may come a moment later.
    """
    if not is_watched():
        for each in list(_cells.looking):
            each.look_again()
    with _cells.turn:
        _cells.running = max(0, (_cells.running or 0) - 1)


def look_at_ends(what: Looking) -> None:
    """Have something look again at the end of every cell that a program executes, as long as it lives."""
    _cells.looking.add(what)


def remember_cell() -> None:
    """Keep the context of the running cell for :func:`in_cell`."""
    _latest[:] = [contextvars.copy_context()]


def in_cell(work: Callable[[], None]) -> None:
    """Do something that sends to the page, from any thread.

    ipykernel 7.0 keeps the cell a message belongs to in context variables without a default: on a thread of
    ours every message would fail. The latest cell is used, as other versions do, because programs that
    execute notebooks listen to the running cell only.

    Parameters
    ----------
    work
        What sends.
    """
    if _latest:
        # A context can be entered once at a time; its copies can be entered side by side.
        _latest[0].copy().run(work)
    else:
        work()


def has_page() -> bool:
    """Whether output goes to a notebook page; a terminal cannot replace what it has printed."""
    return hasattr(get_ipython(), "kernel")


def is_watched() -> bool:
    """Whether a person looks at the page; programs that execute notebooks (nbclient) take no input."""
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", True))


class CellOutput:
    """One output of the running cell.

    Parameters
    ----------
    bundle
        MIME bundle to show at once.
    """

    def __init__(self, bundle: Mapping[str, Any]) -> None:
        remember_cell()
        self._handle: Any = display(dict(bundle), raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython

    def replace(self, bundle: Mapping[str, Any]) -> None:
        """Show something else in the same place; in a terminal nothing happens.

        The place is found by its display id, whichever cell is running and whichever thread calls.
        """
        if not has_page():
            return
        with _cells.turn:
            if _cells.running == 0 and not is_watched():
                _cells.held[self] = bundle
            else:
                in_cell(lambda: self._handle.update(dict(bundle), raw=True))


def show(bundle: Mapping[str, Any]) -> None:
    """Show a MIME bundle below the running cell."""
    display(dict(bundle), raw=True)  # type: ignore[no-untyped-call]  # IPython
