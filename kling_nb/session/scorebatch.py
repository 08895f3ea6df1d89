"""The clips of many runs, measured on any executor and kept one by one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from kling_nb.domain.scores import MEASURES, SCORE_VERSION
from kling_nb.errors import InputError, KlingError, UsageError
from kling_nb.score.batch import Batch
from kling_nb.score.workers import words_of
from kling_nb.session.chosen import ids_of
from kling_nb.session.clips import has_clip, records_of
from kling_nb.session.places import kept_at
from kling_nb.session.toldframe import ToldFrame

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.runlog.scores import Measured
    from kling_nb.score.workers import Job, Outcome
    from kling_nb.session.scoreside import ScoringSession

CHUNK: Final = 200
"""Rows read from the log at a time."""

EVERY_S: Final = 0.5
"""How often the line of progress changes, in seconds."""


def score_runs(
    session: ScoringSession,
    runs: Any,
    executor: Executor | None,
    *,
    again: bool,
    progress: bool | Callable[[str], None],
) -> pd.DataFrame:
    """Measure the clips of runs; see :meth:`ScoringSession.score`."""
    _check(executor)
    if runs is None:
        frame = session.log.frame()
        ids = [str(run_id) for run_id in frame.loc[frame["video_path"].notna(), "id"]]
    else:
        ids = ids_of(runs, session)
    return _Round(session, ids, again, progress).go(executor)


def _check(executor: object) -> None:
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise UsageError(
            f"executor={executor!r} is no executor.",
            "It has to hand out work as those of concurrent.futures do.",
            "Leave it out, or give e.g. ThreadPoolExecutor(), or client.get_executor() of a Dask cluster.",
        )


def score_clips(
    session: ScoringSession,
    clips: Sequence[str | os.PathLike[str]],
    executor: Executor | None,
    *,
    again: bool,
    progress: bool | Callable[[str], None],
    **asked: Any,
) -> pd.DataFrame:
    """Measure clips outside the log; see :meth:`ScoringSession.score`."""
    _check(executor)
    return _Clips(session, [os.fspath(clip) for clip in clips], again, progress, asked).go(executor)


class _Round:
    """One call over many runs."""

    name = "id"

    def __init__(
        self,
        session: ScoringSession,
        ids: Sequence[str],
        again: bool,
        progress: bool | Callable[[str], None],
    ) -> None:
        self._session = session
        self._ids = ids
        self._again = again
        self._rows: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, Job] = {}
        self._known = 0
        self._told = progress if callable(progress) else _line() if progress else None
        self._begun = self._shown = time.monotonic()

    def go(self, executor: Executor | None) -> pd.DataFrame:
        try:
            Batch(self._take, executor).run(self._work())
        finally:
            self._show(last=True)
        return self._frame()

    def _work(self) -> Iterator[Job]:
        """Yield what has to be measured; what is known goes straight into the rows."""
        for start in range(0, len(self._ids), CHUNK):
            part = self._ids[start : start + CHUNK]
            records = records_of(self._session.log, part)
            known = {} if self._again else self._session.log.scores.measured(part)
            for run_id in part:
                job = self._job(run_id, records.get(run_id))
                if job is None:
                    continue
                old = known.get(run_id)
                asked = (SCORE_VERSION, job.sha256, job.question.digest)
                if old is not None and (old.version, old.clip_sha256, old.asked_digest) == asked:
                    self._note(run_id, self._row_of(run_id, old), known=True)
                elif not self._again and (kept := self._session.known_scores(job)) is not None:
                    self._session.keep_scores(run_id, None, kept)
                    self._note(run_id, _row(kept), known=True)
                else:
                    self._jobs[run_id] = job
                    yield job

    def _job(self, run_id: str, record: RunRecord | None) -> Job | None:
        if record is None or not has_clip(record):
            status = "not in the log any more" if record is None else f"no clip ({record.status.value})"
            self._rows[run_id] = {"why": status}
            return None
        try:
            clip = kept_at(self._session.home, record.video_path)
            why = "" if clip is not None and clip.is_file() else self._fetched(record)
            if clip is not None and not why:
                return self._session.job_of(record, clip, fetch=True)
        except Exception as error:
            # One row that somebody has damaged, or a file without permission, must not end the call.
            why = f"what was asked cannot be read ({words_of(error)})"
        self._rows[run_id] = {"why": why}
        return None

    def _fetched(self, record: RunRecord) -> str:
        """Bring a clip home that a colleague's kernel has stored; return why it is not here."""
        if kept_at(self._session.home, record.video_path) is None:
            return "the log names a file outside its folder"
        shelf = self._session.shelf
        try:
            there = shelf is not None and shelf.fetch_clip(record)
        except KlingError as error:
            return f"the clip could not be fetched: {error.what}"
        return "" if there else "the clip is not on this machine"

    def _row_of(self, run_id: str, known: Measured) -> dict[str, Any]:
        """Return a line of the table from the numbers alone: paths and curves of thousands are not read."""
        if all(value is None for value in known.values.values()):
            return _row(self._session.log.scores_of([run_id])[run_id])
        return {**known.values, "flags": known.flags, "score_confidence": known.confidence}

    def _take(self, outcome: Outcome) -> None:
        assert outcome.scores is not None
        self._keep(self._jobs.pop(outcome.key), outcome.scores)
        self._note(outcome.key, _row(outcome.scores))

    def _keep(self, job: Job, scores: Scores) -> None:
        self._session.keep_scores(job.key, job, scores)

    def _note(self, run_id: str, row: dict[str, Any], *, known: bool = False) -> None:
        self._rows[run_id] = row
        self._known += known
        if time.monotonic() - self._shown >= EVERY_S:
            self._show()

    def _show(self, *, last: bool = False) -> None:
        if self._told is None:
            return
        self._shown = time.monotonic()
        done, seconds = len(self._rows), self._shown - self._begun
        fresh = done - self._known
        text = f"scores: {done} of {len(self._ids)}"
        text += f", {self._known} known before" if self._known else ""
        if last:
            text += f", {seconds:.0f} s"
        elif fresh:
            text += f", about {(len(self._ids) - done) * seconds / fresh:.0f} s left"
        self._told(text + ("\n" if last else ""))

    def _frame(self) -> pd.DataFrame:
        names = ["flags", "score_confidence", *(measure.name for measure in MEASURES), "why"]
        rows = [self._rows.get(run_id, {}) for run_id in self._ids]
        frame = ToldFrame(rows, index=pd.Index(list(self._ids), name=self.name, dtype="str"), columns=names)
        numbers = [name for name in names if name not in ("flags", "why")]
        frame[numbers] = frame[numbers].astype("float64")
        frame["flags"] = [row.get("flags", ()) for row in rows]
        frame["why"] = [row.get("why", "") for row in rows]
        return frame


