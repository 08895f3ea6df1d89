"""A row is what was written: nothing rounded, cut, re-encoded or re-ordered."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunLogError, RunNotFound
from kling_nb.runlog import RunLog, RunRecord, new_id
from kling_nb.runlog.schema import COLUMNS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
MONEY = st.decimals(min_value=0, max_value=10**8, places=6, allow_nan=False)
MOMENT = st.datetimes(datetime(2024, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.builds(
    RunRecord,
    task_id=st.integers(2**53, 10**40).map(str),
    external_task_id=st.none() | TEXT,
    status=st.sampled_from(RunStatus),
    prompt=st.none() | TEXT,
    duration=st.none() | st.integers(1, 60),
    cfg_scale=st.none() | st.floats(0, 1),
    camera_control=st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    multi_shot=st.none() | st.booleans(),
    estimate_units=st.none() | MONEY,
    estimate_usd=st.none() | MONEY,
    actual_units=st.none() | MONEY,
    created_at=MOMENT,
    sending_at=st.none() | MOMENT,
    video_bytes=st.none() | st.integers(0, 2**40),
    tags=st.lists(TEXT, max_size=3),
    answers=st.dictionaries(TEXT, JSON, max_size=3),
)
ONE_LOG = settings(suppress_health_check=list(HealthCheck), max_examples=40, deadline=None)


def as_stored(log: RunLog, value: Any) -> Any:
    """What the log can keep: PostgreSQL has no zero bytes in texts and no endless numbers in JSON."""
    if log._database.path is not None:
        return value
    if isinstance(value, RunRecord):
        return replace(value, **{name: as_stored(log, getattr(value, name)) for name in COLUMNS})
    if isinstance(value, (dict, list)):
        return json.loads(json.dumps(value), parse_constant=lambda word: str(float(word)))
    return value.replace("\0", "\ufffd") if type(value) is str else value


@ONE_LOG
@given(record=RECORDS)
@example(record=RunRecord(prompt="a\0b", answers={"create": {"x": [float("inf")]}}))
def test_every_field_comes_back_as_it_was_written(log: RunLog, record: RunRecord) -> None:
    record = replace(record, id=RunLog.new_id())
    log.insert(record)
    assert log.get(record.id) == as_stored(log, record)


@ONE_LOG
@given(record=RECORDS, other=RECORDS)
def test_an_update_changes_what_it_names_and_nothing_else(
    log: RunLog, record: RunRecord, other: RunRecord
) -> None:
    log.insert(record)
    changed = {
        name: getattr(other, name) for name in ("prompt", "actual_units", "sending_at", "tags", "status")
    }
    expected = as_stored(log, replace(record, **changed))
    assert log.update(record.id, **changed) == expected == log.get(record.id)


def test_ids_beyond_2_to_the_53_keep_every_digit(log: RunLog) -> None:
    run = log.insert(RunRecord(task_id="9007199254740993", external_task_id="00017"))
    assert (log.get(run.id).task_id, log.get(run.id).external_task_id) == ("9007199254740993", "00017")
    assert log.find(task_id="9007199254740993") == [run]


def test_money_is_exact_and_a_number_to_the_database(log: RunLog, path: Path) -> None:
    for units in ("0.1", "0.2", "10", "9.5"):
        log.insert(RunRecord(actual_units=Decimal(units)))
    assert sum(run.actual_units or 0 for run in log.records()) == Decimal("19.8")
    with closing(sqlite3.connect(path)) as plain:
        # As text, '10' would be smaller than '9.5'.
        assert plain.execute("SELECT max(actual_units) FROM runs").fetchone() == (10,)


def test_times_of_another_zone_are_the_same_moment_in_utc(log: RunLog) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=8)))
    run = log.get(log.insert(RunRecord(sending_at=noon)).id)
    assert run.sending_at == noon
    assert run.sending_at is not None
    assert run.sending_at.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused_and_nothing_written(log: RunLog) -> None:
    with pytest.raises(ValueError, match="no timezone"):
        log.insert(RunRecord(created_at=datetime(2026, 11, 20)))
    assert log.records() == []


def test_a_broken_character_does_not_cost_the_row(log: RunLog) -> None:
    run = log.insert(RunRecord())
    told = log.update(run.id, task_id="17", error_message="bad \ud800 byte", answers={"create": "\ud800"})
    assert (told.task_id, told.error_message) == ("17", "bad ? byte")
    assert log.get(run.id).answers == {"create": "\ud800"}


@pytest.mark.parametrize("names", [{}, {"promt": "x"}, {"id": "r-2"}, {"revision": 1}])
def test_an_update_of_no_or_unknown_columns_is_refused(log: RunLog, names: dict[str, object]) -> None:
    run = log.insert(RunRecord())
    with pytest.raises(TypeError, match="not columns"):
        log.update(run.id, **names)


def test_updating_a_run_that_is_not_there_says_so(log: RunLog) -> None:
    log.insert(RunRecord())
    with pytest.raises(RunNotFound):
        log.update("r-000000000000", note="x")


def test_an_id_is_never_written_twice(log: RunLog) -> None:
    run = log.insert(RunRecord(prompt="first"))
    with pytest.raises(RunLogError):
        log.insert(RunRecord(id=run.id, prompt="second"))
    assert log.get(run.id).prompt == "first"


def test_the_table_has_the_columns_of_the_record_and_readable_values(log: RunLog, path: Path) -> None:
    log.insert(RunRecord(camera_control={"type": "simple", "config": {"zoom": 5}}, again=True))
    with closing(sqlite3.connect(path)) as plain:
        names = [row[1] for row in plain.execute("PRAGMA table_info(runs)")]
        camera, again, created = plain.execute(
            "SELECT camera_control, again, created_at FROM runs"
        ).fetchone()
    assert names == [item.name for item in fields(RunRecord)] + ["revision"] == [*COLUMNS, "revision"]
    assert json.loads(camera) == {"type": "simple", "config": {"zoom": 5}}
    assert again == 1
    assert datetime.fromisoformat(created).tzinfo is not None


def test_a_row_written_by_hand_can_be_read(log: RunLog, path: Path) -> None:
    log.insert(RunRecord())
    with closing(sqlite3.connect(path)) as plain:
        plain.execute(
            "INSERT INTO runs (id, status, created_at, repeat, revision) "
            "VALUES ('r-by-hand', 'failed', '2026-11-20T10:00:00+00:00', 1, 99)"
        )
        plain.commit()
    run = log.get("r-by-hand")
    assert (run.tags, run.answers, run.status) == ([], {}, RunStatus.FAILED)
    assert "r-by-hand" in set(log.frame()["id"])


def test_raw_answers_stay_out_of_the_repr() -> None:
    assert "secret-url" not in repr(RunRecord(answers={"create": "secret-url"}, wire={"x": "secret-url"}))


@given(
    RECORDS, st.fixed_dictionaries({}, optional={"task_id": TEXT, "purse": TEXT, "tags": st.just(["new"])})
)
def test_a_changed_row_differs_in_what_was_changed(record: RunRecord, columns: dict[str, Any]) -> None:
    before = replace(record)
    assert record.changed(**columns) == replace(record, **columns)
    assert record == before
    with pytest.raises(KeyError):
        record.changed(colour="red")


def test_ids_are_short_sorted_and_without_letters_that_are_misread() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert {len(run_id) for run_id in ids} == {14}
    assert not set("".join(ids).replace("r-", "")) & set("ilou")
