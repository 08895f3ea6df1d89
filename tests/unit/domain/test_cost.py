"""Estimates as people read them (spec/capabilities.md §6.2)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kling_nb import providers
from kling_nb.domain.cost import dollars_text, estimate, plain_decimal
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest

OFFICIAL = providers.get("official").door
IMAGE = ImageRef(url="https://example.com/a.jpg")


def cost(provider: str = "official", **fields: Any) -> Any:
    return estimate(VideoRequest(image=IMAGE, prompt="x", **fields), OFFICIAL, provider)


@pytest.mark.parametrize(
    ("fields", "units", "usd"),
    [
        ({"model_name": "kling-v1", "mode": "pro"}, "3.5", "0.49"),
        ({"model_name": "kling-v2-5-turbo", "mode": "std"}, "1.5", "0.21"),
        ({"model_name": "kling-v2-6", "mode": "pro", "duration": 10, "sound": "on"}, "10", "1.40"),
        ({"model_name": "kling-v3", "mode": "std", "duration": 7}, "4.2", "0.588"),
        ({"model_name": "kling-v3", "mode": "pro", "duration": 15, "sound": "on"}, "18", "2.52"),
        ({"model_name": "kling-v3", "mode": "4k", "duration": 3}, "9", "1.26"),
        ({"model_name": "kling-3.0-turbo", "mode": "std", "duration": 3}, "2.4", "0.336"),
        ({"model_name": "kling-v3-omni", "mode": "std", "duration": 3}, "1.8", "0.252"),
        (
            {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "voice_list": ("1",)},
            "6",
            "0.84",
        ),
    ],
)
def test_the_cases_of_the_specification(fields: dict[str, Any], units: str, usd: str) -> None:
    found = cost(**fields)
    assert (found.units, found.usd) == (Decimal(units), Decimal(usd))


def test_an_estimate_carries_its_date_and_mark() -> None:
    assert str(cost(model_name="kling-v1", mode="pro")) == "3.5 units ($0.49 list, 2026-09, unverified)"
    assert str(cost(model_name="kling-v2-6", mode="pro", duration=10, sound="on")) == (
        "10 units ($1.40 list, 2026-09, official)"
    )


def test_the_sandbox_says_that_nothing_is_charged() -> None:
    assert "nothing is charged" in str(cost("sandbox", model_name="kling-v1", mode="pro"))


@pytest.mark.parametrize("currency", ["credits", "tokens"])
def test_other_currencies_are_not_guessed(currency: Any) -> None:
    door = replace(OFFICIAL, name="fifth", title="Fifth Door", currency=currency)
    found = estimate(VideoRequest(image=IMAGE, prompt="x", model_name="kling-v1", mode="pro"), door)
    assert (found.amount, found.units, found.usd, found.mark) == (None, None, None, "unknown")
    assert f"Fifth Door bills in its own {currency}" in str(found)


def test_a_clip_without_a_price_is_unknown() -> None:
    assert str(cost(model_name="kling-v9")).startswith("price unknown")


@pytest.mark.parametrize(
    ("value", "units", "dollars"),
    [("10.0", "10", "$10.00"), ("1E+1", "10", "$10.00"), ("0.5880", "0.588", "$0.588"), ("0", "0", "$0.00")],
)
def test_numbers_have_no_needless_digits(value: str, units: str, dollars: str) -> None:
    assert plain_decimal(Decimal(value)) == units
    assert dollars_text(Decimal(value)) == dollars
