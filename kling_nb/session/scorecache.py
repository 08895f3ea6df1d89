"""Where scores are kept: in the run log by run, and in files by clip and question.

The files serve clips that no log knows, and runs that ask the same of the same file: it is measured once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kling_nb.domain.scores import SCORE_VERSION, UNREADABLE, Scores

if TYPE_CHECKING:
    from kling_nb.score.workers import Job

logger = logging.getLogger("kling_nb")

FOLDER: Final = "scores"
"""Below the home folder."""

UNUSED_S: Final = 90 * 86400.0
"""A file that nobody has asked for in so long is deleted: the run log keeps the scores of its runs for ever,
and another clip is measured again when it is asked for."""


class ScoreFiles:
    """Scores by clip, question and version, one small file each.

    Parameters
    ----------
    home
        Home folder of the runs.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._tidy = False

    def get(self, job: Job) -> Scores | None:
        """Return the valid scores of a clip, None when there are none."""
        path = self._path(job)
        try:
            scores = Scores.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, *UNREADABLE):
            return None  # Never written, or damaged: it is measured again.
        if not is_valid(scores, job):
            return None
        with suppress(OSError):
            os.utime(path)
        return scores

    def put(self, job: Job, scores: Scores) -> None:
        """Keep valid scores; a folder that cannot be written costs only another measurement."""
        if not is_valid(scores, job):
            return
        target = self._path(job)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / ".gitignore").write_text("*\n", encoding="utf-8")
            part.write_text(json.dumps(scores.to_json(), separators=(",", ":")), encoding="utf-8")
            part.replace(target)
        except OSError as error:
            logger.debug("scores are not kept in a file: %s", error)
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if not self._tidy:
            self._tidy = True
            self._delete_unused()

    def _delete_unused(self) -> None:
        """Delete what nobody has asked for in a long time, and what a killed kernel left half written."""
        begin = time.time() - UNUSED_S
        with suppress(OSError):
            for path in self._folder.iterdir():
                # Another kernel may do the same.
                with suppress(OSError):
                    if path.suffix in (".json", ".part") and path.stat().st_mtime < begin:
                        path.unlink()

    def _path(self, job: Job) -> Path:
        told = f"{job.sha256}/{job.question.digest}/{SCORE_VERSION}"
        return self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:40]}.json"


def is_valid(scores: Scores, job: Job) -> bool:
    """Whether scores answer this question about this file, by the present rules."""
    return (scores.version, scores.clip_sha256, scores.asked_digest) == (
        SCORE_VERSION, job.sha256, job.question.digest
    )  # fmt: skip
