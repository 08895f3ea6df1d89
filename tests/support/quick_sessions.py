"""Impatient sessions for tests against a sandbox on this machine, and small helpers around runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from kling_nb.providers.base import PollPolicy
from kling_nb.session import Run
from kling_nb.session.pool import Pace
from kling_nb.session.tracker import FollowPolicy
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import SubmitPolicy

SHORT = RetryRule(delays=(0.02, 0.04, 0.08, 0.15))

QUICK = Pace(
    FollowPolicy(list_floor_s=0.05, missing_s=0.1, pause_max_s=0.3),
    SubmitPolicy(backoff=SHORT, lookup_span_s=0.2),
    SHORT,
    SHORT,
    PollPolicy(first_s=0.05, max_s=0.2),
)
"""The rules of the real thing with waits of hundredths of a second.

How long a task may stay invisible is not among them: that time begins before the service has the create, and
``lost-create`` hides a task for seconds after it.
"""


def textured_picture() -> np.ndarray:
    """A textured picture of 400 x 320."""
    y, x = np.mgrid[0:320, 0:400]
    return np.stack([x * 255 // 399, y * 255 // 319, (x + y) % 256], axis=2).astype(np.uint8)


def until(condition: Callable[[], object], timeout: float = 60.0) -> None:
    """Wait for what another thread or process does."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def finish(run: Run, timeout: float = 60.0) -> Run:
    """Wait for a run whatever its end."""
    return run.wait(timeout, raise_on_failure=False)
