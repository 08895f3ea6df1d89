"""Finding runs again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunNotFound
from kling_nb.runlog import RunLog, RunRecord
from kling_nb.runlog.conditions import FilterError
from kling_nb.runlog.schema import RUNS

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def three(log: RunLog) -> RunLog:
    for run_id in ("r-0abc00000001", "r-0abc00000002", "r-0abd00000003"):
        log.insert(RunRecord(id=run_id, name=run_id[-1]))
    return log


@pytest.mark.parametrize(
    "typed",
    ["r-0abd00000003", "r-0abd", "0abd", "R-0ABD", " r-0abd ", "oabd"],
)
def test_the_beginning_of_an_id_is_enough_however_it_is_typed(three: RunLog, typed: str) -> None:
    assert three.get(typed).name == "3"


def test_a_complete_id_wins_over_longer_ones(three: RunLog) -> None:
    three.insert(RunRecord(id="r-0abd", name="short"))
    assert three.get("r-0abd").name == "short"


def test_an_ambiguous_beginning_names_the_candidates(three: RunLog) -> None:
    with pytest.raises(RunNotFound, match="Several runs begin") as caught:
        three.get("r-0abc")
    assert "r-0abc00000002, r-0abc00000001" in str(caught.value)
    assert "r-0abd00000003" not in str(caught.value)


def test_a_mistyped_id_is_answered_with_the_close_ones(three: RunLog) -> None:
    with pytest.raises(RunNotFound) as caught:
        three.get("r-0abd00000993")
    assert "r-0abd00000003" in caught.value.advice
    assert len(caught.value.lines()) == 3


def test_a_task_id_is_recognised_and_led_to_its_run(three: RunLog) -> None:
    three.update("r-0abc00000001", task_id="87654321")
    with pytest.raises(RunNotFound, match="task id of the service") as caught:
        three.get("87654321")
    assert "r-0abc00000001" in caught.value.advice


@pytest.mark.parametrize("typed", ["", "r-", "%", "_", "r-%", "nothing like it", "r-~"])
def test_nothing_odd_matches_a_run_by_accident(log: RunLog, typed: str) -> None:
    log.insert(RunRecord())
    log.insert(RunRecord())
    with pytest.raises(RunNotFound):
        log.get(typed)


def test_an_empty_log_answers_everything_and_creates_no_file(log: RunLog) -> None:
    assert log.records() == log.unfinished() == log.find(task_id="1") == []
    assert log.recent_durations("kling-v1", "std", 5) == []
    assert log.change_counter() == 0
    assert log.frame().empty
    with pytest.raises(RunNotFound):
        log.get("r-1")
    log.check()
    assert log._database.path is None or not log._database.exists


def test_find_needs_a_key_and_takes_several(log: RunLog) -> None:
    run = log.insert(RunRecord(task_id="1", external_task_id="a"))
    assert log.find(task_id="1", external_task_id="a") == [run]
    assert log.find(task_id="1", external_task_id="b") == []
    with pytest.raises(TypeError, match="needs"):
        log.find()


def test_unfinished_runs_are_those_that_still_need_something(log: RunLog) -> None:
    for status in RunStatus:
        log.insert(RunRecord(name=status, status=status))
    log.insert(RunRecord(name="filed", status=RunStatus.SUCCEEDED, downloaded_at=NOW))
    assert {run.name for run in log.unfinished()} == {
        *("created", "submitted", "processing", "uncertain", "succeeded"),
    }


def test_durations_come_from_like_runs_that_succeeded(log: RunLog) -> None:
    def ran(seconds: float, **columns: object) -> None:
        kind: dict[str, object] = {
            "model_name": "kling-v1",
            "mode": "std",
            "duration": 5,
            "provider": "official",
        }
        kind |= {"status": RunStatus.SUCCEEDED, **columns}
        log.insert(RunRecord(submitted_at=NOW, finished_at=NOW + timedelta(seconds=seconds), **kind))  # type: ignore[arg-type]  # mixed keywords

    ran(1, mode="pro")
    ran(2, status=RunStatus.FAILED)
    ran(3, provider="sandbox")
    ran(4, duration=10)
    ran(5.25)
    ran(6)
    log.insert(RunRecord(model_name="kling-v1", mode="std", duration=5, provider="official"))
    assert log.recent_durations("kling-v1", "std", 5, "official") == [6, 5.25]
    assert log.recent_durations("kling-v1", "std", 5) == [6, 5.25, 3]


def test_filters_take_values_lists_nothing_and_expressions(log: RunLog) -> None:
    log.insert(RunRecord(name="a", mode="std", rating=1))
    log.insert(RunRecord(name="b", mode="pro", rating=5))
    log.insert(RunRecord(name="c"))
    names = lambda where: [run.name for run in log.records(where)]  # noqa: E731 - a word for the table below
    assert names({"mode": "pro"}) == ["b"]
    assert names({"mode": ["std", "pro"]}) == ["b", "a"]
    assert names({"mode": None}) == ["c"]
    assert names({"mode": "std", "rating": 5}) == []
    assert names(RUNS.c.rating > 2) == ["b"]
    assert [run.name for run in log.records(limit=2)] == ["c", "b"]


def test_a_filter_on_an_unknown_column_names_close_ones(log: RunLog) -> None:
    log.insert(RunRecord())
    with pytest.raises(TypeError, match="Did you mean model_name"):
        log.frame({"model_nam": "kling-v1"})


def test_a_filter_compares_json_and_takes_the_newest_of_what_matches(log: RunLog) -> None:
    camera = {"type": "simple", "config": {"zoom": 5}}
    runs = [log.insert(RunRecord(camera_control=camera if n % 2 else None, name=str(n))) for n in range(6)]
    assert log.records({"camera_control": camera}, limit=2) == [runs[5], runs[3]]
    assert list(log.frame({"camera_control": camera}, 2)["name"]) == ["5", "3"]
    assert list(log.frame({"camera_control": None, "name": ["0", "1", "2"]})["name"]) == ["2", "0"]


@pytest.mark.parametrize(
    "wrong", ["high", ">= 0.9", ("better", 0.9), (">=", "much"), ["good", "bad"], {"min": 1}, (">=", None, 1)]
)
def test_a_number_held_against_no_number_is_refused_and_not_just_never_found(
    log: RunLog, wrong: object
) -> None:
    for name in ("gain", "rating"):
        with pytest.raises(FilterError, match=f"{name} is a number") as caught:
            log.frame({name: wrong})
        assert f'kn.runs({name}=(">=", 0.9))' in caught.value.advice
    log.frame({"gain": [0.9, None], "rating": (">=", 3), "duration": "5"})


def test_a_flag_that_is_none_is_refused_with_those_there_are(log: RunLog) -> None:
    with pytest.raises(FilterError, match="no flag 'frozne'") as caught:
        log.frame({"flags": ["leak", "frozne"]})
    assert "frozen" in caught.value.advice
    assert log.frame({"flags": ["leak", "frozen"]}).empty
