"""What a provider is: a dialect that makes calls and reads answers, without network and clock."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Door, Form
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer, Call
    from kling_nb.errors import TaskFailed


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How often a task is asked for (``spec/official-api.md`` §12).

    Parameters
    ----------
    first_s
        Interval while the task is young, in seconds.
    after_s
        Age from which the interval grows, in seconds.
    factor
        Growth per poll.
    max_s
        Longest interval, in seconds.
    jitter
        Relative spread, 0.2 for ± 20 %.
    gap_s
        Shortest time between two queries of any tasks, in seconds (``spec/gateways.md`` §2.4).
    """

    first_s: float = 3.0
    after_s: float = 30.0
    factor: float = 1.3
    max_s: float = 15.0
    jitter: float = 0.2
    gap_s: float = 0.0

    def interval(self, age_s: float) -> float:
        """Return the interval before the next poll of a task of that age, without jitter.

        The geometric growth "x factor per poll" in closed form: after k grown polls the age is
        ``after + first*factor*(factor**k - 1)/(factor - 1)``, so no poll count has to be kept.

        Parameters
        ----------
        age_s
            Seconds since the task was submitted.

        Returns
        -------
        float
            Seconds.
        """
        if age_s < self.after_s:
            return min(self.first_s, self.max_s)
        grown = self.first_s * self.factor + (age_s - self.after_s) * (self.factor - 1.0)
        return min(grown, self.max_s)

    def delay(self, age_s: float, rand: Callable[[], float] = random.random) -> float:
        """Return the interval with jitter.

        Parameters
        ----------
        age_s
            Seconds since the task was submitted.
        rand
            Source of uniform numbers in [0, 1).

        Returns
        -------
        float
            Seconds.
        """
        return self.interval(age_s) * (1.0 + self.jitter * (2.0 * rand() - 1.0))


Watch = Literal["pages", "ids", "singly"]
"""How many tasks are asked for at once: a page of the history, a list of ids, or one by one."""


class Provider(Protocol):
    """A dialect: requests to calls, answers to tasks; every decoder raises the error tree."""

    @property
    def door(self) -> Door:
        """What is particular about this way to Kling."""

    @property
    def name(self) -> str:
        """Name in settings, log and messages: the door's, or ``sandbox-`` and the door's."""

    @property
    def has_external_id(self) -> bool:
        """Whether creates carry an id of ours that a task can be looked up by."""

    @property
    def poll(self) -> PollPolicy:
        """How often tasks are asked for."""

    @property
    def watch(self) -> Watch:
        """How many tasks are asked for at once."""

    @property
    def ids_per_call(self) -> int:
        """Most ids in one :meth:`query_many`."""

    def create(self, request: VideoRequest, external_task_id: str) -> Call:
        """Return the call that creates the task."""

    def query(self, task_id: str, form: Form = "image2video") -> Call:
        """Return the call that asks for one task by the service's id."""

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:
        """Return the call that asks for a task by our id; only where `has_external_id`."""

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:
        """Return the call that asks for a page of tasks; only where `watch` is ``pages``."""

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:
        """Return the call that asks for some tasks; only where `watch` is ``ids``."""

    def check(self, uuid: str) -> Call:
        """Return a call that proves the credential and costs nothing."""

    def account(self, start_ms: int, end_ms: int) -> Call | None:
        """Return the call that asks for balance and packs, None where there is none."""

    def recognize(self, image: str) -> Call | None:
        """Return the call that segments a picture (raw Base64 or address), None where there is none."""

    def decode_task(self, answer: Answer) -> Task:
        """Read a create, query or look-up answer; TaskNotFound when it holds no task."""

    def decode_list(self, answer: Answer) -> list[Task]:
        """Read the answer to `list_tasks` or `query_many`."""

    def decode_check(self, answer: Answer) -> None:
        """Return if the credential works, else raise."""

    def decode_account(self, answer: Answer) -> Sequence[Pack]:
        """Read balance and packs."""

    def decode_recognize(self, answer: Answer) -> Sequence[Segment]:
        """Read the segments of a picture."""

    def findings(self, request: VideoRequest) -> Sequence[Problem]:
        """Return what this door has to say about a request, beyond the rules that hold everywhere."""

    def estimate(self, request: VideoRequest) -> Cost:
        """Return what the clip will cost here."""

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a task that the service ended with a failure."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One kind of thing found in a picture (``spec/official-api.md`` §15, ``image-recognize``).

    Parameters
    ----------
    type
        ``object_seg``, ``head_seg``, ``face_seg`` or ``cloth_seg``.
    found
        Whether the picture holds any.
    url
        Address of the mask, empty when nothing was found.
    """

    type: str
    found: bool
    url: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One resource pack of the account (``spec/official-api.md`` §14).

    Parameters
    ----------
    name, id, type
        As the service names them.
    status
        ``toBeOnline``, ``online``, ``expired`` or ``runOut``.
    total, remaining
        Units; the remaining number lags by up to 12 hours.
    expires_ms
        End of validity, Unix milliseconds, None when not reported.
    currency
        ``units``, ``USD`` … for services that report a balance instead of packs.
    """

    name: str
    id: str
    type: str
    status: str
    total: float | None
    remaining: float | None
    expires_ms: int | None
    currency: str = "units"


@dataclass(frozen=True, slots=True)
class Deduction:
    """What one task took from a resource pack (``spec/official-api.md`` §14).

    Parameters
    ----------
    task_id
        The task that was paid for.
    units
        Kling units, None when the amount cannot be read.
    model, resolution, duration, sound, product, key_name
        As the service writes them: ``720p`` is std, ``1080p`` is pro; the duration is a text.
    at
        When, timezone-aware UTC.
    """

    task_id: str
    units: Decimal | None
    model: str = ""
    resolution: str = ""
    duration: str = ""
    sound: str = ""
    product: str = ""
    key_name: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deductions:
    """A page of deductions; ``more`` says whether ``next_cursor`` leads to another."""

    entries: tuple[Deduction, ...]
    next_cursor: str = ""
    more: bool = False


@runtime_checkable
class Accounting(Protocol):
    """A provider that can be asked later what each task cost; ``isinstance`` tells which ones can."""

    def deductions(self, start_ms: int, end_ms: int, cursor: str = "") -> Call:
        """Return the call that asks what tasks took from the packs."""

    def decode_deductions(self, answer: Answer) -> Deductions:
        """Read a page of deductions."""


_MEDIA_KEYS = frozenset(
    {
        "image",
        "image_tail",
        "static_mask",
        "mask",
        "url",
        "image_url",
        "tail_image_url",
        "last_image_url",
    }
)
_DATA_URI = "data:"


def redacted_body(call: Call) -> dict[str, Any]:
    """Return the body of a call with Base64 media replaced by size and digest.

    For dry runs and the run log: readable, small, and it still identifies the pictures.

    Parameters
    ----------
    call
        Call of any provider.

    Returns
    -------
    dict
        Copy of the body; empty for calls without one.
    """
    body = _redact(call.body or {}, "")
    assert isinstance(body, dict)
    return body


def _redact(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _redact(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(item, key) for item in value]
    if key in _MEDIA_KEYS and isinstance(value, str) and not value.startswith(("http://", "https://")):
        text = value.partition(",")[2] if value.startswith(_DATA_URI) else value
        data = base64.b64decode(text)
        return f"<base64 {len(data)} bytes sha256:{hashlib.sha256(data).hexdigest()}>"
    return value
