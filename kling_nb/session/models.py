"""What the models of a door can do and cost, as people want to see it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from kling_nb import providers
from kling_nb.domain import capabilities
from kling_nb.domain.cost import dollars_text
from kling_nb.domain.request import VideoRequest
from kling_nb.session.money import number

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.domain.capabilities import Cell
    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Form
    from kling_nb.providers.base import Provider


def models_frame(provider: str) -> pd.DataFrame:
    """Return one row for each form, model, mode and set of lengths with equal features.

    Parameters
    ----------
    provider
        Whose models, prices and retirements are told.

    Returns
    -------
    DataFrame
        ``form``, ``model``, ``mode``, ``seconds``, ``features``, ``units`` and ``usd`` (silent, shortest to
        longest clip; units are empty where the service bills in something else), ``price`` (its mark),
        ``status``, ``since``, ``note``, ``as_of``.
    """
    import pandas as pd  # noqa: PLC0415 - half a second, only for those who look at a table

    def alike(cell: Cell) -> tuple[str, str, frozenset[str]]:
        return cell.model, cell.mode or "", frozenset(cell.features)

    dialect = providers.get(provider)
    rows = [
        _row(list(cells), dialect, form)
        for form, grid in dialect.door.grids.items()
        for _, cells in groupby(grid.cells, key=alike)
    ]
    return pd.DataFrame(rows)


def _row(cells: list[Cell], dialect: Provider, form: Form) -> dict[str, str]:
    first, last = cells[0], cells[-1]
    status = capabilities.status(first.model, dialect.name, dated=dialect.door.retires)
    prices = [_price(cell, dialect, form) for cell in (first, last)]
    units = [number(price.units) for price in prices if price.units is not None]
    dollars = [dollars_text(price.usd) for price in prices if price.usd is not None]
    return {
        "form": form,
        "model": first.model,
        "mode": first.mode or "",
        "seconds": "" if form == "extend" else _lengths([cell.duration for cell in cells]),
        "features": ", ".join(sorted(feature.value for feature in first.features)),
        "units": " … ".join(dict.fromkeys(units)),
        "usd": " … ".join(dict.fromkeys(dollars)),
        "price": prices[0].mark,
        "status": "retired" if status.retired else "served",
        "since": status.since or "",
        "note": status.note,
        "as_of": capabilities.AS_OF,
    }


def _price(cell: Cell, dialect: Provider, form: Form) -> Cost:
    """Return what a silent clip costs."""
    video = "any" if form == "extend" else None
    return dialect.estimate(
        VideoRequest(model_name=cell.model, mode=cell.mode, duration=cell.duration, video_id=video)
    )


def _lengths(seconds: list[int]) -> str:
    if len(seconds) > 2 and seconds == list(range(seconds[0], seconds[-1] + 1)):
        return f"{seconds[0]}…{seconds[-1]}"
    return ", ".join(map(str, seconds))
