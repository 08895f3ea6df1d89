"""Prices the user states for this process: for the official list, and for doors that publish none.

Keyed by door, because each bills in something else: Kling units, credits, tokens, or dollars
(``spec/gateways.md`` §2.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from threading import Lock
from typing import Any, Final, Literal

Variant = Literal["silent", "audio", "voice", "video"]
VARIANTS: Final = ("silent", "audio", "voice", "video")
"""Without sound, with native audio, with specified voices, with a reference video."""

CURRENCIES: Final = ("units", "credits", "tokens", "USD")

_EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """What the user says a second of video costs.

    Parameters
    ----------
    per_second
        Amount for one second.
    currency
        ``units``, ``credits``, ``tokens`` or ``USD``.
    """

    per_second: Decimal
    currency: str


_prices: dict[tuple[str, str, str | None, Variant], OwnPrice] = {}
_rates: dict[str, Decimal] = {}
_lock = Lock()


def override_price(
    model: str,
    mode: str | None,
    per_second: Decimal | str | int,
    variant: Variant = "silent",
    *,
    door: str = "official",
    currency: str = "units",
) -> None:
    """State a price; it wins over every list.

    Parameters
    ----------
    model, mode
        What it is for, by legacy name; None for models without modes.
    per_second
        Amount for one second of video.
    variant
        Without sound, with native audio, with specified voices, with a reference video.
    door
        Whose price it is.
    currency
        What it is in: ``units``, ``credits``, ``tokens`` or ``USD``.

    Raises
    ------
    ValueError
        No such variant or currency, or no amount.
    """
    if variant not in VARIANTS:
        raise ValueError(f"a price is for {', '.join(VARIANTS)}, not {variant!r}")
    if currency not in CURRENCIES:
        raise ValueError(f"a price is in {', '.join(CURRENCIES)}, not {currency!r}")
    price = OwnPrice(_amount(per_second), currency)
    with _lock:
        _prices[door, model, mode, variant] = price


def own_price(door: str, model: str, mode: str | None, variant: Variant) -> OwnPrice | None:
    """Return what the user stated, None when nothing fits; ``"*"`` stands for any model or mode."""
    with _lock:
        for name, tier in ((model, mode), (model, _EVERY), (_EVERY, mode), (_EVERY, _EVERY)):
            found = _prices.get((door, name, tier, variant))
            if found is not None:
                return found
    return None


def override_rate(currency: str, usd: Decimal | str | float) -> None:
    """State what one credit or token costs in US dollars.

    Raises
    ------
    ValueError
        Another currency, or no amount.
    """
    if currency not in ("credits", "tokens"):
        raise ValueError(f"a rate is for credits or tokens, not {currency!r}")
    rate = _amount(usd)
    with _lock:
        _rates[currency] = rate


def usd_rate(currency: str) -> Decimal | None:
    """Return what one credit or token costs in US dollars, None when the user has not said."""
    with _lock:
        return _rates.get(currency)


def load_prices(table: Mapping[str, Mapping[str, Any]]) -> None:
    """State prices and rates of several doors at once; all or nothing.

    Parameters
    ----------
    table
        By door: ``{"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": "0.06", "pro":
        {"silent": "0.1", "audio": "0.2"}}}}, "aimlapi": {"currency": "tokens", "usd": "0.000002",
        "per_second": {"*": {"std": 63000}}}}``; a tier may be a number or a number for each variant,
        ``"*"`` stands for any model or mode, and ``usd`` is what one credit or token costs.

    Raises
    ------
    ValueError
        The table has another form.
    """
    prices: list[tuple[str, str | None, Any, Any, str, str]] = []
    rates: list[tuple[str, Any]] = []
    for door, row in table.items():
        extra = set(row) - {"currency", "per_second", "usd"}
        if extra:
            raise ValueError(
                f"{door}: {', '.join(sorted(extra))} is not known; use currency, per_second, usd"
            )
        currency = row.get("currency", "units")
        if "usd" in row:
            rates.append((currency, row["usd"]))
        for model, tiers in row.get("per_second", {}).items():
            for mode, amounts in tiers.items():
                each = amounts if isinstance(amounts, Mapping) else {"silent": amounts}
                prices += [(model, mode, amount, kind, door, currency) for kind, amount in each.items()]
    with _lock:
        before = dict(_prices), dict(_rates)
    try:
        for model, mode, amount, kind, door, currency in prices:
            override_price(model, mode, amount, kind, door=door, currency=currency)
        for currency, usd in rates:
            override_rate(currency, usd)
    except ValueError:
        with _lock:
            _prices.clear()
            _prices.update(before[0])
            _rates.clear()
            _rates.update(before[1])
        raise


def forget_prices(models: Mapping[str, object] | None = None) -> None:
    """Return to the packaged lists, for all models or the given ones; rates go with all."""
    with _lock:
        for key in [k for k in _prices if models is None or k[1] in models]:
            del _prices[key]
        if models is None:
            _rates.clear()


def _amount(value: Decimal | str | float) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no amount") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r} is no amount")
    return amount
