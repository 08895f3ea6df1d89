"""Errors as three lines: what is wrong, why, what to do. A traceback only on request."""

from __future__ import annotations

import linecache
import traceback as tracebacks
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from kling_nb.errors import KlingError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_WHOLE = "_kling_nb_whole_traceback"
"""Attribute of errors whose traceback was asked for."""


class UnexpectedError(KlingError):
    """A fault of kling_nb itself, not of its user."""


@contextmanager
def three_lines(*, traceback: bool = False) -> Iterator[None]:
    """Let errors leave the block with their own short rendering.

    IPython prints what ``_render_traceback_`` returns instead of a traceback.

    Parameters
    ----------
    traceback
        True leaves errors as they are: IPython then prints the whole traceback.
    """
    try:
        yield
    except KlingError as error:
        if traceback:
            setattr(error, _WHOLE, True)
        else:
            _render_short(error)
        raise
    except Exception as error:
        if traceback:
            raise
        # The original's text may be long or hold a request: its type and first line are enough here.
        first = (str(error).splitlines() or [""])[0][:300]
        wrapped = UnexpectedError(
            f"{type(error).__name__}: {first}" if first else type(error).__name__,
            "kling_nb did not expect this; nothing more was sent.",
            "The same line with --traceback shows where it happened.",
        )
        _render_short(wrapped)
        raise wrapped from error


def shorten_errors_of_cells(shell: InteractiveShell) -> None:
    """Show errors of ``run.wait()``, ``await run`` or ``kn.submit(…)`` in cells as short as those of magics.

    ``%tb`` shows the whole traceback afterwards. A handler that somebody else has set stays.

    Parameters
    ----------
    shell
        The shell.
    """
    if not shell.custom_exceptions:
        shell.set_custom_exc((KlingError,), _show)  # type: ignore[no-untyped-call]  # IPython


def restore_errors_of_cells(shell: InteractiveShell) -> None:
    """Take :func:`shorten_errors_of_cells` back."""
    if shell.custom_exceptions == (KlingError,):
        shell.set_custom_exc((), None)  # type: ignore[no-untyped-call]  # IPython


def _show(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: KlingError,
    trace: TracebackType,
    tb_offset: int | None = None,  # noqa: ARG001 - IPython's signature
) -> None:
    if not hasattr(error, "_render_traceback_") and not getattr(error, _WHOLE, False):
        _render_short(error, _place(shell, trace))
    shell.showtraceback((kind, error, trace))


def _place(shell: InteractiveShell, trace: TracebackType) -> str:
    """Name the line of a longer cell that failed; empty where the cell has only one."""
    for frame in reversed(tracebacks.extract_tb(trace)):
        if (cell := shell.compile.format_code_name(frame.filename)) is None:
            continue
        if len([line for line in linecache.getlines(frame.filename) if line.strip()]) > 1:
            return f"{' '.join(cell)}, line {frame.lineno}: {frame.line}"
        break
    return ""


def _render_short(error: KlingError, place: str = "") -> None:
    def render() -> list[str]:
        # Once: %tb then shows the whole traceback.
        del error._render_traceback_  # type: ignore[attr-defined]  # set below
        return [*filter(None, [place]), *error.lines()]

    error._render_traceback_ = render  # type: ignore[attr-defined]  # IPython's hook, per instance
