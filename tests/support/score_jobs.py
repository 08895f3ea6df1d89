"""What workers do in tests about workers: answer without measuring, die, fail; and whether they are gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from kling_nb.domain.scores import MEASURES, SCORE_VERSION, Scores
from kling_nb.score.workers import Job, Outcome, measure_job

PATIENCE_S = 240.0
"""How long an answer is waited for that must come: the process stands back behind all else on a machine."""


def gone(pid: int) -> bool:
    """Whether a process is no more, or only its number is."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(there: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answered(job: Job) -> Outcome:
    """Answer with scores that say only whose they are."""
    values: dict[str, float | None] = {measure.name: None for measure in MEASURES}
    values["motion"] = float(os.getpid())
    return Outcome(job.key, Scores(SCORE_VERSION, job.sha256, job.question.digest, values))


def deadly(job: Job) -> Outcome:
    """Answer, or end the worker where the job says so."""
    if "deadly" in job.key:
        os.kill(os.getpid(), signal.SIGKILL)
    return answered(job)


def unlucky(job: Job) -> Outcome:
    """End the worker the first time, answer the second time."""
    mark = Path(job.clip)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return answered(job)


def failing(job: Job) -> Outcome:
    """Fail as a worker does that lacks the package."""
    raise ModuleNotFoundError(f"No module named 'kling_nb' ({job.key})")


def elsewhere(job: Job) -> Outcome:
    """Measure on a machine that has none of the files."""
    return measure_job(replace(job, clip=f"/nowhere/{Path(job.clip).name}", inputs={}))


def endless(job: Job) -> Outcome:
    """Answer, or never come back where the job says so."""
    if "endless" in job.key:
        time.sleep(600)
    return answered(job)


def drowsy(job: Job) -> Outcome:
    """Answer after a moment."""
    time.sleep(0.2)
    return answered(job)
