"""Tasks as the legacy API shows them (``spec/official-api.md`` §7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kling_nb.sandbox.ledger import plain
from kling_nb.sandbox.tasks import State, Task

WORDS = {
    State.SUBMITTED: "submitted",
    State.PROCESSING: "processing",
    State.SUCCEEDED: "succeed",
    State.FAILED: "failed",
}


def created_view(task: Task) -> dict[str, Any]:
    """Return ``data`` of a create answer (§7.1)."""
    return {
        "task_id": task.id,
        "task_status": WORDS[State.SUBMITTED],
        "task_info": _info(task),
        "created_at": task.created,
        "updated_at": task.created,
    }


def task_view(task: Task, url: Callable[[Task, str], str]) -> dict[str, Any]:
    """Return ``data`` of a query, an entry of a list and the body of a callback (§7.2, §9)."""
    word = WORDS[task.state]
    if task.state is State.PROCESSING:
        word = task.fault("status") or word
    view: dict[str, Any] = {
        "task_id": task.id,
        "task_status": word,
        "task_status_msg": task.message,
        "task_info": _info(task),
    }
    if task.video:
        view["watermark_info"] = {"enabled": task.watermark}
        view["task_result"] = {"videos": [_video(task, url)]}
    elif task.state is State.FAILED:
        view["task_result"] = {}
    if task.state.final:
        view["final_unit_deduction"] = plain(task.units) if task.video else "0"
    return view | {"created_at": task.created, "updated_at": task.updated}


def _info(task: Task) -> dict[str, str]:
    return {"external_task_id": task.external_id} if task.external_id else {}


def _video(task: Task, url: Callable[[Task, str], str]) -> dict[str, str]:
    video = task.video
    assert video is not None
    view = {"id": video.id, "url": url(task, video.id)}
    if video.watermark_id:
        view["watermark_url"] = url(task, video.watermark_id)
    return view | {"duration": video.duration}
