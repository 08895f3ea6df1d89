"""The persistent task store: SQLite, read into memory once, written through at every change.

One thread uses it (the event loop's); a write is a small transaction that survives ``kill -9``.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kling_nb.sandbox.tasks import Charge, Job, Task

ID_BASE = 800_000_000_000_000_000
ID_EPOCH_MS = 1_704_067_200_000
ID_STEP = 100_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, job TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class TaskStore:
    """All tasks of one sandbox home.

    Parameters
    ----------
    path
        The SQLite file; created when missing.
    """

    def __init__(self, path: Path) -> None:
        # Unfinished writes of a killed process are rolled back by SQLite; autocommit keeps each save atomic.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        rows = self._db.execute("SELECT record FROM tasks ORDER BY id")
        self._tasks = {task.id: task for task in (Task.model_validate_json(row[0]) for row in rows)}
        self._external: dict[str, str] = {t.external_id: t.id for t in self._tasks.values() if t.external_id}
        self._public: dict[str, str] = {t.public_id: t.id for t in self._tasks.values() if t.public_id}
        self._videos: dict[str, str] = {t.video.id: t.id for t in self._tasks.values() if t.video}
        used = [int(i) for t in self._tasks.values() for i in (t.id, *((t.video.id,) if t.video else ()))]
        self._running = Counter(task.model for task in self.unfinished())
        self._last_id = max([int(self.meta("last_id", "0")), *used])

    def close(self) -> None:
        """Close the file; nothing is lost, every save is already committed."""
        self._db.close()

    def meta(self, key: str, default: str) -> str:
        """Return a stored setting, storing ``default`` when there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            self.set_meta(key, default)
            return default
        return str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store a setting."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def new_id(self, now_ms: int) -> str:
        """Return an 18-digit decimal id, greater than every id before (``spec/sandbox.md`` §4)."""
        from_clock = ID_BASE + max(0, now_ms - ID_EPOCH_MS) * ID_STEP + secrets.randbelow(ID_STEP)
        self._last_id = max(from_clock, self._last_id + 1 + secrets.randbelow(1000))
        return str(self._last_id)

    def add(self, task: Task, job: Job) -> None:
        """Store a new task with its inputs."""
        written, record = job.model_dump_json(), task.model_dump_json()
        with self._transaction():
            self._db.execute("INSERT INTO jobs VALUES (?, ?)", (task.id, written))
            self._db.execute("INSERT INTO tasks VALUES (?, ?)", (task.id, record))
        self._tasks[task.id] = task
        self._running[task.model] += 1
        if task.external_id:
            self._external[task.external_id] = task.id
        if task.public_id:
            self._public[task.public_id] = task.id

    def record(self, task: Task) -> None:
        """Store a task that has ended already; it holds no slot."""
        self._db.execute("INSERT INTO tasks VALUES (?, ?)", (task.id, task.model_dump_json()))
        self._tasks[task.id] = task

    def save(self, task: Task) -> None:
        """Write the present state of ``task``."""
        self._db.execute("UPDATE tasks SET record = ? WHERE id = ?", (task.model_dump_json(), task.id))

    def finish(self, task: Task) -> None:
        """Write the end of ``task``: its slot is free again, its inputs are dropped."""
        # The task has ended, whether or not the disk takes it.
        self._running[task.model] -= 1
        if task.video:
            self._videos[task.video.id] = task.id
        with self._transaction():
            self.save(task)
            self._db.execute("DELETE FROM jobs WHERE id = ?", (task.id,))

    def running(self, model: str) -> int:
        """Return how many tasks of ``model`` hold a slot (``spec/official-api.md`` §13)."""
        return self._running[model]

    def job(self, task_id: str) -> Job:
        """Return the inputs of an unfinished task."""
        row = self._db.execute("SELECT job FROM jobs WHERE id = ?", (task_id,)).fetchone()
        return Job.model_validate_json(row[0])

    def get(self, task_id: str) -> Task | None:
        """Return the task with this id."""
        return self._tasks.get(task_id)

    def by_external_id(self, external_id: str) -> Task | None:
        """Return the newest task with this external id."""
        return self._tasks.get(self._external.get(external_id, ""))

    def by_public_id(self, public_id: str, dialect: str | None = None) -> Task | None:
        """Return the gateway's task with this id, of any gateway unless one is named."""
        task = self._tasks.get(self._public.get(public_id, ""))
        return task if task is not None and dialect in (None, task.dialect) else None

    def by_video_id(self, video_id: str) -> Task | None:
        """Return the task that made this video."""
        return self._tasks.get(self._videos.get(video_id, ""))

    def newest_first(self) -> Iterator[Task]:
        """Iterate over all tasks, newest first."""
        return (self._tasks[key] for key in reversed(self._tasks))

    def unfinished(self) -> list[Task]:
        """Return the tasks that have not ended, oldest first."""
        return [task for task in self._tasks.values() if not task.state.final]

    def charged(self) -> list[Task]:
        """Return the tasks whose units are reserved or booked."""
        return [task for task in self._tasks.values() if task.charge is not Charge.RELEASED]

    def clear(self) -> None:
        """Forget all tasks; ids go on increasing."""
        self.set_meta("last_id", str(self._last_id))
        with self._transaction():
            self._db.execute("DELETE FROM tasks")
            self._db.execute("DELETE FROM jobs")
        self._tasks.clear()
        self._external.clear()
        self._videos.clear()
        self._public.clear()
        self._running.clear()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write all or nothing; a disk that is full must not leave a transaction open for ever."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite may have ended it by itself
                self._db.execute("ROLLBACK")
            raise
