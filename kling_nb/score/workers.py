"""Measuring one clip in a worker: what goes there and what comes back, on this machine or another one.

A job carries paths, digests and numbers: no pixels, no key, nothing of the session. A worker that does not
have a file, or has another one under its name, says so and is sent the bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.scores import MEASURES, SCORE_VERSION, Scores
from kling_nb.errors import MediaError
from kling_nb.score.question import Question

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S: Final = 300.0
"""A clip that takes longer is given up: a few seconds are usual."""

CRASHED: Final = "the process that measured it ended, twice"
"""Why there are no scores of a clip that ends whoever reads it."""

STUCK: Final = "reading it did not come to an end"
"""Why there are no scores of a clip that holds whoever reads it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One clip to measure.

    Parameters
    ----------
    key
        What the caller knows it by.
    clip
        Path of the video.
    sha256
        Digest of that file.
    question
        What it is measured against.
    inputs
        Paths of pictures and masks by digest.
    sent
        Contents by digest, of files that the worker does not have.
    last
        Whether to go on without what is missing.
    """

    key: str
    clip: str
    sha256: str
    question: Question = field(default_factory=Question)
    inputs: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, bytes] = field(default_factory=dict)
    last: bool = False

    def with_files(self, digests: tuple[str, ...]) -> Job:
        """Return the job with the contents of files, as far as they are on this machine, and still the same.

        The clip is sent as it is now: its scores say that it was changed.
        """
        contents = dict(self.sent)
        for digest in digests:
            path = self.clip if digest == self.sha256 else self.inputs.get(digest, "")
            with suppress(OSError):
                data = Path(path).read_bytes()
                if digest == self.sha256 or hashlib.sha256(data).hexdigest() == digest:
                    contents[digest] = data
        return replace(self, sent=contents, last=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Parameters
    ----------
    key
        That of the job.
    scores
        None when files are missing.
    absent
        Digests of files that the worker does not have.
    """

    key: str
    scores: Scores | None = None
    absent: tuple[str, ...] = ()


def measure_job(job: Job) -> Outcome:
    """Measure a clip, or say which files are not there; raises nothing."""
    absent = () if job.last else tuple(each for each in _wanted(job) if not _is_there(job, each))
    if absent:
        return Outcome(job.key, absent=absent)
    try:
        with _clip_of(job) as path:
            return Outcome(job.key, _measured(job, path))
    except Exception as error:
        return Outcome(job.key, unmeasured(job, f"measuring failed ({words_of(error)})"))


def words_of(error: BaseException) -> str:
    """Return an error in one line, without the path that errors of files end with: logs are shared."""
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".removesuffix(": ")


def unmeasured(job: Job, why: str) -> Scores:
    """Return scores without a number, and the reason; they are not taken for an answer to the question."""
    values: dict[str, float | None] = {measure.name: None for measure in MEASURES}
    return Scores(SCORE_VERSION, job.sha256, "", values, why=dict.fromkeys(values, why))


def _wanted(job: Job) -> tuple[str, ...]:
    return (job.sha256, *job.question.files)


def _is_there(job: Job, digest: str) -> bool:
    """Whether a file came along, or is on this machine and is the one that is meant."""
    if digest in job.sent:
        return True
    path = Path(job.clip if digest == job.sha256 else job.inputs.get(digest, ""))
    try:
        return path.is_file() and digest_of(path) == digest
    except OSError:
        return False


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _clip_of(job: Job) -> Iterator[Path]:
    data = job.sent.get(job.sha256)
    if data is None:
        yield Path(job.clip)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{Path(job.clip).suffix}"
        path.write_bytes(data)
        yield path


def _measured(job: Job, path: Path) -> Scores:
    from kling_nb.score.measure import measure  # noqa: PLC0415 - OpenCV and PyAV take half a second to load

    def read(digest: str) -> bytes:
        if digest in job.sent:
            return job.sent[digest]
        try:
            data = Path(job.inputs[digest]).read_bytes()
        except (KeyError, OSError) as error:
            raise MediaError("it is gone", "", "") from error
        if job.last and hashlib.sha256(data).hexdigest() != digest:
            raise MediaError("it was changed", "", "")
        return data

    asked = job.question.asked(read)
    sha256 = job.sha256 if not job.last or digest_of(path) == job.sha256 else digest_of(path)
    scores = measure(path, asked, sha256=sha256, stop=_deadline())
    new = [note for note in asked.notes if note not in scores.notes]
    if sha256 != job.sha256:
        new.append("The file is not the one that was downloaded: it was changed since.")
    return replace(scores, clip_sha256=sha256, asked_digest=job.question.digest, notes=(*new, *scores.notes))


def _deadline() -> Callable[[], bool]:
    end = time.monotonic() + LIMIT_S
    return lambda: time.monotonic() > end


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return plain values for JSON."""
    scores = None if outcome.scores is None else outcome.scores.to_json()
    return {"key": outcome.key, "scores": scores, "absent": list(outcome.absent)}


def from_json(row: Mapping[str, Any]) -> Outcome:
    """Rebuild an outcome from :func:`as_json`."""
    scores = row["scores"]
    return Outcome(row["key"], None if scores is None else Scores.from_json(scores), tuple(row["absent"]))
