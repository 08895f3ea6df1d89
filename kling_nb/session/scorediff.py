"""The scores of two runs beside each other, with what became better and what worse."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.scoreorder import FLATTERS, NOISE, goodness, is_flattered, is_still
from kling_nb.domain.scores import MEASURES, Measure, Scores
from kling_nb.session.scorerows import TWINS, flags_of, number

NO_MERIT: Final = "no merit"

_LESS_MOTION: Final = 0.75
"""Below this share of the other clip's motion, little change is no merit."""


def score_changes(first: Scores | None, second: Scores | None) -> list[tuple[str, str, str, str]]:
    """Return label, both values and what the difference means, of every score that differs.

    Parameters
    ----------
    first, second
        What was measured of each clip; None where nothing was.

    Returns
    -------
    list of (str, str, str, str)
        The last says how the second clip compares with the first: ``better``, ``worse``, empty where
        neither can be said or coding alone makes the difference; one that only standing still or blur makes
        says so, and so does one of a clip that moves clearly less than the other.
    """
    if first is None and second is None:
        return []
    rows = [("flags", _flags(first), _flags(second), "")]
    for measure in MEASURES:
        if measure.name.endswith(TWINS):
            continue
        values = [None if scores is None else scores.values[measure.name] for scores in (first, second)]
        before, after = (number(value, measure) for value in values)
        rows.append((measure.label, before, after, _mark(measure, first, second)))
    return [row for row in rows if row[1] != row[2]]


def _flags(scores: Scores | None) -> str:
    if scores is None:
        return "not measured"
    return ", ".join(word for word, _ in flags_of(scores.flags)) or "none"


def _mark(measure: Measure, first: Scores | None, second: Scores | None) -> str:
    if first is None or second is None or measure.better == "as asked":
        return ""
    before, after = first.values[measure.name], second.values[measure.name]
    if before is None or after is None:
        return ""
    ahead = goodness(measure.name, after) - goodness(measure.name, before)
    if abs(ahead) <= NOISE.get(measure.name, 0.0):
        return ""
    winner = second if ahead > 0 else first
    if is_flattered(measure.name, winner.flags, winner.values["gain"]):
        cause = "stands still" if is_still(winner.flags, winner.values["gain"]) else "is blurred"
        return f"{NO_MERIT}: the {'second' if ahead > 0 else 'first'} {cause}"
    if measure.name in FLATTERS["frozen"] and _moves_less(winner, first if ahead > 0 else second):
        return f"{NO_MERIT}: less motion in the {'second' if ahead > 0 else 'first'}"
    return "better" if ahead > 0 else "worse"


def _moves_less(clip: Scores, other: Scores) -> bool:
    motion, others = clip.values["motion"], other.values["motion"]
    return motion is not None and others is not None and motion < _LESS_MOTION * others
