"""What the database says, turned into what a person can do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from kling_nb.errors import LogReadOnly, LogTooNew, RunLogError

_ELSEWHERE = "choose another place with KLING_NB_HOME or KLING_NB_LOG_URL."


@contextmanager
def translated(where: str, *drivers: type[BaseException]) -> Iterator[None]:
    """Turn database and file errors into the ``RunLogError`` family.

    Parameters
    ----------
    where
        The log's path or URL without password, for the message.
    *drivers
        Error classes of a database driver used directly.

    Raises
    ------
    RunLogError, LogReadOnly
        With the cause and the next step.
    """
    kinds: tuple[type[BaseException], ...] = (sqlite3.Error, OSError, *drivers)
    try:
        yield
    except sa.exc.DBAPIError as error:
        # A driver that spoke to a server has the password among its variables, and tracebacks may show those.
        kept = error if isinstance(error.orig, sqlite3.Error) else None
        raise explain(error.orig or error, where) from kept
    except kinds as error:
        raise explain(error, where) from (error if isinstance(error, (sqlite3.Error, OSError)) else None)


def explain(error: BaseException, where: str) -> RunLogError:
    """Return our error for a database's or the file system's.

    Parameters
    ----------
    error
        ``sqlite3.Error``, another driver's error or ``OSError``.
    where
        The log's path or URL without password.
    """
    if not isinstance(error, (OSError, sqlite3.Error)):
        return _of_server(error, where)
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0, cannot_open)(where, error.strerror or str(error))
    # The low byte is the family; extended codes such as SQLITE_READONLY_DIRECTORY refine it.
    family = getattr(error, "sqlite_errorcode", 0) & 0xFF
    words = str(error).strip() or type(error).__name__
    return _OF_SQLITE.get(family, unusable)(where, words.splitlines()[0])


def is_away(error: BaseException | None) -> bool:
    """Whether a database server did not answer, as while it starts again.

    Parameters
    ----------
    error
        The driver's error.
    """
    code = getattr(error, "sqlstate", None)
    if code is not None:
        return code in _AWAY or str(code).startswith("08")
    # What keeps a connection from being made has no code.
    words = str(error)
    return type(error).__name__ == "OperationalError" and not any(told in words for told in _REFUSED)


def _of_server(error: BaseException, where: str) -> RunLogError:
    code = getattr(error, "sqlstate", None) or ""
    words = " ".join(str(error).split())[:300] or type(error).__name__
    if is_away(error):
        return _away(where, words)
    if type(error).__name__ == "OperationalError" and not code:
        return _refused(where, words)
    return _OF_POSTGRES.get(code, unusable)(where, words)


def read_only(where: str, words: str) -> LogReadOnly:
    """Return the error for a log that cannot be written."""
    return LogReadOnly(
        f"The run log {where} is read-only.",
        f"Every run must be on disk before it is sent, and this file cannot be written ({words}).",
        f"Allow writing to the file and its folder, or {_ELSEWHERE}",
    )


def cannot_open(where: str, words: str) -> LogReadOnly:
    """Return the error for a log whose file or folder cannot be opened or created."""
    return LogReadOnly(
        f"The run log {where} cannot be opened.",
        f"Its folder cannot be entered, made or written ({words}).",
        f"Allow writing to the folder, or {_ELSEWHERE}",
    )


def disk_full(where: str, words: str) -> RunLogError:
    """Return the error for a full disk."""
    return RunLogError(
        f"The disk is full: {where} could not be written.",
        f"The system says: {words}. What was written before is safe.",
        "Free some space (the videos under media/ are the largest files), then run the cell again.",
    )


def damaged(where: str, words: str) -> RunLogError:
    """Return the error for a file that is no database or a broken one."""
    return RunLogError(
        f"The run log {where} is damaged or no run log.",
        f"SQLite says: {words}.",
        "Move the file away: a new log is started, videos and their .json files stay; backups lie beside it.",
    )


def locked(where: str, words: str) -> RunLogError:
    """Return the error for a log that stayed locked for the whole waiting time."""
    return RunLogError(
        f"The run log {where} is locked by another program.",
        f"It stayed busy for the whole waiting time ({words}).",
        "Close what holds it (a database browser, a copy in progress), then run the cell again.",
    )


def no_driver(where: str, words: str) -> RunLogError:
    """Return the error for a kind of database that cannot be spoken to here."""
    return RunLogError(
        f"The run log {where} cannot be opened.",
        f"The driver of that database is missing ({words}).",
        f'%pip install "kling-nb[postgres]" for postgresql+psycopg://…, or {_ELSEWHERE}',
    )


def foreign(where: str) -> RunLogError:
    """Return the error for somebody else's database."""
    return RunLogError(
        f"{where} is a database, but no run log.",
        "It holds other tables and would be changed by writing runs into it.",
        "Name another file, or an empty database or schema, with KLING_NB_LOG_URL.",
    )


def too_new(where: str, found: str, known: str) -> LogTooNew:
    """Return the error for a log written by a newer kling_nb."""
    return LogTooNew(
        f"The run log {where} was written by a newer kling_nb.",
        f"Its schema is {found}; this version knows {known} and could only damage it.",
        "Upgrade (pip install -U kling-nb), or choose another log with KLING_NB_LOG_URL.",
    )


def _away(where: str, words: str) -> RunLogError:
    return RunLogError(
        f"The server of the run log {where} does not answer.",
        f"{words}. What was written before is safe; what was being written may be there or not.",
        "Run the cell again when the server is back. Runs on their way go on and are written down then.",
    )


def _refused(where: str, words: str) -> RunLogError:
    return RunLogError(
        f"The server of the run log {where} does not let this kernel in.",
        f"It says: {words}.",
        "Check user, password and database in KLING_NB_LOG_URL; the database must have been made.",
    )


def _disk_fails(where: str, words: str) -> RunLogError:
    return RunLogError(
        f"The disk failed under the run log {where}.",
        f"SQLite says: {words}.",
        f"Check the disk or network folder, or {_ELSEWHERE}",
    )


def unusable(where: str, words: str) -> RunLogError:
    """Return the error for everything that has no better explanation."""
    return RunLogError(
        f"The run log {where} could not be used.",
        f"The database says: {words}.",
        f"Run %kling doctor, or {_ELSEWHERE}",
    )


_Explanation = Callable[[str, str], RunLogError]

_OF_SQLITE: dict[int, _Explanation] = {
    sqlite3.SQLITE_READONLY: read_only,
    sqlite3.SQLITE_CANTOPEN: cannot_open,
    sqlite3.SQLITE_PERM: cannot_open,
    sqlite3.SQLITE_FULL: disk_full,
    sqlite3.SQLITE_BUSY: locked,
    sqlite3.SQLITE_LOCKED: locked,
    sqlite3.SQLITE_NOTADB: damaged,
    sqlite3.SQLITE_CORRUPT: damaged,
    sqlite3.SQLITE_IOERR: _disk_fails,
}

_OF_SYSTEM: dict[int, _Explanation] = {
    errno.ENOSPC: disk_full,
    errno.EDQUOT: disk_full,
    errno.EACCES: read_only,
    errno.EPERM: read_only,
    errno.EROFS: read_only,
}

_OF_POSTGRES: dict[str, _Explanation] = {
    "55P03": locked,
    "25P03": locked,
    "42501": read_only,
    "25006": read_only,
    "53100": disk_full,
}
"""By SQLSTATE."""

_AWAY = frozenset({"57P01", "57P02", "57P03", "53300"})
"""SQLSTATEs of a server that stops, starts or has no connection left."""

_REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")
"""What a server that is there says to those who may not enter."""
