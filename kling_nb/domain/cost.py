"""What a request will cost by the price list (``spec/capabilities.md`` §6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kling_nb.domain.capabilities import PRICE_AS_OF, USD_PER_UNIT, units
from kling_nb.domain.request import VideoRequest

_KLING_UNITS: Final = ("official", "sandbox")
"""Providers that bill in Kling units."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate, with its date and how far it can be trusted.

    Parameters
    ----------
    units
        Kling billing units, None when unknown.
    usd
        List price in US dollars, None when unknown.
    mark
        ``official``, ``unverified``, ``user`` or ``unknown``.
    as_of
        Month of the price list.
    note
        One phrase for people.
    """

    units: Decimal | None
    usd: Decimal | None
    mark: str
    as_of: str = PRICE_AS_OF
    note: str = ""

    def __str__(self) -> str:
        if self.units is None:
            return f"price unknown ({self.note})" if self.note else "price unknown"
        dollars = "" if self.usd is None else f"{dollars_text(self.usd)} list, "
        note = f"; {self.note}" if self.note else ""
        noun = "unit" if self.units == 1 else "units"
        return f"{plain_decimal(self.units)} {noun} ({dollars}{self.as_of}, {self.mark}{note})"

    def __repr__(self) -> str:
        return f"<Cost {self}>"


def plain_decimal(value: Decimal) -> str:
    """Write a decimal without exponent and trailing zeros."""
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def dollars_text(value: Decimal) -> str:
    """Write dollars with at least two decimals, more where the amount has them."""
    whole, _, cents = plain_decimal(value).partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"


def estimate(request: VideoRequest, provider: str = "official") -> Cost:
    """Estimate one clip.

    The requested length is what is billed, not the rendered one, and brush, end frame and camera
    cost nothing extra (``spec/official-api.md`` §13).

    Parameters
    ----------
    request
        What will be sent.
    provider
        ``official`` or ``sandbox``; others bill in credits of their own and are unknown.
    """
    if provider not in _KLING_UNITS:
        return Cost(None, None, "unknown", note=f"{provider} bills in its own credits")
    price = units(
        request.model_name,
        request.mode,
        request.duration,
        sound=request.sound == "on",
        voice=bool(request.voice_list),
    )
    if price is None:
        return Cost(None, None, "unknown", note="the price list has no such clip")
    note = "sandbox: nothing is charged" if provider == "sandbox" else ""
    return Cost(price.units, price.units * USD_PER_UNIT, price.mark, price.as_of, note)
