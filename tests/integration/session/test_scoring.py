"""Clips measured beside everything else: one process at low priority that never holds anything up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import psutil
import pytest
from clip_shelf import numbered_clip, shelf
from score_jobs import PATIENCE_S, answered, gone, wait_until

from kling_nb.domain.scores import SCORE_VERSION, Scores
from kling_nb.errors import InputError
from kling_nb.score import aside as aside_module
from kling_nb.score.aside import NICENESS, Aside
from kling_nb.score.workers import CRASHED, Job, Outcome, digest_of, unmeasured
from kling_nb.session import Session
from kling_nb.session.scorecache import ScoreFiles
from kling_nb.session.scoring import Scorer

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Job:
    path = numbered_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=8)
    return Job("clip", str(path), digest_of(path))


def ignore(job: Job | None, scores: Scores) -> None:
    """Keep nothing."""


def test_a_clip_is_measured_by_a_process_that_stands_back(clip: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_API_KEY", "api-key-kling-of-a-test")
    scorer, begin = Scorer(idle_s=0.3), threading.Event()
    kept: list[tuple[Job | None, Scores]] = []
    seen: list[tuple[int, int, bytes]] = []

    def keep(job: Job | None, scores: Scores) -> None:
        """Look at the process while it cannot rest."""
        pid = scorer.pid
        assert pid is not None
        environ = Path(f"/proc/{pid}/environ")
        seen.append((pid, psutil.Process(pid).nice(), environ.read_bytes() if environ.exists() else b""))
        kept.append((job, scores))

    future = scorer.add("clip", lambda: (clip, None) if begin.wait(60) else (None, None), keep)
    assert scorer.pending("clip")
    begin.set()
    scores = future.result(PATIENCE_S)
    assert scores is not None and scores.motion is not None and scores.clip_sha256 == clip.sha256
    assert kept == [(clip, scores)], "kept before anybody is told"
    ((pid, niceness, environment),) = seen
    assert pid != os.getpid() and niceness == min(19, os.nice(0) + NICENESS)
    assert b"of-a-test" not in environment, "a reader of clips needs no key"
    # Nothing is left when there is nothing to do.
    wait_until(lambda: not scorer.pending("clip") and not psutil.pid_exists(pid))


def test_a_clip_that_comes_while_the_process_is_sent_away_waits_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One thread at a time: the process of one would be ended over the clip of the other."""
    resting, go = threading.Event(), threading.Event()

    class Slow(Aside):
        def measure(self, job: Job) -> Outcome:
            return answered(job)

        def rest(self) -> None:
            resting.set()
            assert go.wait(60)

    monkeypatch.setattr(aside_module, "Aside", Slow)
    before = set(threading.enumerate())  # and not their numbers, which a new thread may take over
    scorer = Scorer(idle_s=0.01)
    try:
        assert scorer.add("a", lambda: (Job("a", "", ""), None), ignore).result(60) is not None
        assert resting.wait(60)
        second = scorer.add("b", lambda: (Job("b", "", ""), None), ignore)
        threads = [t for t in threading.enumerate() if t.name == "kling-scores" and t not in before]
        assert len(threads) == 1 and not second.done()
        go.set()
        assert second.result(60) is not None
    finally:
        go.set()
        scorer.close()


def test_a_process_that_dies_is_replaced_and_then_given_up(
    clip: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer()
    real = aside_module._CODE
    try:
        monkeypatch.setattr(aside_module, "_CODE", "import os; os._exit(3)  # {path} {parent}")
        scores = scorer.add("a", lambda: (clip, None), ignore).result(PATIENCE_S)
        assert scores is not None and set(scores.why.values()) == {CRASHED}
        monkeypatch.setattr(aside_module, "_CODE", real)
        assert scorer.add("b", lambda: (clip, None), ignore).result(PATIENCE_S).motion is not None  # type: ignore[union-attr]
        assert scorer.pid is not None
        os.kill(scorer.pid, signal.SIGKILL)
        again = scorer.add("c", lambda: (clip, None), ignore).result(PATIENCE_S)
        assert again is not None and again.motion is not None, "one dead process costs nothing"
    finally:
        scorer.close()


def test_interrupt_does_not_reach_the_process(clip: Job) -> None:
    """Jupyter interrupts a kernel with everything in its process group."""
    aside = Aside()
    try:
        assert aside.measure(clip) is not None
        assert aside.pid is not None and os.getpgid(aside.pid) != os.getpgid(0)
        os.kill(aside.pid, signal.SIGINT)
        outcome = aside.measure(clip)
        assert outcome is not None and outcome.scores is not None
    finally:
        aside.rest()


def test_the_process_ends_with_a_killed_kernel(clip: Job) -> None:
    code = (
        "import os, signal; from kling_nb.score.aside import Aside; from kling_nb.score.workers import Job;"
        "a = Aside(); a.measure(Job('x', '', '')); print(a.pid, flush=True); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    wait_until(lambda: gone(pid))


def test_closing_forgets_what_waits() -> None:
    scorer, begun, go = Scorer(), threading.Event(), threading.Event()

    def slow() -> tuple[None, None]:
        begun.set()
        go.wait(60)
        return None, None

    first = scorer.add("a", slow, ignore)
    second = scorer.add("b", slow, ignore)
    assert begun.wait(60) and scorer.pending("b")

    def once_closed() -> None:
        """Let the first one go on; before that, the second one could have its turn."""
        wait_until(second.cancelled)
        go.set()

    threading.Thread(target=once_closed).start()
    scorer.close()
    assert first.result(60) is None
    with pytest.raises(CancelledError):
        second.result(0)
    assert scorer.add("c", slow, ignore).cancelled()


def test_a_failure_of_one_does_not_stop_the_others() -> None:
    scorer = Scorer(idle_s=0.1)

    def broken() -> tuple[None, None]:
        raise OSError("disk full")

    known = unmeasured(Job("b", "", ""), "told before")
    first = scorer.add("a", broken, ignore)
    second = scorer.add("b", lambda: (None, known), ignore)
    assert second.result(60) == known
    with pytest.raises(OSError, match="disk full"):
        first.result(0)
    scorer.close()


# --- files --------------------------------------------------------------------------------------------------


def test_files_serve_the_same_clip_and_question_only(tmp_path: Path) -> None:
    files, job = ScoreFiles(tmp_path), Job("a", "", "0" * 64)
    scores = answered(job).scores
    assert scores is not None and files.get(job) is None
    files.put(job, scores)
    assert files.get(Job("b", "elsewhere.mp4", "0" * 64)) == scores
    assert files.get(Job("a", "", "1" * 64)) is None
    (path,) = (tmp_path / "scores").glob("*.json")
    path.write_text(path.read_text().replace(f'"version":{SCORE_VERSION}', '"version":0'))
    assert files.get(job) is None, "measured by other rules"
    path.write_text('{"version": ')
    assert files.get(job) is None, "a damaged file is no answer"


def test_files_that_nobody_asks_for_are_deleted_in_the_end(tmp_path: Path) -> None:
    jobs = [Job(name, "", name * 64) for name in ("a", "b", "c")]
    for job in jobs:
        ScoreFiles(tmp_path).put(job, answered(job).scores)
    folder = tmp_path / "scores"
    (folder / ".left.json.0123.part").write_text("{")
    (folder / "notes.txt").write_text("a person's own")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 91 * 86400,) * 2)
    files, new = ScoreFiles(tmp_path), Job("d", "", "d" * 64)
    assert files.get(jobs[0]) is not None, "asked for once more"
    files.put(new, answered(new).scores)
    assert [files.get(job) is not None for job in (*jobs, new)] == [True, False, False, True]
    assert {path.name for path in folder.iterdir() if path.suffix != ".json"} == {".gitignore", "notes.txt"}


