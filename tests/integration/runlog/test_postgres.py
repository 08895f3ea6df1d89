"""What a log on a server has to stand beyond what every log must: restarts, strangers, clocks."""

from __future__ import annotations

import shutil
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import Mock

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from kernels_of_a_log import Kernel
from postgres_server import PostgresServer

import kling_nb
from kling_nb.domain.budget import Amount, Scope
from kling_nb.errors import LogReadOnly, LogTooNew, RunLogError
from kling_nb.runlog import RunLog, RunRecord, Wish, open_log
from kling_nb.runlog import postgres as speaking
from kling_nb.runlog.migrate import Migrations
from kling_nb.runlog.records import utc_now
from kling_nb.runlog.schema import METADATA

PACKAGE = str(Path(kling_nb.__file__).parent)

Start = Callable[..., Kernel]


@pytest.fixture
def place(postgres: PostgresServer) -> str:
    return postgres.new_log()


@pytest.fixture
def url(place: str) -> str:
    """The address that also the kernels of ``start`` are given."""
    return place


def together(processes: list[Kernel]) -> list[list[str]]:
    """Let all start at the same moment and return what each printed."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs


def explained(error: RunLogError) -> bool:
    return len(error.lines()) == 3 and "Traceback" not in str(error)


# --- refusals ---


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url, secret: url.replace(secret, "wrong" + secret),
        lambda url, secret: url.replace("/postgres?", "/no_such_database?"),
        lambda url, secret: url.replace("host=", "host=/nowhere"),
        lambda url, secret: f"postgresql+psycopg://kling:{secret}@127.0.0.1:1/runs",
        lambda url, secret: url.replace(f":{secret}@", "@") + f"&password={secret}x",
        lambda url, secret: f"postgresql+psycopg://kling:p@ss{secret}/x@server/runs",
        lambda url, secret: f"postgresql+psycopg2://kling:{secret}@server/runs",
    ],
    ids=["password", "database", "socket", "port", "query", "unquoted", "driver"],
)
def test_who_cannot_get_in_is_told_why_and_no_password_is_shown(
    postgres: PostgresServer, url: str, spoil: Callable[[str, str], str]
) -> None:
    with pytest.raises(RunLogError) as caught:
        open_log(spoil(url, postgres.password)).insert(RunRecord())
    assert explained(caught.value)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if frame.filename.startswith(PACKAGE)]
    assert ours
    assert not any(postgres.password in text for frame in ours for text in (frame.locals or {}).values())
    assert postgres.password not in "".join(traceback.format_exception(caught.value))


def test_neither_name_nor_representation_of_a_log_shows_the_password(
    postgres: PostgresServer, url: str
) -> None:
    with open_log(url) as log:
        assert postgres.password not in repr(log) + log.location


def test_a_log_of_a_newer_version_is_refused(url: str) -> None:
    with open_log(url) as log:
        log.insert(RunRecord())
        with log._database.writing(durable=True) as cursor:
            cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    for use in (lambda: open_log(url), lambda: RunLog(url).insert(RunRecord())):
        with pytest.raises(LogTooNew, match="newer kling_nb") as caught:
            use()
        assert explained(caught.value)


def test_somebody_elses_tables_are_left_alone(postgres: PostgresServer, url: str) -> None:
    schema = url.rpartition("%3D")[2]
    postgres.sql(f"CREATE TABLE {schema}.addresses (name text)")
    with pytest.raises(RunLogError, match="no run log"):
        open_log(url)
    found = postgres.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")
    assert found == [("addresses",)]


def test_who_may_only_read_is_told_so(postgres: PostgresServer, url: str) -> None:
    schema = url.rpartition("%3D")[2]
    with open_log(url) as log:
        run = log.insert(RunRecord(name="kept"))
    postgres.sql(f"DROP ROLE IF EXISTS {schema}_reader")
    postgres.sql(f"CREATE ROLE {schema}_reader LOGIN PASSWORD 'reading'")
    postgres.sql(f"GRANT USAGE ON SCHEMA {schema} TO {schema}_reader")
    postgres.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {schema}_reader")
    theirs = url.replace(f"kling:{postgres.password}@", f"{schema}_reader:reading@")
    with RunLog(theirs) as log:
        assert log.get(run.id).name == "kept"
        with pytest.raises(LogReadOnly):
            log.insert(RunRecord())


# --- one at a time ---


@pytest.mark.parametrize("each", [25, pytest.param(250, marks=pytest.mark.drill)])
def test_four_kernels_claiming_at_once_keep_to_the_budget_of_the_day(
    url: str, start: Start, each: int
) -> None:
    with open_log(url) as log:
        log.budgets.set(Scope.DAY, Amount(Decimal(40), "units"))
    told = Counter(
        word for lines in together([start("spend", each, "0.7") for _ in range(4)]) for word in lines
    )
    with open_log(url) as log:
        rows = log.records()
    assert told["made"] + told["refused"] == 4 * each
    assert len(rows) == told["made"] == 57, "57 times 0.7 is 39.9"
    assert len({row.id for row in rows}) == 57


def test_what_two_kernels_judge_at_once_is_all_kept_and_seen_by_both(url: str, start: Start) -> None:
    with open_log(url) as first, open_log(url) as second:
        runs = [first.insert(RunRecord()).id for _ in range(40)]
        before = first.frame(), second.frame()
        numbers = together([start("judge", voter, *runs) for voter in ("ann", "bob")])
        assert len({number for lines in numbers for number in lines}) == 80
        for log, old in zip((first, second), before, strict=True):
            assert not old["rating"].notna().any()
            frame = log.frame().set_index("id").loc[runs]
            assert list(frame["rating"]) == [number % 6 for number in range(40)]
            assert {tuple(sorted(tags)) for tags in frame["tags"]} == {("ann", "bob")}
            assert Counter(vote.voter for vote in log.judgements.votes()) == {"ann": 40, "bob": 40}


def test_a_writer_waits_its_time_and_then_says_what_is_the_matter(url: str) -> None:
    with open_log(url) as log, open_log(url, busy_timeout=0.05) as other:
        log.insert(RunRecord())
        with log._database.writing(durable=False):
            assert len(other.records()) == 1, "readers are not held up"
            with pytest.raises(RunLogError, match="locked by another program") as caught:
                other.insert(RunRecord())
        assert explained(caught.value)
        other.insert(RunRecord())
        assert len(log.records()) == 2


def test_two_logs_on_one_server_do_not_wait_for_each_other(postgres: PostgresServer, url: str) -> None:
    with open_log(url) as log, open_log(postgres.new_log(), busy_timeout=0.05) as other:
        log.insert(RunRecord())
        with log._database.writing(durable=False):
            other.insert(RunRecord())


def test_a_kernel_that_was_paused_while_writing_holds_nobody_up_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(url) as log, open_log(url, busy_timeout=60) as other:
        run = log.insert(RunRecord(name="before"))
        monkeypatch.setattr(speaking, "IDLE_S", 0.2)
        with pytest.raises(RunLogError), log._database.writing(durable=False) as cursor:
            monkeypatch.undo()  # the other one is not paused, only perhaps slow
            try:
                cursor.execute("UPDATE runs SET name = 'half done'")
            finally:
                other.update(run.id, note="went on")
            cursor.execute("UPDATE runs SET name = 'too late'")
        assert (other.get(run.id).name, log.get(run.id).note) == ("before", "went on")


def test_a_reader_sees_one_moment_of_the_log(url: str) -> None:
    with open_log(url) as log, open_log(url) as other:
        log.insert(RunRecord())
        with other._database.reading() as connection:
            count = "SELECT count(*) FROM runs"
            before = connection.exec_driver_sql(count).scalar()
            log.insert(RunRecord())
            assert connection.exec_driver_sql(count).scalar() == before == 1
        assert len(other.records()) == 2


@pytest.mark.parametrize("wrong_by", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_leases_and_slots_go_by_the_servers_clock(
    url: str, monkeypatch: pytest.MonkeyPatch, wrong_by: timedelta
) -> None:
    """A machine whose clock is wrong neither takes runs from others nor loses its own."""
    wish = Wish("a slot", 1, "right")
    with open_log(url) as right:
        mine = right.insert(RunRecord())
        assert right.lease(mine.id, "right", 60)
        assert right.slots.reserve(mine.id, wish) is None
        monkeypatch.setattr("kling_nb.runlog.database.utc_now", lambda: utc_now() + wrong_by)
        monkeypatch.setattr(speaking, "utc_now", lambda: utc_now() + wrong_by)
        with open_log(url) as wrong:
            assert not wrong.lease(mine.id, "wrong", 60)
            assert wrong.slots.reserve(wrong.insert(RunRecord()).id, Wish("a slot", 1, "wrong")) is not None
            until = utc_now() + wrong_by + timedelta(seconds=180)
            theirs = wrong.claim(RunRecord(owner="wrong", lease_until=until))
        monkeypatch.undo()
        assert not right.lease(theirs.id, "right", 60)
        assert right.lease(mine.id, "right", 60)


@pytest.mark.parametrize(
    ("told", "ahead"), [(0, 0), (9, 0), (-1, 0), (13, 8), (-60, -65)], ids=lambda seconds: f"{seconds} s"
)
def test_a_slow_answer_is_no_wrong_clock(monkeypatch: pytest.MonkeyPatch, told: int, ahead: int) -> None:
    """It took ten seconds, and the server may have looked at its clock at any moment of them."""
    start = utc_now()
    moments = iter([start, start + timedelta(seconds=10)])
    monkeypatch.setattr(speaking, "utc_now", lambda: next(moments))
    connection = Mock()
    connection.exec_driver_sql.return_value.scalar_one.return_value = start + timedelta(seconds=told)
    assert speaking.clock_ahead(connection) == timedelta(seconds=ahead)


# --- a server that goes away ---


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that may be stopped: the others have theirs."""
    pytest.importorskip("psycopg")
    from postgres_server import programs

    if programs() is None:
        pytest.skip("no PostgreSQL server programs here: apt-get install postgresql")
    server = PostgresServer()
    yield server
    server.remove()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_of_the_server_loses_nothing_and_is_waited_for(
    own_server: PostgresServer, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "AWAY_S", 60)  # a busy machine takes its time to start a server
    with open_log(own_server.new_log()) as log:
        told = [log.insert(RunRecord(name=str(number))).id for number in range(20)]
        frame = log.frame()
        getattr(own_server, end)()
        again = threading.Timer(0.3, own_server.start)
        again.start()
        told.append(log.insert(RunRecord(name="during")).id)
        again.join()
        assert {run.id for run in log.records()} == set(told)
        assert len(frame) == 20
        assert len(log.frame()) == 21


