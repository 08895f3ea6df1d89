"""Which run stands in which cell of a table of clips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from kling_nb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable

MISSING: Final = "—"
VARIABLES: Final = "variables"
"""Column with the variables of a sweep by name."""


def pivot_of(
    frame: pd.DataFrame, rows: str | Sequence[str], cols: str | Sequence[str], ids: Sequence[str]
) -> dict[str, Any]:
    """Return the layout of a table of clips, as JSON values.

    Parameters
    ----------
    frame
        One row a run, with a column ``id`` or ids as its index.
    rows, cols
        Column or columns whose values make the rows and columns; none makes a single one.
    ids
        The runs that are shown.

    Returns
    -------
    dict
        ``rows`` and ``cols``: names of the columns used; ``row_labels``, ``col_labels``; ``cells``: run id
        to ``[row, column]``.

    Raises
    ------
    InputError
        No such column.
    """
    named = [_names(rows), _names(cols)]
    keys = [str(key) for key in (frame["id"] if "id" in frame.columns else frame.index)]
    places, labels = [], []
    for names in named:
        values = [tuple(row) for row in zip(*(_values(frame, name) for name in names), strict=True)]
        values = values or [()] * len(keys)
        order = _order(values)
        places.append([order.index(value) for value in values])
        labels.append([_label(names, value) for value in order])
    shown = set(ids)
    cells = {key: [r, c] for key, r, c in zip(keys, *places, strict=True) if key in shown}
    return {
        "rows": ", ".join(named[0]),
        "cols": ", ".join(named[1]),
        "row_labels": labels[0],
        "col_labels": labels[1],
        "cells": cells,
    }


def conditions_of(frame: pd.DataFrame, by: str | Sequence[str] | None, ids: Sequence[str]) -> dict[str, str]:
    """Return the condition of each run in words; without ``by`` every run is one of its own.

    Raises
    ------
    InputError
        No such column.
    """
    if by is None:
        return {run_id: run_id for run_id in ids}
    pivot = pivot_of(frame, by, (), ids)
    return {
        run_id: pivot["row_labels"][pivot["cells"][run_id][0]] for run_id in ids if run_id in pivot["cells"]
    }


def _names(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _values(frame: pd.DataFrame, name: str) -> list[Hashable]:
    if name in frame.columns:
        return [_plain(value) for value in frame[name]]
    if VARIABLES in frame.columns:
        variables = [_mapping(value) for value in frame[VARIABLES]]
        if any(name in each for each in variables):
            return [_plain(each.get(name)) for each in variables]
    known = [str(column) for column in frame.columns]
    close = get_close_matches(name, known, n=3)
    raise InputError(
        f"The table has no column {name!r}.",
        f"It has {', '.join(known[:12])}{' …' if len(known) > 12 else ''}.",
        f"Did you mean {', '.join(close)}?" if close else "Name one of its columns.",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return the variables of a run, which the log's table holds as JSON text."""
    if isinstance(value, str):
        value = json.loads(value)
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Hashable:
    """Return a cell's value as something that can be compared and sorted."""
    if isinstance(value, list | tuple | set | dict):
        return json.dumps(value, default=str) if isinstance(value, dict) else ", ".join(map(str, value))
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value  # type: ignore[no-any-return]  # numpy scalars


def _order(values: Sequence[tuple[Hashable, ...]]) -> list[tuple[Hashable, ...]]:
    """Return the different values: numbers rising, texts as they first appear, missing ones last."""
    different = list(dict.fromkeys(values))

    def key(value: tuple[Hashable, ...]) -> list[tuple[int, float]]:
        return [_rank(part, [each[place] for each in different]) for place, part in enumerate(value)]

    return sorted(different, key=key)


def _rank(part: Hashable, among: Sequence[Hashable]) -> tuple[int, float]:
    if part is None:
        return (2, 0.0)
    if isinstance(part, bool | int | float):
        return (0, float(part))
    return (1, float(among.index(part)))


def _label(names: Sequence[str], value: Sequence[Hashable]) -> str:
    parts = [MISSING if part is None else _number(part) for part in value]
    if len(names) == 1:
        return parts[0]
    return ", ".join(f"{name}={part}" for name, part in zip(names, parts, strict=True))


def _number(part: Hashable) -> str:
    return f"{part:g}" if isinstance(part, float) else str(part)
