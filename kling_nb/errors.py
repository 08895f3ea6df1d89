"""One error tree; every error says what is wrong, why, and what to do next.

::

    KlingError
    ├── InputError                what the user gave cannot be used (also a ValueError)
    │   ├── RequestRefused        the linter found blocking problems (carries all of them)
    │   ├── MediaError            a picture or mask cannot be read
    │   └── UsageError            a magic or call was written wrongly
    ├── BudgetError               a budget forbids the run; nothing was sent
    ├── SettingsError             a setting or credential is missing or contradictory
    ├── ApiError                  the service answered with an error
    │   ├── AuthError             1000-1002, 1103
    │   │   └── ClockSkewError    1003, 1004 after re-signing once
    │   ├── AccountError          1100, 1304
    │   │   └── MoneyError        1101, 1102: no money, never retried
    │   ├── ParameterError        1200-1203 and any other 4xx
    │   │   ├── TaskNotFound      1201 and "Task not found"
    │   │   ├── DuplicateTask     1201 and "already exists"
    │   │   └── ModelRetired      "has been discontinued"
    │   ├── ContentError          1300, 1301
    │   ├── RateError             1302: too fast
    │   │   └── ConcurrencyError  1303: all slots of the account are busy
    │   └── ServiceError          5000-5002, 5xx, answers that are no JSON
    ├── TransportError            the network failed
    │   ├── NotSent               no byte reached the service: nothing was created
    │   └── AnswerLost            the request left, the answer did not arrive: it may exist
    │       └── AnswerUnusable    an answer came that is too large or cannot be unpacked
    ├── SubmitUncertain           a submit may have been accepted and could not be looked up
    ├── TaskGone                  the service no longer knows a task that it had accepted
    ├── TaskFailed                the service ended the task with a failure
    ├── DownloadError             the video could not be fetched or stored
    ├── WebhookError              a callback is not proven to come from the service
    ├── WaitTimeout               waiting ended, the task goes on
    ├── RunLogError               the run log cannot be read or written
    │   ├── LogReadOnly
    │   └── LogTooNew             written by a newer kling_nb
    ├── RunNotFound               no run with that id in the log
    └── SandboxError              the local sandbox cannot be started or reached
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_nb.domain.problems import Problem


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, changes of writing direction, halves of characters; not tab and line feed."""


def printable(text: str) -> str:
    """Return a text whose characters only show, and do nothing to a terminal or to what is printed.

    Parameters
    ----------
    text
        Somebody else's words: a message, an id, a name.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class KlingError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    what
        One sentence: what is wrong.
    why
        The cause; the service's own words where there are any.
    advice
        What to do next.
    code
        The service's own code (``spec/official-api.md`` §10.1) or a gateway's word.
    http_status
        HTTP status of the answer.
    request_id
        The service's name for the HTTP call.
    service_message
        The service's own words, unchanged.
    run_id
        The run this error belongs to, when there is one.
    """

    def __init__(
        self,
        what: str,
        why: str = "",
        advice: str = "",
        *,
        code: int | str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        service_message: str | None = None,
        run_id: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.advice = advice
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.service_message = service_message
        self.run_id = run_id

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the error as at most three lines: what, why, what to do.

        Returns
        -------
        list of str
            Never more than three entries, none of them empty.
        """
        return [printable(line) for line in (self.what, self.why, self.advice) if line]


class InputError(KlingError, ValueError):
    """What the user gave cannot be used."""


class RequestRefused(InputError):
    """The linter found problems that block sending; nothing left this machine.

    Parameters
    ----------
    problems
        All problems found, blocking ones first.
    """

    def __init__(self, problems: Sequence[Problem], **context: str | None) -> None:
        blocking = [p for p in problems if p.blocks]
        first = blocking[0] if blocking else problems[0]
        more = len(blocking) - 1
        what = f"Request refused ({first.id}): {first.message}"
        why = (
            "Also: " + "; ".join(f"{p.id} {p.message}" for p in blocking[1:])
            if more > 0
            else f"Field: {first.field}. Nothing was sent, nothing was charged."
        )
        super().__init__(what, why, f"Fix: {first.fix}" if first.fix else "", run_id=context.get("run_id"))
        self.problems = tuple(problems)


class MediaError(InputError):
    """A picture, mask or video cannot be read."""


class UsageError(InputError):
    """A magic or a call was written wrongly.

    Deliberately not IPython's ``UsageError``: a subclass of that prints a full traceback.
    """


class BudgetError(KlingError):
    """A budget forbids the run, or its price is unknown while there is one; nothing was sent."""


class SettingsError(KlingError):
    """A setting or credential is missing or contradictory."""


class ApiError(KlingError):
    """The service answered with an error."""


class AuthError(ApiError):
    """The credential was refused (1000-1002, 1103)."""


class ClockSkewError(AuthError):
    """The token is not yet valid or expired although it was just signed (1003, 1004)."""


class AccountError(ApiError):
    """The account is blocked or the address is not allowed (1100, 1304)."""


class MoneyError(AccountError):
    """No money: in arrears or the resource pack is used up (1101, 1102). Never retried."""


class ParameterError(ApiError):
    """The service refused the request (1200-1203)."""


class TaskNotFound(ParameterError):
    """The service knows no task with that id."""


class DuplicateTask(ParameterError):
    """A task with this external id exists already; it must be looked up, not sent again."""


class ModelRetired(ParameterError):
    """The service no longer serves the model."""


class ContentError(ApiError):
    """Refused by platform policy or content safety (1300, 1301)."""


class RateError(ApiError):
    """Too many requests (1302)."""


class ConcurrencyError(RateError):
    """All slots of the account are busy (1303)."""


class ServiceError(ApiError):
    """The service failed (5000-5002, 5xx, an answer that is no JSON)."""


class TransportError(KlingError):
    """The network failed."""


class NotSent(TransportError):
    """No byte reached the service: nothing was created, sending again is safe."""


class AnswerLost(TransportError):
    """The request left but no usable answer arrived: the task may exist."""


class AnswerUnusable(AnswerLost):
    """An answer came that is too large or cannot be unpacked; asking again would bring the same."""


class SubmitUncertain(KlingError):
    """A submit may have been accepted and could not be looked up.

    Parameters
    ----------
    external_task_id
        The id to look the task up with later (``attach``).
    """

    def __init__(
        self,
        what: str,
        why: str = "",
        advice: str = "",
        *,
        external_task_id: str = "",
        run_id: str | None = None,
    ) -> None:
        super().__init__(what, why, advice, run_id=run_id)
        self.external_task_id = external_task_id


class TaskGone(KlingError):
    """The service no longer knows a task that it had accepted."""


class TaskFailed(KlingError):
    """The service accepted the task and ended it with a failure."""


class DownloadError(KlingError):
    """The video could not be fetched or stored; the task id and URL are kept."""


class WebhookError(KlingError):
    """A callback is not proven to come from the service, or reports no task."""


class WaitTimeout(KlingError, TimeoutError):
    """Waiting ended before the task did; the task goes on and its id is kept."""


class RunLogError(KlingError):
    """The run log cannot be read or written."""


class LogReadOnly(RunLogError):
    """The run log cannot be written."""


class LogTooNew(RunLogError):
    """The run log was written by a newer version of kling_nb."""


class RunNotFound(KlingError, KeyError):
    """The log holds no such run."""

    def __str__(self) -> str:
        return KlingError.__str__(self)


class SandboxError(KlingError):
    """The local sandbox cannot be started or reached."""
