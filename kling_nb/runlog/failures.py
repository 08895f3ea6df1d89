"""What the database says, turned into what a person can do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from kling_nb.errors import LogReadOnly, LogTooNew, RunLogError

_NOTHING_SENT = "Nothing was sent after this point."


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn database and file errors into the ``RunLogError`` family.

    Parameters
    ----------
    where
        The log's path or URL without password, for the message.

    Raises
    ------
    RunLogError, LogReadOnly
        With the cause and the next step.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise explain(error.orig or error, where) from error
    except (sqlite3.Error, OSError) as error:
        raise explain(error, where) from error


def explain(error: BaseException, where: str) -> RunLogError:
    """Return our error for a database's or the file system's.

    Parameters
    ----------
    error
        ``sqlite3.Error``, another driver's error or ``OSError``.
    where
        The log's path or URL without password.
    """
    if isinstance(error, OSError):
        return _explain_os(error, where)
    code = getattr(error, "sqlite_errorcode", None)
    words = str(error)
    # The low byte is the family; extended codes such as SQLITE_READONLY_DIRECTORY refine it.
    match None if code is None else code & 0xFF:
        case sqlite3.SQLITE_READONLY:
            return read_only(where, words)
        case sqlite3.SQLITE_CANTOPEN:
            return cannot_open(where, words)
        case sqlite3.SQLITE_FULL:
            return disk_full(where, words)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return RunLogError(
                f"The run log {where} is locked by another program.",
                f"It stayed busy for the whole waiting time ({words}). {_NOTHING_SENT}",
                "Close the program that holds it (a database browser, a copy in progress), then run the cell again.",
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return damaged(where, words)
        case sqlite3.SQLITE_IOERR:
            return RunLogError(
                f"The disk failed under the run log {where}.",
                f"SQLite says: {words}. {_NOTHING_SENT}",
                "Check the disk or network folder, or put the log elsewhere with KLING_NB_LOG_URL.",
            )
    return RunLogError(
        f"The run log {where} could not be used.",
        f"The database says: {words.splitlines()[0] if words else type(error).__name__}. {_NOTHING_SENT}",
        "Run %kling doctor; another place for the log can be named with KLING_NB_LOG_URL.",
    )


def read_only(where: str, words: str) -> LogReadOnly:
    """Return the error for a log that cannot be written."""
    return LogReadOnly(
        f"The run log {where} is read-only.",
        f"Every run must be on disk before it is sent, and this cannot be written ({words}). {_NOTHING_SENT}",
        "Allow writing to the file and its folder, or choose another place with KLING_NB_HOME or KLING_NB_LOG_URL.",
    )


def cannot_open(where: str, words: str) -> LogReadOnly:
    """Return the error for a log whose file or folder cannot be opened or created."""
    return LogReadOnly(
        f"The run log {where} cannot be opened.",
        f"Its folder is missing, closed to you or not writable ({words}). {_NOTHING_SENT}",
        "Allow writing to the folder, or choose another place with KLING_NB_HOME or KLING_NB_LOG_URL.",
    )


def disk_full(where: str, words: str) -> RunLogError:
    """Return the error for a full disk."""
    return RunLogError(
        f"The disk is full: the run log {where} could not be written.",
        f"{words}. Rows written before are safe. {_NOTHING_SENT}",
        "Free some space (old videos in the home folder's media/ are the largest files), then run the cell again.",
    )


def damaged(where: str, words: str) -> RunLogError:
    """Return the error for a file that is no database or a broken one."""
    return RunLogError(
        f"The run log {where} is damaged or no run log.",
        f"SQLite says: {words}. {_NOTHING_SENT}",
        "Move the file away (a new log is started; videos and their .json sidecars stay) or restore a backup beside it.",
    )


def foreign(where: str) -> RunLogError:
    """Return the error for somebody else's database."""
    return RunLogError(
        f"{where} is a database, but no run log.",
        "It holds other tables and would be changed by writing runs into it.",
        "Name another file with KLING_NB_LOG_URL.",
    )


def too_new(where: str, found: str, known: str) -> LogTooNew:
    """Return the error for a log written by a newer kling_nb."""
    return LogTooNew(
        f"The run log {where} was written by a newer kling_nb.",
        f"Its schema is {found}; this version knows {known} and could only damage it.",
        "Upgrade (pip install -U kling-nb), or choose another log with KLING_NB_LOG_URL.",
    )


def _explain_os(error: OSError, where: str) -> RunLogError:
    words = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where, words)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return read_only(where, words)
    return cannot_open(where, words)
