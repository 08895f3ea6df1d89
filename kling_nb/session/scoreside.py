"""What a session does with scores: in the background after a download, and whenever somebody asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError, KlingError, MediaError, RunLogError, RunNotFound
from kling_nb.session.clips import has_clip
from kling_nb.session.noclip import why_no_clip
from kling_nb.session.places import kept_at
from kling_nb.session.run import SLICE_S, Run
from kling_nb.session.scorecache import ScoreFiles, is_valid
from kling_nb.session.scoring import Scorer
from kling_nb.session.sweepside import SweepingSession

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.score.asked import Asked
    from kling_nb.score.workers import Job
    from kling_nb.session.build import Prepared

CLIPS: Final = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif")
"""Endings by which a text is taken for a video and not for a run."""


class ScoringSession(SweepingSession):
    """A session that measures clips."""

    if TYPE_CHECKING:
        # What a person knows about a clip is read like a request, by the whole session.
        def build(self, image: Any = None, prompt: str | None = None, **params: Any) -> Prepared: ...  # noqa: D102

    _scorer: Scorer
    _score_files: ScoreFiles

    def _open(self) -> None:
        super()._open()
        self._scorer = Scorer()
        self._score_files = ScoreFiles(self.home)

    def close(self) -> None:
        """Stop following and measuring, and close log and connections; every run stays where it is."""
        if self._pid == os.getpid():
            self._scorer.close()
        # What is stored while the following ends must find the queue closed, and not start another process.
        super().close()
        self._scorer = Scorer()

    # --- what is known ----------------------------------------------------------------------------------

    def scores_of(self, record: RunRecord) -> Scores | None:
        """Return what the log knows about the clip of a run, None before it was measured."""
        found = self.log.scores_of([record.id]).get(record.id)
        if found is None or record.video_sha256 in (None, found.clip_sha256):
            return found
        # Or of the file that a person has put in the place of the downloaded one.
        clip = kept_at(self.home, record.video_path)
        with suppress(OSError):
            return found if clip is not None and _sha256(record, clip) == found.clip_sha256 else None
        return None

    def scores_ready(self, run: Run) -> bool:
        """Whether the scores of a run are there, or will not come by themselves: a rule may look now."""
        return run.done and not self._scorer.pending(run.id)

    def is_measuring(self, run_id: str) -> bool:
        """Whether the clip of a run waits or is being measured in this kernel."""
        return self._scorer.pending(run_id)

    @property
    def measures(self) -> bool:
        """Whether clips are measured after their download."""
        try:
            return self.settings.scores != "off"
        except KlingError:
            return False  # Settings that cannot be read are told by the next cell, and are no fault of a run.

    def asked_of(self, run: Run) -> Asked:
        """Return what the clip of a run is measured against, with pictures and masks as pixels."""
        from kling_nb.session.asking import asked_of  # noqa: PLC0415 - loads with the first clip

        return asked_of(run.record, self.inputs)

    # --- in the background ------------------------------------------------------------------------------

    def filed(self, run: Run) -> None:
        """Have a clip measured that this kernel has just stored; returns at once."""
        if not self.measures:
            return
        found = self._scorer.add(run.id, lambda: self._wanted(run), self._keeper_of(run.id))
        # Who shows the run hears it, too, when no scores will come.
        found.add_done_callback(lambda _: run.tell())

    def _wanted(self, run: Run) -> tuple[Job | None, Scores | None]:
        """Return the work that a stored clip means; on the thread of the queue."""
        if not has_clip(run.record) or (clip := run.video) is None:
            return None, None
        return self._looked_up(self.job_of(run.record, clip, fetch=self.shelf is not None))

    def _keeper_of(self, run_id: str) -> Callable[[Job | None, Scores], None]:
        return lambda job, scores: self.keep_scores(run_id, job, scores)

    def keep_scores(self, run_id: str, job: Job | None, scores: Scores) -> None:
        """Keep the scores of a run and tell those who show them; not from the loop's own thread.

        Parameters
        ----------
        run_id
            The run.
        job
            What they answer; None when they were in the files already.
        scores
            What was measured.
        """
        if job is not None:
            self._score_files.put(job, scores)
        # A log that cannot be written, or has lost the row, must not cost the numbers.
        with suppress(RunLogError, RunNotFound):
            if not scores.asked_digest and self.log.scores_of([run_id]):
                return  # A measurement that failed takes nothing away.
            with self.turn:
                self.log.put_scores(run_id, scores)
        with self._lock:
            run = self._runs.get(run_id)
        if run is not None:
            run.set_scores(scores)

    # --- on demand --------------------------------------------------------------------------------------

    def measure(self, run: Run, *, again: bool = False) -> Scores:
        """Measure the clip of a run, or return what is known; waits.

        Parameters
        ----------
        run
            The run.
        again
            Measure it although valid scores are there.

        Raises
        ------
        InputError
            There is no clip.
        """
        self.ready()
        if not has_clip(run.record) or (clip := run.video) is None:
            what = f"Run {run.id} has no clip that could be measured."
            raise InputError(what, *why_no_clip(run.record), run_id=run.id)
        job = self.job_of(run.record, clip, fetch=True)
        if not again:
            known = self.log.scores_of([run.id]).get(run.id)
            if known is not None and is_valid(known, job):
                return known
        keep = self._keeper_of(run.id)
        return self._wait(self._scorer.add(run.id, lambda: self._looked_up(job, again), keep, first=True))

    def measure_clip(self, clip: str | os.PathLike[str], *, again: bool = False, **asked: Any) -> Scores:
        """Measure a clip that no run of the log speaks of; waits.

        Parameters
        ----------
        clip
            The video.
        again
            Measure it although it was measured before.
        **asked
            What was asked of it, as for :meth:`submit`: ``image``, ``image_tail``, ``brush``,
            ``camera_control``, ``prompt`` …, and the ``way`` of the brush.

        Raises
        ------
        InputError
            There is no such file.
        """
        self.ready()
        job, keep = self.job_of_clip(clip, **asked), self.keep_clip_scores
        return self._wait(self._scorer.add(job.key, lambda: self._looked_up(job, again), keep, first=True))

    def keep_clip_scores(self, job: Job | None, scores: Scores) -> None:
        """Keep the scores of a clip outside the log; without a job they were kept before."""
        if job is not None:
            self._score_files.put(job, scores)

    def score(
        self,
        runs: Any = None,
        *,
        executor: Executor | None = None,
        again: bool = False,
        progress: bool | Callable[[str], None] = True,
        **asked: Any,
    ) -> pd.DataFrame | Scores:
        """Measure the clips of many runs, or one clip outside the log; waits.

        What has valid scores is not measured again, and each result is kept as soon as it is there: an
        interrupted call goes on where it was when it is made again.

        Parameters
        ----------
        runs
            A table of runs, runs, ids, a sweep, a filter; None is every run with a clip. Or the path of a
            video, or several, measured against what ``**asked`` says.
        executor
            Any ``concurrent.futures.Executor``: threads, processes, ``client.get_executor()`` of Dask …;
            None starts a process for each core and ends them afterwards. Workers elsewhere are sent what
            they do not have.
        again
            Measure although valid scores are there.
        progress
            Write a line that says how far it is; or a function that is told.
        **asked
            For a video outside the log, as for :meth:`measure_clip`.

        Returns
        -------
        DataFrame or Scores
            One row a run (or path) with a column for each score, ``flags``, ``score_confidence``, and ``why``
            where nothing could be measured. Of one path: its scores.
        """
        if is_clip(runs):
            from kling_nb.session.scoreviews import ShownScores  # noqa: PLC0415 - only for those who look

            return ShownScores.of(self.measure_clip(runs, again=again, **asked))
        from kling_nb.session import scorebatch  # noqa: PLC0415 - loads with the first batch

        self.ready()
        if isinstance(runs, list | tuple) and runs and all(map(is_clip, runs)):
            return scorebatch.score_clips(self, runs, executor, again=again, progress=progress, **asked)
        if asked:
            raise InputError(
                f"score() of runs takes no {', '.join(sorted(asked))}.",
                "The log knows what was asked of a run.",
                'Only a video outside the log needs it: kn.score("clip.mp4", image=…).',
            )
        try:
            return scorebatch.score_runs(self, runs, executor, again=again, progress=progress)
        except RunNotFound as error:
            if not isinstance(runs, str) or ("." not in runs and "/" not in runs):
                raise
            # Whoever writes a path means a file, and not the beginning of an id.
            raise InputError(
                f"{runs} is neither a run nor a video.",
                f"Videos are known by the ends of their names: {', '.join(CLIPS)}.",
                'Give runs or their ids, or a video: kn.score("clip.mp4", image=…, brush=…).',
            ) from error

    def job_of(self, record: RunRecord, clip: Path, *, fetch: bool = False) -> Job:
        """Return the work of measuring the clip of a run; see :func:`kling_nb.session.asking.job_of`."""
        from kling_nb.session.asking import job_of  # noqa: PLC0415 - loads with the first clip

        return job_of(record, self.inputs, clip, _sha256(record, clip), fetch=fetch)

    def job_of_clip(self, clip: str | os.PathLike[str], *, way: str | None = None, **asked: Any) -> Job:
        """Return the work of measuring a clip outside the log; parameters as for :meth:`measure_clip`."""
        from kling_nb.score.workers import Job, digest_of  # noqa: PLC0415 - as above
        from kling_nb.session.asking import job_of_request  # noqa: PLC0415 - as above

        path = Path(clip).expanduser().absolute()
        try:
            sha256 = digest_of(path)
        except OSError as error:
            raise InputError(
                f"{path.name} cannot be read.", f"{error.strerror or error}.", "Give the path of a video."
            ) from error
        if not asked:
            return Job(str(path), str(path), sha256)
        prepared = self.build(draft=True, **asked)
        prepared.check_values()
        return job_of_request(prepared.drawn, path, sha256, way=way)

    def _looked_up(self, job: Job, again: bool = False) -> tuple[Job | None, Scores | None]:
        known = None if again else self._score_files.get(job)
        return (job, None) if known is None else (None, known)

    def known_scores(self, job: Job) -> Scores | None:
        """Return what the files know about a clip and a question."""
        return self._score_files.get(job)

    @staticmethod
    def _wait(future: Future[Scores | None]) -> Scores:
        from kling_nb.score.workers import words_of  # noqa: PLC0415 - as above

        # In slices, so that Interrupt ends the waiting at once; the clip is measured all the same.
        # What was cancelled is done, but wait() does not see it.
        while not future.done():
            wait([future], SLICE_S)
        error = None if future.cancelled() else future.exception()
        if isinstance(error, KlingError):
            raise error
        if error is not None and not isinstance(error, CancelledError):
            raise MediaError("The clip was not measured.", f"{words_of(error)}.", "Ask again.") from error
        scores = None if error is not None or future.cancelled() else future.result()
        if scores is None:
            raise InputError("The clip was not measured.", "The session was closed.", "Ask again.")
        return scores


def is_clip(what: Any) -> bool:
    """Whether something is the path of a video, and not what names runs."""
    if isinstance(what, str):
        return what.lower().endswith(CLIPS)
    return isinstance(what, os.PathLike)


def _sha256(record: RunRecord, clip: Path) -> str:
    from kling_nb.score.workers import digest_of  # noqa: PLC0415 - as above

    known = record.video_sha256
    # A size tells most changes at no cost; the worker, which reads the file anyway, sees the others.
    changed = record.video_bytes is not None and clip.stat().st_size != record.video_bytes
    return digest_of(clip) if known is None or changed else known
