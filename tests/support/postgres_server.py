"""A PostgreSQL server of the tests' own: made, started, stopped and removed by them, on no network."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

USER = "kling"
QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "80",
    "autovacuum": "off",
}
"""Nothing of it has to survive the machine."""


def programs() -> Path | None:
    """Return the folder of the server's programs, the newest; None where there are none."""
    named = shutil.which("initdb")
    if named is not None:
        return Path(named).parent
    # Debian keeps them apart by version, outside the search path.
    found = [place for place in Path("/usr/lib/postgresql").glob("*/bin") if (place / "initdb").exists()]
    return max(found, key=lambda place: float(place.parent.name), default=None)


def _unprivileged() -> dict[str, Any]:
    """Return how a process is started as somebody else: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    raise RuntimeError("no unprivileged user to run a database server as")


class PostgresServer:
    """A server behind a socket in a folder of its own, with a password."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(8)
        self._bin = programs()
        self._as = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._schemas = count(1)
        # The path of a socket is limited to a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="kling-pg-"))
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self.folder.chmod(0o755)
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "-N",
            "-E",
            "UTF8",
        )
        secret.unlink()
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: object) -> str:
        assert self._bin is not None
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **self._as)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def url(self, schema: str = "", **query: str) -> str:
        """Return the address of a log in a schema."""
        options = {
            "host": str(self.folder),
            **({"options": f"-csearch_path%3D{schema}"} if schema else {}),
            **query,
        }
        pairs = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql+psycopg://{USER}:{self.password}@/postgres?{pairs}"

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Run a statement as the server's administrator."""
        import psycopg

        with psycopg.connect(
            host=str(self.folder), user=USER, password=self.password, dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(text)
            return [] if cursor.description is None else cursor.fetchall()

    def new_log(self) -> str:
        """Return the address of an empty place for a log: a schema of its own."""
        name = f"log_{next(self._schemas)}"
        self.sql(f"CREATE SCHEMA {name}")
        return self.url(name)

    def start(self) -> None:
        """Start, and wait until it answers."""
        assert self._bin is not None
        options = [part for name, value in QUICK.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._as)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.sql("SELECT 1")
            except Exception:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop as for maintenance: everybody is thrown out at once."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """Let it die in the middle of everything."""
        assert self._process is not None
        self._process.send_signal(3)
        self._process.wait(60)
        self._process = None

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
