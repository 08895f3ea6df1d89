"""From a job to its video: asynchronous checks, plan, render, files. Runs in the render threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kling_nb import media
from kling_nb.domain.capabilities import output_format
from kling_nb.render import RenderPlan, RenderReport, render_video
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.failures import FORCED
from kling_nb.sandbox.files import Files
from kling_nb.sandbox.inputs import Inputs, JobFailedError, Load, read_inputs
from kling_nb.sandbox.plans import odd_masks, render_plan
from kling_nb.sandbox.prepared import PreparedClip
from kling_nb.sandbox.sequels import longer_string, write_sequel
from kling_nb.sandbox.tasks import Job, Parent, Task, Video

WRONG_BY_S = 1.5
WATERMARK_SCALE = 2.5


@dataclass(frozen=True, slots=True)
class Product:
    """A finished video."""

    video: Video
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
    load
        Fetches a URL.
    """

    def __init__(
        self, files: Files, prepared: PreparedClip, config: Callable[[], Config], load: Load
    ) -> None:
        self._files = files
        self._prepared = prepared
        self._config = config
        self._load = load
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
        stop = self._stop
        forced = task.fault("async")
        if forced:
            return Failure(FORCED.get(forced, forced), ("failed on request",))
        if job.refused:
            return Failure(job.refused, ("refused by the service behind the gateway",))
        try:
            inputs = read_inputs(job, self._config(), self._load)
            if job.source:
                return self._sequel(task, job, job.source, (video_id, watermark_id), stop)
            return self._video(task, job, inputs, (video_id, watermark_id), stop)
        except JobFailedError as failure:
            return Failure(failure.message, (failure.note,) if failure.note else ())

    def _video(
        self, task: Task, job: Job, inputs: Inputs, ids: tuple[str, str], stop: threading.Event
    ) -> Product:
        config = self._config()
        from_text = job.image is None and job.image_tail is None
        form = output_format(job.model, job.mode, job.duration, text2video=from_text)
        assert form is not None  # the capability table refused every other combination
        clip = self._files.path(task.id, ids[0], ".mp4")
        clip.parent.mkdir(parents=True, exist_ok=True)
        marked = ids[1] if job.watermark else None
        video = Video(id=ids[0], duration=_reported(task, form.duration_string), watermark_id=marked)
        if config.render == "off":
            self._prepared.copy(clip)
            if marked:
                self._prepared.copy(clip.with_stem(marked))
            return Product(video)
        plan = render_plan(job, inputs, form, config, task.id)
        report = render_video(plan, clip, stop=stop.is_set)
        clip.with_suffix(".jpg").write_bytes(media.image_bytes(report.poster, "JPEG"))
        if marked:
            larger = replace(plan, label_scale=WATERMARK_SCALE)
            render_video(larger, clip.with_stem(marked), stop=stop.is_set)
        clip.with_suffix(".json").write_text(json.dumps(_truth(plan, report)), encoding="utf-8")
        return Product(video, tuple(odd_masks(plan)))

    def _sequel(
        self, task: Task, job: Job, source: Parent, ids: tuple[str, str], stop: threading.Event
    ) -> Product:
        config = self._config()
        clip = self._files.path(task.id, ids[0], ".mp4")
        clip.parent.mkdir(parents=True, exist_ok=True)
        marked = ids[1] if job.watermark else None
        duration = _reported(task, longer_string(source.duration))
        video = Video(id=ids[0], duration=duration, watermark_id=marked)
        scales = {clip: 1.0} | ({clip.with_stem(marked): WATERMARK_SCALE} if marked else {})
        before = self._files.path(source.task_id, source.video_id, ".mp4")
        for target, scale in scales.items():
            if config.render == "off":
                self._prepared.copy(target)
            else:
                write_sequel(job, task.id, before, target, config=config, stop=stop, scale=scale)
        return Product(video)


def _reported(task: Task, duration: str) -> str:
    return duration if task.fault("wrong-duration") is None else f"{float(duration) + WRONG_BY_S:g}"


def _truth(plan: RenderPlan, report: RenderReport) -> dict[str, Any]:
    """Return what measuring tools are held against: video pixels, origin top-left."""
    return {
        "size": [plan.width, plan.height],
        "fps": plan.fps,
        "frames": plan.frames,
        "scale": [float(factor) for factor in report.scale],
        "modes": list(report.modes),
        "displacements": np.round(report.displacements, 3).tolist(),
        "camera": np.round(report.camera, 6).tolist(),
        "label_box": [int(value) for value in report.label_box] if report.label_box else None,
        "seed": plan.seed,
        "distort": asdict(plan.distort),
        "render_s": round(report.seconds, 3),
    }
