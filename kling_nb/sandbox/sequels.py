"""The file of an extended video: the source and 4.5 s more (``spec/sandbox.md`` §10)."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kling_nb import media
from kling_nb.render import RenderPlan, render_sequel
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.failures import FETCH_FAILED
from kling_nb.sandbox.inputs import JobFailedError
from kling_nb.sandbox.ledger import plain
from kling_nb.sandbox.plans import sequel_plan
from kling_nb.sandbox.tasks import Job

ADDED_S = Decimal("4.5")


def longer(duration: str) -> Decimal:
    """Return the seconds of a video after it was extended."""
    return Decimal(duration) + ADDED_S


def longer_string(duration: str) -> str:
    """Return the seconds of a video after it was extended, as the service writes them."""
    return plain(longer(duration))


def write_sequel(
    job: Job,
    task_id: str,
    source: Path,
    clip: Path,
    *,
    config: Config,
    stop: threading.Event,
    scale: float = 1.0,
) -> None:
    """Write the extended video, its poster and the truth about it.

    Parameters
    ----------
    job, task_id
        What to make.
    source
        The video that goes on.
    clip
        The file to write; poster and truth lie beside it.
    config
        The switches.
    stop
        Ends the work when set.
    scale
        Size of the label.

    Raises
    ------
    JobFailedError
        The source has gone (A04).
    """
    if not source.is_file():
        raise JobFailedError(FETCH_FAILED, "the video to go on from has gone")
    info, before = media.probe(source), _truth(source)
    plans: list[RenderPlan] = []

    def plan_from(last: NDArray[np.uint8]) -> RenderPlan:
        frames = int(ADDED_S * round(info.fps)) + 1
        plan = sequel_plan(job, last, (round(info.fps), frames), config, task_id)
        plans.append(replace(plan, label_scale=scale))
        return plans[-1]

    taken = render_sequel(source, clip, plan_from, label_box=before.get("label_box"), stop=stop.is_set)
    media.poster(clip, clip.with_suffix(".jpg"))
    truth = {
        "size": [info.width, info.height],
        "fps": round(info.fps),
        "frames": taken + plans[0].frames - 1,
        "continues_at": taken,
        "label_box": before.get("label_box"),
        "seed": plans[0].seed,
    }
    clip.with_suffix(".json").write_text(json.dumps(truth), encoding="utf-8")


def _truth(source: Path) -> dict[str, Any]:
    path = source.with_suffix(".json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
