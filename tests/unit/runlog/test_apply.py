"""Several changes in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import RunNotFound
from kling_nb.runlog import Change, RunLog, RunRecord


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
