"""The runs as a table a person can work with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunLog, RunRecord, open_log

FULL: dict[str, Any] = {
    "task_id": "9007199254740993",
    "status": RunStatus.SUCCEEDED,
    "provider": "official",
    "model_name": "kling-v1",
    "mode": "pro",
    "duration": 5,
    "cfg_scale": 0.5,
    "multi_shot": True,
    "camera_control": {"type": "simple", "config": {"horizontal": 0, "zoom": -2.5}},
    "estimate_units": Decimal("3.5"),
    "actual_units": Decimal("0.1"),
    "created_at": datetime(2026, 11, 20, 10, 30, 0, 123456, tzinfo=UTC),
    "finished_at": datetime(2026, 11, 20, 10, 32, tzinfo=UTC),
    "video_bytes": 2**40,
    "tags": ["boat", "sea"],
    "notices": ["one.", "two."],
}


def test_dtypes_are_real_with_values_without_and_with_none(log: RunLog) -> None:
    empty = log.frame().dtypes
    log.insert(RunRecord())
    bare = log.frame().dtypes
    log.insert(RunRecord(**FULL))
    full = log.frame()
    for dtypes in (empty, bare, full.dtypes):
        assert dtypes["id"] == dtypes["task_id"] == dtypes["prompt"] == "string"
        assert dtypes["created_at"] == dtypes["finished_at"] == "datetime64[us, UTC]"
        assert dtypes["duration"] == dtypes["video_bytes"] == "Int64"
        assert dtypes["estimate_units"] == dtypes["actual_units"] == dtypes["cfg_scale"] == "float64"
        assert dtypes["multi_shot"] == "boolean"
        assert all(
            isinstance(dtypes[c], pd.CategoricalDtype) for c in ("status", "provider", "model_name", "mode")
        )


def test_cells_hold_what_the_record_holds_in_words_a_person_uses(log: RunLog) -> None:
    log.insert(RunRecord(**FULL))
    row = log.frame().iloc[0]
    assert row["task_id"] == "9007199254740993"
    assert row["created_at"] == pd.Timestamp("2026-11-20T10:30:00.123456Z")
    assert row["camera_control"] == "zoom=-2.5"
    assert row["tags"] == ("boat", "sea")
    assert row["notices"] == "one.; two."
    assert (row["duration"], row["video_bytes"], row["actual_units"]) == (5, 2**40, 0.1)
    assert bool(row["multi_shot"]) is True
    assert row["status"] == "succeeded"


def test_missing_values_are_missing_not_empty_words(log: RunLog) -> None:
    log.insert(RunRecord())
    row = log.frame().iloc[0]
    for name in ("prompt", "duration", "multi_shot", "camera_control", "finished_at", "actual_units", "mode"):
        assert pd.isna(row[name]), name
    assert row["tags"] == ()


def test_newest_first_and_what_people_look_for_first(log: RunLog) -> None:
    runs = [log.insert(RunRecord()).id for _ in range(5)]
    frame = log.frame()
    assert list(frame["id"]) == runs[::-1]
    assert list(frame.index) == [0, 1, 2, 3, 4]
    assert list(frame.columns[:7]) == [
        "id",
        "created_at",
        "status",
        "provider",
        "model_name",
        "mode",
        "duration",
    ]
    assert not {"request", "wire", "answers", "owner", "revision"} & set(frame.columns)


@pytest.mark.parametrize("camera", [{"type": "forward_up"}, {"type": "forward_up", "config": None}])
def test_a_preset_camera_is_its_name(log: RunLog, camera: dict[str, Any]) -> None:
    log.insert(RunRecord(camera_control=camera))
    assert log.frame()["camera_control"].iloc[0] == "forward_up"


def test_the_frame_is_the_callers_own(log: RunLog) -> None:
    log.insert(RunRecord(prompt="mine"))
    frame = log.frame()
    frame["prompt"] = "changed"
    frame.loc[0, "note"] = "changed"
    frame["extra"] = 1
    del frame["status"]
    again = log.frame()
    assert list(again["prompt"]) == ["mine"]
    assert "extra" not in again
    assert pd.isna(again.loc[0, "note"])


def test_filter_and_limit_are_applied(log: RunLog) -> None:
    for number in range(6):
        log.insert(RunRecord(name=str(number), mode="pro" if number % 2 else "std"))
    assert list(log.frame(limit=2)["name"]) == ["5", "4"]
    assert list(log.frame({"mode": "pro"})["name"]) == ["5", "3", "1"]
    assert list(log.frame({"mode": "pro"}, limit=1)["name"]) == ["5"]
    assert len(log.frame()) == 6
    assert list(log.frame(limit=2)["name"]) == ["5", "4"], "from the kept frame"
    assert log.frame({"mode": "none such"}).empty


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.sampled_from([None, "std", "pro"])),
        st.tuples(st.just("update"), st.integers(0, 30)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("older"), st.integers(0, 10**6)),
        st.tuples(st.just("look"), st.none()),
    ),
    max_size=25,
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(actions=ACTIONS)
def test_the_kept_frame_is_always_what_a_fresh_look_gives(
    log: RunLog, path: Path, actions: list[Any]
) -> None:
    for _ in range(12):
        log.insert(RunRecord(provider="sandbox"))
    log.frame()
    for number, (action, value) in enumerate(actions, log.change_counter()):
        ids = [run.id for run in log.records()]
        if action == "insert":
            log.insert(RunRecord(mode=value, tags=["x"]))
        elif action == "older":
            log.claim(RunRecord(id=f"r-0{value:07}{number:06}", provider=f"p{value % 7}"))
        elif action == "update":
            log.update(
                ids[value % len(ids)],
                model_name=f"kling-v{value}",
                rating=value,
                finished_at=FULL["created_at"],
            )
        elif action == "delete" and len(ids) > 1:
            with closing(sqlite3.connect(path)) as plain:
                plain.execute("DELETE FROM runs WHERE id = ?", (ids[value % len(ids)],))
                plain.commit()
        else:
            log.frame()
    with open_log(path) as fresh:
        assert_frame_equal(log.frame(), fresh.frame(), check_categorical=False)


@pytest.mark.parametrize("added", [1, 2])
def test_a_row_deleted_by_hand_disappears_although_its_revision_is_used_again(
    log: RunLog, path: Path, added: int
) -> None:
    for number in range(8):
        log.insert(RunRecord(name=str(number)))
    log.frame()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("DELETE FROM runs WHERE name = '7'")
        plain.commit()
    for _ in range(added):
        log.insert(RunRecord(name="new"))
    assert list(log.frame()["name"]) == ["new"] * added + ["6", "5", "4", "3", "2", "1", "0"]


def test_what_another_process_wrote_is_seen(log: RunLog, path: Path) -> None:
    run = log.insert(RunRecord(rating=1))
    log.frame()
    with open_log(path) as other:
        other.update(run.id, rating=5)
        other.insert(RunRecord())
    assert list(log.frame()["rating"].astype(object)) == [pd.NA, 5]


def test_an_unchanged_table_is_not_read_again(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.insert(RunRecord())
    first = log.frame()
    monkeypatch.setattr("kling_nb.runlog.framecache.build", lambda rows: pytest.fail("read again"))
    assert_frame_equal(log.frame(), first)


def test_the_change_counter_rises_with_every_write(log: RunLog) -> None:
    run = log.insert(RunRecord())
    first = log.change_counter()
    log.update(run.id, note="x")
    second = log.change_counter()
    log.insert(RunRecord())
    assert first < second < log.change_counter()
