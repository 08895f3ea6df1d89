"""One number of many runs as a small picture, by what was varied."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Final

from kling_nb.domain.scoreorder import target_of
from kling_nb.domain.scores import BY_NAME
from kling_nb.errors import InputError
from kling_nb.session.faults import faults_of
from kling_nb.session.groups import is_letter, labels_of, names_for, numbers_of, order_of, text_of
from kling_nb.session.plots import Row, dots
from kling_nb.session.scorerows import MARKS
from kling_nb.session.yardstick import Yardstick
from kling_nb.stats import spread_of

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.svg import Plot

MOST: Final = 60
"""Groups of one picture."""


def metric_plot(frame: pd.DataFrame, metric: str, by: str | Sequence[str]) -> Plot:
    """Show every value of a metric as a dot, a row a group, with mean and 95 % interval.

    Of scores, the best value is a dashed line where there is one, and clips that stand still or are blurred
    are hollow dots: a good number is no merit of theirs.

    Parameters
    ----------
    frame
        Of runs.
    metric
        ``rating``, ``seconds``, a score, or another column of numbers.
    by
        Column, or several, whose values make the rows.

    Raises
    ------
    UsageError
        No such column.
    InputError
        There is nothing to draw.
    """
    values = numbers_of(frame, metric)
    faults = faults_of(frame)
    measure = BY_NAME.get(metric)
    held: dict[tuple[Hashable, ...], list[tuple[float, str]]] = {}
    for label, value, fault in zip(labels_of(frame, by), values, faults, strict=True):
        known = [] if math.isnan(value) else [(value, fault if measure is not None else "")]
        held.setdefault(label, []).extend(known)
    if not any(held.values()):
        raise InputError(
            f"No run has a {metric if measure is None else measure.label} yet.",
            "There is nothing to draw.",
            "kn.score() measures clips."
            if measure is not None
            else "Judge some clips, or choose other runs.",
        )
    labels = sorted(held, key=order_of)[:MOST]
    target = None if measure is None else target_of(metric)
    # Drawn are the numbers themselves: distances from the best value have other bounds.
    names, told = names_for(labels), Yardstick(metric, False, measure if target is None else None)
    expected = told.expected([spread_of([value for value, _ in held[label]]) for label in labels])
    rows: list[Row] = []
    for label in labels:
        found = [value for value, _ in held[label]]
        span = told.interval(found, expected) if len(found) > 1 else (found or [math.nan]) * 2
        name = text_of(label) if not is_letter(names[label]) else f"{names[label]}: {text_of(label)}"
        rows.append((name, found, spread_of(found).mean, (span[0], span[1])))
    return dots(
        rows,
        _title(metric),
        told.axis if measure is None else None,
        faults=[[fault for _, fault in held[label]] for label in labels],
        target=target,
        empty="no number" if measure is not None else "nothing judged yet",
    )


def _title(metric: str) -> str:
    measure = BY_NAME.get(metric)
    if measure is None:
        return metric
    unit = f" in {measure.unit}" if measure.unit else ""
    return f"{measure.label}{unit} ({MARKS[measure.better][1]})"
