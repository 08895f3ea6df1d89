"""One run as the report shows it: plain values, which the template escapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kling_nb.errors import KlingError
from kling_nb.session.scorerows import texts_of
from kling_nb.session.views import params_of, readable
from kling_nb.widgets.report.clips import Clip
from kling_nb.widgets.scorestate import badge_of
from kling_nb.widgets.state import clock, shown

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.session import Run
    from kling_nb.widgets.report.clips import Clips

PARAMS_WITHOUT_METADATA = frozenset(
    {
        *("duration", "cfg_scale", "sound", "aspect_ratio", "camera_control", "multi_shot", "shot_type"),
        *("watermark", "dynamic_mask_count", "brush_way"),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Parameters
    ----------
    name, status, model, prompt, cost, error, note, cell
        Texts; empty where there is nothing to say.
    params
        Label and value.
    rating, kept, units, seconds, created_ms
        Values to filter and sort by; None where unknown.
    clip
        Poster and video.
    scores, flags
        Label, value and meaning of each score, and what to look at; numbers only, no names of objects.
    score_line
        What matters most of them.
    goodness
        By score, larger is better: what the runs are sorted by.
    flattered
        Scores that are better than they deserve, because the clip is frozen or blurred.
    """

    number: int
    name: str
    id: str
    status: str
    model: str
    prompt: str
    cost: str
    created: str
    created_ms: int
    clip: Clip
    params: list[tuple[str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    rating: int | None = None
    kept: bool | None = None
    units: float | None = None
    seconds: float | None = None
    took: str = ""
    error: list[str] = field(default_factory=list)
    note: str = ""
    cell: str = ""
    scores: list[tuple[str, str, str]] = field(default_factory=list)
    flags: list[tuple[str, str]] = field(default_factory=list)
    score_line: str = ""
    goodness: dict[str, float] = field(default_factory=dict)
    flattered: list[str] = field(default_factory=list)


def row_of(run: Run, clips: Clips, number: int, *, metadata: bool, scores: Scores | None = None) -> Row:
    """Return what the report shows of a run.

    Parameters
    ----------
    run
        The run.
    clips
        Collects its video.
    number
        Its place in the report, from 1.
    metadata
        Whether prompt, name, note, tags, id, cell and error text are shown.
    scores
        What was measured of its clip.
    """
    texts, badge = None if scores is None else texts_of(scores), badge_of(scores)
    record = run.record
    units = record.actual_units if record.actual_units is not None else record.estimate_units
    seconds = run.elapsed if run.status.is_final else None
    model = " ".join(str(part) for part in (record.model_name, record.mode) if part)
    return Row(
        number=number,
        name=(record.name or record.id) if metadata else f"Run {number}",
        id=record.id if metadata else "",
        status=record.status.value,
        model=f"{model} · {record.provider or ''}".strip(" ·"),
        prompt=run.prompt if metadata else "",
        cost=str(run.cost),
        created=f"{record.created_at:%Y-%m-%d %H:%M} UTC",
        created_ms=int(record.created_at.timestamp() * 1000),
        clip=clips.of(run.video, run.poster),
        params=_params(run, metadata),
        tags=list(record.tags) if metadata else [],
        rating=record.rating,
        kept=record.kept,
        units=None if units is None else float(units),
        seconds=seconds,
        took="" if seconds is None else clock(seconds),
        error=_error(run, metadata),
        note=(record.note or "") if metadata else "",
        cell=_cell(run) if metadata else "",
        scores=[]
        if texts is None
        else [(r.label, r.value, r.meaning) for _, rows in texts.groups for r in rows],
        flags=[] if texts is None else list(texts.flags),
        score_line="" if texts is None else texts.line,
        goodness={} if badge is None else badge["goodness"],
        flattered=[] if badge is None else badge["flattered"],
    )


def _params(run: Run, metadata: bool) -> list[tuple[str, str]]:
    said: dict[str, Any] = {"duration": f"{run.record.duration} s"} if run.record.duration else {}
    said |= {
        name: value for name, value in params_of(run.record).items() if name not in ("model_name", "mode")
    }
    said["duration"] = f"{run.record.duration} s" if run.record.duration else ""
    if not metadata:
        said = {name: value for name, value in said.items() if name in PARAMS_WITHOUT_METADATA}
    for name, value in run.record.variables.items():
        if name not in said and name != "prompt" and (metadata or isinstance(value, int | float)):
            said[name] = value
    return [
        (name.replace("_", " "), shown(readable(name, value))) for name, value in said.items() if value != ""
    ]


def _error(run: Run, metadata: bool) -> list[str]:
    if run.error is None:
        return []
    code = run.record.error_code
    return run.error.lines() if metadata else [f"failed{f' ({code})' if code else ''}"]


def _cell(run: Run) -> str:
    try:
        return run.to_cell()
    except KlingError:
        # What was asked for is not known here; the report shows the clip all the same.
        return ""
