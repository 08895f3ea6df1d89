"""One run as the gallery's page needs it: JSON values; texts are as they are, the page shows them as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kling_nb.domain.palette import COLORS
from kling_nb.domain.trajectory import Trajectory
from kling_nb.session.clips import clip_facts
from kling_nb.session.money import cost_of
from kling_nb.session.views import params_of, readable
from kling_nb.widgets import places
from kling_nb.widgets.scorestate import badge_of, paths_of
from kling_nb.widgets.state import shown

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.runlog.scores import Measured

PROMPT_LIMIT: Final = 600
"""Characters of a prompt that travel with every run of a gallery; the rest stays in the log."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where files lie and what may be sent to the page.

    Parameters
    ----------
    home
        Folder of the session.
    root
        Folder that the server shows; None without one.
    cap_bytes
        Largest video that is sent to the page without being asked for.
    """

    home: Path
    root: Path | None
    cap_bytes: int

    def file(self, relative: str | None) -> Path | None:
        """Return a file of the home folder; None when it is not there."""
        if relative is None:
            return None
        path = self.home / relative
        return path if path.is_file() else None


def item_of(record: RunRecord, around: Surroundings, measured: Measured | None = None) -> dict[str, Any]:
    """Return what the page shows of one run.

    Parameters
    ----------
    record
        Its row.
    around
        Where its files lie.
    measured
        Numbers of its clip; None where it was not measured.
    """
    prompt = record.prompt or ""
    moment = record.created_at
    return {
        "id": record.id,
        "name": record.name or "",
        "status": record.status.value,
        "provider": record.provider or "",
        "model": " ".join(part for part in (record.model_name, record.mode) if part),
        "prompt": prompt if len(prompt) <= PROMPT_LIMIT else prompt[: PROMPT_LIMIT - 1] + "…",
        "params": [[name, shown(readable(name, value))] for name, value in params_of(record).items()],
        "rating": record.rating,
        "kept": record.kept,
        "tags": list(record.tags or ()),
        "note": record.note or "",
        "created_ms": int(moment.timestamp() * 1000),
        "cost": str(cost_of(record)),
        "error": record.error_message or "",
        "ratio": _ratio(record),
        "brush": bool(record.brush),
        "scores": badge_of(measured),
        "clip": _clip(around.file(record.video_path), around),
        "poster": _poster(record, around),
    }


def _ratio(record: RunRecord) -> float:
    """Return width by height of the clip as far as the row knows it."""
    if record.image_width and record.image_height:
        return record.image_width / record.image_height
    width, _, height = (record.aspect_ratio or "16:9").partition(":")
    try:
        return float(width) / float(height)
    except (ValueError, ZeroDivisionError):
        return 16 / 9


def _clip(path: Path | None, around: Surroundings) -> dict[str, Any] | None:
    if path is None:
        return None
    size = path.stat().st_size
    return {"url": places.below(path, around.root), "bytes": size, "embeds": size <= around.cap_bytes}


def _poster(record: RunRecord, around: Surroundings) -> dict[str, Any] | None:
    path = around.file(record.poster_path)
    return None if path is None else {"url": places.below(path, around.root)}


def details_of(record: RunRecord, around: Surroundings, scores: Scores | None = None) -> dict[str, Any]:
    """Return what is asked for only once a clip is looked at: its frames, requested and measured paths.

    Parameters
    ----------
    record
        Its row.
    around
        Where its files lie.
    scores
        Of its clip; None where it was not measured.
    """
    path = around.file(record.video_path)
    info = None if path is None else clip_facts(path)
    facts = None
    if info is not None:
        facts = {"fps": info.fps, "frames": info.frames, "width": info.width, "height": info.height}
    measured = None if scores is None else paths_of(scores)
    return {"facts": facts, "paths": measured or _paths(record)}


def _paths(record: RunRecord) -> dict[str, Any] | None:
    """Return the paths of the motion brush in pixels of the picture as sent; None without any."""
    # Only the paths: the masks, which would have to be read from files, are not drawn.
    groups = record.brush.get("dynamic_masks", ()) if isinstance(record.brush, dict) else ()
    lines = []
    for number, group in enumerate(groups):
        try:
            path = Trajectory.from_json(group["trajectory"])
        except (KeyError, TypeError, ValueError):
            continue
        color = COLORS[number % len(COLORS)][1]
        points = np.round(path.pixels + 0.5, 1).tolist()
        lines.append({"label": str(group.get("label") or ""), "color": color, "points": points})
    size = record.brush.get("size") if isinstance(record.brush, dict) else None
    return {"size": size, "lines": lines} if lines and size else None
