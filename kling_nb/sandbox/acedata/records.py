"""Tasks as AceData shows them (``spec/gateways.md`` §2.2, §2.3): records without a status field."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Callable
from typing import Any

from kling_nb.sandbox.tasks import State, Task

# The gateway's own worker takes a task over this long after the call.
TAKEN_OVER_MS = 60

Url = Callable[[Task, str], str]


def trace_id(task: Task) -> str:
    """Return the trace id of a task: a UUID4, the same in all its answers."""
    bits = random.Random(f"trace/{task.public_id}").getrandbits(128)  # noqa: S311 - an id, no secret
    return str(uuid.UUID(int=bits, version=4))


def created_view(task: Task) -> dict[str, Any]:
    """Return the answer to an asynchronous create (§2.2, second line)."""
    return {"success": True, "task_id": task.public_id, "trace_id": trace_id(task)}


def finished_view(task: Task, url: Url) -> dict[str, Any]:
    """Return the ``response`` of a task at its end (§2.3), also the answer to a call that waited for it."""
    if task.video is None:
        return {
            "success": False,
            "task_id": task.public_id,
            "trace_id": trace_id(task),
            "error": {"code": "api_error", "message": task.message},
        }
    view: dict[str, Any] = {
        "success": True,
        "video_id": task.video.id,
        "video_url": url(task, task.video.id),
        "duration": task.video.duration,
        "state": "succeed",
        "task_id": task.public_id,
    }
    asked = task.request or {}
    if asked.get("voice_list") or asked.get("video_list"):
        view["usage"] = {"duration": task.duration, "reference_video_seconds": 0}
    return view


def callback_view(task: Task, url: Url) -> dict[str, Any]:
    """Return the body of a callback: the ``response``, always with the trace id (§2.3)."""
    return finished_view(task, url) | {"trace_id": trace_id(task)}


def snapshot(task: Task, word: str) -> dict[str, Any]:
    """Return the ``response`` of a task on its way."""
    return {"state": word, "task_id": task.public_id}


def record(task: Task, response: dict[str, Any] | None) -> dict[str, Any]:
    """Return the record of a task with ``response`` in it, if there is one."""
    started = task.created + TAKEN_OVER_MS
    view: dict[str, Any] = {"id": task.public_id, "type": "videos", "trace_id": trace_id(task)}
    if task.video is not None:
        view["job_id"] = base64.b64encode(uuid.UUID(trace_id(task)).bytes).decode().rstrip("=")
    view["request"] = task.request
    if response is not None:
        view["response"] = response
    view |= {"created_at": _seconds(task.created), "started_at": _seconds(started)}
    if task.state.final:
        ended = max(task.updated, started)
        view |= {"finished_at": _seconds(ended), "elapsed": _seconds(ended - started)}
    return view


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


class Records:
    """Records for polls, which show progress on every second look (``spec/sandbox.md`` §9).

    Parameters
    ----------
    url
        Signs the address of a video.
    tricky
        Whether the first snapshot of a task says ``completed`` although there is no video yet.
    """

    def __init__(self, url: Url, tricky: Callable[[], bool]) -> None:
        self._url = url
        self._tricky = tricky
        self._looks: dict[str, int] = {}

    def polled(self, task: Task) -> dict[str, Any]:
        """Return the record of a task as one poll sees it."""
        if task.state.final:
            self._looks.pop(task.id, None)
            return record(task, finished_view(task, self._url))
        if task.state is State.SUBMITTED:
            return record(task, None)
        word = task.fault("status")
        if word:
            return record(task, snapshot(task, word))
        looks = self._looks[task.id] = self._looks.get(task.id, 0) + 1
        if looks % 2:
            return record(task, None)
        return record(task, snapshot(task, "completed" if self._tricky() and looks == 2 else "processing"))
