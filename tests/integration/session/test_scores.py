"""Scores of runs: after a real download, and of many clips on every kind of executor."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from clip_shelf import shelf
from quick_sessions import finish
from score_jobs import PATIENCE_S, gone, wait_until

import kling_nb as kn
from kling_nb.score.batch import workers_of
from kling_nb.score.workers import digest_of
from kling_nb.session import MotionBrush, Session

SIZE = (480, 360)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Textured ground everywhere, so that everything on it can be followed."""
    noise = np.random.default_rng(11).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload, no-any-return]


def test_a_download_is_measured_in_the_background(
    sandbox_render: Any, tmp_path: Path, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process of its own, which the run does not wait for and which ends with the session."""
    monkeypatch.setenv("KLING_NB_SCORES", "auto")
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    disc = np.asarray((x - 140) ** 2 + (y - 180) ** 2 <= 50**2)
    told = threading.Event()
    with Session("sandbox", tmp_path, sandbox_home=sandbox_render.home) as session:
        brush = MotionBrush(scene).dynamic(disc, [(140, 180), (260, 220)], label="disc")
        sandbox_render.hold()  # Nothing comes before there is a listener.
        run = session.submit(brush=brush, prompt="the disc moves")
        run.on_change(lambda some: told.set() if some.scores is not None else None)
        sandbox_render.deliver()
        finish(run, 120)
        assert told.wait(PATIENCE_S)
        scores = run.scores
        assert scores is not None and scores.gain == pytest.approx(1, abs=0.05)
        assert [each.label for each in scores.objects] == ["disc"]
        wait_until(lambda: session.scores_ready(run))
        assert session.runs(id=run.id)["gain"].item() == pytest.approx(scores.gain)
        pid = session._scorer.pid
        assert pid is not None and psutil.Process(pid).nice() > os.nice(0)
    wait_until(lambda: gone(pid))


COUNT = 5


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small clips of which one is none; measured nowhere yet."""
    home = tmp_path_factory.mktemp("clips")
    ids = shelf(home, COUNT, clips=[{"frames": 12}] * COUNT)
    clip = home / "media" / f"run-{COUNT - 1:04d}.mp4"
    clip.unlink()
    clip.write_bytes(b"ftyp, and then nothing that a video has")
    with Session("sandbox", home) as session:
        session.log.update(ids[-1], video_sha256=digest_of(clip))
    return home


@contextmanager
def dask() -> Iterator[Executor]:
    import distributed
    from dask import config

    patient = dict.fromkeys(("distributed.comm.timeouts.connect", "distributed.comm.timeouts.tcp"), "120s")
    with (
        config.set(patient),
        # Any free port for its page, which is served whatever is said: the usual one may be in use.
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster, timeout=120) as client,
    ):
        executor = client.get_executor()
        assert workers_of(executor) == 2
        yield executor


def spawned() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def expected(home: Path) -> pd.DataFrame:
    """What one thread says."""
    with Session("sandbox", home) as session, ThreadPoolExecutor(1) as pool:
        found = session.score(executor=pool, again=True, progress=False)
    assert isinstance(found, pd.DataFrame)
    return found


@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(2), spawned, dask, None])
def test_every_executor_gives_the_same_table(make: Any, home: Path, expected: pd.DataFrame) -> None:
    with Session("sandbox", home) as session:
        if make is None:
            found = session.score(again=True, progress=False)
        else:
            with make() as executor:
                found = session.score(session.runs(), executor=executor, again=True, progress=False)
    pd.testing.assert_frame_equal(found.loc[expected.index], expected)
    assert found["motion"].notna().sum() == COUNT - 1
    (why,) = found.loc[found["motion"].isna(), "why"]
    assert why, "a clip that cannot be read has a reason"


def test_what_is_known_is_not_measured_again(
    home: Path, expected: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session("sandbox", home) as session:
        found = kn.score(session=session)
    pd.testing.assert_frame_equal(found.loc[expected.index], expected)
    assert f"{COUNT} of {COUNT}, {COUNT} known before" in capsys.readouterr().out


def test_a_clip_that_was_changed_since_its_download_says_so(tmp_path: Path) -> None:
    (run_id,) = shelf(tmp_path, 1, clips=[{"frames": 8}], video_sha256="0" * 64)
    with Session("sandbox", tmp_path) as session:
        scores = session.run(run_id).score()
        assert any("changed since" in note for note in scores.notes)
        assert session.scores_of(session.log.get(run_id)) is None, "they are none of the clip that was made"


def test_an_interrupted_call_goes_on_where_it_was(tmp_path: Path) -> None:
    # What was handed out before the interrupt is kept, too: with one worker up to three clips.
    ids = shelf(tmp_path, 6, clips=[{"frames": 8}] * 6)
    with Session("sandbox", tmp_path) as session, ThreadPoolExecutor(1) as pool:
        keep, done = session.keep_scores, []

        def interrupted(run_id: str, *rest: Any) -> None:
            keep(run_id, *rest)
            done.append(run_id)
            if len(done) == 2:
                raise KeyboardInterrupt

        session.keep_scores = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            session.score(ids, executor=pool, progress=False)
        session.keep_scores = keep  # type: ignore[method-assign]
        kept = set(session.log.scores_of(ids))
        assert set(done) <= kept and len(kept) < len(ids)
        told: list[str] = []
        found = session.score(ids, executor=pool, progress=told.append)
        assert f"{len(kept)} known before" in told[-1]
        assert list(found.index) == ids and found["motion"].notna().all()


def test_what_can_be_named_can_be_measured(home: Path, expected: pd.DataFrame) -> None:
    some = str(expected.index[0])
    with Session("sandbox", home) as session:
        for named in (
            some,
            session.run(some),
            [some],
            {"id": some},
            session.runs().query("id == @some"),
        ):
            assert list(kn.score(named, progress=False, session=session).index) == [some]
        nothing = kn.score({"status": "failed"}, progress=False, session=session)
    assert len(nothing) == 0 and "gain" in nothing.columns