def test_a_failed_measurement_is_not_kept_in_a_file(tmp_path: Path) -> None:
    files, job = ScoreFiles(tmp_path), Job("a", "", "0" * 64)
    files.put(job, unmeasured(job, CRASHED))
    assert files.get(job) is None and not (tmp_path / "scores").exists()


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("in the way")
    files, job = ScoreFiles(tmp_path), Job("a", "", "0" * 64)
    scores = answered(job).scores
    assert scores is not None
    files.put(job, scores)
    assert files.get(job) is None


# --- sessions -----------------------------------------------------------------------------------------------


def test_the_setting_is_asked_when_a_clip_is_filed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = shelf(tmp_path, 1, clips=[{"frames": 8}])
    with Session("sandbox", tmp_path) as session:
        run = session.run(ids[0])
        told = threading.Event()
        run.on_change(lambda _: told.set())
        session.filed(run)
        wait_until(lambda: session.scores_ready(run))
        assert run.scores is None and not told.is_set(), "off"
        monkeypatch.setenv("KLING_NB_SCORES", "auto")
        session.filed(run)
        assert told.wait(PATIENCE_S)
        wait_until(lambda: session.scores_ready(run))
        assert run.scores is not None and run.scores.motion is not None
        assert session.run(run.id).scores == run.scores


def test_run_score_measures_once(tmp_path: Path) -> None:
    ids = shelf(tmp_path, 2, clips=[{"frames": 8}])
    with Session("sandbox", tmp_path) as session:
        first = session.run(ids[0]).score()
        pid = session._scorer.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            assert session.run(ids[0]).score().values == first.values
            # The other run asks the same of the same file.
            assert session.run(ids[1]).score().values == first.values
        finally:
            os.kill(pid, signal.SIGCONT)
        assert session.run(ids[0]).score(again=True).values == first.values, "nothing is drawn by chance"
    wait_until(lambda: gone(pid))
    with Session("sandbox", tmp_path) as session:
        again = session.run(ids[1]).scores
        assert again is not None and again.values == first.values


def test_a_run_without_a_clip_cannot_be_measured(tmp_path: Path) -> None:
    ids = shelf(tmp_path, 1, clips=[{"frames": 8}], video_path=None)
    with Session("sandbox", tmp_path) as session:
        assert session.run(ids[0]).scores is None
        with pytest.raises(InputError, match="no clip"):
            session.run(ids[0]).score()


def test_a_clip_outside_the_log(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "old.mp4", frames=8)
    with Session("sandbox", tmp_path / "runs") as session:
        scores = session.score(path, prompt="the ball rolls to the right")
        assert isinstance(scores, Scores) and scores.words_direction is not None
        assert session.score(str(path), prompt="a ball that moves right") == scores
        assert session.score(path) != scores, "another question"
        table = session.score([path, str(tmp_path / "gone.mp4")], progress=False)
        assert table["motion"].notna().tolist() == [True, False] and "gone.mp4" in table["why"].iloc[1]
        with pytest.raises(InputError, match="cannot be read"):
            session.score("gone.mp4")
        with pytest.raises(InputError, match="takes no prompt"):
            session.score(["r-x"], prompt="x")
        assert len(session.runs()) == 0


def test_measuring_and_its_package_share_a_name() -> None:
    """Whichever is used first, and however often the other is imported."""
    code = (
        "import kling_nb as kn; early = kn.score; import kling_nb.score.workers as workers;"
        "from kling_nb.score import asked; import kling_nb.score as package;"
        "assert early is kn.score is package and callable(kn.score) and kn.score.workers is workers;"
        "import os; os.environ['KLING_NB_HOME'] = 'runs';"
        "print(len(kn.score({'status': 'failed'}, progress=False)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "0", done.stderr
