"""The database behind the log: one engine, explicit transactions, ready when first used."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from kling_nb.errors import RunLogError
from kling_nb.runlog import failures, postgres
from kling_nb.runlog.migrate import Migrations, revision_of
from kling_nb.runlog.records import utc_now

_T = TypeVar("_T")


class Database:
    """A lazily opened database with serialised write transactions.

    Parameters
    ----------
    target
        SQLite file, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    busy_timeout
        Seconds a write waits for another process before it gives up.
    read_only
        Open for reading; every write raises ``LogReadOnly``.
    migrations
        Known schema revisions.
    told
        Called with a sentence for the person, when the log was upgraded.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        busy_timeout: float,
        read_only: bool,
        migrations: Migrations,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._told = told
        try:
            self.url, self.path = _locate(target)
        finally:
            target = ""  # It may hold a password, and a traceback may show the variables of this frame.
        self.where = str(self.path) if self.path else postgres.shown(self.url)
        self.read_only = read_only
        self._busy_timeout = busy_timeout
        self._migrations = migrations
        self._lock = threading.RLock()
        self._engine: sa.Engine | None = None
        self._opened: tuple[int, int, int] | None = None
        self.ahead = timedelta(0)
        """How far the clock that all kernels go by is ahead of this machine's."""
        self.generation = 0
        """Rises whenever the database is opened anew: it may be another file then."""

    @cached_property
    def dialect(self) -> sa.Dialect:
        """Dialect of the database, for compiling statements; opens nothing."""
        return self._make_engine().dialect

    @property
    def exists(self) -> bool:
        """Whether there is anything to read; a missing SQLite file is an empty log."""
        return self.path is None or (self.path.exists() and self.path.stat().st_size > 0)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Yield a connection in a consistent snapshot; the log must exist."""
        with failures.translated(self.where):
            engine = self._ready()
            if self.path is None:
                connect = postgres.reader(engine).connect
                drivers = engine.dialect.loaded_dbapi.Error
                with failures.translated(self.where, drivers), self._patiently(connect) as connection:
                    yield connection
                return
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                yield connection

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[Any]:
        """Yield a driver's cursor in a write transaction, committed when the block ends.

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
            engine = self._ready()
            # Inside, because a pool that connects anew lets the driver's errors through.
            with failures.translated(self.where, engine.dialect.loaded_dbapi.Error):
                connection = self._patiently(engine.raw_connection)
                try:
                    cursor = connection.cursor()
                    begins = self._write_begins(durable)
                    # What a connection was told about the platter, it remembers.
                    for statement in begins if connection.info.get(_BEGINS) != begins else begins[-1:]:
                        cursor.execute(statement)
                    connection.info[_BEGINS] = begins
                    yield cursor
                    connection.commit()
                finally:
                    # Also rolls back what was not committed.
                    connection.close()

    def now(self) -> datetime:
        """Return the present moment by the clock that all kernels of this log go by."""
        return utc_now() + self.ahead

    def check(self) -> None:
        """Raise now what the first use would raise; a log that does not exist yet only needs its place."""
        if self.exists:
            with self.reading():
                pass
        if self.path and not self.read_only:
            places = [self.path, *self.path.parents]
            present = next(index for index, place in enumerate(places) if place.exists())
            # SQLite writes helper files beside the log, so the folder counts as much as the file.
            for place in places[present : max(present + 1, 2)]:
                if not os.access(place, os.W_OK, effective_ids=_EFFECTIVE):
                    raise failures.read_only(self.where, f"no permission to write {place.name or place}")

    def close(self) -> None:
        """Close all connections; the next use opens them again."""
        with self._lock:
            if self._engine is not None and self._opened is not None:
                if self._opened[0] == os.getpid():
                    self._engine.dispose()
                else:
                    # A fork's copies of the parent's connections must not even be closed by this process.
                    _INHERITED.append(self._engine)
            self._engine, self._opened = None, None

    def _ready(self) -> sa.Engine:
        """Open, create or migrate; again after a fork, or when the file was moved or deleted under us."""
        engine = self._engine
        if engine is not None and self._opened is not None and self._opened == self._identity():
            return engine
        with self._lock:
            if self._engine is not None and self._opened is not None and self._opened == self._identity():
                return self._engine
            self.close()
            engine = self._make_engine()
            try:
                self._prepare(engine)
            except BaseException:
                engine.dispose()
                raise
            self._engine, self._opened = engine, self._identity()
            self.generation += 1
            return engine

    def _patiently(self, connect: Callable[[], _T]) -> _T:
        """Return a connection; wait a moment for a server that is starting again."""
        deadline = time.monotonic() + postgres.AWAY_S
        while True:
            try:
                return connect()
            except Exception as error:
                away = self.path is None and failures.is_away(getattr(error, "orig", error))
                if not away or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _identity(self) -> tuple[int, int, int] | None:
        """Process and file: a deleted file would swallow rows that nobody can ever read."""
        if self.path is None:
            return os.getpid(), 0, 0
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), stat.st_dev, stat.st_ino

    def _prepare(self, engine: sa.Engine) -> None:
        if not self.read_only and self.path and not self.exists:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            found, occupied = revision_of(connection)
            if self.path is None:
                self.ahead = postgres.clock_ahead(connection)
        self._migrations.refuse_newer(found, self.where)
        if found is None and occupied:
            raise failures.foreign(self.where)
        if found == self._migrations.head:
            return
        if self.read_only:
            head = self._migrations.head
            raise failures.read_only(self.where, f"its schema {found} must first be upgraded to {head}")
        if self.path:
            self._switch_to_wal(engine)
        with engine.connect() as connection:
            for statement in self._write_begins(durable=True):
                connection.exec_driver_sql(statement)
            # Asked again under the write lock: another process may have done the work meanwhile.
            found, _ = revision_of(connection)
            done = self._migrations.upgrade(connection, found, self.where, self.path)
            connection.commit()
        if done:
            self._told(done)

    def _switch_to_wal(self, engine: sa.Engine) -> None:
        """Turn on write-ahead logging: readers and the writer do not block each other."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            connection = engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                # SQLite does not call its busy handler for this one statement.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            finally:
                connection.close()

    def _write_begins(self, durable: bool) -> tuple[str, ...]:
        """Return what begins a write transaction.

        With a deferred BEGIN two writers both read, then one cannot upgrade its lock and fails whatever the
        timeout says. BEGIN IMMEDIATE waits instead, and makes check-and-insert one step. PostgreSQL gets
        the same order from a lock of its own.

        In WAL mode NORMAL leaves the newest commits to the operating system: a killed process loses
        nothing, a power cut may lose the last moments. That is fine for what a poll can tell again. It is
        not for the rows that stand between us and a second charge (created, being sent, accepted as task
        so-and-so): those pay for one fdatasync.
        """
        if self.path is None:
            return (postgres.write_begins(durable, self._busy_timeout),)
        return (f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}", "BEGIN IMMEDIATE")

    def _make_engine(self) -> sa.Engine:
        if self.path is None:
            return postgres.make_engine(self.url, self.where)
        return sa.create_engine(
            "sqlite://",
            creator=self._connect_sqlite,
            poolclass=sa.pool.QueuePool,
            pool_use_lifo=True,
            hide_parameters=True,
        )

    def _connect_sqlite(self) -> sqlite3.Connection:
        assert self.path is not None
        if not self.read_only:
            return self._open_file("mode=rwc")
        connection = self._open_file("mode=ro")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            family = error.sqlite_errorcode & 0xFF
            wal = self.path.with_name(self.path.name + "-wal")
            if family not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or wal.exists():
                raise
            # Even a reader wants helper files beside a WAL database. In a folder where nobody can make
            # them, and with no write-ahead log left behind, the file as it is is complete.
            return self._open_file("immutable=1")
        return connection

    def _open_file(self, options: str) -> sqlite3.Connection:
        assert self.path is not None
        return sqlite3.connect(
            f"{self.path.as_uri()}?{options}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,  # transactions begin where we say, not where the driver guesses
            check_same_thread=False,
        )


_BEGINS = "kling_nb write begins"

_EFFECTIVE = os.access in os.supports_effective_ids

_INHERITED: list[sa.Engine] = []


def _locate(target: str | os.PathLike[str]) -> tuple[sa.URL, Path | None]:
    """Return the URL and, for SQLite, the absolute file path."""
    text = os.fspath(target)
    if "://" not in text:
        path = Path(text).expanduser().absolute()
        return sa.URL.create("sqlite", database=str(path)), path
    try:
        url = postgres.understood(text) or sa.make_url(text)
    except sa.exc.ArgumentError:
        raise RunLogError(
            "The address of the run log cannot be understood.",
            "It is neither a path nor a database URL.",
            "Use a path such as kling_runs/runs.sqlite or a URL such as postgresql+psycopg://host/name.",
        ) from None
    finally:
        target = text = ""  # As in the caller.
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
