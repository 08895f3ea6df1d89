"""Prices people state: by door and tier, in what the door bills or in dollars; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from kling_nb import providers
from kling_nb.domain import capabilities as cap
from kling_nb.domain.cost import Cost
from kling_nb.domain.images import ImageRef
from kling_nb.domain.references import ReferenceVideo
from kling_nb.domain.request import VideoRequest


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    yield
    cap.forget_prices()


def price(provider: str, model: str = "kling-v2-6", mode: str | None = "std", **fields: Any) -> Cost:
    if "video_id" not in fields:
        fields["image"] = ImageRef(url="https://example.com/a.jpg")
    return providers.get(provider).estimate(VideoRequest(model_name=model, mode=mode, prompt="x", **fields))


# spec/gateways.md §2.7
@pytest.mark.parametrize(
    ("model", "mode", "fields", "amount", "usd"),
    [
        ("kling-v2-master", None, {}, None, "0.5"),
        ("kling-v2-master", None, {"duration": 10}, None, "1"),
        ("kling-v1-6", "pro", {}, None, "0.4"),
        ("kling-v1-6", "std", {}, None, "0.2"),
        ("kling-v1-6", "std", {"video_id": "1"}, None, "0.3"),
        ("kling-video-o1", "std", {}, "4.005", None),
        ("kling-video-o1", "pro", {}, "5.34", None),
        (
            "kling-video-o1",
            "std",
            {"video_list": (ReferenceVideo(video_url="https://x/v.mp4"),)},
            "6.01",
            None,
        ),
        ("kling-v2-6", "pro", {"sound": "on", "voice_list": ("1",)}, "8.4", None),
        ("kling-v2-6", "pro", {}, None, None),
        ("kling-v3", "std", {}, None, None),
    ],
)
def test_what_acedata_publishes(
    model: str, mode: str | None, fields: dict[str, Any], amount: str | None, usd: str | None
) -> None:
    found = price("acedata", model, mode, **fields)
    assert found.currency == "credits"
    assert (found.amount, found.usd) == (amount and Decimal(amount), usd and Decimal(usd))
    assert found.units is None
    assert found.known is (amount is not None or usd is not None)


# spec/capabilities.md §6.1, last row
@pytest.mark.parametrize(
    ("model", "mode", "units"),
    [
        ("kling-v1", "std", "1"),
        ("kling-v1", "pro", "3.5"),
        ("kling-v1-5", "std", "2"),
        ("kling-v1-6", "pro", "3.5"),
    ],
)
def test_extensions_cost_by_the_clip_whatever_the_length(model: str, mode: str, units: str) -> None:
    for seconds in (5, 10):
        found = price("official", model, mode, video_id="1", duration=seconds)
        assert (found.units, found.mark) == (Decimal(units), "unverified")
    assert not price("official", "kling-v3", "std", video_id="1").known


def test_segmenting_a_picture_has_a_price() -> None:
    assert Decimal("0.1") == cap.RECOGNIZE_UNITS


def test_a_reference_video_has_a_price_of_its_own() -> None:
    video = (ReferenceVideo(video_url="https://x/v.mp4"),)
    assert price("official", "kling-v3-omni", "pro", video_list=video).units == 6
    assert price("official", "kling-video-o1", "std", video_list=video).units == Decimal("4.5")


def test_prices_stay_at_their_door() -> None:
    cap.override_price("kling-v2-6", "std", "0.06", door="acedata", currency="USD")
    assert str(price("acedata")) == "$0.30 (user; your own price)"
    assert price("acedata", mode="pro").usd is None
    assert price("official").mark == "official"
    assert not price("aimlapi", "kling-v2-5-turbo", "pro").known


def test_a_stated_price_wins_over_every_list() -> None:
    cap.override_price("kling-video-o1", "std", 1, door="acedata", currency="credits")
    found = price("acedata", "kling-video-o1")
    assert (found.amount, found.mark) == (5, "user")
    cap.override_price("kling-v2-6", "std", "0.2")
    assert (price("official").units, price("official").usd) == (1, Decimal("0.14"))
    assert price("sandbox").units == 1


def test_tokens_become_dollars_by_the_users_rate_only() -> None:
    cap.override_price("kling-v1", "std", 63000, door="aimlapi", currency="tokens")
    assert (price("aimlapi", "kling-v1").amount, price("aimlapi", "kling-v1").usd) == (315000, None)
    cap.override_rate("tokens", "0.000002")
    found = price("aimlapi", "kling-v1")
    assert found.usd == Decimal("0.63")
    assert str(found) == "315000 tokens ($0.63, user; your own price; dollars by your rate)"


def test_variants_and_stars() -> None:
    cap.load_prices(
        {
            "acedata": {
                "currency": "USD",
                "per_second": {
                    "kling-v3": {"*": {"silent": "0.1", "audio": "0.2"}},
                    "*": {"std": "0.01", "pro": "0.02"},
                },
            },
            "aimlapi": {"currency": "tokens", "usd": "0.000001", "per_second": {"*": {"*": 1000}}},
        }
    )
    assert price("acedata", "kling-v3", "4k").usd == Decimal("0.5")
    assert price("acedata", "kling-v3", "std", sound="on").usd == 1
    assert price("acedata", "kling-v2-6", "pro").usd == Decimal("0.1")
    assert price("acedata", "kling-v2-6", "pro", sound="on").usd is None
    assert price("aimlapi", "kling-v2-5-turbo", "pro").usd == Decimal("0.005")
    cap.forget_prices()
    assert not price("acedata", "kling-v3").known


@pytest.mark.parametrize(
    "row",
    [
        {"currency": "EUR", "per_second": {"kling-v3": {"std": 1}}},
        {"currency": "USD", "per_second": {"kling-v3": {"std": -1}}},
        {"currency": "USD", "per_second": {"kling-v3": {"std": "cheap"}}},
        {"currency": "USD", "per_second": {"kling-v3": {"std": {"loud": 1}}}},
        {"currency": "USD", "price": 3},
        {"currency": "USD", "usd": 2},
        {"currency": "tokens", "usd": "nan"},
    ],
)
def test_a_table_with_a_mistake_changes_nothing(row: dict[str, Any]) -> None:
    cap.load_prices({"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": "0.06"}}}})
    good = {"currency": "USD", "per_second": {"kling-v2-6": {"std": "0.5"}}}
    with pytest.raises(ValueError, match=r"."):
        cap.load_prices({"acedata": good, "aimlapi": row})
    assert price("acedata").usd == Decimal("0.3")


def test_a_rehearsal_costs_nothing_and_says_so() -> None:
    cap.override_price("kling-v2-6", "std", "0.06", door="acedata", currency="USD")
    found = price("sandbox-acedata")
    assert found.usd == Decimal("0.3")
    assert "sandbox-acedata: nothing is charged" in str(found)
