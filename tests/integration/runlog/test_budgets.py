"""Budgets: what counts, what is refused, and that nobody gets past."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernels_of_a_log import Kernel

from kling_nb.domain.budget import Amount, Limit, Scope
from kling_nb.domain.task import RunStatus
from kling_nb.errors import BudgetError, RunLogError
from kling_nb.runlog import Admission, Change, RunLog, RunRecord, Wish, open_log
from kling_nb.runlog.charges import Charge, Standing, day_start

PRICE = Decimal("2.5")
WISH = Wish("a slot", 1000, "me")


def wanted(price: str | Decimal | None = PRICE, **columns: Any) -> RunRecord:
    units = None if price is None else Decimal(price)
    usd = None if units is None else units * Decimal("0.14")
    return RunRecord(**{"provider": "official", "estimate_units": units, "estimate_usd": usd, **columns})


def day(log: RunLog, amount: str) -> None:
    log.budgets.set(Scope.DAY, Amount.parse(amount))


def standing(log: RunLog, purse: str = "real") -> Standing:
    (found,) = log.budgets.standing(log.budgets.limits(), [purse], day_start())
    return found


def send(log: RunLog, run: RunRecord, *caps: Limit) -> Any:
    change = Change(run.id, {"sending_at": datetime.now(UTC)}, admission=Admission(WISH, caps))
    return log.apply([change])[0]


# --- refusals ----------------------------------------------------------------------------------------------


def test_a_run_beyond_the_day_is_refused_and_leaves_no_row(log: RunLog) -> None:
    day(log, "6")
    log.claim(wanted())
    log.claim(wanted())
    with pytest.raises(BudgetError) as caught:
        log.claim(wanted())
    assert caught.value.lines() == [
        "The day budget of 6 units stops this run; nothing was sent.",
        "Spent 0 units, reserved 5 units for runs on their way, and this one would cost 2.5 units.",
        "%kling budget day AMOUNT raises it for every kernel of this log. A new day begins at midnight.",
    ]
    assert len(log.records()) == 2


@pytest.mark.parametrize("way", [{"again": True}, {"forced": True}, {"repeat": 7}, {"identity": "x"}])
def test_nothing_a_run_says_about_itself_gets_past(log: RunLog, way: dict[str, Any]) -> None:
    day(log, "2")
    with pytest.raises(BudgetError):
        log.claim(wanted(**way), again=bool(way.get("again")))


@pytest.mark.parametrize("budget", ["10", "$10"])
def test_an_unknown_price_is_refused_with_that_reason(log: RunLog, budget: str) -> None:
    day(log, budget)
    with pytest.raises(BudgetError, match="unknown") as caught:
        log.claim(wanted(None))
    assert "assume_units" in caught.value.advice


def test_a_price_in_dollars_is_no_price_in_units(log: RunLog) -> None:
    day(log, "10")
    with pytest.raises(BudgetError, match="in Kling units is unknown") as caught:
        log.claim(wanted(None, estimate_usd=Decimal("0.50")))
    assert "$0.50" in caught.value.why


def test_a_single_run_is_limited_too(log: RunLog) -> None:
    log.budgets.set(Scope.RUN, Amount.parse("2"))
    for _ in range(3):
        log.claim(wanted("2"))
    with pytest.raises(BudgetError, match="run budget of 2 units"):
        log.claim(wanted("2.000001"))


def test_every_sweep_has_the_budget_of_sweeps_and_a_named_one_its_own(log: RunLog) -> None:
    log.budgets.set(Scope.SWEEP, Amount.parse("5"))
    log.budgets.set(Scope.SWEEP, Amount.parse("3"), "cats")
    for _ in range(2):
        log.claim(wanted(sweep_id="dogs"))
    with pytest.raises(BudgetError, match=r"sweep budget \(dogs\) of 5 units"):
        log.claim(wanted(sweep_id="dogs"))
    log.claim(wanted(sweep_id="cats"))
    with pytest.raises(BudgetError, match="budget of sweep cats of 3 units"):
        log.claim(wanted(sweep_id="cats"))
    log.claim(wanted())


def test_a_limit_of_this_kernel_only_makes_it_tighter(log: RunLog) -> None:
    day(log, "5")
    tight = Limit(Scope.DAY, Amount.parse("2.5"), source="KLING_NB_BUDGET_DAY")
    wide = Limit(Scope.DAY, Amount.parse("100"), source="KLING_NB_BUDGET_DAY")
    log.claim(wanted(), caps=[tight])
    with pytest.raises(BudgetError, match=r"2\.5 units stops") as caught:
        log.claim(wanted(), caps=[tight])
    assert "KLING_NB_BUDGET_DAY" in caught.value.advice
    log.claim(wanted(), caps=[wide])
    with pytest.raises(BudgetError, match="of 5 units"):
        log.claim(wanted(), caps=[wide])


@pytest.mark.parametrize(
    "bad", ["", "-1", "1e3", "inf", "nan", "$", "5 dollars", "$5 units", "1.0000001", "٣"]
)
def test_what_is_no_amount_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="is no amount"):
        Amount.parse(bad)


def test_a_budget_that_cannot_be_written_is_not_set(log: RunLog, path: Path) -> None:
    day(log, "5")
    with open_log(path, read_only=True) as other:
        with pytest.raises(RunLogError):
            other.budgets.set(Scope.DAY, None)
        assert [str(limit.amount) for limit in other.budgets.limits()] == ["5 units"]


# --- what counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "spent", "reserved"),
    [
        ({}, "0", "2.5"),
        ({"status": RunStatus.UNCERTAIN}, "0", "2.5"),
        ({"status": RunStatus.PROCESSING, "task_id": "t"}, "0", "2.5"),
        ({"status": RunStatus.FAILED}, "0", "0"),
        ({"status": RunStatus.FAILED, "actual_units": Decimal("1")}, "1", "0"),
        ({"status": RunStatus.SUCCEEDED}, "2.5", "0"),
        ({"status": RunStatus.SUCCEEDED, "actual_units": Decimal("3")}, "3", "0"),
        ({"status": RunStatus.SUCCEEDED, "actual_units": Decimal("0")}, "0", "0"),
    ],
)
def test_the_end_of_a_run_decides_what_it_counts(
    log: RunLog, ending: dict[str, Any], spent: str, reserved: str
) -> None:
    day(log, "20")
    run = log.claim(wanted())
    log.update(run.id, sending_at=datetime.now(UTC), **ending)
    found = standing(log)
    assert (found.spent.value, found.reserved.value) == (Decimal(spent), Decimal(reserved))
    assert found.left.value == 20 - Decimal(spent) - Decimal(reserved)


def test_rehearsals_have_a_purse_of_their_own(log: RunLog) -> None:
    day(log, "5")
    for provider in ("sandbox", "sandbox-acedata"):
        log.claim(wanted(provider=provider))
    with pytest.raises(BudgetError):
        log.claim(wanted(provider="sandbox"))
    log.claim(wanted(provider="acedata"))
    assert (standing(log).reserved.value, standing(log, "sandbox").reserved.value) == (PRICE, 2 * PRICE)


def test_yesterday_does_not_count_unless_it_is_sent_today(log: RunLog) -> None:
    before = day_start() - timedelta(seconds=1)
    old = log.insert(wanted(created_at=before, sending_at=before))
    late = log.insert(wanted(created_at=before))
    day(log, "2.5")
    assert standing(log).reserved.value == 0
    assert send(log, late) is None
    assert standing(log).reserved.value == PRICE
    with pytest.raises(BudgetError):
        log.claim(wanted())
    assert log.get(old.id).sending_at == before


def test_the_local_midnight_begins_the_day() -> None:
    start = day_start()
    now = datetime.now().astimezone()
    assert (start.hour, start.minute, start.second) == (0, 0, 0)
    assert start <= now < start + timedelta(hours=26)


@pytest.mark.parametrize(("provider", "left"), [("official", "1"), ("sandbox", "6")])
def test_a_kernel_of_an_older_version_spends_from_the_same_purse(
    log: RunLog, provider: str, left: str
) -> None:
    """It went on with the log that a newer one has migrated under it, and knows no purses."""
    day(log, "6")
    for _ in range(2):
        row = log.insert(wanted(provider=provider, sending_at=datetime.now(UTC)))
        log.update(row.id, purse=None, form=None, currency=None)
    with pytest.raises(BudgetError, match="stops this run"):
        log.claim(wanted(Decimal(left) + 1))
    with pytest.raises(BudgetError, match="stops these 2 runs"):
        log.budgets.afford([Charge.of(wanted(Decimal(left)))] * 2)
    assert log.claim(wanted(left))


def test_dollars_are_held_against_dollars(log: RunLog) -> None:
    day(log, "$0.70")
    log.claim(wanted())
    log.claim(wanted())
    with pytest.raises(BudgetError, match=r"\$0\.70"):
        log.claim(wanted())


# --- sending what is in the log already --------------------------------------------------------------------


def test_a_run_that_was_never_sent_does_not_get_past_a_budget_made_meanwhile(log: RunLog) -> None:
    first, second = log.claim(wanted()), log.claim(wanted())
    day(log, "3")
    assert send(log, first) is None
    assert isinstance(send(log, second), BudgetError)
    assert log.get(second.id).sending_at is None


def test_a_run_of_an_earlier_day_comes_after_those_that_hold_today(log: RunLog) -> None:
    old = log.insert(wanted(created_at=day_start() - timedelta(hours=1)))
    day(log, "5")
    today = [log.claim(wanted()) for _ in range(2)]
    assert isinstance(send(log, old), BudgetError)
    assert [send(log, run) for run in today] == [None, None]
    log.update(today[0].id, status=RunStatus.FAILED)
    assert send(log, old) is None


def test_at_midnight_a_run_is_held_against_one_day(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent again, it holds its own place; the day must not end between the sum and what is taken from it."""
    day(log, "2.5")
    run = log.claim(wanted())
    assert send(log, run) is None
    days = (day_start() + timedelta(days=number) for number in itertools.count())
    monkeypatch.setattr("kling_nb.runlog.budgets.day_start", lambda: next(days))
    assert send(log, log.get(run.id)) is None


