"""What is said about earlier runs: logs that cannot be written, videos that will soon be gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.errors import LogReadOnly
from kling_nb.magics import announce
from kling_nb.runlog import RunRecord
from kling_nb.session import Session, set_default_session
from kling_nb.session.doctor import _log
from kling_nb.session.retention import removal_notice

NOW = datetime(2026, 6, 30, tzinfo=UTC)


def finished(days: float, **columns: Any) -> RunRecord:
    given = {"status": RunStatus.SUCCEEDED, "task_id": "7", "finished_at": NOW - timedelta(days=days)}
    return RunRecord(**{**given, **columns})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (finished(24.9), ""),
        (finished(26, status=RunStatus.FAILED), ""),
        (finished(26, downloaded_at=NOW), ""),
        (finished(26, finished_at=None), ""),
        (finished(25), "25 days old and not downloaded; the service removes it in 5 days."),
        (finished(29.5), "29 days old and not downloaded; the service removes it soon."),
        (finished(31), "31 days old and not downloaded; the service has probably removed it."),
    ],
)
def test_videos_older_than_25_days_that_were_not_downloaded(record: RunRecord, words: str) -> None:
    notice = removal_notice(record, NOW)
    assert notice.endswith(words)
    assert bool(notice) == bool(words)


def test_the_warning_is_on_the_handle_and_under_load_ext(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = session.log.insert(finished(0, finished_at=datetime.now(UTC) - timedelta(days=26)))
    (run,) = session.unfinished()
    assert any("not downloaded" in notice for notice in run.notices)
    monkeypatch.setattr(Session, "follow", lambda *_: None)
    monkeypatch.setattr(Session, "_follow", lambda *_, **__: None)
    set_default_session(session)
    monkeypatch.setattr(Session, "is_current", lambda _: True)
    try:
        assert f"{old.id}: The video is 26 days old" in announce._full_text()
    finally:
        set_default_session(None)


class Output:
    """Takes the line that is replaced."""

    def replace(self, bundle: dict[str, str]) -> None:
        self.text = bundle["text/plain"]


def test_a_log_that_cannot_be_written_is_said_when_the_extension_loads(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is followed: what happens could not be kept."""
    session.log.insert(RunRecord(status=RunStatus.SUBMITTED, task_id="7", provider="official"))
    monkeypatch.setattr("kling_nb.runlog.database.os.access", lambda *_, **__: False)
    monkeypatch.setattr(Session, "is_current", lambda _: True)
    set_default_session(session)
    output = Output()
    try:
        announce.say_the_rest(output)  # type: ignore[arg-type]  # one method of it
    finally:
        set_default_session(None)
    assert "read-only" in output.text
    assert len(output.text.splitlines()) == 4
    with pytest.raises(LogReadOnly):
        session.resume()
    assert not session.unfinished()[0].following
    with pytest.raises(LogReadOnly):
        list(_log(session))
