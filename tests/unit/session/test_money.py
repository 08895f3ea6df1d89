"""What a run is expected to cost, what it took, and what of both budgets count."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb import providers
from kling_nb.domain import capabilities
from kling_nb.domain.capabilities.ownprices import override_rate
from kling_nb.domain.cost import Cost
from kling_nb.domain.task import Cash, RunStatus, Task
from kling_nb.domain.wire import Answer
from kling_nb.runlog import RunRecord
from kling_nb.session.money import actual_columns, cost_of, drift_notice, estimate_columns


@pytest.fixture
def tokens_cost() -> Iterator[None]:
    """The user has said what a token costs: two millionths of a dollar."""
    override_rate("tokens", "0.000002")
    yield
    capabilities.forget_prices()


def ended(units: str | None = None, *cash: Cash) -> Task:
    return Task("7", RunStatus.SUCCEEDED, "done", units=None if units is None else Decimal(units), cash=cash)


def row(**columns: Any) -> RunRecord:
    return RunRecord(task_id="7", status=RunStatus.SUCCEEDED, **columns)


TOKENS = Cost(Decimal(315_000), None, "unverified", "", currency="tokens")
CREDITS = Cost(Decimal("4.005"), None, "official", "2026-10", currency="credits")
DOLLARS = Cost(None, Decimal("0.50"), "official", "", currency="credits")
UNKNOWN = Cost(None, None, "unknown", "", currency="tokens")


# --- estimates ---


@pytest.mark.parametrize("cost", [TOKENS, CREDITS, DOLLARS, UNKNOWN])
def test_what_is_billed_in_something_else_is_never_guessed_in_units(cost: Cost) -> None:
    assert estimate_columns(cost)["estimate_units"] is None


@pytest.mark.parametrize("bad", ["$5", "many", "-1", "", "1e9"])
def test_only_a_number_of_units_can_be_assumed(bad: str) -> None:
    with pytest.raises(ValueError, match=r"amount|Kling units"):
        estimate_columns(UNKNOWN, bad)


def test_assumed_units_count_where_no_price_is_known() -> None:
    columns = estimate_columns(UNKNOWN, 2.5)
    assert (columns["estimate_units"], columns["estimate_usd"]) == (Decimal("2.5"), Decimal("0.35"))
    assert columns["estimate_mark"] == "assumed"
    assert (columns["currency"], columns["estimate_amount"]) == ("tokens", None)


def test_a_known_price_is_not_assumed_away() -> None:
    known = Cost(Decimal("3.5"), Decimal("0.49"), "official")
    assert estimate_columns(known, "0.001") == estimate_columns(known)
    # Dollars of a list stand too: only the units, which nobody knows, are taken over.
    assert estimate_columns(DOLLARS, 4)["estimate_usd"] == Decimal("0.50")


def test_tokens_become_units_through_the_users_rate_alone(tokens_cost: None) -> None:
    priced = Cost(Decimal(315_000), Decimal("0.63"), "unverified", "", currency="tokens")
    columns = estimate_columns(priced)
    assert (columns["estimate_units"], columns["estimate_usd"]) == (Decimal("4.5"), Decimal("0.63"))


# --- what was taken ---


def test_units_are_taken_at_their_list_price() -> None:
    columns = actual_columns(row(currency="units"), ended("3.5"))
    assert columns == {
        "actual_units": Decimal("3.5"),
        "actual_usd": Decimal("0.49"),
        "actual_amount": Decimal("3.5"),
    }


def test_what_the_service_does_not_say_stays_unknown() -> None:
    assert set(actual_columns(row(estimate_units=Decimal(2)), ended()).values()) == {None}


def test_tokens_without_a_rate_count_as_they_were_estimated() -> None:
    assumed = row(currency="tokens", estimate_units=Decimal("2.5"), estimate_usd=Decimal("0.35"))
    columns = actual_columns(assumed, ended("315000"))
    assert columns == {"actual_units": None, "actual_usd": None, "actual_amount": Decimal(315_000)}


def test_tokens_are_dollars_by_the_users_rate(tokens_cost: None) -> None:
    columns = actual_columns(row(currency="tokens"), ended("315000"))
    assert (columns["actual_usd"], columns["actual_units"]) == (Decimal("0.63"), Decimal("4.5"))


def test_credits_keep_the_rate_of_the_estimate() -> None:
    estimated = row(
        currency="credits",
        estimate_amount=Decimal(4),
        estimate_units=Decimal(10),
        estimate_usd=Decimal("1.40"),
    )
    columns = actual_columns(estimated, ended("5"))
    assert (columns["actual_units"], columns["actual_usd"]) == (Decimal("12.5"), Decimal("1.75"))


def test_an_account_that_pays_in_money_says_the_dollars_itself() -> None:
    paid = ended("3.5", Cash(Decimal("0.40"), "USD"), Cash(Decimal("0.05"), "USD"), Cash(Decimal(9), "CNY"))
    assert actual_columns(row(), paid)["actual_usd"] == Decimal("0.45")
    assert actual_columns(row(), ended(None, Cash(Decimal("0.40"), "USD")))["actual_usd"] == Decimal("0.40")


def test_what_a_gateway_reports_in_its_own_currency_is_what_it_took(tokens_cost: None) -> None:
    answer = b'{"id":"7","status":"completed","meta":{"usage":{"credits_used":315000}}}'
    task = providers.get("aimlapi").decode_task(Answer(200, {}, answer))
    columns = actual_columns(row(currency="tokens"), task)
    assert columns == {
        "actual_amount": Decimal(315_000),
        "actual_usd": Decimal("0.63"),
        "actual_units": Decimal("4.5"),
    }


@pytest.mark.parametrize("currency", ["", "USD"])
def test_no_units_beside_money_is_no_free_clip(currency: str) -> None:
    """An account without packs pays in money; a budget in units must not take that for nothing."""
    columns = actual_columns(row(currency="units"), ended("0", Cash(Decimal("0.21"), currency)))
    assert columns["actual_units"] is None
    assert columns["actual_usd"] == (Decimal("0.21") if currency else None)
    assert actual_columns(row(currency="units"), ended("0"))["actual_units"] == 0


# --- drift ---


@pytest.mark.parametrize(
    ("columns", "actual", "said"),
    [
        ({"estimate_units": Decimal("3.5"), "price_as_of": "2026-09"}, "4", "4 units, 3.5 were expected"),
        ({"currency": "credits", "estimate_amount": Decimal(4)}, "6", "6 credits, 4 were expected"),
        ({"currency": "tokens", "estimate_amount": Decimal(315_000)}, "300000", "300000 tokens, 315000 were"),
    ],
)
def test_drift_is_told_in_what_was_billed(columns: dict[str, Any], actual: str, said: str) -> None:
    assert said in drift_notice(row(**columns), Decimal(actual))


@given(st.decimals("0.01", "1000", places=2), st.integers(-100, 100))
def test_up_to_one_percent_is_no_drift(estimate: Decimal, permille_of_ten: int) -> None:
    actual = estimate * (1 + Decimal(permille_of_ten) / 10_000)
    assert drift_notice(row(estimate_units=estimate), actual) == ""
    assert drift_notice(row(estimate_units=estimate), estimate * Decimal("1.011")) != ""


def test_nothing_expected_is_nothing_to_drift_from() -> None:
    assert drift_notice(row(currency="tokens", estimate_units=Decimal(2)), Decimal(315_000)) == ""


# --- words ---


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "cost unknown"),
        ({"estimate_units": Decimal(1), "estimate_usd": Decimal("0.14")}, "1 unit expected ($0.14 list)"),
        ({"currency": "credits", "estimate_usd": Decimal("0.5")}, "$0.50 expected"),
        ({"currency": "credits", "estimate_amount": Decimal("4.005")}, "4.005 credits expected"),
        (
            {"currency": "tokens", "actual_amount": Decimal(315_000), "actual_usd": Decimal("0.63")},
            "315000 tokens deducted ($0.63)",
        ),
    ],
)
def test_the_cost_of_a_run_in_words(columns: dict[str, Any], words: str) -> None:
    assert str(cost_of(row(**columns))) == words
