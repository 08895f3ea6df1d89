"""Video extension: which finished videos may go on, and what it costs, for every dialect.

Sources: ``spec/official-api.md`` §15, ``spec/capabilities.md`` §6.1, ``spec/sandbox.md`` §10.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official.messages import invalid, parameter
from kling_nb.sandbox.sequels import longer
from kling_nb.sandbox.tasks import Parent, Task

LONGEST_S = Decimal(180)
UNITS = {
    "kling-v1": {"std": Decimal(1), "pro": Decimal("3.5")},
    "kling-v1-5": {"std": Decimal(2), "pro": Decimal("3.5")},
    "kling-v1-6": {"std": Decimal(2), "pro": Decimal("3.5")},
}


@dataclass(frozen=True, slots=True)
class Source:
    """The video to go on from: the task that made it, and how the new task remembers it."""

    task: Task
    parent: Parent

    @property
    def units(self) -> Decimal:
        """What going on costs."""
        return UNITS[self.task.model][self.task.mode]


def find_source(box: Sandbox, video_id: str, dialect: str) -> Source:
    """Return the video with this id if it may be extended.

    Parameters
    ----------
    box
        The shared state.
    video_id
        As reported in the result of a task.
    dialect
        Where the task has to be visible.

    Raises
    ------
    RefusedError
        1201: no such video, a model whose videos cannot go on, or too long a video.
    """
    task = box.store.by_video_id(video_id)
    if task is None or task.video is None or task.dialect != dialect or not box.files.kept(task):
        raise parameter(f"Video not found by id: {video_id}")
    if task.model not in UNITS or longer(task.video.duration) > LONGEST_S:
        raise invalid("video_id", video_id)
    return Source(task, Parent(task_id=task.id, video_id=video_id, duration=task.video.duration))