class _Clips(_Round):
    """One call over clips that no run of the log speaks of."""

    name = "clip"

    def __init__(
        self,
        session: ScoringSession,
        clips: Sequence[str],
        again: bool,
        progress: bool | Callable[[str], None],
        asked: dict[str, Any],
    ) -> None:
        super().__init__(session, list(dict.fromkeys(clips)), again, progress)
        self._asked = asked

    def _work(self) -> Iterator[Job]:
        for clip in self._ids:
            try:
                job = replace(self._session.job_of_clip(clip, **self._asked), key=clip)
            except InputError as error:
                self._note(clip, {"why": f"{error.what} {error.why}"})
                continue
            known = None if self._again else self._session.known_scores(job)
            if known is not None:
                self._note(clip, _row(known), known=True)
            else:
                self._jobs[clip] = job
                yield job

    def _keep(self, job: Job, scores: Scores) -> None:
        self._session.keep_clip_scores(job, scores)


def _row(scores: Scores) -> dict[str, Any]:
    """Return a line of the table; ``why`` only where nothing at all could be measured."""
    nothing = all(value is None for value in scores.values.values())
    reasons = dict.fromkeys(scores.why.values())
    return {
        **scores.values,
        "flags": tuple(scores.flags),
        "score_confidence": scores.least_confidence,
        "why": "; ".join(reasons) if nothing else "",
    }


def _line() -> Callable[[str], None]:
    """Return what writes a line over the one before, where that is possible; elsewhere only the last one."""
    out = sys.stdout
    notebook = type(out).__module__.startswith("ipykernel")
    lively = notebook or out.isatty()
    widest = 0

    def write(text: str) -> None:
        nonlocal widest
        if lively or text.endswith("\n"):
            widest = max(widest, len(text.rstrip()))
            end = "\n" if text.endswith("\n") else ""
            out.write(("\r" if lively else "") + text.rstrip().ljust(widest) + end)
            out.flush()

    return write
