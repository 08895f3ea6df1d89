"""Budgets of a session: no loop, flag, second kernel or restart gets past, and the sums are the service's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb import errors
from kling_nb.domain import capabilities
from kling_nb.domain.budget import Amount, Scope
from kling_nb.domain.task import RunStatus
from kling_nb.session import Label, Session

PRICE = 1.5
"""Units of the default clip."""


def row(session: Session, budget: str = "day", purse: str = "sandbox") -> Any:
    table = session.budget()
    (found,) = table[(table["budget"] == budget) & (table["purse"] == purse)].itertuples()
    return found


# --- refusals ---


@pytest.mark.parametrize(
    "ways", [{}, {"force": True}, {"again": True}, {"force": True, "again": True, "repeat": 9}]
)
def test_no_flag_gets_past_a_day(
    session: Session, sandbox: Any, picture: np.ndarray, ways: dict[str, Any]
) -> None:
    session.budget("day", 2)
    finish(session.submit(picture, "a boat"))
    with pytest.raises(errors.BudgetError, match="day budget of 2 units") as caught:
        session.submit(picture, "another boat", **ways)
    assert "Spent 1.5 units" in caught.value.why
    assert len(sandbox.tasks()) == 1


def test_a_loop_stops_exactly_at_the_limit(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    session.budget("day", 4.5)
    runs = []
    for number in range(5):
        try:
            runs.append(session.submit(picture, f"boat {number}"))
        except errors.BudgetError:
            continue
    assert [finish(run).status for run in runs] == [RunStatus.SUCCEEDED] * 3
    assert sum(sandbox.charges()) == Decimal("4.5")


def test_a_second_kernel_is_bound_too(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    one, two = make_session(), make_session()
    one.budget("day", 2)
    finish(two.submit(picture, "a boat"))
    for session in (one, two):
        with pytest.raises(errors.BudgetError):
            session.submit(picture, "a ship")
    assert len(sandbox.tasks()) == 1


def test_a_variable_only_tightens(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_session().budget("day", 2)
    monkeypatch.setenv("KLING_NB_BUDGET_DAY", "100")
    finish(make_session().submit(picture, "a boat"))
    with pytest.raises(errors.BudgetError, match="of 2 units"):
        make_session().submit(picture, "a ship")
    make_session().budget("day", 50)
    monkeypatch.setenv("KLING_NB_BUDGET_DAY", "$0.30")
    with pytest.raises(errors.BudgetError, match=r"\$0\.30") as caught:
        make_session().submit(picture, "a ship")
    assert "KLING_NB_BUDGET_DAY" in caught.value.advice
    assert len(sandbox.tasks()) == 1


def test_a_run_that_was_never_sent_is_not_sent_past_a_budget_made_meanwhile(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session()
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_follow", lambda *_, **__: None)
        run = session.submit(picture, "a boat")
        session.log.release(run.id, run.record.owner or "")
    session.budget("run", 1)
    (resumed,) = make_session().resume()
    assert isinstance(finish(resumed).error, errors.BudgetError)
    assert resumed.status is RunStatus.CREATED
    assert sandbox.tasks() == []
    session.budget("run", 2)
    (resumed,) = make_session().resume()
    assert finish(resumed).status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_an_unknown_price_needs_a_number_of_ones_own(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    session.budget("day", 20)
    wanted = {"provider": "sandbox-aimlapi", "model": "kling-v1", "mode": "std"}
    with pytest.raises(errors.BudgetError, match="unknown"):
        session.submit(picture, "a boat", **wanted)
    assert sandbox.tasks() == []
    run = finish(session.submit(picture, "a boat", assume_units=2.5, **wanted))
    assert (run.record.estimate_units, run.record.estimate_mark) == (Decimal("2.5"), "assumed")
    held = row(session)
    assert held.spent + held.reserved > 0


@pytest.mark.parametrize(
    "bad", [{"budget": "plenty"}, {"assume_units": "$5"}, {"sweep": " "}, {"assume_units": -1}]
)
def test_what_is_no_budget_is_told_before_anything_is_sent(
    session: Session, sandbox: Any, picture: np.ndarray, bad: dict[str, Any]
) -> None:
    with pytest.raises(errors.UsageError):
        session.submit(picture, "a boat", **bad)
    assert len(session.log.records()) == 0


@pytest.mark.parametrize(
    ("limit", "label", "said"),
    [
        ({"day": 4}, {}, "day budget of 4 units stops these 3 runs"),
        ({"sweep": 4}, {"sweep": "boats"}, r"sweep budget \(boats\) of 4 units"),
        ({}, {"budget": "4"}, "run budget of 4 units stops these 3 runs"),
        ({}, {"budget": "$0.60", "sweep": "boats"}, r"budget of sweep boats of \$0\.60"),
    ],
)
def test_runs_of_one_cell_are_paid_together_or_not_at_all(
    session: Session, picture: np.ndarray, limit: dict[str, Any], label: dict[str, Any], said: str
) -> None:
    for scope, amount in limit.items():
        session.budget(scope, amount)
    prepared = [session.build(picture, f"boat {number}") for number in range(3)]
    with pytest.raises(errors.BudgetError, match=said):
        session.afford(prepared, Label(**label))
    session.afford(prepared[:2], Label(**label))
    assert len(session.log.records()) == 0, "nothing is reserved by asking"


def test_prompts_that_have_been_run_before_are_not_paid_again(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    finish(session.submit(picture, "boat 0"))
    session.budget("day", 4)
    prepared = [session.build(picture, f"boat {number}") for number in range(2)]
    session.afford(prepared, Label())
    session.budget("day", 2)
    with pytest.raises(errors.BudgetError):
        session.afford(prepared, Label())


# --- what counts ---


def test_the_estimate_is_held_at_once_and_replaced_by_what_was_taken(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    session.budget("day", 20)
    capabilities.override_price("kling-v2-5-turbo", "std", Decimal("0.5"))
    try:
        run = session.submit(picture, "[[sandbox:slow:600]] a boat")
        assert (row(session).reserved, row(session).spent) == (2.5, 0.0)
        sandbox.finish_all()
        finish(run)
    finally:
        capabilities.forget_prices()
    held = row(session)
    assert (held.reserved, held.spent, held.left) == (0.0, PRICE, 20 - PRICE)
    assert run.record.actual_usd == Decimal("0.21")
    assert row(session, purse="real").spent == 0


def test_what_the_service_refuses_or_fails_is_given_back(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    session.budget("day", PRICE)
    finish(session.submit(picture, "[[sandbox:fail]] a boat"))
    assert row(session).left == PRICE
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED
    assert row(session).left == 0


def test_a_budget_of_ones_own_holds_for_the_run_or_its_sweep(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    with pytest.raises(errors.BudgetError, match="run budget of 1 unit"):
        session.submit(picture, "a boat", budget=1)
    finish(session.submit(picture, "a boat", sweep="boats", budget="$0.30"))
    with pytest.raises(errors.BudgetError, match=r"\$0\.30"):
        session.submit(picture, "a ship", sweep="boats", budget="$0.30")
    finish(session.submit(picture, "a ship", sweep="ships", budget="$0.30"))
    assert len(sandbox.tasks()) == 2


def test_an_identical_request_costs_no_budget(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    session.budget("day", PRICE)
    first = finish(session.submit(picture, "a boat"))
    assert session.submit(picture, "a boat").id == first.id
    assert len(sandbox.charges()) == 1


def test_nearly_used_up_stands_on_the_run(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    session.budget("day", 3.2)
    first = session.submit(picture, "a boat")
    second = session.submit(picture, "a ship")
    assert not any("budget" in notice for notice in first.notices)
    assert [notice for notice in second.notices if "day budget of 3.2 units" in notice]
    for run in (first, second):
        finish(run)


def test_spent_is_summed_by_day_model_and_provider(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    for number in range(2):
        finish(session.submit(picture, f"boat {number}", sweep="boats"))
    finish(session.submit(picture, "[[sandbox:fail]] a boat"))
    day = session.spent()
    assert day[["purse", "runs", "units", "reserved_units", "unpriced"]].to_numpy().tolist() == [
        ["sandbox", 3, 2 * PRICE, 0.0, 0]
    ]
    assert session.spent("model")["model"].tolist() == ["kling-v2-5-turbo"]
    assert session.spent("provider")["usd"].tolist() == [0.42]
    assert session.spent("sweep")[["sweep", "runs"]].to_numpy().tolist() == [["boats", 2]]
    with pytest.raises(errors.UsageError, match="not summed by 'moon'"):
        session.spent("moon")


def test_an_empty_log_has_spent_nothing(session: Session) -> None:
    assert session.spent().empty
    assert session.budget().empty


def test_raising_is_an_act_on_record(session: Session) -> None:
    for amount in (20, "$5", "off"):
        session.budget("day", amount)
    assert [(scope, amount) for _, scope, _, amount in session.log.budgets.history()] == [
        (Scope.DAY, Amount(Decimal(20))),
        (Scope.DAY, Amount(Decimal(5), "USD")),
        (Scope.DAY, None),
    ]
