"""What a broken, closed, full or foreign log gets: three lines that help, and no change."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from kling_nb.errors import LogReadOnly, LogTooNew, RunLogError
from kling_nb.runlog import RunLog, RunRecord, open_log

Protect = Callable[..., AbstractContextManager[None]]


@contextmanager
def refused(kind: type[RunLogError], words: str) -> Iterator[None]:
    with pytest.raises(kind, match=words) as caught:
        yield
    assert len(caught.value.lines()) == 3
    assert "Traceback" not in str(caught.value)


@pytest.fixture
def written(open_folder: Path) -> Iterator[Path]:
    """A closed log with one row in a folder anybody may enter."""
    path = open_folder / "runs.sqlite"
    with open_log(path) as log:
        log.insert(RunRecord(name="kept"))
        log.frame()  # loads what reading needs, while this user may still read packages
    yield path


def test_a_read_only_file_is_said_when_opened_and_can_still_be_read(
    written: Path, write_protected: Protect
) -> None:
    with write_protected(written, written.parent):
        written.parent.stat()
        with refused(LogReadOnly, "read-only|cannot be opened"):
            open_log(written)
        with RunLog(written) as lazy, refused(LogReadOnly, "read-only|cannot be opened"):
            lazy.insert(RunRecord())
        with open_log(written, read_only=True) as reader:
            assert [run.name for run in reader.records()] == ["kept"]
            frame = reader.frame()
            assert isinstance(frame, pd.DataFrame)
            assert list(frame["name"]) == ["kept"]
            with refused(LogReadOnly, "read-only"):
                reader.update(reader.records()[0].id, note="x")


def test_a_folder_that_cannot_be_written_is_said_before_the_first_run(
    open_folder: Path, write_protected: Protect
) -> None:
    with write_protected(open_folder):
        for path in (open_folder / "runs.sqlite", open_folder / "new" / "runs.sqlite"):
            with refused(LogReadOnly, "no permission|read-only"):
                open_log(path)
            with RunLog(path) as lazy, refused(LogReadOnly, "read-only|cannot be opened"):
                lazy.insert(RunRecord())


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with RunLog(tmp_path / "home" / "runs.sqlite") as log, refused(LogReadOnly, "cannot be opened"):
        log.insert(RunRecord())


def test_a_newer_log_is_refused_untouched(written: Path) -> None:
    with closing(sqlite3.connect(written)) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
        plain.commit()
    before = written.read_bytes()
    with refused(LogTooNew, "newer kling_nb"):
        open_log(written)
    with RunLog(written) as lazy:
        for use in (lambda: lazy.insert(RunRecord()), lazy.frame, lazy.unfinished):
            with refused(LogTooNew, "newer kling_nb"):
                use()
    assert written.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all, but some text" * 100, b"SQLite format 3\0" + b"\7" * 8000]
)
def test_a_damaged_file_is_refused_untouched(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for use in (lambda: open_log(path), lambda: RunLog(path).insert(RunRecord())):
        with refused(RunLogError, "damaged"):
            use()
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused_untouched(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE TABLE addresses (name)")
    with refused(RunLogError, "no run log"):
        open_log(path)
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == [("addresses",)]


def test_an_empty_file_is_an_empty_log(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with open_log(path) as log:
        assert log.records() == []
        log.insert(RunRecord())
        assert len(log.records()) == 1


def test_a_full_disk_is_said_and_earlier_rows_are_safe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def on_a_small_disk(*args: object, **kwargs: object) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)  # type: ignore[call-overload]  # passed through
        connection.execute("PRAGMA max_page_count = 60")
        return connection  # type: ignore[no-any-return]  # as above

    with open_log(path) as log:
        log.insert(RunRecord(name="kept"))
    monkeypatch.setattr(sqlite3, "connect", on_a_small_disk)
    with open_log(path) as log:
        with refused(RunLogError, "disk is full"):
            for _ in range(100):
                log.insert(RunRecord(name="later", prompt="x" * 2500))
        kept = log.records()
        assert kept[-1].name == "kept"
        monkeypatch.undo()
        log.close()
        log.insert(RunRecord(name="after"))
        assert len(log.records()) == len(kept) + 1, "the log goes on when there is space again"


def test_a_log_deleted_under_an_open_session_is_started_anew_not_written_into_the_void(
    log: RunLog, path: Path
) -> None:
    log.insert(RunRecord(name="gone"))
    log.frame()
    shutil.rmtree(path.parent)
    log.insert(RunRecord(name="new"))
    assert [run.name for run in log.records()] == ["new"]
    assert list(log.frame()["name"]) == ["new"]
    with open_log(path) as other:
        assert [run.name for run in other.records()] == ["new"]


@pytest.mark.parametrize("target", ["sqlite://", "sqlite:///:memory:", "not a url://"])
def test_an_address_that_cannot_work_is_refused(target: str) -> None:
    with refused(RunLogError, "run log"):
        open_log(target)


def test_a_password_is_never_shown() -> None:
    log = RunLog("postgresql+psycopg://me:hunter2@nowhere.invalid/runs")
    assert "hunter2" not in repr(log) + log.location


@pytest.mark.parametrize("kind", ["postgresql+nosuchdriver", "nosuchdb"])
def test_a_database_without_driver_is_said_in_three_lines(kind: str) -> None:
    log = RunLog(f"{kind}://me:hunter2@127.0.0.1:9/runs")
    with pytest.raises(RunLogError, match="driver") as error:
        log.check()
    assert len(error.value.lines()) == 3
    assert "hunter2" not in str(error.value)
    assert error.value.__context__ is None
    with pytest.raises(RunLogError):
        log.claim(RunRecord())


def test_a_url_and_a_path_name_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a %b?c#d"
    with open_log(folder / "runs.sqlite") as log:
        log.insert(RunRecord(name="odd folder"))
    with open_log(f"sqlite:///{folder.name.replace('?', '%3F')}/runs.sqlite") as log:
        assert log.location == str(folder / "runs.sqlite") or log.records() == []
    assert (folder / "runs.sqlite").exists()
