"""Waiting, in a test that is a coroutine, for what other tasks and threads do in their own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so; after a minute it never will be."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - those who bring it about tell nobody
            await asyncio.sleep(0.005)


def an_hour_passes(monkeypatch: Any) -> None:
    """Let every time limit of this loop's that is running now be over, and no other."""
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + 3600)
