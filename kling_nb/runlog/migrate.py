"""Bring a log's schema to this version, forward only, from every released one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from kling_nb.runlog import failures
from kling_nb.runlog.schema import METADATA

_PACKAGED = Path(__file__).parent / "migrations"

_VERSION = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic keeps the revision of a database."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The schema revisions this version knows: files ``v0001_….py``, ``v0002_….py``, in one line.

    Parameters
    ----------
    folder
        Folder of Alembic revision files.
    """

    folder: Path = _PACKAGED / "versions"

    @property
    def revisions(self) -> list[str]:
        """Revision names, oldest first; told by the file names, so that Alembic need not be imported."""
        return sorted(path.stem.split("_")[0].removeprefix("v") for path in self.folder.glob("v*.py"))

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def refuse_newer(self, found: str | None, where: str) -> None:
        """Raise ``LogTooNew`` for a revision this version does not know."""
        if found is not None and found not in self.revisions:
            raise failures.too_new(where, found, self.head)

    def upgrade(self, connection: sa.Connection, found: str | None, where: str, path: Path | None) -> str:
        """Migrate inside the caller's write transaction.

        Parameters
        ----------
        connection
            In a write transaction, so that a second process waits and then finds the work done.
        found
            Present revision, None for an empty database.
        where
            Log's name for messages.
        path
            SQLite file; copied before it is changed. A server's administrator has backups of their own.

        Returns
        -------
        str
            What was done, for the person; empty when there was nothing to upgrade.

        Raises
        ------
        LogTooNew
            The log was written by a newer version.
        """
        self.refuse_newer(found, where)
        if found == self.head:
            return ""
        if found is None and self.folder == _PACKAGED / "versions":
            self._create(connection)
            return ""
        kept = _backup(path, found) if found is not None and path is not None else None
        self._run_alembic(connection)
        if found is None:
            return ""
        copy = "" if kept is None else f"; the log as it was is kept as {kept.name}"
        return f"The run log {where} was upgraded from version {int(found)} to {int(self.head)}{copy}."

    def _create(self, connection: sa.Connection) -> None:
        """Make the declared tables at once: what all revisions make, without loading Alembic for it."""
        METADATA.create_all(connection)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert().values(version_num=self.head))

    def _run_alembic(self, connection: sa.Connection) -> None:
        from alembic import command  # noqa: PLC0415 - only an old log pays for loading Alembic
        from alembic.config import Config  # noqa: PLC0415 - as above

        config = Config()
        # Percent signs in a folder name are interpolation to the configuration parser.
        config.set_main_option("script_location", str(_PACKAGED).replace("%", "%%"))
        config.set_main_option("version_locations", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision_of(connection: sa.Connection) -> tuple[str | None, bool]:
    """Return the database's revision and whether it holds any table at all.

    Parameters
    ----------
    connection
        Any connection to the database.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        return None, bool(tables)
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return (None if found is None else str(found)), True


def _backup(path: Path, revision: str) -> Path:
    """Copy the database as it is committed now to a file beside it; an older copy is never overwritten."""
    name = f"{path.name}.v{int(revision)}-backup"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    target = next(place for place in (path.with_name(each) for each in names) if not place.exists())
    part = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
