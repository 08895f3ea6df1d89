"""Units a clip costs (``spec/capabilities.md`` §6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Final, Literal

from kling_nb.domain.capabilities._data import load
from kling_nb.domain.capabilities.grid import ANY_MODE
from kling_nb.domain.capabilities.table import has_modes

PRICE_AS_OF: Final[str] = load("prices")["as_of"]
"""Month of the price list."""

USD_PER_UNIT: Final = Decimal(load("prices")["usd_per_unit"])
"""List price of one unit."""

Variant = Literal["silent", "audio", "voice"]


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


_own: dict[tuple[str, str | None, Variant], Decimal] = {}
_lock = Lock()


def units(
    model: str,
    mode: str | None,
    duration: int,
    sound: bool = False,
    voice: bool = False,
) -> Price | None:
    """Return the price of one clip, None when the list has none.

    Parameters
    ----------
    model
        Legacy model name (``kling-3.0-turbo`` has no legacy twin and keeps its own).
    mode
        None means ``std``; ignored for the masters.
    duration
        Requested seconds: those are billed, not the rendered ones (``spec/official-api.md`` §13).
    sound, voice
        Native audio; audio with specified voices.
    """
    variant: Variant = "voice" if voice else "audio" if sound else "silent"
    tier = (mode or "std") if has_modes(model) else None
    with _lock:
        own = _own.get((model, tier, variant))
    if own is not None:
        return Price(own * duration, "user")
    row = load("prices")["models"].get(model)
    if row is None:
        return None
    if "per_second" in row:
        rate = row["per_second"].get(variant, {}).get(tier)
        return None if rate is None else Price(Decimal(rate) * duration, row["mark"])
    clip = row["per_clip"].get(tier or ANY_MODE, {}).get(str(duration)) if variant == "silent" else None
    return None if clip is None else Price(Decimal(clip), row["mark"])


def override_price(
    model: str, mode: str | None, units_per_second: Decimal | str | int, variant: Variant = "silent"
) -> None:
    """Let the user replace a price of the list for this process.

    Parameters
    ----------
    model, mode
        What the price is for; None for the masters.
    units_per_second
        Units for one second of video.
    variant
        Without audio, with native audio, with specified voices.
    """
    with _lock:
        _own[model, mode, variant] = Decimal(units_per_second)


def forget_prices(models: Mapping[str, object] | None = None) -> None:
    """Return to the packaged list, for all models or the given ones."""
    with _lock:
        for key in [k for k in _own if models is None or k[0] in models]:
            del _own[key]
