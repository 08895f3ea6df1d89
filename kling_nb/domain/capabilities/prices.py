"""Units a clip costs (``spec/capabilities.md`` §6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kling_nb.domain.capabilities._data import load
from kling_nb.domain.capabilities.grid import ANY_MODE
from kling_nb.domain.capabilities.ownprices import Variant, own_price
from kling_nb.domain.capabilities.table import has_modes

PRICE_AS_OF: Final[str] = load("prices")["as_of"]
"""Month of the price list."""

USD_PER_UNIT: Final = Decimal(load("prices")["usd_per_unit"])
"""List price of one unit."""

RECOGNIZE_UNITS: Final = Decimal(load("prices")["calls"]["image-recognize"])
"""Price of segmenting a picture."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one clip costs by the price list.

    Parameters
    ----------
    units
        Kling billing units.
    mark
        ``official``, ``unverified`` or ``user``.
    as_of
        Month of the price list.
    """

    units: Decimal
    mark: str
    as_of: str = PRICE_AS_OF

    @property
    def usd(self) -> Decimal:
        """List price in US dollars."""
        return self.units * USD_PER_UNIT


def units(
    model: str,
    mode: str | None,
    duration: int,
    sound: bool = False,
    voice: bool = False,
    *,
    video: bool = False,
) -> Price | None:
    """Return the price of one clip from pictures or words, None when the list has none.

    Parameters
    ----------
    model
        Legacy model name (``kling-3.0-turbo`` has no legacy twin and keeps its own).
    mode
        None means ``std``; ignored for the masters.
    duration
        Requested seconds: those are billed, not the rendered ones (``spec/official-api.md`` §13).
    sound, voice, video
        Native audio; audio with specified voices; a reference video.
    """
    variant = variant_of(sound=sound, voice=voice, video=video)
    tier = (mode or "std") if has_modes(model) else None
    own = own_price("official", model, tier, variant)
    if own is not None and own.currency == "units":
        return Price(own.per_second * duration, "user")
    row = load("prices")["models"].get(model)
    if row is None:
        return None
    if "per_second" in row:
        rate = row["per_second"].get(variant, {}).get(tier)
        return None if rate is None else Price(Decimal(rate) * duration, row["mark"])
    clip = row["per_clip"].get(tier or ANY_MODE, {}).get(str(duration)) if variant == "silent" else None
    return None if clip is None else Price(Decimal(clip), row["mark"])


def extend_units(model: str, mode: str | None) -> Price | None:
    """Return the price of making a clip of this model and mode longer, None when the list has none."""
    row = load("prices")["extend"]
    clip = row["per_clip"].get(model, {}).get(mode or "std")
    return None if clip is None else Price(Decimal(clip), row["mark"])


def variant_of(*, sound: bool, voice: bool, video: bool = False) -> Variant:
    """Return which of the prices of a model applies."""
    return "video" if video else "voice" if voice else "audio" if sound else "silent"
