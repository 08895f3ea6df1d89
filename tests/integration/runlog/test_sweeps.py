"""Plans of sweeps in the log, and rows that are made later."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from kling_nb.runlog import RunLog, RunRecord
from kling_nb.runlog.sweeps import SweepRecord, new_sweep_id, pack, unpack

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLAN = {"runs": [{"id": "r-1", "cell": 0, "repeat": 1}], "axes": {"what": ["ü", 0.5, None]}}


def test_a_plan_is_read_back_as_it_was_written(log: RunLog) -> None:
    first = SweepRecord(new_sweep_id(), "cats", BEGIN, PLAN)
    second = SweepRecord(new_sweep_id(), None, BEGIN, PLAN, "done")
    assert log.sweeps.all() == []
    for record in (first, second):
        log.sweeps.insert(record)
    assert log.sweeps.all() == [second, first]
    assert log.sweeps.all("running") == [first]
    assert log.sweeps.find("cats") == log.sweeps.find(first.id) == [first]
    assert log.sweeps.find("s-2") == [second, first]
    assert log.sweeps.find("s_2") == log.sweeps.find("%") == []


def test_state_and_plan_change_apart(log: RunLog) -> None:
    record = SweepRecord(new_sweep_id(), None, BEGIN, PLAN)
    log.sweeps.insert(record)
    log.sweeps.set_state(record.id, "stopped", "by hand")
    log.sweeps.set_plan(record.id, {"runs": []})
    (found,) = log.sweeps.all()
    assert (found.state, found.reason, found.owner, found.plan) == ("stopped", "by hand", None, {"runs": []})


def test_a_row_that_is_made_later_keeps_everything_but_what_it_gets_then() -> None:
    record = RunRecord(
        provider="official",
        prompt="a boat",
        estimate_units=Decimal("3.5"),
        submitted_at=BEGIN,
        cfg_scale=0.0,
        tags=["a"],
        options={"y_origin": "top"},
        request={"image": {"sha256": "f"}},
        owner="me",
        wire={"a": 1},
    )
    made = unpack(pack(record), id="r-2", sweep_id="s-1", created_at=BEGIN, repeat=3)
    assert (made.id, made.sweep_id, made.repeat, made.owner, made.wire) == ("r-2", "s-1", 3, None, None)
    for name in (
        "provider",
        "prompt",
        "estimate_units",
        "submitted_at",
        "cfg_scale",
        "tags",
        "request",
        "purse",
    ):
        assert getattr(made, name) == getattr(record, name)


def test_a_column_of_another_version_does_not_keep_a_sweep_from_going_on() -> None:
    assert unpack({"prompt": "a", "mood": "calm"}).prompt == "a"
