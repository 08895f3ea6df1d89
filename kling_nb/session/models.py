"""The capability table as people want to see it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kling_nb.domain import capabilities
from kling_nb.session.money import number

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.domain.capabilities import Cell


def models_frame(provider: str) -> pd.DataFrame:
    """Return one row for each model, mode and set of lengths with equal features.

    Parameters
    ----------
    provider
        Whose retirements are told.

    Returns
    -------
    DataFrame
        ``model``, ``mode``, ``seconds``, ``features``, ``units`` (silent, shortest to longest clip),
        ``price`` (its mark), ``status``, ``since``, ``note``, ``as_of``.
    """
    import pandas as pd  # noqa: PLC0415 - half a second, only for those who look at a table

    def alike(cell: Cell) -> tuple[str, str, frozenset[str]]:
        return cell.model, cell.mode or "", frozenset(cell.features)

    rows = [_row(list(cells), provider) for _, cells in groupby(capabilities.table(), key=alike)]
    return pd.DataFrame(rows)


def _row(cells: list[Cell], provider: str) -> dict[str, str]:
    first, last = cells[0], cells[-1]
    status = capabilities.status(first.model, provider)
    prices = [capabilities.units(cell.model, cell.mode, cell.duration) for cell in (first, last)]
    known = [price for price in prices if price is not None]
    units = " … ".join(dict.fromkeys(number(price.units) for price in known))
    return {
        "model": first.model,
        "mode": first.mode or "",
        "seconds": _lengths([cell.duration for cell in cells]),
        "features": ", ".join(sorted(feature.value for feature in first.features)),
        "units": units,
        "price": known[0].mark if known else "unknown",
        "status": "retired" if status.retired else "served",
        "since": status.since or "",
        "note": status.note,
        "as_of": capabilities.AS_OF,
    }


def _lengths(seconds: list[int]) -> str:
    if len(seconds) > 2 and seconds == list(range(seconds[0], seconds[-1] + 1)):
        return f"{seconds[0]}…{seconds[-1]}"
    return ", ".join(map(str, seconds))
