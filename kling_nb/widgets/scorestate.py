"""Scores as the pages of cards, galleries and walls need them: JSON values, texts as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kling_nb.domain.objectnames import object_names
from kling_nb.domain.palette import COLORS
from kling_nb.domain.scoreorder import goodness, is_flattered
from kling_nb.domain.scores import BY_NAME
from kling_nb.session.scoreplots import curves_plot, has_curves
from kling_nb.session.scorerows import HEADS, OBJECT_HEADS, dots, flags_of, line_of, number, texts_of
from kling_nb.session.scoreviews import flags_html, table_html

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.runlog.scores import Measured
    from kling_nb.session.run import Run

Scored = TypeVar("Scored", "Scores", "Measured")

MEASURING: Final = "measuring…"
CALLS: Final = {"sheet": "run.score_sheet()", "leak": "run.leak_picture()"}
"""What makes the pictures that a saved notebook does not hold."""

ORDERS: Final = {
    name: BY_NAME[name].label
    for name in (
        *("path_error", "end_error", "direction", "gain", "lag", "leak", "leak_ssim"),
        *("camera_direction", "camera_drift", "first_ssim", "end_match", "words_direction"),
        *("motion", "flicker", "warp_error", "sharpness_decay"),
    )
}
"""Scores that clips can be sorted by, with their labels."""

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
    # In this order: scores that come in between are there, and nobody reads that there will be none.
    busy = run.measuring
    scores = run.scores
    if scores is None:
        return {"state": "measuring" if busy else "none", "line": MEASURING if busy else UNMEASURED}
    texts = texts_of(scores, scores.advice).to_json()
    for rows in (*(rows for _, rows in texts["groups"]), texts["objects"]):
        for row in rows:
            row["dots"] = "" if row["confidence"] is None else dots(row["confidence"])
    done = {
        "state": "done",
        **texts,
        "heads": HEADS,
        "object_heads": OBJECT_HEADS,
        "paths": paths_of(scores),
        "pictures": pictures_of(scores),
    }
    # Lists throughout, as the page sends them back.
    found: dict[str, Any] = json.loads(json.dumps(done))
    return found


def saved_scores(run: Run) -> str:
    """Return table and curves of a run's scores as HTML for a saved notebook; empty without scores.

    Parameters
    ----------
    run
        The run.
    """
    scores = None if run.record.video_path is None else run.scores
    if scores is None:
        return ""
    pictures = pictures_of(scores)
    plot = curves_plot(scores).svg if "plot" in pictures else ""
    calls = [CALLS[what] for what in pictures if what in CALLS]
    more = (
        f'<div class="kn-soft">Pictures: <code>{"</code>, <code>".join(calls)}</code></div>' if calls else ""
    )
    texts = texts_of(scores, scores.advice)
    return flags_html(texts) + table_html(texts) + plot + more


def pictures_of(scores: Scores) -> list[str]:
    """Return which pictures there are of a clip: ``sheet``, ``leak``, ``plot``."""
    found = ["sheet"] if scores.objects else []
    found += ["leak"] if scores.leak_map else []
    return found + (["plot"] if has_curves(scores) else [])


def picture_of(run: Run, what: str) -> bytes:
    """Return a picture of the scores of a run: JPEG, or SVG for the plot.

    Parameters
    ----------
    run
        The run.
    what
        ``sheet``, ``leak`` or ``plot``.

    Raises
    ------
    KlingError
        There is none.
    """
    if what == "plot":
        return run.plot_scores().svg.encode()
    return run.leak_picture().jpeg if what == "leak" else run.score_sheet().jpeg


def paths_of(scores: Scores) -> dict[str, Any] | None:
    """Return asked and measured paths in pixels of the video; None without any.

    Parameters
    ----------
    scores
        Of a clip.
    """
    names = object_names([each.label for each in scores.objects])
    lines = [
        {
            "label": name,
            "color": COLORS[number % len(COLORS)][1],
            "points": _rounded(each.asked),
            "measured": _rounded(each.measured),
            "times": [round(time, 3) for time in each.times],
        }
        for number, (each, name) in enumerate(zip(scores.objects, names, strict=True))
    ]
    return {"size": list(scores.size), "lines": lines} if lines and all(scores.size) else None


def of_clip(scores: Scored | None, record: RunRecord) -> Scored | None:
    """Return scores if they are of the clip that the run has now."""
    return scores if scores is not None and scores.clip_sha256 == record.video_sha256 else None


def badge_of(measured: Measured | Scores | None) -> dict[str, Any] | None:
    """Return what a tile says about a clip and what it is sorted by; None where nothing was measured.

    Parameters
    ----------
    measured
        Numbers and flags of the clip.

    Returns
    -------
    dict or None
        ``flags``, ``line``, ``texts`` and ``goodness`` (larger is better) by score, and ``flattered``: the
        scores that are better than they deserve, because the clip is frozen or blurred.
    """
    if measured is None:
        return None
    values = {name: measured.values[name] for name in ORDERS if measured.values.get(name) is not None}
    gain = measured.values.get("gain")
    return {
        "flags": flags_of(measured.flags),
        "line": line_of(measured.values, measured.flags),
        "texts": {name: number(value, BY_NAME[name]) for name, value in values.items()},
        "goodness": {name: _goodness(name, value) for name, value in values.items() if value is not None},
        "flattered": [name for name in values if is_flattered(name, measured.flags, gain)],
    }


def _goodness(name: str, value: float) -> float:
    return value if BY_NAME[name].better == "as asked" else goodness(name, value)


def _rounded(points: tuple[tuple[float, float], ...]) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in points]