def test_a_server_that_stays_away_is_said_and_found_again(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "AWAY_S", 0.1)
    with open_log(own_server.new_log()) as log:
        run = log.insert(RunRecord(identity="same"))
        own_server.stop()
        for use in (
            lambda: log.claim(RunRecord(identity="other")),
            lambda: log.update(run.id, status="succeeded"),
            log.frame,
            log.unfinished,
        ):
            with pytest.raises(RunLogError, match="does not answer") as caught:
                use()
            assert explained(caught.value)
            assert own_server.password not in str(caught.value)
        own_server.start()
        assert log.claim(RunRecord(identity="same")).id == run.id
        assert len(log.records()) == 1


def test_a_server_that_dies_in_the_middle_of_a_write_undoes_it(own_server: PostgresServer) -> None:
    with open_log(own_server.new_log()) as log:
        log.insert(RunRecord(name="before"))
        with (
            pytest.raises(RunLogError, match="does not answer"),
            log._database.writing(durable=True) as cursor,
        ):
            cursor.execute("UPDATE runs SET name = 'half done'")
            own_server.kill()
            cursor.execute("UPDATE runs SET name = 'never'")
        own_server.start()
        assert [run.name for run in log.records()] == ["before"]


# --- schemas ---


def only(folder: Path, last: str) -> Migrations:
    """The revisions up to one."""
    folder.mkdir()
    for file in Migrations().folder.glob("v*.py"):
        if file.stem[1:5] <= last:
            shutil.copy(file, folder)
    return Migrations(folder)


