"""What the wall shows, as JSON values; texts are as they are, the page shows them as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.session.clips import small_picture
from kling_nb.session.sweep_build import words_of
from kling_nb.session.sweep_progress import kind_of
from kling_nb.widgets import places
from kling_nb.widgets.scorestate import MEASURING, badge_of, of_clip
from kling_nb.widgets.static import data_uri

if TYPE_CHECKING:
    from kling_nb.runlog.scores import Measured
    from kling_nb.session.run import Run
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_notes import Entry

SIDE: Final = 240
"""Longest side of a poster that no server shows, in pixels."""


def head_of(sweep: Sweep) -> dict[str, Any]:
    """Return what stands above the cards."""
    progress = sweep.progress
    error = sweep.error
    return {
        "id": sweep.id,
        "name": sweep.name,
        "state": sweep.state,
        "reason": "" if error is not None else sweep.reason,
        "error": [] if error is None else error.lines(),
        "total": progress.total,
        "counts": {
            name: getattr(progress, name) for name in ("done", "running", "waiting", "failed", "uncertain")
        },
        "reused": progress.reused,
        "spent": progress.spent,
        "budget": sweep.plan.notes.get("budget") or "",
        "until": sweep.plan.notes.get("until") or "",
        "left_s": None if progress.complete or sweep.state != "running" else progress.seconds_left,
        "busy": not sweep.done,
        "dropped": len(sweep.plan.dropped),
        "measures": sweep.session.measures,
    }


def card_of(
    sweep: Sweep,
    entry: Entry,
    run: Run | None,
    root: Path | None,
    measured: Measured | None = None,
    *,
    busy: bool = False,
) -> dict[str, Any]:
    """Return one card.

    Parameters
    ----------
    sweep
        The sweep.
    entry, run
        The planned run, and its handle once it exists.
    root
        Folder that the server shows; None without one.
    measured
        Numbers of its clip; None where it was not measured.
    busy
        Whether it was being measured when they were asked for.
    """
    variables = sweep.plan.variables[entry.cell]
    plan: dict[str, Any] = {
        "label": words_of({name: variables[name] for name in sweep.plan.varying}) or "one combination",
        "repeat": entry.repeat if sweep.plan.notes["repeat"] > 1 else 0,
    }
    if run is None:
        return {**plan, "id": "", "kind": "waiting", "text": "", "reused": False}
    kind = kind_of(run)
    error = run.error
    return {
        **plan,
        "id": run.id,
        "kind": kind,
        "status": run.status.value,
        "text": error.what if error is not None else run.message,
        "why": "" if error is None else "\n".join(error.lines()),
        "reused": run.id != entry.id,
        "elapsed_s": run.elapsed if kind == "running" else None,
        "expected_s": run.expected if kind == "running" else None,
        "poster": _poster(run, root),
        "clip": _clip(run, root),
        "scores": _scores(run, measured, busy),
    }


def _scores(run: Run, measured: Measured | None, busy: bool) -> Mapping[str, Any] | None:
    """Return flags and one line; None where nothing is or will be measured."""
    badge = badge_of(of_clip(measured, run.record))
    if badge is None:
        return {"flags": (), "line": MEASURING} if busy or run.measuring else None
    return {"flags": badge["flags"], "line": badge["line"]}


def _poster(run: Run, root: Path | None) -> Mapping[str, str] | None:
    path = run.poster
    if path is None:
        return None
    if url := places.below(path, root):
        return {"url": url}
    data = small_picture(path, SIDE)
    return {"data": data_uri(data)} if data else None


def _clip(run: Run, root: Path | None) -> Mapping[str, str | None] | None:
    path = run.video
    return None if path is None else {"url": places.below(path, root)}
