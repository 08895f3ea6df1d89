"""Waiting, in a test that is a coroutine, for what other tasks and threads do in their own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so; after a minute it never will be."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - those who bring it about tell nobody
            await asyncio.sleep(0.005)
