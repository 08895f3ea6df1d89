"""What the card shows, as plain values made from a run: sent to the browser, base of the static view."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.domain.door import FORM_WORDS, LOCAL_CONSOLE
from kling_nb.domain.task import RunStatus
from kling_nb.errors import SettingsError, printable
from kling_nb.session.doors import door_of
from kling_nb.session.forms import form_of
from kling_nb.session.masks import RECOGNIZE
from kling_nb.session.scorerows import flags_of, line_of
from kling_nb.session.views import is_set
from kling_nb.widgets import places
from kling_nb.widgets.scorestate import scores_state

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.session.run import Run

WORDS = {
    RunStatus.CREATED: "created",
    RunStatus.SUBMITTED: "submitted",
    RunStatus.PROCESSING: "processing",
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.UNCERTAIN: "uncertain",
}
EXPLAINED = {
    RunStatus.CREATED: "Written down, not sent yet.",
    RunStatus.SUBMITTED: "The service has accepted the task.",
    RunStatus.PROCESSING: "The service is making the video.",
    RunStatus.SUCCEEDED: "The video is ready.",
    RunStatus.FAILED: "The service ended the task without a video.",
    RunStatus.UNCERTAIN: "Sent, but the answer was lost. It is looked up before anything is sent again.",
}
LOST_FOR_GOOD = (
    "Sent, but the answer was lost, and this service knows no id of ours: only you can find its task."
)
BESIDES = ("video_list", "image_list", "elements", "upstream", "video_id")
"""Request fields that have no column of their own in the log."""


def state_of(run: Run, *, embed_cap_bytes: int, root: Path | None) -> dict[str, Any]:
    """Return everything the card shows except pictures and video.

    Parameters
    ----------
    run
        The run.
    embed_cap_bytes
        Largest video that is sent to the browser without being asked for.
    root
        Folder the server shows.

    Returns
    -------
    dict
        JSON values only; texts are as they are: whoever shows them escapes them.
    """
    # The run goes on while it is looked at. What is saved for good comes first: all that is read after an end
    # belongs to it.
    final, check, status = is_final(run), _check(run), _shown_status(run)
    record = run.record
    error = run.error
    return {
        "id": run.id,
        "status": status,
        "explained": _explained(run),
        "service_status": run.service_status or "",
        "provider": _provider(run),
        "form": _form(run),
        "parent": record.parent_run or "",
        "check": check,
        "model": " ".join(str(part) for part in (record.model_name, record.mode) if part),
        "prompt": run.prompt,
        "started_ms": _milliseconds(record.submitted_at or record.sending_at),
        "finished_ms": _milliseconds(record.finished_at),
        "expected_s": None if run.status.is_final else run.expected,
        "cost": str(run.cost),
        "params": [[name, shown(value)] for name, value in _params(run).items()],
        "notices": list(run.notices),
        "message": run.message,
        "error": error.lines() if error is not None else [],
        "reused": run.reused,
        "following": run.following,
        "final": final,
        "name": record.name or "",
        "tags": list(record.tags or ()),
        "note": record.note or "",
        "code": _code(run),
        "cell": _cell(run),
        "video": _video(run, embed_cap_bytes, root),
        "scores": scores_state(run),
    }


def _explained(run: Run) -> str:
    """Return what the status word means."""
    if run.status is RunStatus.FAILED and run.task_id is None:
        return "The request was refused; there is no task and nothing was charged."
    if run.status is RunStatus.CREATED and run.record.sending_at is not None:
        return "On its way to the service; not confirmed yet."
    return LOST_FOR_GOOD if _check(run) else EXPLAINED[run.status]


def _door(run: Run) -> Door | None:
    """Return the door of a run; None for a row of a version that knew others."""
    try:
        return door_of(run.provider)
    except SettingsError:
        return None


def _provider(run: Run) -> str:
    """Return which service makes the clip; the sandbox says which one it plays."""
    door = _door(run)
    if door is None or run.provider == "sandbox":
        return run.provider
    return door.title if run.provider == door.name else f"{run.provider} (plays {door.title})"


def _form(run: Run) -> str:
    """Return what is made; a clip without a picture says so, because one may have been forgotten."""
    if run.record.form == RECOGNIZE:
        return "masks of a picture"
    words = FORM_WORDS[form_of(run.record)]
    return f"{words}, no picture" if form_of(run.record) == "text2video" else words


def _params(run: Run) -> dict[str, Any]:
    asked = run.record.request or {}
    return run.params | {name: asked[name] for name in BESIDES if is_set(asked.get(name))}


def _check(run: Run) -> dict[str, str] | None:
    """Return what a person does about a lost answer that nothing can look up; None for all other runs."""
    door = _door(run)
    lost = run.status is RunStatus.UNCERTAIN and run.task_id is None
    if not lost or door is None or door.external_ids:
        return None
    local = door.console_url == LOCAL_CONSOLE
    return {
        "console": "" if local else door.console_url,
        "title": door.console_url if local else door.title,
        "command": f"%kling attach <task id> --run {run.id}",
    }


def _shown_status(run: Run) -> str:
    """Return the status word; between the service's end and the file's arrival it says so."""
    if run.status is RunStatus.SUCCEEDED and not run.done:
        return "downloading"
    return run.status.value


def is_final(run: Run) -> bool:
    """Whether nothing about the run will change by itself any more."""
    if run.status is RunStatus.FAILED:
        return True
    filed = run.video is not None or run.record.form == RECOGNIZE
    return run.status is RunStatus.SUCCEEDED and run.done and filed


def shown(value: Any) -> str:
    """Return a parameter as a short text."""
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _code(run: Run) -> str:
    try:
        return run.to_python()
    except Exception as error:
        # A card must show the run even when its inputs have been deleted.
        return f"# The call cannot be rebuilt: {type(error).__name__}"


def _cell(run: Run) -> str:
    """Return the cell that makes the run; empty where what was asked for is not known."""
    if not run.record.request:
        return ""
    try:
        return run.to_cell()
    except Exception:
        # As above; the call in Python says why.
        return ""


def _video(run: Run, embed_cap_bytes: int, root: Path | None) -> dict[str, Any] | None:
    path = run.video
    if path is None:
        return None
    size = path.stat().st_size
    return {
        "path": str(path),
        "bytes": size,
        "url_path": places.below(path, root),
        "embeds": size <= embed_cap_bytes,
    }


def plain_text(run: Run, *, reused: bool | None = None) -> str:
    """Return the run as one or two lines for terminals.

    Parameters
    ----------
    run
        The run.
    reused
        Whether it was there before; None is what the run itself says by now.
    """
    record = run.record
    again = "reused, no charge" if (run.reused if reused is None else reused) else ""
    ended = run.status is RunStatus.FAILED
    message = "" if ended else run.message
    # A picture is what most clips are made from: only the other forms are worth a word.
    form = "" if record.form in (None, "image2video") else _form(run)
    parent = f"goes on from {record.parent_run}" if record.parent_run else ""
    made = (record.model_name, record.mode, form, parent)
    parts = (run.id, run.status.value, *made, str(run.cost), again, message)
    head = printable(" · ".join(str(part) for part in parts if part))
    if run.error is not None and (run.done or ended):
        return "\n".join([head, *run.error.lines()])
    lines = [head, *([str(run.video)] if run.video is not None else [])]
    scores = run.scores if run.record.video_path is not None else None
    if scores is not None:
        words = [f"! {word}" for word, _ in flags_of(scores.flags)]
        measured = line_of(scores.values, scores.flags, asked=bool(scores.objects))
        lines.append(printable(f"scores: {' · '.join([*words, measured])}"))
    return "\n".join(lines)


def clock(seconds: float) -> str:
    """Return seconds as ``m:ss``.

    Parameters
    ----------
    seconds
        Not negative.
    """
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