def test_caps_of_a_kernel_hold_when_sending(log: RunLog) -> None:
    run = log.claim(wanted())
    refused = send(log, run, Limit(Scope.RUN, Amount.parse("1"), source="KLING_NB_BUDGET_RUN"))
    assert isinstance(refused, BudgetError)


def test_one_refused_run_does_not_keep_the_others_of_its_transaction_back(log: RunLog) -> None:
    runs = [log.claim(wanted(price)) for price in ("2", "9", "2")]
    day(log, "5")
    moment = datetime.now(UTC)
    outcomes = log.apply([Change(run.id, {"sending_at": moment}, admission=Admission(WISH)) for run in runs])
    assert [type(outcome) for outcome in outcomes] == [type(None), BudgetError, type(None)]
    assert [log.get(run.id).sending_at is None for run in runs] == [False, True, False]


def test_what_exists_already_is_taken_into_the_log_whatever_the_budget(log: RunLog) -> None:
    day(log, "1")
    log.claim(wanted(None, task_id="t", sending_at=datetime.now(UTC)))
    assert standing(log).unpriced == 1


# --- setting -----------------------------------------------------------------------------------------------


def test_raising_and_ending_is_on_record_with_its_time(log: RunLog) -> None:
    for amount in ("20", "40"):
        day(log, amount)
    log.budgets.set(Scope.DAY, None)
    assert log.budgets.limits() == []
    log.claim(wanted("1000"))
    history = log.budgets.history()
    assert [None if amount is None else str(amount) for *_, amount in history] == [
        "20 units",
        "40 units",
        None,
    ]
    assert sorted(history, key=lambda entry: entry[0]) == history


