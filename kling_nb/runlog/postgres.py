"""A run log on a PostgreSQL server, shared by a team: its address, connections and transactions.

What ``BEGIN IMMEDIATE`` gives on SQLite, one advisory lock of the log gives here: whoever writes waits for
the writer before, and then sees all that it wrote. Writers are READ COMMITTED, where each statement after the
lock sees the newest rows (a snapshot taken before the wait would not show them); readers, who want one
consistent picture, are REPEATABLE READ.
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from kling_nb.errors import RunLogError
from kling_nb.runlog import failures
from kling_nb.runlog.records import utc_now

DRIVER = "postgresql+psycopg"

CONNECT_S = 10
"""How long a server may take to answer at all."""

IDLE_S = 60
"""A kernel that was paused in the middle of writing must not hold everybody's lock for ever."""

AGREES = timedelta(seconds=2)
"""Clocks that differ by less are not told apart: leases last minutes."""

AWAY_S = 5.0
"""How long a server that was there before is waited for: a restart takes a few seconds."""

_SHOWN = ("host", "port")
"""Options of an address that may be shown; others can hold passwords and names of key files."""

_LOCK = (
    "SELECT set_config('lock_timeout', '{lock_ms}', true), "
    "set_config('idle_in_transaction_session_timeout', '{idle_ms}', true), {extra}"
    # The second key keeps logs in several schemas of one database apart.
    "pg_advisory_xact_lock(4982451, hashtext(current_schema()))"
)
_SOON = "set_config('synchronous_commit', 'off', true), "


def understood(text: str) -> sa.URL | None:
    """Return a PostgreSQL address with the driver that is spoken here; None for another kind of database.

    Parameters
    ----------
    text
        What a person typed; ``postgres://`` and ``postgresql://`` mean the same.

    Raises
    ------
    RunLogError
        The password holds characters that must be written as percent codes: cut in the wrong place, the
        rest of it would be taken for the name of the server, and shown.
    """
    kind, _, rest = text.partition("://")
    if kind.partition("+")[0] not in ("postgresql", "postgres"):
        return None
    if rest.partition("?")[0].count("@") > 1:
        text = rest = ""  # A traceback may show the variables of this frame.
        raise RunLogError(
            "The address of the run log cannot be understood.",
            "User name, password and server are separated by one @, and there are several.",
            "Write special characters of the password as percent codes: @ is %40, / is %2F, : is %3A.",
        )
    dialect = kind.removeprefix("postgresql").removeprefix("postgres")
    url = sa.make_url(f"postgresql{dialect}://{rest}")
    if "password" in url.query:
        # Where it is known to be one, it is hidden.
        secret = url.query["password"]
        url = url.set(password=str(secret)).difference_update_query(["password"])
    return url.set(drivername=DRIVER) if url.drivername == "postgresql" else url


def shown(url: sa.URL) -> str:
    """Return an address for people: without password, and without options that could hold one."""
    public = {name: value for name, value in url.query.items() if name in _SHOWN}
    return url.set(query=public).render_as_string(hide_password=True)


def make_engine(url: sa.URL, where: str) -> sa.Engine:
    """Return an engine for a server; nothing is connected yet.

    Raises
    ------
    RunLogError
        The driver is missing, or it is another kind of database.
    """
    if url.get_backend_name() == "postgresql" and url.drivername != DRIVER:
        raise failures.no_driver(where, f"only {DRIVER}:// is spoken here")
    reason = ""
    try:
        engine = sa.create_engine(
            url,
            connect_args={"connect_timeout": CONNECT_S, "application_name": "kling_nb"},
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=3,
            max_overflow=12,
            pool_use_lifo=True,
            hide_parameters=True,
            json_serializer=_as_json,
        )
    except (ImportError, sa.exc.ArgumentError) as error:
        reason = str(error)
    else:
        if engine.dialect.name == "postgresql":
            return engine
        reason = f"{engine.dialect.name} is not among SQLite and PostgreSQL"
    raise failures.no_driver(where, reason)


def reader(engine: sa.Engine) -> sa.Engine:
    """Return the engine for reading: one consistent picture for all statements of a transaction."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def write_begins(durable: bool, busy_timeout: float) -> str:
    """Return the statement that makes a transaction the only one that writes.

    Parameters
    ----------
    durable
        Wait for the server's disk. Without, a commit survives the death of this kernel, and a power cut at
        the server may lose the last moments.
    busy_timeout
        Seconds to wait for the writer before.
    """
    return _LOCK.format(
        lock_ms=max(1, round(busy_timeout * 1000)), idle_ms=IDLE_S * 1000, extra="" if durable else _SOON
    )


def clock_ahead(connection: sa.Connection) -> timedelta:
    """Return how far the server's clock is ahead of this machine's.

    Leases and slots are told apart by their times, and the kernels that share a server run on several
    machines: all of them go by its clock.
    """
    before = utc_now()
    told = cast("datetime", connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one())
    unsure = (utc_now() - before) / 2
    ahead = told - (before + unsure)
    # An answer that took long says little: the server may have looked at its clock at any moment of it.
    return ahead if abs(ahead) > AGREES + unsure else timedelta(0)


def _as_json(value: Any) -> str:
    """Return JSON as the standard has it: PostgreSQL refuses what Python adds to it, and a row with it."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
