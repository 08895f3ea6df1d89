"""What may go wrong around a measurement, and must cost neither the kernel nor the numbers of others."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from clip_shelf import numbered_clip, shelf
from score_jobs import PATIENCE_S, gone, wait_until

import kling_nb as kn
from kling_nb.domain.brush import Mask
from kling_nb.domain.scores import Scores
from kling_nb.errors import InputError, MediaError
from kling_nb.media import mask_to_png
from kling_nb.score import aside as aside_module
from kling_nb.score.aside import Aside
from kling_nb.score.isolation import MEMORY_BYTES
from kling_nb.score.question import Question
from kling_nb.score.workers import CRASHED, STUCK, Job, Outcome, digest_of, measure_job
from kling_nb.session import Session
from kling_nb.session.scoring import Scorer
from kling_nb.widgets.overlay import MOST_POINTS, fewer

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Job:
    path = numbered_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=8)
    return Job("clip", str(path), digest_of(path))


@pytest.fixture
def scorer() -> Iterator[Scorer]:
    made = Scorer()
    yield made
    made.close()


def reasons(outcome: Outcome | None) -> set[str]:
    assert outcome is not None and outcome.scores is not None
    return set(outcome.scores.why.values())


def ignore(job: Job | None, scores: Scores) -> None:
    """Keep nothing."""


def change(home: Path, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(home / "runs.sqlite")) as database, database:
        database.execute(sql, values)


# --- the process --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_reader_of_clips_has_no_password_and_little_memory(
    clip: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_NB_LOG_URL", "postgresql://me:hidden-1@server/log")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hidden-2@proxy:3128")
    aside = Aside()
    try:
        # A mask that would be ten thousand million pixels.
        mask = {"sha256": "m", "label": None, "url": None}
        brush = {"size": [100_000, 100_000], "dynamic_masks": [], "static_mask": mask}
        greedy = replace(clip, question=Question(brush=brush), sent={"m": _mask()}, last=True)
        (why,) = reasons(aside.measure(greedy))
        assert "MemoryError" in why
        assert aside.pid is not None
        assert b"hidden-" not in Path(f"/proc/{aside.pid}/environ").read_bytes()
        assert psutil.Process(aside.pid).rlimit(psutil.RLIMIT_AS)[0] == MEMORY_BYTES
        outcome = aside.measure(clip)
        assert outcome is not None and outcome.scores is not None and outcome.scores.motion is not None
    finally:
        aside.rest()


def _mask() -> bytes:
    bits = np.zeros((18, 32), bool)
    bits[4:9, 4:9] = True
    runs = Mask.read(bits, size=(32, 18), label="m").runs
    assert runs is not None
    return mask_to_png(runs)


def test_a_clip_that_holds_its_reader_for_ever_is_given_up_at_once(
    clip: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after a second try: the others would wait as long again."""
    monkeypatch.setattr(aside_module, "_CODE", "import time; time.sleep(60)  # {path} {parent}")
    aside = Aside(patience_s=0.3)
    assert reasons(aside.measure(clip)) == {STUCK}
    assert aside.pid is None


