"""What goes to the team's store and comes from it, on a thread of its own and never in anybody's way.

The home folder is the place of every file; the store has copies. What is to be sent is noted in the home
folder first, so a store that is away, or a kernel that is killed, delays a copy and loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.errors import KlingError
from kling_nb.session.filing import FILE_NAME, MEDIA
from kling_nb.session.mediastore import NAME, MediaStore

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord

PAUSES_S = (0.2, 1.0)
"""Between quick attempts."""

RETRY_S = 60.0
"""Until what failed is tried again."""

ABSENT_S = 30.0
"""How long a file that the store does not have is not asked for again."""


class Shelf:
    """The copies of one home folder.

    Parameters
    ----------
    home
        Folder of the runs.
    store
        Where the copies go.
    told
        Called with a run's id and a sentence when a copy has to wait; on the thread of the shelf.
    """

    def __init__(self, home: Path, store: MediaStore, told: Callable[[str, str], None]) -> None:
        self._home = home
        self._store = store
        self._told = told
        self._notes = home / MEDIA / ".waiting"
        self._jobs: deque[Callable[[], None]] = deque()
        self._known: dict[str, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def keep(self, run_id: str, kind: str, names: Iterable[str]) -> None:
        """Note files to be sent, and send them soon; returns at once and never raises.

        Parameters
        ----------
        run_id
            The run they belong to.
        kind
            ``clip`` or ``inputs``: each is noted once.
        names
            Relative to the home folder.
        """
        wanted = [name for name in names if NAME.fullmatch(name)]
        if not wanted or not FILE_NAME.fullmatch(run_id):
            return
        note = self._notes / f"{run_id}.{kind}"
        try:
            self._notes.mkdir(parents=True, exist_ok=True)
            part = note.with_name(f".{note.name}.part")
            part.write_text(json.dumps(wanted), encoding="utf-8")
            part.replace(note)
        except OSError as error:
            self._told(run_id, f"a copy for the team cannot be noted ({error.strerror or error})")
            return
        self._add(lambda: self._send(note))

    def keep_clip(self, record: RunRecord) -> None:
        """Send the clip of a run, its poster and its JSON."""
        self.keep(record.id, "clip", clip_names(record))

    def keep_inputs(self, record: RunRecord) -> None:
        """Send the pictures and masks of a run, so that others can make it again or go on with it."""
        self.keep(record.id, "inputs", [n for n in input_names(record) if (self._home / n).is_file()])

    def resume(self) -> None:
        """Send what waits since an earlier kernel; returns at once."""
        for note in self._waiting():
            self._add(lambda note=note: self._send(note))  # type: ignore[misc] # the note of this round

    def waiting(self) -> int:
        """Return how many runs have files that are not in the store yet."""
        return len({note.stem for note in self._waiting()})

    def check(self) -> None:
        """Send and fetch back a small file; waits for the network.

        Raises
        ------
        DownloadError
            The store cannot be used.
        """
        name = f"{MEDIA}/kling-nb-check.txt"
        with tempfile.TemporaryDirectory() as folder:
            here, back = Path(folder) / "here", Path(folder) / "back"
            here.write_text("kling_nb can write here\n", encoding="utf-8")
            self._store.put(here, name)
            self._store.get(name, back, sha256=hashlib.sha256(here.read_bytes()).hexdigest())

    def fetch(self, name: str, sha256: str | None = None) -> Path | None:
        """Return a file of the home folder, fetched if need be; waits for the network.

        Raises
        ------
        DownloadError
            The store cannot be used, or its file is not what it should be.
        """
        if not NAME.fullmatch(name):
            return None
        path = self._home / name
        return path if path.is_file() or self._store.get(name, path, sha256=sha256) else None

    def fetch_clip(self, record: RunRecord) -> bool:
        """Bring the clip of a run home with its poster and its JSON; waits. Whether it is here.

        Raises
        ------
        DownloadError
            The store cannot be used, or its clip is not the one that was stored.
        """
        video, *others = clip_names(record)
        # The video comes last: where it is, the run counts as complete, and everything else is there.
        for name in others:
            self.fetch(name)
        return self.fetch(video, record.video_sha256) is not None

    def want(self, record: RunRecord, then: Callable[[], None]) -> None:
        """Bring the clip of a run home some time soon; returns at once and never raises.

        Parameters
        ----------
        record
            Its row.
        then
            Called when it is here.
        """
        now = time.monotonic()
        if now - self._known.get(record.id, float("-inf")) < ABSENT_S:
            return
        self._known[record.id] = now

        def bring() -> None:
            try:
                if self.fetch_clip(record):
                    then()
            except KlingError as error:
                self._told(record.id, f"{error.what} {error.why}")

        self._add(bring)

    def close(self, patience_s: float = 5.0) -> None:
        """Give what is on its way a moment; the rest is sent by the next kernel."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None or not self._jobs, patience_s)
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _waiting(self) -> Iterator[Path]:
        if self._notes.is_dir():
            yield from sorted(note for note in self._notes.iterdir() if not note.name.startswith("."))

    def _add(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._jobs.append(job)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="kling-media", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    self._changed.notify_all()
                    late = any(True for _ in self._waiting())
                    if self._closed or not late:
                        self._thread = None
                        return
                    if not self._changed.wait(RETRY_S) and not self._jobs:
                        self._jobs.extend([lambda n=n: self._send(n) for n in self._waiting()])  # type: ignore[misc]
                if self._closed:
                    self._thread = None
                    return
                job = self._jobs[0]
            job()
            with self._changed:
                self._jobs.popleft()
                self._changed.notify_all()

    def _send(self, note: Path) -> None:
        run_id = note.stem
        try:
            names = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            note.unlink(missing_ok=True)  # Sent by another kernel, or no note of ours.
            return
        for pause in (*PAUSES_S, None):
            try:
                for name in names:
                    if (path := self._home / str(name)).is_file():
                        self._store.put(path, str(name))
            except KlingError as error:
                if pause is None:
                    self._told(run_id, f"{error.what} {error.why} Its files stay here and are sent later.")
                    return
                time.sleep(pause)
            else:
                note.unlink(missing_ok=True)
                return


def clip_names(record: RunRecord) -> list[str]:
    """Return the names of a run's clip, its JSON and its poster."""
    stem = f"{MEDIA}/{record.id}"
    return [f"{stem}.mp4", f"{stem}.json", f"{stem}.jpg"]


def input_names(record: RunRecord) -> list[str]:
    """Return the names of a run's pictures and masks."""
    found = dict.fromkeys(_digests([record.request, record.brush, record.options]))
    found |= dict.fromkeys([digest for digest in (record.image_sha256, record.image_tail_sha256) if digest])
    return [f"inputs/{digest}{suffix}" for digest in found for suffix in (".png", ".jpg")]


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _digests(item)
    elif isinstance(value, list):
        for item in value:
            yield from _digests(item)
    elif isinstance(value, str) and len(value) == 64 and all(c in "0123456789abcdef" for c in value):
        yield value
