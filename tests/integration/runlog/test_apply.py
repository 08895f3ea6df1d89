"""Several changes in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunNotFound
from kling_nb.runlog import Change, RunLog, RunRecord
from kling_nb.runlog.database import Database
from kling_nb.runlog.records import utc_now


def test_one_missing_run_undoes_all(tmp_path: Path) -> None:
    with RunLog(tmp_path / "runs.sqlite") as log:
        row = log.insert(RunRecord())
        with pytest.raises(RunNotFound, match="r-nobody"):
            log.apply([Change(row.id, {"note": "x"}), Change("r-nobody", {"note": "y"})])
        assert log.get(row.id).note is None


def test_changes_are_made_in_order_and_counted(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with RunLog(tmp_path / "runs.sqlite") as log:
        first, second = log.insert(RunRecord()), log.insert(RunRecord())
        before = log.change_counter()
        log.apply(
            [
                Change(first.id, {"sending_at": now}),
                Change(second.id, {"status": RunStatus.SUBMITTED, "task_id": "829611643369439283"}),
                Change(first.id, {"sending_at": None, "answers": {"create": {"a": 1}}}),
            ]
        )
        assert log.change_counter() > before
        assert (log.get(first.id).sending_at, log.get(first.id).answers) == (None, {"create": {"a": 1}})
        assert log.get(second.id).task_id == "829611643369439283"
        assert len(log.frame()) == 2


def test_a_lease_is_given_back_by_its_holder_only(tmp_path: Path) -> None:
    with RunLog(tmp_path / "runs.sqlite") as log:
        row = log.insert(RunRecord())
        log.lease(row.id, "me", 60)
        log.apply([Change(row.id, {}, releases="somebody else")])
        assert log.get(row.id).owner == "me"
        log.apply([Change(row.id, {"note": "done"}, releases="me")])
        assert (log.get(row.id).owner, log.get(row.id).note) == (None, "done")


def test_each_write_waits_for_the_platter_exactly_when_asked(path: Path) -> None:
    """2 is FULL, 1 is NORMAL; a connection is told anew whenever that changes."""
    with RunLog(path) as log:
        for durable in (True, True, False, False, True, False):
            with log._database.writing(durable=durable) as cursor:
                assert cursor.execute("PRAGMA synchronous").fetchone()[0] == (2 if durable else 1)


def test_a_claim_may_leave_the_platter_to_the_write_before_the_request(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    real = Database.writing

    def writing(self: Database, *, durable: bool) -> Any:
        asked.append(durable)
        return real(self, durable=durable)

    monkeypatch.setattr(Database, "writing", writing)
    with RunLog(path) as log:
        run = log.claim(RunRecord(), durable=False)
        log.apply(
            [Change(run.id, {"status": RunStatus.PROCESSING}), Change(run.id, {"sending_at": utc_now()})]
        )
        log.claim(RunRecord())
    assert asked == [False, True, True]
