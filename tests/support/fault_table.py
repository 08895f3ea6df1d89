"""What every fault of the sandbox ends in (``spec/sandbox.md`` §8, official legacy dialect).

One row a fault: how it is injected, and the state the run must be in once the session can do no more.
``submissions`` of every row may run at the same time in one sandbox, because task faults travel in the prompt
and call faults are queued for exactly one create.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kling_nb import errors
from kling_nb.domain.task import RunStatus

OK, FAILED, GOING = RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.PROCESSING


@dataclass(frozen=True)
class Ending:
    """The stated end of one fault.

    Parameters
    ----------
    spec
        The fault.
    status
        Status of the run.
    error
        Class of ``run.error``, None for none.
    charged
        Whether the task costs something (reserved or booked).
    tasks
        Tasks at the service: exactly this many, never two.
    video
        Whether the video is on disk.
    in_prompt
        Injected by the prompt (it belongs to the task, or spoils every attempt) instead of the queue (it
        spoils one call).
    """

    spec: str
    status: RunStatus
    error: type[errors.KlingError] | None = None
    charged: bool = False
    tasks: int = 0
    video: bool = False
    in_prompt: bool = False

    @property
    def id(self) -> str:
        """Name of the test."""
        return f"{self.spec}{' always' if self.in_prompt and self.spec.startswith('code') else ''}"


def refused(spec: str, error: type[errors.KlingError]) -> Ending:
    """Nothing created, nothing charged, the reason told."""
    return Ending(spec, FAILED, error)


def recovered(spec: str, in_prompt: bool = False) -> Ending:
    """One task, one charge, the video on disk."""
    return Ending(spec, OK, None, charged=True, tasks=1, video=True, in_prompt=in_prompt)


def task_failed(spec: str) -> Ending:
    """The service ended the task; it charges nothing."""
    return Ending(spec, FAILED, errors.TaskFailed, tasks=1, in_prompt=True)


def unfetched(spec: str) -> Ending:
    """Paid for and finished, but its file cannot be had; the task id and address are kept."""
    return Ending(spec, OK, errors.DownloadError, charged=True, tasks=1, in_prompt=True)


def going(spec: str) -> Ending:
    """Still followed: there is no time limit."""
    return Ending(spec, GOING, None, charged=True, tasks=1, in_prompt=True)


ENDINGS: tuple[Ending, ...] = (
    refused("code:1000", errors.AuthError),
    refused("code:1001", errors.AuthError),
    refused("code:1002", errors.AuthError),
    # Signed anew once, then accepted.
    recovered("code:1003"),
    recovered("code:1004"),
    refused("code:1100", errors.AccountError),
    refused("code:1101", errors.MoneyError),
    refused("code:1102", errors.MoneyError),
    refused("code:1103", errors.AuthError),
    refused("code:1200", errors.ParameterError),
    refused("code:1201", errors.ParameterError),
    refused("code:1202", errors.ParameterError),
    refused("code:1203", errors.ParameterError),
    refused("code:1300", errors.ContentError),
    refused("code:1301", errors.ContentError),
    recovered("code:1302"),
    recovered("code:1303"),
    refused("code:1304", errors.AccountError),
    recovered("code:5000"),
    recovered("code:5001"),
    recovered("code:5002"),
    recovered("http:502"),
    recovered("http:503"),
    recovered("http:504"),
    recovered("drop-before"),
    recovered("drop-after"),
    recovered("truncate"),
    recovered("code-after:5002"),
    # Longer than the time limit of a create: the same as drop-after.
    recovered("delay:1.5"),
    task_failed("async:risk"),
    task_failed("async:image"),
    task_failed("async:mask-ratio"),
    task_failed("async:mask-size"),
    task_failed("async:fetch"),
    task_failed("async:the moon was full"),
    going("stuck"),
    recovered("slow:0.3", in_prompt=True),
    recovered("flap:3", in_prompt=True),
    recovered("lost-create", in_prompt=True),
    unfetched("url-expired"),
    unfetched("url-404"),
    recovered("url-slow", in_prompt=True),
    recovered("url-short", in_prompt=True),
    recovered("wrong-duration", in_prompt=True),
    # The unknown word is told once and waited on.
    recovered("status:pondering", in_prompt=True),
    recovered("callback-lost", in_prompt=True),
    recovered("callback-twice", in_prompt=True),
    recovered("callback-bad-sign", in_prompt=True),
)

PERSISTENT: tuple[Ending, ...] = (
    # Spoils every attempt of its run: nothing is sent more than three times.
    Ending("code:5000", RunStatus.UNCERTAIN, errors.SubmitUncertain, in_prompt=True),
    Ending("drop-before", RunStatus.UNCERTAIN, errors.SubmitUncertain, in_prompt=True),
    Ending("code:1003", FAILED, errors.ClockSkewError, in_prompt=True),
)


def prompt_of(ending: Ending, words: str = "a boat") -> str:
    """Return the prompt of a submission."""
    return f"[[sandbox:{ending.spec}]] {words}" if ending.in_prompt else words


def inject(sandbox: Any, ending: Ending) -> None:
    """Queue a call fault for the next create."""
    if not ending.in_prompt:
        sandbox.fault(ending.spec, "POST", "/v1/videos/image2video")


def check(run: Any, ending: Ending, tasks: list[dict[str, Any]]) -> None:
    """Hold a run and its tasks at the service against the table."""
    error = run.error
    assert run.status is ending.status, f"{ending.id}: {run.status} {error!r}"
    if ending.error is None:
        assert error is None, f"{ending.id}: {error!r}"
    else:
        assert type(error) is ending.error, f"{ending.id}: {error!r}"
        assert 1 <= len(error.lines()) <= 3
    mine = [task for task in tasks if task["external_id"] == run.external_task_id]
    assert len(mine) == ending.tasks, f"{ending.id}: {len(mine)} tasks"
    assert [task["id"] for task in mine] == [run.task_id] * ending.tasks
    held = [task for task in mine if task["charge"] != "released"]
    assert len(held) == ending.charged, f"{ending.id}: {len(held)} charges"
    assert (run.video is not None) == ending.video, ending.id
