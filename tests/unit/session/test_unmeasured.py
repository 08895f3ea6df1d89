"""What is said where nothing can be measured, and where a name of a score or a run is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from kling_nb.domain.scores import Scores
from kling_nb.errors import InputError, RequestRefused, RunNotFound, UsageError
from kling_nb.runlog import RunRecord
from kling_nb.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session("sandbox", tmp_path)


@pytest.mark.parametrize(
    ("status", "why", "advice"),
    [
        ("created", "not finished (created)", ".wait()"),
        ("processing", "not finished (processing)", ".wait()"),
        ("failed", "It failed", ".error says why"),
        ("uncertain", "the answer was lost", ".error says what to do"),
        ("succeeded", "never downloaded, or its file was removed", "%kling resume r-"),
    ],
)
def test_a_run_without_a_clip_says_why_there_is_none(
    session: Session, status: str, why: str, advice: str
) -> None:
    row = RunRecord(provider="sandbox", status=status)  # type: ignore[arg-type]
    session.log.insert(row)
    with pytest.raises(InputError, match="no clip here"):
        session.run(row.id).score_sheet()
    with pytest.raises(InputError, match="no clip that could be measured") as caught:
        session.run(row.id).score()
    assert why in caught.value.why
    assert advice in caught.value.advice and row.id in caught.value.advice


@pytest.mark.parametrize("name", ["boat.jpg", "clips/boat", "/tmp", "boat.mp3"])
def test_a_path_that_is_no_video_is_not_taken_for_the_beginning_of_an_id(session: Session, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is neither a run nor a video") as caught:
        session.score(name)
    assert ".mp4" in caught.value.why


def test_an_id_that_is_not_there_is_called_so(session: Session) -> None:
    with pytest.raises(RunNotFound):
        session.score("r-nothing")


def test_a_wrong_name_of_a_score_leads_to_the_right_one() -> None:
    scores = Scores(1, "c", "d", {"gain": 0.5})
    with pytest.raises(AttributeError, match="no score 'gian'; did you mean gain"):
        _ = scores.gian
    assert not hasattr(scores, "_repr_png_")
    assert {"gain", "path_error", "flags"} <= set(dir(scores)), "for completion"


def test_a_camera_that_is_none_is_not_left_out_in_silence(session: Session, tmp_path: Path) -> None:
    clip = tmp_path / "old.mp4"
    clip.write_bytes(b"whatever")
    with pytest.raises(RequestRefused, match="'pan=left' is not a camera"):
        session.score(clip, camera="pan=left")


@pytest.mark.parametrize("runs", [None, ["old.mp4"]])
def test_what_is_no_executor_is_refused_at_once(session: Session, runs: object) -> None:
    with pytest.raises(UsageError, match="executor='dask' is no executor"):
        session.score(runs, executor="dask")  # type: ignore[arg-type]  # that is the point


def test_runs_that_were_named_keep_their_order(session: Session) -> None:
    rows = [RunRecord(provider="sandbox", status="succeeded") for _ in range(4)]  # type: ignore[arg-type]
    for row in rows:
        session.log.insert(row)
    named = [rows[number].id for number in (2, 0, 3)]
    assert session.table(named)["id"].tolist() == named
    assert session.table([]).empty