OLD = (
    "INSERT INTO runs (id, status, created_at, repeat, revision, provider, actual_units, request) VALUES "
    "('r-2mta00000000', 'succeeded', now(), 1, 1, 'sandbox', 3.5, '{\"a\": 1}')"
)


@pytest.fixture(params=Migrations().revisions[:-1])
def released(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> str:
    """A log as an earlier revision left it on the server."""
    with RunLog(url, migrations=only(tmp_path / "old", request.param)) as log:
        with log._database.reading():
            pass
        with log._database.writing(durable=True) as cursor:
            cursor.execute(OLD)
    return url


def test_a_log_of_every_revision_is_upgraded_with_its_rows(released: str) -> None:
    told: list[str] = []
    with RunLog(released, told=told.append) as log:
        (old,) = log.records()
        assert (old.id, old.actual_units, old.request) == ("r-2mta00000000", Decimal("3.5"), {"a": 1})
        log.insert(RunRecord())
        assert len(log.frame()) == 2
        with log._database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
    assert len(told) == 1
    assert "upgraded" in told[0]


def test_kernels_that_upgrade_at_once_do_it_once(released: str) -> None:
    told: list[str] = []
    errors: list[BaseException] = []
    barrier = threading.Barrier(3)

    def use() -> None:
        barrier.wait()
        try:
            with RunLog(released, told=told.append) as log:
                log.insert(RunRecord())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(told) == 1
    with open_log(released) as log:
        assert len(log.records()) == 4


def test_an_upgrade_that_fails_half_way_leaves_the_old_log(url: str, tmp_path: Path) -> None:
    old = only(tmp_path / "old", "0001")
    with RunLog(url, migrations=old) as log:
        with log._database.reading():
            pass
        with log._database.writing(durable=True) as cursor:
            cursor.execute(OLD)
    broken = tmp_path / "broken"
    shutil.copytree(Migrations().folder, broken)
    known = Migrations()
    (broken / "v9000_broken.py").write_text(
        f'from alembic import op\nrevision = "9000"\ndown_revision = "{known.head}"\n\n\n'
        "def upgrade():\n    op.execute('SELECT nonsense FROM nowhere')\n"
    )
    with RunLog(url, migrations=Migrations(broken)) as log, pytest.raises(RunLogError):
        log.insert(RunRecord())
    with RunLog(url, migrations=old) as log, log._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "0001"
        assert connection.exec_driver_sql("SELECT actual_units FROM runs").scalar() == Decimal("3.5")
    with open_log(url) as log:
        assert len(log.records()) == 1


def test_many_kernels_may_make_a_new_log_at_once(url: str, start: Start) -> None:
    told = together([start("claim", 10) for _ in range(2)])
    assert Counter(line.split()[0] for lines in told for line in lines)["mine"] == 10