def test_nearly_used_up_is_told_once_a_day_and_purse(log: RunLog) -> None:
    day(log, "10")
    notices = [log.claim(wanted("2")).notices for _ in range(5)]
    told = "The day budget of 10 units is used up to 10 units, this run included."
    assert notices == [[], [], [], [], [told]]
    sandbox = [log.claim(wanted("3", provider="sandbox")).notices for _ in range(3)]
    assert [len(each) for each in sandbox] == [0, 0, 1]
    day(log, "11")
    assert log.claim(wanted("1")).notices, "another budget is another thing to tell"


# --- exactness and concurrency -----------------------------------------------------------------------------


def test_exactly_as_many_runs_pass_as_can_be_paid(log: RunLog) -> None:
    """Also where binary fractions would be off by one: 0.7 goes ten times into 7."""
    sweeps = itertools.count()

    @given(limit=st.decimals("0", "50", places=3), price=st.decimals("0.01", "9", places=3))
    @example(Decimal("7"), Decimal("0.7"))
    @settings(max_examples=15, deadline=None)
    def holds(limit: Decimal, price: Decimal) -> None:
        sweep = f"sweep {next(sweeps)}"
        affordable = min(int(limit / price), 20)
        log.budgets.set(Scope.SWEEP, Amount(limit), sweep)
        for _ in range(affordable):
            log.claim(wanted(price, sweep_id=sweep), durable=False)
        if affordable < 20:
            with pytest.raises(BudgetError):
                log.claim(wanted(price, sweep_id=sweep))

    holds()


def claims_of(start: Any, processes: int, claims: int, price: str) -> int:
    """Let processes claim at the same moment; how many runs they were given."""
    workers: list[Kernel] = [start("spend", claims, price) for _ in range(processes)]
    for worker in workers:
        assert worker.stdout.readline().strip() == "ready"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    outputs = [worker.communicate()[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * processes
    return sum(output.count("made") for output in outputs)


@pytest.mark.parametrize(
    ("limit", "price", "claims"),
    [("7", "0.7", 20), pytest.param("100", "0.3", 200, marks=pytest.mark.drill)],
)
def test_four_kernels_together_never_pass(
    log: RunLog, start: Any, limit: str, price: str, claims: int
) -> None:
    """Every second claim is sent and ends in all the ways a run can end, while the others go on."""
    day(log, limit)
    made = claims_of(start, 4, claims, price)
    affordable = int(Decimal(limit) / Decimal(price))
    assert made == affordable == len(log.records())
    found = standing(log)
    assert found.spent.value + found.reserved.value == affordable * Decimal(price)
    assert log.frame()["estimate_units"].sum() <= float(limit) + 1e-9
