"""From a job to its video: asynchronous checks, plan, render, files. Runs in the render threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kling_nb.domain.capabilities import output_format
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.files import Files
from kling_nb.sandbox.inputs import Failed, Inputs, read_inputs
from kling_nb.sandbox.official.messages import (
    CONTENT_RISK,
    FETCH_FAILED,
    IMAGE_INVALID,
    MASK_RATIO,
    MASK_RESOLUTION,
)
from kling_nb.sandbox.prepared import PreparedClip
from kling_nb.sandbox.tasks import Job, Task, Video

WRONG_BY_S = 1.5
FORCED = {
    "risk": CONTENT_RISK,
    "image": IMAGE_INVALID,
    "mask-ratio": MASK_RATIO,
    "mask-size": MASK_RESOLUTION,
    "fetch": FETCH_FAILED,
}


@dataclass(frozen=True, slots=True)
class Product:
    """A finished video."""

    video: Video
    truth: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is none: the service's words, and a note for the debug record."""

    message: str
    notes: tuple[str, ...] = ()


class Producer:
    """Makes the video of a task.

    Parameters
    ----------
    files
        Where videos go.
    prepared
        The clip delivered when rendering is off.
    config
        Returns the switches in force.
    """

    def __init__(self, files: Files, prepared: PreparedClip, config: Callable[[], Config]) -> None:
        self._files = files
        self._prepared = prepared
        self._config = config
        self._stop = threading.Event()

    def stop(self) -> None:
        """Make renders under way end soon."""
        self._stop.set()

    def restart(self) -> None:
        """Let later renders run again, apart from those told to stop."""
        self._stop = threading.Event()

    def produce(self, task: Task, job: Job, video_id: str, watermark_id: str) -> Product | Failure:
        """Check the inputs of a job and render it.

        Parameters
        ----------
        task, job
            What to make.
        video_id, watermark_id
            Ids of the video and of its watermarked twin, if there will be one.

        Returns
        -------
        Product or Failure
            Failures of the inputs are results, in the order of ``spec/sandbox.md`` §3.
        """
        config = self._config()
        forced = task.fault("async")
        if forced:
            return Failure(FORCED.get(forced, forced), ("failed on request",))
        try:
            inputs = read_inputs(job, config)
            return self._video(task, job, inputs, config, video_id)
        except Failed as failure:
            return Failure(failure.message, (failure.note,) if failure.note else ())

    def _video(self, task: Task, job: Job, inputs: Inputs, config: Config, video_id: str) -> Product:
        clip = self._files.path(task.id, video_id, ".mp4")
        poster = clip.with_suffix(".jpg")
        clip.parent.mkdir(parents=True, exist_ok=True)
        self._prepared.copy(clip, poster)
        form = output_format(job.model, job.mode, job.duration)
        assert form is not None
        reported = form.duration_string
        if task.fault("wrong-duration") is not None:
            reported = f"{float(reported) + WRONG_BY_S:g}"
        return Product(Video(id=video_id, duration=reported))
