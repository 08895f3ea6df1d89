"""Logs of every released version can be read and written; nothing is changed without a copy."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from importlib import resources
from pathlib import Path
from threading import Barrier, Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kling_nb.errors import LogReadOnly, LogTooNew, RunLogError
from kling_nb.runlog import RunLog, RunRecord, open_log
from kling_nb.runlog.migrate import Migrations
from kling_nb.runlog.schema import COLUMNS, METADATA

DATA = Path(__file__).parent / "data"

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{down}"


def upgrade() -> None:
    op.add_column("runs", sa.Column("mood", sa.Text()))
    op.execute("UPDATE runs SET mood = 'calm'")
    {then}
"""


@pytest.fixture
def released(path: Path) -> Path:
    """A log as version 0001 left it on a user's disk."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript((DATA / "runs-0001.sql").read_text(encoding="utf-8"))
    return path


def coming(folder: Path, then: str = "pass") -> Migrations:
    """The packaged revisions and one of a version to come."""
    known = Migrations()
    shutil.copytree(known.folder, folder)
    (folder / "v9000_mood.py").write_text(NEXT.format(down=known.head, then=then))
    return Migrations(folder)


def moods(path: Path) -> list[tuple[str | None]]:
    with closing(sqlite3.connect(path)) as plain:
        return plain.execute("SELECT mood FROM runs").fetchall()


def backups(path: Path) -> list[Path]:
    return [other for other in path.parent.iterdir() if "backup" in other.name]


@pytest.mark.parametrize("made", ["at once", "by all revisions"])
def test_migrated_schema_and_declared_table_are_the_same(path: Path, tmp_path: Path, made: str) -> None:
    """A new log is made from the declaration; one that went through every revision must not differ."""
    copied = tmp_path / "versions"
    shutil.copytree(Migrations().folder, copied)
    migrations = Migrations() if made == "at once" else Migrations(copied)
    with RunLog(path, migrations=migrations) as log:
        log.insert(RunRecord())
        with log._database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
            assert context.get_current_revision() == Migrations().head
    with open_log(path) as log:
        assert len(log.records()) == 1


def test_a_new_log_needs_no_alembic(path: Path) -> None:
    code = f"""
import sys
from kling_nb.runlog import RunRecord, open_log
with open_log({str(path)!r}) as log:
    log.insert(RunRecord())
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_revisions_are_shipped_inside_the_package_in_one_line() -> None:
    shipped = resources.files("kling_nb.runlog") / "migrations" / "versions"
    names = sorted(entry.name for entry in shipped.iterdir() if entry.name.startswith("v"))
    assert [name[1:5] for name in names] == Migrations().revisions
    assert Migrations().revisions[0] == "0001"


def test_a_log_of_the_first_release_is_read_and_written(released: Path) -> None:
    with open_log(released) as log:
        old = log.get("r-2mtgrzw6ks98")
        assert (old.prompt, old.task_id, str(old.estimate_units)) == (
            "Das Boot fährt los",
            "9007199254740993",
            "3.5",
        )
        assert old.camera_control == {"type": "simple", "config": {"zoom": 5}}
        log.update(old.id, note="seen")
        log.insert(RunRecord())
        assert len(log.frame()) == 2


@pytest.mark.parametrize("stored", sorted(DATA.glob("runs-*.sql")), ids=lambda stored: stored.stem)
def test_a_log_of_every_revision_keeps_its_rows_and_gets_the_declared_tables(
    path: Path, stored: Path
) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(stored.read_text(encoding="utf-8"))
    with open_log(path) as log, log._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        old = log.get("r-2mtgrzw6ks98")
        assert (old.prompt, old.purse, len(log.frame())) == ("Das Boot fährt los", "real", 1)
        if stored.stem >= "runs-0002":
            assert [str(limit.amount) for limit in log.budgets.limits()] == ["20 units"]
            assert log.slots.salt() == "of this log"
        if stored.stem >= "runs-0003":
            assert (old.kept, old.variables) == (True, {"zoom": 5})
    with closing(sqlite3.connect(path)) as plain:
        columns = [row[1] for row in plain.execute("PRAGMA table_info(runs)")]
    assert columns[: len(COLUMNS)] == list(COLUMNS), "the order decides how quickly they are read"


