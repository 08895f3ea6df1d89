"""The scores of many runs as small plots, one above the other, by what was varied."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from kling_nb.domain.scoreorder import target_of
from kling_nb.domain.scores import BY_NAME, Measure
from kling_nb.errors import InputError
from kling_nb.session.faults import faults_of
from kling_nb.session.groups import (
    is_letter,
    labels_of,
    letter,
    names_for,
    names_of,
    numbers_of,
    order_of,
    text_of,
)
from kling_nb.session.scoreplots import LEFT, WIDE, Panel, below
from kling_nb.session.scorerows import MARKS, header, number
from kling_nb.session.svg import Plot, clipped, dot_at, drawing, line_between, text_at

if TYPE_CHECKING:
    import pandas as pd

PANELS: Final = (
    *("path_error", "gain", "direction", "lag", "leak", "camera_direction", "camera_drift", "end_match"),
    *("words_direction", "motion", "flicker", "warp_error", "sharpness_decay"),
)
"""Scores from top to bottom; those that no run has are left out."""

LEAST: Final = {
    "path_error": 1.0, "gain": 1.0, "direction": 1.0, "lag": 0.2, "leak": 4.4, "camera_direction": 1.0,
    "camera_drift": 1.0, "end_match": 1.0, "words_direction": 1.0, "motion": 0.2, "flicker": 0.5,
    "warp_error": 2.0, "sharpness_decay": 20.0,
}  # fmt: skip
"""Least height of a panel, so that what nobody can see does not look like much."""

MOST: Final = 24
"""Groups of one picture."""

_LEGEND: Final = 76
_CHARACTER: Final = 7.5
"""Characters of a line, and the width of one in pixels."""

_HARDLY: Final = 0.1
"""Of a scale: less below zero has no room of its own."""

_Label = tuple[Hashable, ...]


def scores_plot(frame: pd.DataFrame, by: str | Sequence[str], title: str) -> Plot:
    """Show every score of every run as a dot, a panel a score, a column a group.

    Where a score has a best value it is a dashed line. Clips that stand still or are blurred are hollow dots,
    since their good numbers are no merit of theirs; a short bar is the mean of a group of several.

    Parameters
    ----------
    frame
        Of runs.
    by
        Column, or several, whose values make the columns of the picture.
    title
        Stands above it.

    Raises
    ------
    UsageError
        No such column.
    InputError
        No run has a score.
    """
    groups = labels_of(frame, by)
    labels = list(dict.fromkeys(groups))
    # Texts stay in the order of the plan, which somebody has thought about.
    if all(isinstance(part, int | float) for label in labels for part in label):
        labels.sort(key=order_of)
    columns = {label: LEFT + WIDE * (n + 0.5) / len(labels[:MOST]) for n, label in enumerate(labels[:MOST])}
    faults = faults_of(frame)
    shown = {
        name: [
            (label, value, fault)
            for label, value, fault in zip(groups, numbers_of(frame, name), faults, strict=True)
            if label in columns and not math.isnan(value)
        ]
        for name in PANELS
        if name in frame.columns
    }
    shown = {name: spots for name, spots in shown.items() if spots}
    if not shown:
        raise InputError(
            "No run has a score yet.",
            "There is nothing to draw.",
            "kn.score(…) measures the clips and waits.",
        )
    title = f"{title} by {' and '.join(names_of(by))}"
    parts = [text_at(0, 14, title, weight=600)]
    for row, (name, spots) in enumerate(shown.items()):
        parts += _panel(BY_NAME[name], spots, columns, row)
    foot, height = _foot(columns, below(len(shown)), len(labels) - len(columns))
    spoken = ", ".join(BY_NAME[name].label for name in shown)
    return drawing([*parts, *foot], height, name=f"{title}: {spoken}, for {len(columns)} groups of runs")


def _panel(
    measure: Measure, spots: Sequence[tuple[_Label, float, str]], columns: dict[_Label, float], row: int
) -> list[str]:
    """Return the dots of one score."""
    values = [value for _, value, _ in spots]
    high, low = max(LEAST[measure.name], *values), min(0.0, *values)
    # Hardly below zero is zero, which reads better than -0.00792.
    panel = Panel(row, low if -low > _HARDLY * high else 0.0, high)
    label = f"{measure.label} {MARKS[measure.better][0]}"
    parts = panel.frame(label, measure.unit.split(" ", 1)[0], header(measure), target_of(measure.name))
    for group, count in Counter(group for group, _, _ in spots).items():
        if count > 1:
            mean = panel.place(sum(value for own, value, _ in spots if own == group) / count)
            parts.append(line_between(columns[group] - 9, mean, columns[group] + 9, mean, width=2))
    return parts + [
        dot_at(columns[group], panel.place(value), fault, full=f"{text_of(group)}: {number(value, measure)}")
        for group, value, fault in spots
    ]


def _foot(columns: dict[_Label, float], top: float, left_out: int) -> tuple[list[str], float]:
    """Return the names of the groups below the panels, and where they end.

    Names without room get letters, and a legend.
    """
    names = names_for(list(columns))
    room = WIDE / len(columns) / _CHARACTER
    lettered = any(is_letter(name) or len(name) - 2 > room for name in names.values())
    legend, parts = [], []
    for place, (group, x) in enumerate(columns.items()):
        word = letter(place) if lettered else text_of(group)
        parts.append(text_at(x, top + 18, word, anchor="middle", full=text_of(group)))
        if lettered:
            legend.append(f"{word}: {text_of(group)}")
    if left_out:
        legend.append(f"… and {left_out} more, not drawn")
    for line, full in enumerate(legend):
        parts.append(text_at(LEFT, top + 40 + 18 * line, clipped(full, _LEGEND), full=full, faint=True))
    return parts, top + 26 + (18 * len(legend) + 8 if legend else 0)