@pytest.mark.parametrize("answer", ["b'\\xff' * 8 + b'x'", "bytes(7) + b'\\x02{}'", "bytes(7) + b'\\x02xx'"])
def test_an_answer_that_is_none_ends_the_process(
    clip: Job, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import sys, time; sys.stdout.buffer.write({answer}); sys.stdout.flush(); time.sleep(60)"
    monkeypatch.setattr(
        aside_module, "_CODE", code.replace("{", "{{").replace("}", "}}") + "  # {path} {parent}"
    )
    aside = Aside()
    assert aside.measure(clip) is None and aside.pid is None


@FORKS
def test_a_copy_of_the_kernel_leaves_the_process_alone(clip: Job, scorer: Scorer) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> tuple[Job, None]:
        begun.set()
        go.wait(PATIENCE_S)
        return clip, None

    assert scorer.add("a", lambda: (clip, None), ignore).result(PATIENCE_S) is not None
    pid = scorer.pid
    waiting = scorer.add("b", slow, ignore)
    assert begun.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: that is what is tried
        child = os.fork()
    if not child:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                fine = not scorer.pending("b") and scorer.pid is None
                fine = fine and scorer.add("c", lambda: (None, None), ignore).result(60) is None
                scorer.close()
            os._exit(0 if fine else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go.set()
    scores = waiting.result(PATIENCE_S)
    assert scores is not None and scores.motion is not None and scorer.pid == pid


_ENDING = """
import sys, time
from kling_nb.session import Session
session = Session("sandbox", sys.argv[1])
run = session.run(sys.argv[2])
session.filed(run)
while session._scorer.pid is None:
    time.sleep(0.01)
print(session._scorer.pid, flush=True)
if sys.argv[3] == "within":
    time.sleep(0.3)
else:
    assert run.score().motion is not None
"""


@pytest.mark.parametrize("when", ["within", "idle"])
def test_the_interpreter_ends_at_once_and_blames_no_clip(tmp_path: Path, when: str) -> None:
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 240 if when == "within" else 8}])
    environment = {**os.environ, "KLING_NB_SCORES": "auto"}
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", _ENDING, str(tmp_path), run_id, when]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: gone(int(done.stdout)))
    with Session("sandbox", tmp_path) as session:
        scores = session.run(run_id).scores
        assert scores is None or CRASHED not in scores.why.values()


_KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:]
import psutil
from score_jobs import answered, endless
from kling_nb.score.batch import Batch
from kling_nb.score.workers import Job
def told(outcome):
    print(*(each.pid for each in psutil.Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    Batch(told, processes=2, work=endless).run([Job("a", "", ""), Job("endless", "", "")])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_many_processes_end_with_a_killed_kernel(tmp_path: Path) -> None:
    """Also one that is within a clip: nobody is left to end it."""
    script = tmp_path / "killed.py"
    script.write_text(_KILLED)
    command = [sys.executable, str(script), str(Path(__file__).parents[2] / "support")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 2
    wait_until(lambda: all(map(gone, pids)), PATIENCE_S)


# --- sessions -----------------------------------------------------------------------------------------------


def test_waiting_ends_with_any_error() -> None:
    """Of a network that does not answer, too: its error is that of an unfinished wait."""
    future: Future[Scores | None] = Future()
    future.set_exception(TimeoutError("the store does not answer"))
    with pytest.raises(MediaError, match="store does not answer"):
        Session._wait(future)


def test_waiting_ends_when_the_session_is_closed(tmp_path: Path) -> None:
    """By another thread, while the clip waits behind others."""
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 8}])
    begun, held = threading.Event(), threading.Event()

    def slow() -> tuple[None, None]:
        begun.set()
        held.wait(PATIENCE_S)
        return None, None

    with Session("sandbox", tmp_path) as session:
        session._scorer.add("before", slow, ignore)
        assert begun.wait(60), "what a person asks for would go first"
        timer = threading.Timer(0.3, session._scorer.close)
        timer.start()
        try:
            with pytest.raises(InputError, match="session was closed"):
                session.run(run_id).score()
        finally:
            held.set()
            timer.join()


