"""Prices stated from a notebook or a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import kling_nb as kn
from kling_nb.errors import SettingsError

CLIP = {"image": "https://example.com/a.jpg", "prompt": "the boat drifts", "model": "kling-v2-6"}
TABLE = {"acedata": {"currency": "USD", "per_second": {"kling-v2-6": {"std": 0.06}}}}


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    yield
    kn.prices(None)


def test_a_clip_of_unknown_price_gets_one() -> None:
    assert not kn.cost(**CLIP, provider="acedata").known
    kn.prices(TABLE)
    assert kn.cost(**CLIP, provider="acedata").usd == Decimal("0.3")
    kn.prices(None)
    assert not kn.cost(**CLIP, provider="acedata").known


def test_the_table_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(TABLE))
    kn.prices(file)
    assert kn.cost(**CLIP, provider="acedata").usd == Decimal("0.3")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"acdata": TABLE["acedata"]}, "Doors: official"),
        ({"acedata": {"currency": "EUR", "per_second": {"kling-v3": {"std": 1}}}}, "not 'EUR'"),
        ({"acedata": {"per_second": {"kling-v3": 3}}}, "Write"),
        ({"acedata": 3}, "Write"),
        ("nowhere.json", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_form(table: Any, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        kn.prices(table)
    assert words in str(refused.value)
