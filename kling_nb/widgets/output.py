"""Output of a cell that can be replaced later, also from another thread; the fence around IPython."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display


def has_page() -> bool:
    """Whether output goes to a notebook page; a terminal cannot replace what it has printed."""
    return hasattr(get_ipython(), "kernel")


class CellOutput:
    """One output of the running cell.

    Parameters
    ----------
    bundle
        MIME bundle to show at once.
    """

    def __init__(self, bundle: Mapping[str, Any]) -> None:
        self._handle: Any = display(dict(bundle), raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython

    def replace(self, bundle: Mapping[str, Any]) -> None:
        """Show something else in the same place; in a terminal nothing happens.

        The place is found by its display id, whichever cell is running and whichever thread calls.
        """
        if has_page():
            self._handle.update(dict(bundle), raw=True)


def show(bundle: Mapping[str, Any]) -> None:
    """Show a MIME bundle below the running cell."""
    display(dict(bundle), raw=True)  # type: ignore[no-untyped-call]  # IPython
