"""What cells with ``--wait`` are rewritten to: the same magic, awaited."""

from __future__ import annotations

import asyncio
from typing import Any

from IPython.core.getipython import get_ipython

from kling_nb.magics import warmup
from kling_nb.magics.failure import three_lines
from kling_nb.magics.waiting import Waiting


async def run_cell(line: str, body: str) -> None:
    """Run a ``%%kling --wait`` cell; what :mod:`kling_nb.magics.rewrite` calls."""
    await _run(line, body)


async def run_line(line: str) -> Any:
    """Run a ``%kling … --wait`` line that is the whole cell."""
    return await _run(line, None)


async def _run(line: str, cell: str | None) -> Any:
    warmup.finish()
    from kling_nb.magics.dispatch import run_magic, traceback_wanted  # noqa: PLC0415 - loads the session

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("a rewritten cell runs in a shell")
    pending = run_magic(shell, line, cell, None, wait=False)
    if not isinstance(pending, Waiting):
        return pending
    with three_lines(traceback=traceback_wanted(line)):
        if not _on_asyncio():
            # %autoawait trio: another library's loop runs the cell.
            return pending.block()
        return await pending.until_done()


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
