"""What a request will cost by the price list (``spec/capabilities.md`` §6.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from kling_nb.domain.capabilities import (
    PRICE_AS_OF,
    USD_PER_UNIT,
    extend_units,
    has_modes,
    own_price,
    units,
    usd_rate,
    variant_of,
)
from kling_nb.domain.door import Currency, Door
from kling_nb.domain.moneytext import dollars_text, plain_decimal
from kling_nb.domain.request import VideoRequest

__all__ = ["Cost", "dollars_text", "estimate", "plain_decimal"]


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate, with its date and how far it can be trusted.

    Parameters
    ----------
    amount
        What is billed, in `currency`; None when unknown.
    usd
        In US dollars, None when unknown.
    mark
        ``official``, ``unverified``, ``user`` or ``unknown``.
    as_of
        Month of the price list; empty when it bears no date.
    note
        One phrase for people.
    currency
        ``units`` (Kling), ``credits`` (AceData) or ``tokens`` (AI/ML API).
    """

    amount: Decimal | None
    usd: Decimal | None
    mark: str
    as_of: str = PRICE_AS_OF
    note: str = ""
    currency: Currency = "units"

    @property
    def units(self) -> Decimal | None:
        """Kling billing units, None where the service bills in something else or the price is unknown."""
        return self.amount if self.currency == "units" else None

    @property
    def known(self) -> bool:
        """Whether there is any number at all."""
        return self.amount is not None or self.usd is not None

    def __str__(self) -> str:
        if not self.known:
            return f"price unknown ({self.note})" if self.note else "price unknown"
        dollars = "" if self.usd is None else dollars_text(self.usd)
        details = [
            self.as_of or ("" if self.mark == "user" else "undated"),
            self.mark + (f"; {self.note}" if self.note else ""),
        ]
        details = [part for part in details if part]
        if self.amount is None:
            return f"{dollars} ({', '.join(details)})"
        details = [f"{dollars} list" if self.mark != "user" else dollars, *details] if dollars else details
        noun = self.currency.removesuffix("s") if self.amount == 1 else self.currency
        return f"{plain_decimal(self.amount)} {noun} ({', '.join(details)})"

    def __repr__(self) -> str:
        return f"<Cost {self}>"


def estimate(
    request: VideoRequest, door: Door, provider: str | None = None, *, listed: Cost | None = None
) -> Cost:
    """Estimate one clip.

    The user's own price wins, then the door's list, then the list of Kling units where the door bills in
    them. The requested length is what is billed, not the rendered one, and brush, end frame and camera
    cost nothing extra (``spec/official-api.md`` §13). What is not known stays unknown.

    Parameters
    ----------
    request
        What will be sent.
    door
        Where it goes.
    provider
        The door's name (also None), or another one where the door is rehearsed.
    listed
        What a list of the door's own says.
    """
    found = _own(request, door) or listed or _listed(request, door)
    rate = usd_rate(found.currency)
    if found.usd is None and found.amount is not None and rate is not None:
        found = replace(found, usd=found.amount * rate, note=_joined(found.note, "dollars by your rate"))
    if provider in (None, door.name) or not found.known:
        return found
    return replace(found, note=_joined(found.note, f"{provider}: nothing is charged"))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _own(request: VideoRequest, door: Door) -> Cost | None:
    """Return the price the user stated; extensions have none by the second."""
    if request.form == "extend":
        return None
    variant = variant_of(
        sound=request.sound == "on", voice=bool(request.voice_list), video=bool(request.video_list)
    )
    model = request.model_name
    own = own_price(door.name, model, (request.mode or "std") if has_modes(model) else None, variant)
    if own is None:
        return None
    amount = own.per_second * request.duration
    if own.currency == "USD":
        return Cost(None, amount, "user", "", "your own price", door.currency)
    currency: Currency = own.currency  # type: ignore[assignment]  # checked when it was stated
    usd = amount * USD_PER_UNIT if currency == "units" else None
    return Cost(amount, usd, "user", "", "your own price", currency)


def _listed(request: VideoRequest, door: Door) -> Cost:
    """Return what the list of Kling units says, unknown where the door bills in something else."""
    if door.currency != "units":
        note = f"{door.title} bills in its own {door.currency} and publishes no price for this clip"
        return Cost(None, None, "unknown", "", note, door.currency)
    if request.form == "extend":
        price = extend_units(request.model_name, request.mode)
    else:
        sound, voice, video = request.sound == "on", bool(request.voice_list), bool(request.video_list)
        price = units(request.model_name, request.mode, request.duration, sound, voice, video=video)
    if price is None:
        return Cost(None, None, "unknown", note="the price list has no such clip")
    return Cost(price.units, price.usd, price.mark, price.as_of)
