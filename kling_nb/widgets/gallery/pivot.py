"""Which run stands in which cell of a table of clips."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kling_nb.session.groups import UNSET, is_score, labels_of, names_of

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = "—"
NOTHING: Final = (UNSET, ())
"""No value, no tags, no flags."""

STEPS: Final = 5
"""About so many rows or columns hold all values of a score, of which hardly two are equal."""

LEAST: Final = 1e-6
"""No step is narrower: no score is that exact."""

ROUND: Final = (1.0, 2.0, 5.0, 10.0)

Group = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Values of a score from ``low`` to below ``high``."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


def pivot_of(
    frame: pd.DataFrame, rows: str | Sequence[str], cols: str | Sequence[str], ids: Sequence[str]
) -> dict[str, Any]:
    """Return the layout of a table of clips, as JSON values.

    Parameters
    ----------
    frame
        One row a run, with a column ``id``.
    rows, cols
        Column or columns whose values make the rows and columns, also variables of a sweep; none makes a
        single one. A score is divided into steps of a round number.
    ids
        The runs that are shown.

    Returns
    -------
    dict
        ``rows`` and ``cols``: names of the columns used; ``row_labels``, ``col_labels``; ``cells``: run id
        to ``[row, column]``.

    Raises
    ------
    UsageError
        No such column.
    """
    frame = frame[frame["id"].isin(ids)]
    found = [_side(frame, names_of(given)) for given in (rows, cols)]
    cells = zip(frame["id"], found[0][1], found[1][1], strict=True)
    return {
        "rows": ", ".join(names_of(rows)),
        "cols": ", ".join(names_of(cols)),
        "row_labels": found[0][0],
        "col_labels": found[1][0],
        "cells": {str(run_id): [row, column] for run_id, row, column in cells},
    }


def _side(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """Return the labels of the rows (or columns) and where each run stands."""
    columns = [_values(frame, name) for name in names]
    groups: list[Group] = list(zip(*columns, strict=True)) if names else [()] * len(frame)
    order = _order(groups)
    places = {group: place for place, group in enumerate(order)}
    return [_label(names, group) for group in order], [places[group] for group in groups]


def _values(frame: pd.DataFrame, name: str) -> Sequence[Hashable]:
    values = [value for (value,) in labels_of(frame, name)]
    return _stepped(values) if is_score(frame, name) else values


def _stepped(column: Sequence[Hashable]) -> Sequence[Hashable]:
    """Return the step that each value of a score lies in; what is missing, and a single value, stay."""
    values = [value for value in column if isinstance(value, float)]
    if len(set(values)) < 2:
        return column
    wanted = max((max(values) - min(values)) / STEPS, LEAST)
    power = 10.0 ** math.floor(math.log10(wanted))
    width = next(factor * power for factor in ROUND if factor * power >= wanted)

    def step(value: Hashable) -> Hashable:
        if not isinstance(value, float):
            return value
        # What a person takes for an edge may lie a hair beside it.
        number = math.floor(value / width + 1e-9)
        return Step(number * width, (number + 1) * width)

    return [step(value) for value in column]


def _order(groups: Sequence[Group]) -> list[Group]:
    """Return the different groups: numbers rising, texts as they first appear, missing values last."""
    different = list(dict.fromkeys(groups))
    first = [
        {part: n for n, part in reversed(list(enumerate(parts)))} for parts in zip(*different, strict=True)
    ]

    def key(group: Group) -> list[tuple[int, float]]:
        return [_rank(part, seen[part]) for part, seen in zip(group, first, strict=True)]

    return sorted(different, key=key)


def _rank(part: Hashable, seen: int) -> tuple[int, float]:
    if part in NOTHING:
        return (2, 0.0)
    if isinstance(part, Step):
        return (0, part.low)
    return (0, float(part)) if isinstance(part, int | float) else (1, float(seen))


def _label(names: Sequence[str], group: Group) -> str:
    parts = list(map(_word, group))
    return ", ".join(parts if len(names) == 1 else map("=".join, zip(names, parts, strict=True)))


def _word(part: Hashable) -> str:
    if part in NOTHING:
        return MISSING
    if isinstance(part, tuple):
        return ", ".join(part)
    return f"{part:g}" if isinstance(part, float) else str(part)
