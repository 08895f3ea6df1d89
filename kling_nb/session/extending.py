"""Making an earlier clip longer: which video, and whether it may be (``spec/official-api.md`` §15).

A service goes on from the id of a *video*, which stands in the result of its task and is not the task's id.
Runs know it, so a run or its id is all a person has to give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kling_nb import providers
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.session.retention import KEPT
from kling_nb.session.run import Run

if TYPE_CHECKING:
    from kling_nb.runlog import RunLog, RunRecord

LONGEST_S: Final = 180.0
ADDED_S: Final = 4.0
"""An extension adds four to five seconds; the sum must stay within three minutes."""


@dataclass(frozen=True, slots=True)
class Source:
    """The video that is made longer.

    Parameters
    ----------
    fields
        What the request takes over from it: ``video_id``, and model and mode where they are known.
    provider
        Where it was made, None when the log does not know.
    problems
        Why it cannot be made longer.
    """

    fields: Mapping[str, Any]
    provider: str | None = None
    problems: tuple[Problem, ...] = ()


def source_of(
    log: RunLog, which: str | Run, provider: str | None = None, *, rehearsing: bool = False
) -> Source:
    """Find the video that a person means.

    Parameters
    ----------
    log
        The run log.
    which
        A run, its id, or the id of a video.
    provider
        Where the longer clip shall be made; None is where the video was made.
    rehearsing
        The settings name the sandbox: then a video of a real door is not paid for unasked.

    Raises
    ------
    InputError
        It is the id of a task, or a run without a video that could be named.
    RunNotFound
        There is no such run.
    """
    named = which if isinstance(which, Run) else _id_in(which)
    record = named.record if isinstance(named, Run) else _record_of(log, named)
    if record is None:
        return Source({"video_id": named})
    if record.status is not RunStatus.SUCCEEDED:
        raise InputError(
            f"Run {record.id} has no video yet: it is {record.status.value}.",
            "Only a finished clip can be made longer.",
            f'Wait for it first: kn.run("{record.id}").wait()',
        )
    if not record.video_id:
        raise InputError(
            f"The video of run {record.id} cannot be made longer.",
            f"{record.provider} gives its videos no id to go on from.",
            "Use its last frame as the picture of a new run instead.",
        )
    fields = {"video_id": record.video_id, "model_name": record.model_name, "mode": record.mode}
    known = {name: value for name, value in fields.items() if value is not None}
    return Source(known, record.provider, tuple(_problems(record, provider, rehearsing)))


def _id_in(which: object) -> str:
    """Return an id without space around it; without one a new clip from words would be bought instead."""
    if isinstance(which, str) and which.strip():
        return which.strip()
    raise InputError(
        "No clip is named that could go on.",
        "It is empty."
        if which is None or isinstance(which, str)
        else f"It is of type {type(which).__name__}.",
        'Give a run or the id of a video: kn.extend("r-…", "what happens next").',
    )


def parent_of(log: RunLog, video_id: str | None) -> str | None:
    """Return the id of the run that made a video, None when the log has none."""
    found = [] if video_id is None else log.records({"video_id": video_id}, limit=1)
    return found[0].id if found else None


def _record_of(log: RunLog, which: str) -> RunRecord | None:
    by_video = log.records({"video_id": which}, limit=1)
    if by_video:
        return by_video[0]
    by_task = log.find(task_id=which) or log.find(external_task_id=which)
    if by_task:
        run = by_task[0]
        video = f"; its video is {run.video_id}" if run.video_id else ""
        raise InputError(
            f"{which} is the id of a task, not of a video.",
            f"It is the task of run {run.id}{video}.",
            f'Give the run: kn.extend("{run.id}", …)',
        )
    return log.get(which) if which.lower().startswith("r-") else None


def _problems(record: RunRecord, provider: str | None, rehearsing: bool) -> list[Problem]:
    found = []
    if rehearsing and not providers.is_local(record.provider or ""):
        message = f"the video of {record.id} was made at {record.provider}, and the settings name the sandbox"
        fix = f'provider="{record.provider}" makes it longer there, and is charged'
        found.append(_error("L01", message, fix, forceable=False))
    if provider is not None and _place(provider) != _place(record.provider or ""):
        message = f"the video of {record.id} was made at {record.provider}; {provider} does not know it"
        found.append(_error("L01", message, "leave the provider out", forceable=False))
    age = datetime.now(UTC) - (record.finished_at or datetime.now(UTC))
    if age > KEPT:
        message = f"the video of {record.id} is {age.days} days old; services keep videos for {KEPT.days}"
        found.append(_error("L35", message, "make the clip anew, or use its last frame as a new picture"))
    length = record.video_duration or record.duration or 0
    if length + ADDED_S > LONGEST_S:
        message = f"the clip would be longer than {LONGEST_S:.0f} s: it has {length:g} s already"
        found.append(_error("L01", message, "go on from a shorter clip"))
    return found


def _place(provider: str) -> tuple[str, bool]:
    return providers.door_of(provider), providers.is_local(provider)


def _error(rule: str, message: str, fix: str, *, forceable: bool = True) -> Problem:
    return Problem(rule, Severity.ERROR, "video_id", message, fix, forceable)