def test_a_system_without_threads_costs_only_the_scores(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        future = scorer.add("a", lambda: (None, None), ignore)
    assert isinstance(future.exception(0), RuntimeError) and not scorer.pending("a")
    assert scorer.add("a", lambda: (None, None), ignore).result(60) is None


def test_settings_that_cannot_be_read_are_no_fault_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is called on the loop, where an error would end the following of the run."""
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 8}])
    with Session("sandbox", tmp_path) as session:
        run = session.run(run_id)
        monkeypatch.setenv("KLING_NB_SCORES", "sometimes")
        session.filed(run)
        monkeypatch.setenv("KLING_NB_SCORES", "off")
        assert session.scores_ready(run)


def test_what_is_stored_while_a_session_closes_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 8}])
    monkeypatch.setenv("KLING_NB_SCORES", "auto")
    before = set(threading.enumerate())
    with Session("sandbox", tmp_path) as session:
        run = session.run(run_id)
        close = session._engine.close

        def closing_slowly() -> None:
            session.filed(run)
            close()

        monkeypatch.setattr(session._engine, "close", closing_slowly)
    left = [t.name for t in threading.enumerate() if t not in before and t.name == "kling-scores"]
    assert left == [] and not session.is_measuring(run_id)


# --- files and rows that somebody has changed ---------------------------------------------------------------


def test_a_clip_that_was_replaced_is_measured_again(tmp_path: Path) -> None:
    columns = {"video_bytes": lambda _: (tmp_path / "media" / "shelf-0.mp4").stat().st_size}
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 8}], **columns)
    with Session("sandbox", tmp_path) as session:
        first = session.run(run_id).score()
        path = session.run(run_id).video
        assert path is not None and first.frames == 8
        path.unlink()
        numbered_clip(path, frames=12)
        second = session.run(run_id).score()
        assert second.frames == 12 and second.clip_sha256 == digest_of(path)
        table = kn.score([run_id], progress=False, session=session)
        assert table["motion"].item() == second.motion
    with Session("sandbox", tmp_path) as session:
        again = session.run(run_id).scores
        assert again is not None and again.frames == 12, "the numbers of the clip that is shown"


def test_a_picture_that_was_changed_is_not_compared(clip: Job, tmp_path: Path) -> None:
    picture = tmp_path / "start.png"
    picture.write_bytes(b"another picture")
    digest = hashlib.sha256(b"the picture that was sent").hexdigest()
    job = replace(clip, question=Question(start=digest), inputs={digest: str(picture)})
    outcome = measure_job(job)
    assert outcome.absent == (digest,)
    scores = measure_job(job.with_files(outcome.absent)).scores
    assert scores is not None and scores.motion is not None
    assert "The start picture cannot be read: it was changed" in scores.notes


def test_reasons_name_no_path(clip: Job, tmp_path: Path) -> None:
    gone_clip = replace(clip, clip=str(tmp_path / "gone.mp4"), last=True)
    assert not any(str(tmp_path) in why for why in reasons(measure_job(gone_clip)))


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE runs SET video_path = '../../etc/hostname' WHERE id = ?", "outside its folder"),
        ("UPDATE runs SET video_path = '/etc/hostname' WHERE id = ?", "outside its folder"),
        ("UPDATE runs SET image_sha256 = 'ab/../../x' WHERE id = ?", ""),
        ("UPDATE runs SET options = '[5]' WHERE id = ?", "cannot be read"),
        ("""UPDATE runs SET options = '{"mask_files": 5}' WHERE id = ?""", ""),
    ],
)
def test_a_row_of_a_stranger_harms_only_itself(tmp_path: Path, sql: str, why: str) -> None:
    ids = shelf(tmp_path, 2, clips=[{"frames": 8}])
    change(tmp_path, sql, ids[0])
    with Session("sandbox", tmp_path) as session, ThreadPoolExecutor(1) as pool:
        table = kn.score(ids, executor=pool, again=True, progress=False, session=session)
        assert why in table.loc[ids[0], "why"] and (table.loc[ids[0], "why"] != "") == bool(why)
        assert table.loc[ids[1], "why"] == ""
        if "video_path" in sql:
            assert session.run(ids[0]).video is None, "nor is it shown"


def test_a_path_of_any_length_is_drawn() -> None:
    zigzag = [(number % 2 * 50.0 + number / 7, number % 3 * 40.0) for number in range(60_000)]
    drawn = fewer(zigzag, 0.1)
    assert drawn[0] == zigzag[0] and drawn[-1] == zigzag[-1] and 2 < len(drawn) <= MOST_POINTS + 1
    assert fewer([], 1) == [] and fewer(zigzag[:1], 1) == zigzag[:1]
