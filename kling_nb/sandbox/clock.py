"""The sandbox's clock: real, shifted or frozen."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

from kling_nb.sandbox.config import Config


class Clock:
    """Wall clock seen by tokens, timestamps, signed URLs and the ``Date`` header.

    Parameters
    ----------
    config
        Returns the switches in force; ``frozen_clock`` and ``clock_offset`` act at once.
    source
        Unix seconds; replaced in tests.
    """

    def __init__(self, config: Callable[[], Config], source: Callable[[], float] = time.time) -> None:
        self._config = config
        self._source = source

    def now(self) -> float:
        """Return unix seconds."""
        config = self._config()
        base = self._source() if config.frozen_clock is None else config.frozen_clock
        return base + config.clock_offset

    def now_ms(self) -> int:
        """Return unix milliseconds, the unit of the official API (``spec/official-api.md`` §7)."""
        return int(self.now() * 1000)

    def http_date(self) -> str:
        """Return the value of the ``Date`` header."""
        return formatdate(self.now(), usegmt=True)
