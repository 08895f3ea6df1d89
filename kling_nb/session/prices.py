"""Prices a person states, because a service publishes none or a list is out of date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from kling_nb import providers
from kling_nb.domain.capabilities import forget_prices, load_prices
from kling_nb.errors import SettingsError

_FORM = (
    'Write {"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": 0.06, "pro": {"silent": 0.1, '
    '"audio": 0.2}}}}}; currency is units, credits, tokens or USD, "*" stands for any model or mode, and '
    '"usd" is what one credit or token costs.'
)


def prices(table: Mapping[str, Any] | str | Path | None) -> None:
    """State what clips cost, by door; the numbers win over the packaged lists for this process.

    Doors that publish no price are unknown to budgets without this (``spec/gateways.md`` §2.7).

    Parameters
    ----------
    table
        By door, or a JSON file with it: currency, price of a second for each model and mode, and what one
        credit or token costs in dollars. None goes back to the packaged lists.

    Raises
    ------
    SettingsError
        The table cannot be read or has another form; then nothing changes.

    Examples
    --------
    >>> import kling_nb as kn
    >>> kn.prices({"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": 0.06}}}})
    >>> kn.prices({"aimlapi": {"currency": "tokens", "usd": 0.000002, "per_second": {"*": {"*": 63000}}}})
    >>> kn.prices(None)
    """
    if table is None:
        forget_prices()
        return
    if not isinstance(table, Mapping | str | PathLike):
        raise SettingsError("The prices cannot be used.", f"They are of type {type(table).__name__}.", _FORM)
    found = table if isinstance(table, Mapping) else _read(Path(table))
    unknown = [name for name in found if name not in providers.door_names()]
    if unknown:
        raise SettingsError(
            f"There is no door {unknown[0]!r} to state prices for.",
            "Prices are stated by door; what a rehearsal costs is its door's price.",
            f"Doors: {', '.join(providers.door_names())}.",
        )
    try:
        load_prices(found)
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError("The prices cannot be used.", str(error), _FORM) from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError("The prices cannot be read.", str(error), _FORM) from None
    if not isinstance(found, Mapping):
        raise SettingsError("The prices cannot be used.", "The file holds no object.", _FORM)
    return found
