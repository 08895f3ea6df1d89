"""The database behind the log: one engine, explicit transactions, ready when first used."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kling_nb.errors import RunLogError
from kling_nb.runlog import failures
from kling_nb.runlog.migrate import Migrations, revision_of

_POSTGRES_WRITE_LOCK = "SELECT pg_advisory_xact_lock(4982451)"


class Database:
    """A lazily opened database with serialised write transactions.

    Parameters
    ----------
    target
        SQLite file, ``sqlite:///…`` or another SQLAlchemy URL.
    busy_timeout
        Seconds a write waits for another process before it gives up.
    read_only
        Open for reading; every write raises ``LogReadOnly``.
    migrations
        Known schema revisions.
    """

    def __init__(
        self, target: str | os.PathLike[str], *, busy_timeout: float, read_only: bool, migrations: Migrations
    ) -> None:
        self.url, self.path = _locate(target)
        self.where = str(self.path) if self.path else self.url.render_as_string(hide_password=True)
        self.read_only = read_only
        self._busy_timeout = busy_timeout
        self._migrations = migrations
        self._lock = threading.RLock()
        self._engine: sa.Engine | None = None
        self._writers: dict[bool, sa.Engine] = {}
        self._opened: tuple[int, int, int] | None = None

    @property
    def dialect(self) -> sa.Dialect:
        """Dialect of the database, for compiling statements; opens nothing."""
        return self._engine.dialect if self._engine else self.url.get_dialect()()

    @property
    def exists(self) -> bool:
        """Whether there is anything to read; a missing SQLite file is an empty log."""
        return self.path is None or (self.path.exists() and self.path.stat().st_size > 0)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Yield a connection in a consistent snapshot; the log must exist."""
        with failures.translated(self.where):
            self._ready()
            assert self._engine is not None
            with self._engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[sa.Connection]:
        """Yield a connection in a write transaction, committed when the block ends.

        Parameters
        ----------
        durable
            Wait until the commit is on the platter. Every commit survives the death of the process; only
            a durable one survives a power cut.

        Raises
        ------
        RunLogError
            Read-only, full, locked, damaged or newer log.
        """
        if self.read_only:
            raise failures.read_only(self.where, "opened for reading")
        with failures.translated(self.where):
            self._ready()
            with self._writers[durable].connect() as connection, connection.begin():
                yield connection

    def check(self) -> None:
        """Raise now what the first use would raise; a log that does not exist yet is fine."""
        if not self.exists:
            return
        with self.reading():
            pass
        if (
            self.path
            and not self.read_only
            and not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK))
        ):
            raise failures.read_only(self.where, "no permission to write")

    def close(self) -> None:
        """Close all connections; the next use opens them again."""
        with self._lock:
            if self._engine is not None:
                # After a fork the connections belong to the parent: forget them without touching its file locks.
                self._engine.dispose(close=self._opened is None or self._opened[0] == os.getpid())
            self._engine, self._opened = None, None
            self._writers = {}

    def _ready(self) -> None:
        """Open, create or migrate; again after a fork, or when the file was moved or deleted under us."""
        if self._opened is not None and self._opened == self._identity():
            return
        with self._lock:
            if self._opened is not None and self._opened == self._identity():
                return
            self.close()
            self._engine = self._make_engine()
            self._writers = {d: self._engine.execution_options(write=True, durable=d) for d in (True, False)}
            try:
                self._prepare()
                self._opened = self._identity()
            finally:
                if self._opened is None:
                    self.close()

    def _identity(self) -> tuple[int, int, int] | None:
        """Process and file: a deleted file would swallow rows that nobody can ever read."""
        if self.path is None:
            return os.getpid(), 0, 0
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), stat.st_dev, stat.st_ino

    def _prepare(self) -> None:
        if not self.read_only and self.path and not self.exists:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        assert self._engine is not None
        with self._engine.connect() as connection:
            found, occupied = revision_of(connection)
        self._migrations.refuse_newer(found, self.where)
        if found is None and occupied:
            raise failures.foreign(self.where)
        if found == self._migrations.head:
            return
        if self.read_only:
            raise failures.read_only(
                self.where, f"its schema {found} must first be upgraded to {self._migrations.head}"
            )
        if self.path:
            self._switch_to_wal()
        with self._writers[True].connect() as connection, connection.begin():
            # Asked again under the write lock: another process may have done the work meanwhile.
            self._migrations.upgrade(connection, revision_of(connection)[0], self.where, self.path)

    def _switch_to_wal(self) -> None:
        """Turn on write-ahead logging: readers and the writer do not block each other."""
        assert self._engine is not None
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                with self._engine.connect() as connection:
                    driver = connection.connection.driver_connection
                    assert driver is not None
                    driver.execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                # SQLite does not call its busy handler for this one statement.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _make_engine(self) -> sa.Engine:
        if self.path is None:
            engine = sa.create_engine(self.url, pool_pre_ping=True, hide_parameters=True)
        else:
            engine = sa.create_engine(
                "sqlite://", creator=self._connect_sqlite, poolclass=sa.pool.QueuePool, hide_parameters=True
            )
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _connect_sqlite(self) -> sqlite3.Connection:
        assert self.path is not None
        mode = "ro" if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,  # transactions begin where we say, not where the driver guesses
            check_same_thread=False,
        )
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection


def _begin(connection: sa.Connection) -> None:
    """Begin a transaction; writers take the write lock first.

    With a deferred BEGIN two writers both read, then one cannot upgrade its lock and fails whatever the
    timeout says. BEGIN IMMEDIATE waits instead, and makes check-and-insert one step.
    """
    options = connection.get_execution_options()
    sqlite = connection.dialect.name == "sqlite"
    if not options.get("write"):
        if sqlite:
            connection.exec_driver_sql("BEGIN")
        return
    if not sqlite:
        connection.exec_driver_sql(_POSTGRES_WRITE_LOCK)
        return
    # In WAL mode NORMAL leaves the newest commits to the operating system: a killed process loses nothing, a
    # power cut may lose the last moments. That is fine for what a poll can tell again. It is not for the rows
    # that stand between us and a second charge (created, being sent, accepted as task so-and-so): those pay
    # for one fdatasync.
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get('durable') else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _locate(target: str | os.PathLike[str]) -> tuple[sa.URL, Path | None]:
    """Return the URL and, for SQLite, the absolute file path."""
    text = os.fspath(target)
    if "://" not in text:
        path = Path(text).expanduser().absolute()
        return sa.URL.create("sqlite", database=str(path)), path
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise RunLogError(
            "The address of the run log cannot be understood.",
            "It is neither a path nor a database URL.",
            "Use a path such as kling_runs/runs.sqlite or a URL such as postgresql+psycopg://host/name.",
        ) from None
    if url.get_backend_name() != "sqlite":
        return url, None
    if url.database in (None, "", ":memory:"):
        raise RunLogError(
            "A run log in memory is not possible.",
            "Runs must survive the kernel, or a paid task could be lost.",
            "Name a file, for example sqlite:///kling_runs/runs.sqlite.",
        )
    path = Path(str(url.database)).expanduser().absolute()
    return url, path
