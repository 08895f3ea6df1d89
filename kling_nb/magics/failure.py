"""Errors as three lines: what is wrong, why, what to do. A traceback only on request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kling_nb.errors import KlingError


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
        if not traceback:
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


def _render_short(error: KlingError) -> None:
    def render() -> list[str]:
        # Once: the same error may be raised again by Python code, which keeps its traceback.
        del error._render_traceback_  # type: ignore[attr-defined]  # set below
        return error.lines()

    error._render_traceback_ = render  # type: ignore[attr-defined]  # IPython's hook, per instance
