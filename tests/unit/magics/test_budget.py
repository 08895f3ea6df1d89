"""``%kling budget`` and the options of a cell that concern money."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.magics import extension
from kling_nb.magics.call import read_call
from kling_nb.session import default_session


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    extension.load(shell)
    capsys.readouterr()
    return shell


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("day", "How much for a day?"),
        ("day much", "'much' is no amount of money."),
        ("day -5", "'-5' is no amount of money."),
        ("week 5", "There is no budget for 'week'."),
        ("day cats 5", "Unexpected word '5'."),
        ("sweep cats 5 6", "Unexpected word '6'."),
    ],
)
def test_what_makes_no_budget_sets_none(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    assert not loaded.run_cell(f"%kling budget {line}").success
    assert said in capsys.readouterr().out
    assert default_session().log.budgets.limits() == []


def test_setting_showing_raising_and_ending(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loaded.run_cell("%kling budget").success
    shown = capsys.readouterr().out
    assert "The day began at" in shown
    assert "(UTC" in shown
    assert "no budget yet" in shown
    for line in ("day 20", "sweep $5", "sweep cats 3", "run 2.5", "day 40"):
        assert loaded.run_cell(f"table = %kling budget {line}").success, line
    table = loaded.user_ns["table"]
    listed = [(row.budget, row.purse, row.limit, row.currency) for row in table.itertuples()]
    assert listed == [
        ("run", "each", 2.5, "units"),
        ("sweep", "each", 5.0, "USD"),
        ("sweep cats", "real", 3.0, "units"),
        ("sweep cats", "sandbox", 3.0, "units"),
        ("day", "real", 40.0, "units"),
        ("day", "sandbox", 40.0, "units"),
    ]
    assert loaded.run_cell("table = %kling budget day off").success
    assert "day" not in set(loaded.user_ns["table"]["budget"])


def test_a_variable_of_the_environment_is_shown_as_such(
    loaded: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_NB_BUDGET_DAY", "$5")
    assert loaded.run_cell("%kling budget day 20").success
    assert loaded.run_cell("table = %kling budget").success
    table = loaded.user_ns["table"]
    assert set(table["set_by"]) == {"%kling budget", "KLING_NB_BUDGET_DAY"}


@pytest.mark.parametrize("value", ["plenty", "-1", "5 dollars"])
def test_a_variable_that_is_no_amount_stops_everything(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """A budget with a typing error must not be no budget."""
    monkeypatch.setenv("KLING_NB_BUDGET_DAY", value)
    assert not loaded.run_cell("%kling budget").success
    assert "must be an amount" in capsys.readouterr().out


def test_options_of_a_cell() -> None:
    call = read_call("boat.jpg --sweep cats --budget $5 --assume-units 2.5", "a boat", {})
    assert (call.sweep, call.budget, call.assume_units) == ("cats", "$5", 2.5)
