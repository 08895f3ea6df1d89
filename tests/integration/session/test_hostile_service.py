"""A service that answers in any way at all: runs end or wait and say so, and take nothing of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile_runs import DOORS, session_at, under_any_answers
from hostile_service import Hostile, Made

from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError


@pytest.fixture
def service() -> Any:
    made = Hostile()
    yield made
    made.close()


@pytest.mark.parametrize("door", DOORS)
def test_any_answer(
    door: str, service: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    under_any_answers(
        service, door, tmp_path / "folder", monkeypatch, caplog, max_examples=12, derandomize=True
    )


@pytest.mark.parametrize("door", DOORS)
def test_a_create_answered_with_the_task_of_another_run(
    door: str, service: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an id of ours the own task is found; without one nobody knows, and the run says so."""
    with session_at(service, door, tmp_path / "runs", monkeypatch) as session:
        first = session.submit(prompt="mine").wait(60)
        service.plan = {"create": [("other",)]}
        second = session.submit(prompt="another").wait(60, raise_on_failure=False)
        assert second.task_id != first.task_id
        if second.record.external_task_id is None:
            assert second.status is RunStatus.UNCERTAIN
            assert f"that of {first.id}" in str(second.error)
        else:
            assert second.status is RunStatus.SUCCEEDED, second.error
            assert second.video is not None
            assert b"video of another" in second.video.read_bytes()


@pytest.mark.parametrize("door", DOORS)
def test_a_question_answered_about_another_task(
    door: str, service: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session_at(service, door, tmp_path / "runs", monkeypatch) as session:
        first = session.submit(prompt="mine").wait(60)
        service.plan = {"ask": [("other",), ("other",)]}
        second = session.submit(prompt="another").wait(60)
        assert service.plan["ask"] == [], "asked again"
        assert second.video is not None
        assert b"video of another" in second.video.read_bytes()
        # Asked again for a new address, when the file is gone.
        second.video.unlink()
        session.log.update(
            second.id, video_path=None, downloaded_at=None, video_url=f"{service.url}/files/0.mp4"
        )
        service.plan = {"ask": [("other",)]}
        fetched = session.resume(second.id)[0].wait(60, raise_on_failure=False)
        assert fetched.video is None or b"video of another" in fetched.video.read_bytes()
        assert service.plan["ask"] == [], "asked for a new address"
        # And for a task that the log does not know.
        service.tasks["77"] = Made("77", "of somebody", "")
        service.plan = {"ask": [("other",)] * 5}
        with pytest.raises(KlingError, match="another task"):
            session.attach("77")
        assert [row.task_id for row in session.log.records()] == [second.task_id, first.task_id]
