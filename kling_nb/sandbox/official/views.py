"""Tasks as the two official APIs show them (``spec/official-api.md`` §7, §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kling_nb.sandbox.answers import dump
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.ledger import plain
from kling_nb.sandbox.tasks import Parent, State, Task

DIALECT = "official"
LEGACY = "/v1/"

WORDS = {
    State.SUBMITTED: "submitted",
    State.PROCESSING: "processing",
    State.SUCCEEDED: "succeed",
    State.FAILED: "failed",
}


Url = Callable[[Task, str], str]


def created_view(task: Task) -> dict[str, Any]:
    """Return ``data`` of a create answer (§7.1)."""
    return {
        "task_id": task.id,
        "task_status": WORDS[State.SUBMITTED],
        "task_info": _info(task),
        "created_at": task.created,
        "updated_at": task.created,
    }


def task_view(task: Task, url: Url) -> dict[str, Any]:
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
    if task.parent:
        view["task_info"]["parent_video"] = _parent(task, task.parent, url)
    if task.video:
        view["watermark_info"] = {"enabled": task.watermark}
        view["task_result"] = {"videos": [_video(task, url)]}
    elif task.state is State.FAILED:
        view["task_result"] = {}
    if task.state.final:
        view["final_unit_deduction"] = plain(task.units) if task.video else "0"
    return view | {"created_at": task.created, "updated_at": task.updated}


def _info(task: Task) -> dict[str, Any]:
    return {"external_task_id": task.external_id} if task.external_id else {}


def _parent(task: Task, parent: Parent, url: Url) -> dict[str, str]:
    # The parent's file has its own task; a signed address needs its name and a time only.
    source = task.model_copy(update={"id": parent.task_id, "faults": ()})
    return {"id": parent.video_id, "url": url(source, parent.video_id), "duration": parent.duration}


def _video(task: Task, url: Url) -> dict[str, str]:
    video = task.video
    assert video is not None
    view = {"id": video.id, "url": url(task, video.id)}
    if video.watermark_id:
        view["watermark_url"] = url(task, video.watermark_id)
    return view | {"duration": video.duration}


def new_created_view(task: Task) -> dict[str, Any]:
    """Return ``data`` of a create answer of the new API (§8.2)."""
    return {
        "id": task.id,
        "status": State.SUBMITTED.value,
        "create_time": task.created,
        "update_time": task.created,
        "external_id": task.external_id or "",
    }


def new_view(task: Task, url: Url) -> dict[str, Any]:
    """Return an entry of ``/tasks`` and the body of a callback of the new API (§8.3, §9)."""
    word = task.state.value
    if task.state is State.PROCESSING:
        word = task.fault("status") or word
    outputs, billing = [], []
    if task.video:
        found = _video(task, url)
        outputs = [{"type": "video", "id": found["id"], "url": found["url"]}]
        outputs[0] |= {"watermark_url": found.get("watermark_url", ""), "duration": found["duration"]}
        billing = [{"charge_type": "unit", "amount": plain(task.units), "package_type": "video"}]
    return {
        "id": task.id,
        "status": word,
        "message": task.message,
        "create_time": task.created,
        "update_time": task.updated,
        "external_id": task.external_id or "",
        "outputs": outputs,
        "billing": billing,
    }


def callback_body(sandbox: Sandbox) -> Callable[[Task], bytes]:
    """Return the function that writes the bare callback body of a task in the form of its API (§9)."""

    def body(task: Task) -> bytes:
        view = task_view if task.endpoint.startswith(LEGACY) else new_view
        return dump(view(task, sandbox.files.url))

    return body
