"""Output of a cell that can be replaced later, also from another thread; the fence around IPython."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

_latest: list[contextvars.Context] = []


def remember_cell(*_: object) -> None:
    """Keep the context of the running cell for :func:`in_cell`; the hook ``pre_run_cell`` calls it."""
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
        if has_page():
            in_cell(lambda: self._handle.update(dict(bundle), raw=True))


def show(bundle: Mapping[str, Any]) -> None:
    """Show a MIME bundle below the running cell."""
    display(dict(bundle), raw=True)  # type: ignore[no-untyped-call]  # IPython
