"""Text and HTML of a run for places without the card."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from kling_nb.domain.camera import CameraControl
from kling_nb.errors import RequestRefused, printable
from kling_nb.session.scorerows import flags_of, line_of

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.run import Run

NO_MATH = "tex2jax_ignore mathjax_ignore"
"""Classes of texts in which notebook pages look for no formulas."""


def html_text(text: str) -> str:
    """Return somebody else's words as HTML that only shows them, between tags and in quoted attributes."""
    return escape(printable(text))


FIELDS = (
    "model_name",
    "mode",
    "duration",
    "negative_prompt",
    "cfg_scale",
    "sound",
    "aspect_ratio",
    "camera_control",
    "multi_shot",
    "shot_type",
    "multi_prompt",
    "element_list",
    "voice_list",
    "watermark",
    "callback_url",
)
"""Request fields a person sets by name, media and prompt apart."""

_PARAMETERS = (*FIELDS, "dynamic_mask_count", "brush_way")


def params_of(record: RunRecord) -> dict[str, Any]:
    """Return the request fields of a row that were set, without media and prompt."""
    found = {name: getattr(record, name) for name in _PARAMETERS}
    return {name: value for name, value in found.items() if is_set(value)}


def readable(name: str, value: Any) -> Any:
    """Return the value of a request field as a person would write it: a camera as ``pan=4``."""
    if name != "camera_control" or not isinstance(value, Mapping):
        return value
    try:
        return str(CameraControl.parse(value))
    except RequestRefused:
        return value  # A row of somebody else's may hold anything.


def is_set(value: Any) -> bool:
    """Whether a column holds a choice; 0 is one (``cfg_scale``), False is the default."""
    return value is not None and value is not False and value not in ("", [], {})


def lines_of(run: Run) -> list[tuple[str, str]]:
    """Return what a person wants to know about a run, as label and text."""
    rows = [("status", run.status.value + (f" ({run.service_status})" if run.service_status else ""))]
    if run.message:
        rows.append(("now", run.message))
    if run.elapsed is not None:
        rows.append(("elapsed", f"{run.elapsed:.0f} s"))
    rows.append(("cost", str(run.cost)))
    rows += [(name, str(readable(name, value))) for name, value in run.params.items()]
    rows.append(("prompt", run.prompt))
    rows.append(("provider", run.provider + (f" ({run.provider_reason})" if run.provider_reason else "")))
    rows += [("task id", run.task_id)] if run.task_id else []
    rows += [("video", str(run.video))] if run.video else []
    scores = run.scores if run.record.video_path is not None else None
    if scores is not None:
        words = [f"⚠ {word}" for word, _ in flags_of(scores.flags)]
        measured = line_of(scores.values, scores.flags, asked=bool(scores.objects))
        rows.append(("scores", " · ".join([*words, measured])))
    rows += [("notice", notice) for notice in run.notices]
    rows += [("error", line) for line in (run.error.lines() if run.error else [])]
    return rows


def html_of(run: Run) -> str:
    """Return a small table; everything in it is escaped, because prompts and answers are not ours."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html_text(label)}</th>'
        f'<td style="text-align:left;white-space:pre-wrap">{html_text(text)}</td></tr>'
        for label, text in lines_of(run)
    )
    # A dollar sign in a prompt is money, not a formula.
    return f'<table class="{NO_MATH}"><caption>{html_text(run.id)}</caption>{rows}</table>'
