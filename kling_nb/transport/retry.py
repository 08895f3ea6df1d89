"""When a call is repeated and after how long (``spec/official-api.md`` §11)."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kling_nb.domain.wire import Answer

RETRY_CODES = frozenset({1302, 1303, 5000, 5001, 5002})
RETRY_STATUS = frozenset({500, 502, 503, 504})
_ERROR_BODY_MAX = 4096
"""Larger bodies are results, not error envelopes, and are not parsed twice."""
_MAX_RETRY_AFTER_S = 300.0


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Delays of safe calls.

    Parameters
    ----------
    delays
        Seconds before the second, third, … attempt.
    jitter
        Relative spread, 0.3 for ± 30 %.
    rand
        Source of uniform numbers in [0, 1).
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    jitter: float = 0.3
    rand: Callable[[], float] = random.random

    @property
    def attempts(self) -> int:
        """Number of attempts altogether."""
        return len(self.delays) + 1

    def delay(self, attempt: int, answer: Answer | None = None) -> float:
        """Return the seconds to wait after a failed attempt.

        Parameters
        ----------
        attempt
            Number of the failed attempt, from 0; beyond the table the last delay repeats.
        answer
            The answer, whose ``Retry-After`` is a lower bound.
        """
        base = self.delays[min(attempt, len(self.delays) - 1)] if self.delays else 0.0
        jittered = base * (1.0 + self.jitter * (2.0 * self.rand() - 1.0))
        return max(jittered, retry_after(answer) if answer is not None else 0.0)


def wants_retry(answer: Answer) -> str:
    """Return why a safe call should be repeated, or an empty text.

    Parameters
    ----------
    answer
        What the service sent; its ``code`` decides, the HTTP status only when there is none.
    """
    code, is_json = service_code(answer)
    if code is not None and code != 0:
        return f"code {code}" if code in RETRY_CODES else ""
    if answer.status in RETRY_STATUS or (answer.status == 429 and code is None):
        return f"HTTP {answer.status}"
    if 200 <= answer.status < 300 and not is_json:
        return "an answer that is no JSON"
    return ""


def service_code(answer: Answer) -> tuple[int | None, bool]:
    """Return the envelope's ``code`` and whether the body is JSON at all.

    Parameters
    ----------
    answer
        What the service sent. Of large bodies only the end is looked at.
    """
    if len(answer.body) > _ERROR_BODY_MAX:
        return None, answer.body.rstrip().endswith((b"}", b"]"))
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None, False
    code = value.get("code") if isinstance(value, dict) else None
    return (code if isinstance(code, int) and not isinstance(code, bool) else None), True


def retry_after(answer: Answer, now: Callable[[], float] = time.time) -> float:
    """Return the seconds a ``Retry-After`` header asks for, at most five minutes.

    Parameters
    ----------
    answer
        What the service sent.
    now
        Unix time, for headers that hold a date.
    """
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return 0.0
    try:
        seconds = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - now()
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)
