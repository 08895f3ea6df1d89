"""Scores as the pages of cards, galleries and walls need them: JSON values, texts as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.palette import COLORS
from kling_nb.session.scorerows import HEADS, OBJECT_HEADS, dots, flags_of, line_of, texts_of
from kling_nb.session.scoreviews import advice_for

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.session.run import Run

MEASURING: Final = "measuring…"
UNMEASURED: Final = "not measured yet; run.score() measures the clip"


def scores_state(run: Run) -> dict[str, Any] | None:
    """Return what a card shows of a run's scores.

    Parameters
    ----------
    run
        The run.

    Returns
    -------
    dict or None
        None where there is no clip, so that nothing can be measured. ``state`` is ``measuring``, ``none`` or
        ``done``; then there are rows, too.
    """
    if run.record.video_path is None or run.video is None:
        return None
    scores = run.scores
    if scores is None:
        busy = run.measuring
        return {"state": "measuring" if busy else "none", "line": MEASURING if busy else UNMEASURED}
    texts = texts_of(scores, advice_for(scores, run.record)).to_json()
    for rows in (*(rows for _, rows in texts["groups"]), texts["objects"]):
        for row in rows:
            row["dots"] = "" if row["confidence"] is None else dots(row["confidence"])
    return {
        "state": "done",
        **texts,
        "heads": HEADS,
        "object_heads": OBJECT_HEADS,
        "paths": paths_of(scores),
        "pictures": pictures_of(scores),
    }


def pictures_of(scores: Scores) -> list[str]:
    """Return which pictures there are of a clip: ``sheet``, ``leak``, ``plot``."""
    found = ["sheet"] if scores.objects else []
    found += ["leak"] if scores.leak_map else []
    return found + (["plot"] if len(scores.curves.get("times", ())) > 1 else [])


def paths_of(scores: Scores) -> dict[str, Any] | None:
    """Return asked and measured paths in pixels of the video; None without any.

    Parameters
    ----------
    scores
        Of a clip.
    """
    lines = [
        {
            "label": each.label or f"object {number + 1}",
            "color": COLORS[number % len(COLORS)][1],
            "points": _rounded(each.asked),
            "measured": _rounded(each.measured),
            "times": [round(time, 3) for time in each.times],
        }
        for number, each in enumerate(scores.objects)
    ]
    return {"size": list(scores.size), "lines": lines} if lines and all(scores.size) else None


def badge_of(scores: Scores | None) -> dict[str, Any] | None:
    """Return what a tile says about a clip: its flags and one line; None where nothing was measured."""
    if scores is None:
        return None
    return {"flags": flags_of(scores.flags), "line": line_of(scores)}


def _rounded(points: tuple[tuple[float, float], ...]) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in points]