def test_a_log_of_the_first_release_gets_its_columns_in_front_of_the_large_ones(released: Path) -> None:
    open_log(released).close()
    with closing(sqlite3.connect(released)) as plain:
        columns = [row[1] for row in plain.execute("PRAGMA table_info(runs)")]
    large = [columns.index(name) for name in ("brush", "request", "wire", "answers")]
    added = [columns.index(name) for name in ("form", "purse", "sweep_id", "actual_usd", "kept", "variables")]
    assert max(added) < min(large), "behind the large columns they could not be read quickly"


def test_runs_of_the_first_release_count_in_the_budgets_of_this_one(released: Path) -> None:
    with closing(sqlite3.connect(released)) as plain:
        plain.execute("UPDATE runs SET provider = 'sandbox', actual_units = 3.5")
        plain.commit()
    with open_log(released) as log:
        (old,) = log.records()
    assert (old.purse, old.currency, old.form) == ("sandbox", "units", "image2video")
    assert old.actual_usd == Decimal("0.49")


def test_an_older_copy_is_never_overwritten(released: Path) -> None:
    older = released.with_name("runs.sqlite.v1-backup")
    older.write_bytes(b"precious")
    with open_log(released) as log:
        assert len(log.records()) == 1
    assert older.read_bytes() == b"precious"
    assert [copy.name for copy in sorted(backups(released))] == [older.name, f"{older.name}-2"]


def test_an_older_log_is_copied_then_migrated(released: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with RunLog(released, migrations=coming(tmp_path / "versions"), told=told.append) as log:
        log.insert(RunRecord(name="new"))
        assert [run.name for run in log.records()] == ["new", "first"]
    assert sorted(moods(released), key=str) == [("calm",), (None,)]
    (copy,) = backups(released)
    assert copy.name == "runs.sqlite.v1-backup"
    assert len(told) == 1
    assert "runs.sqlite.v1-backup" in told[0]
    with open_log(copy) as before:
        assert [run.name for run in before.records()] == ["first"]


def test_reading_migrates_too(released: Path, tmp_path: Path) -> None:
    with RunLog(released, migrations=coming(tmp_path / "versions")) as log:
        assert len(log.frame()) == 1
    assert moods(released) == [("calm",)]


def test_a_new_log_needs_no_copy(path: Path, tmp_path: Path) -> None:
    with RunLog(path, migrations=coming(tmp_path / "versions")) as log:
        log.insert(RunRecord())
    assert backups(path) == []
    assert moods(path) == [(None,)]


def test_a_migration_that_fails_half_way_leaves_the_old_log(released: Path, tmp_path: Path) -> None:
    broken = coming(tmp_path / "versions", then="op.execute('SELECT nonsense FROM nowhere')")
    with RunLog(released, migrations=broken) as log, pytest.raises(RunLogError):
        log.insert(RunRecord())
    with open_log(released) as log:
        assert [run.name for run in log.records()] == ["first"]
    with closing(sqlite3.connect(released)) as plain:
        assert "mood" not in [row[1] for row in plain.execute("PRAGMA table_info(runs)")]


def test_two_kernels_migrating_at_once_do_it_once(released: Path, tmp_path: Path) -> None:
    migrations = coming(tmp_path / "versions")
    logs = [RunLog(released, migrations=migrations) for _ in range(2)]
    barrier = Barrier(2)
    errors: list[BaseException] = []

    def use(log: RunLog) -> None:
        barrier.wait()
        try:
            log.insert(RunRecord())
        except BaseException as error:
            errors.append(error)
        log.close()

    threads = [Thread(target=use, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(backups(released)) == 1
    assert len(moods(released)) == 3


def test_this_version_refuses_what_the_next_one_wrote(path: Path, tmp_path: Path) -> None:
    with RunLog(path, migrations=coming(tmp_path / "versions")) as log:
        log.insert(RunRecord())
    with pytest.raises(LogTooNew, match="newer kling_nb") as caught:
        open_log(path)
    assert "9000" in caught.value.why
    assert "Upgrade" in caught.value.advice


def test_an_old_log_opened_for_reading_is_not_migrated(released: Path, tmp_path: Path) -> None:
    migrations = coming(tmp_path / "versions")
    before = released.read_bytes()
    with (
        RunLog(released, migrations=migrations, read_only=True) as log,
        pytest.raises(LogReadOnly, match="read-only"),
    ):
        log.records()
    assert released.read_bytes() == before
    assert backups(released) == []


@pytest.fixture(autouse=True)
def no_stray_files(path: Path) -> Iterator[None]:
    yield
    if path.parent.exists():
        assert [other.name for other in path.parent.iterdir() if other.name.endswith(".part")] == []
