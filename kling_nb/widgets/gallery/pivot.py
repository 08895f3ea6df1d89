"""Which run stands in which cell of a table of clips."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final

from kling_nb.session.groups import UNSET, labels_of, names_of

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = "—"

Group = tuple[Hashable, ...]


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
        single one.
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
    groups: list[Group] = labels_of(frame, names) if names else [()] * len(frame)
    order = _order(groups)
    places = {group: place for place, group in enumerate(order)}
    return [_label(names, group) for group in order], [places[group] for group in groups]


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
    if part == UNSET:
        return (2, 0.0)
    return (0, float(part)) if isinstance(part, int | float) else (1, float(seen))


def _label(names: Sequence[str], group: Group) -> str:
    parts = [
        MISSING if part == UNSET else f"{part:g}" if isinstance(part, float) else str(part) for part in group
    ]
    return ", ".join(parts if len(names) == 1 else map("=".join, zip(names, parts, strict=True)))
