"""Stop rules that ask for scores: the next clip waits for them, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from quick_sessions import until

from kling_nb.domain.scores import Scores
from kling_nb.errors import UsageError
from kling_nb.session import Session, sweep_driver, sweeping

MEASURED: list[dict[str, Any]] = [
    {"values": {"gain": 0.5, "flicker": 0.3}},
    {"values": {"gain": 1.0, "flicker": 0.0}, "flags": ("frozen",)},
    {"values": {"gain": 0.6, "flicker": 0.05}, "flags": ("blurred",)},
    {"values": {"gain": 0.95, "flicker": 0.2}},
]
"""What is measured of the first clip, the second and so on; then as of the last."""


@pytest.fixture
def slow_meter(make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session that measures each clip a moment after it was stored, whatever it shows."""
    session = make_session(quota=1, scores="auto")
    asked: list[str] = []
    timers: list[threading.Timer] = []

    def filed(run: Any) -> None:
        if run.id in asked:
            return
        asked.append(run.id)
        found = MEASURED[min(len(asked), len(MEASURED)) - 1]
        timers.append(threading.Timer(0.2, session.log.put_scores, (run.id, Scores(1, "c", "d", **found))))
        timers[-1].start()

    monkeypatch.setattr(session, "filed", filed)
    monkeypatch.setattr(session, "scores_ready", lambda run: bool(session.log.scores.measured([run.id])))
    monkeypatch.setattr(session, "_wanted", lambda _run: (None, None))
    monkeypatch.setattr(sweep_driver, "LOOK_S", 0.05)
    # Nothing is painted: these scores are made up.
    monkeypatch.setattr(sweeping, "check_asked", lambda *_: None)
    yield session
    for timer in timers:
        timer.join()  # before the log is closed


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        # The second clip is good only because it stands still, the third by its blur.
        ("flicker < 0.1 or gain >= 0.9", 4),
        ("gain >= 0.9 and done >= 5", 5),
    ],
)
def test_a_score_ends_the_sweep_at_the_very_clip_that_has_it(
    slow_meter: Session, picture: np.ndarray, sandbox: Any, rule: str, made: int
) -> None:
    sweep = slow_meter.sweep(picture, "a boat", model="kling-v1", repeat=9, until=rule).wait(60)
    assert (sweep.state, sweep.reason) == ("stopped", f"{rule} holds")
    assert len(sandbox.tasks()) == made


@pytest.mark.parametrize("repeat", [2, 9])
def test_a_function_is_asked_when_the_clips_that_are_there_are_measured(
    slow_meter: Session, picture: np.ndarray, sandbox: Any, repeat: int
) -> None:
    lacking: list[int] = []

    def good_enough(frame: Any) -> bool:
        lacking.append(int(frame.loc[frame["status"] == "succeeded", "gain"].isna().sum()))
        return frame["gain"].max() >= 0.9

    sweep = slow_meter.sweep(picture, "a boat", model="kling-v1", repeat=repeat, until=good_enough).wait(60)
    assert (sweep.state, sweep.reason) == ("stopped", "until= holds")
    assert len(sandbox.tasks()) == 2
    assert not any(lacking)


def test_the_rule_is_asked_about_the_last_clip_too(slow_meter: Session, picture: np.ndarray) -> None:
    rule = "gain >= 0.9"
    sweep = slow_meter.sweep(picture, "a boat", model="kling-v1", repeat=4, until=rule).wait(60)
    assert (sweep.state, sweep.reason, len(sweep.runs)) == ("stopped", f"{rule} holds", 4)


@pytest.mark.parametrize(("repeat", "who"), [(3, "next"), (1, "end")])
def test_a_clip_that_is_never_measured_is_given_up_and_counts_as_no_hit(
    slow_meter: Session,
    picture: np.ndarray,
    sandbox: Any,
    monkeypatch: pytest.MonkeyPatch,
    repeat: int,
    who: str,
) -> None:
    monkeypatch.setattr(slow_meter, "filed", lambda _run: None)
    monkeypatch.setattr(sweep_driver, "SCORES_S", 600.0)
    sweep = slow_meter.sweep(picture, "a boat", model="kling-v1", repeat=repeat, until="gain >= 0")
    until(lambda: f"the {who} waits for scores" in sweep.message)
    sweep_driver.SCORES_S = 0.1
    sweep.wait(60)
    assert (sweep.state, len(sandbox.tasks())) == ("done", repeat)


def test_a_rule_without_scores_waits_for_none(
    slow_meter: Session, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_meter, "scores_ready", lambda _run: pytest.fail("asked for scores"))
    sweep = slow_meter.sweep(picture, "a boat", model="kling-v1", repeat=3, until="done >= 2").wait(60)
    assert (sweep.state, sweep.reason) == ("stopped", "done >= 2 holds")


def test_a_rule_on_scores_where_nothing_is_measured_is_refused(session: Session, picture: np.ndarray) -> None:
    with pytest.raises(UsageError, match="can never hold"):
        session.sweep(picture, "a boat", model="kling-v1", repeat=2, until="kept >= 1 or gain >= 0.9")
    assert session.sweeps().empty


@pytest.mark.parametrize(
    ("rule", "lacking"),
    [
        ("gain >= 0.9", "gain needs something painted with a path"),
        ("flicker < 1 and leak < 2", "leak needs a static mask"),
        ("end_match > 0.8 or camera_direction > 0.9", "camera_direction needs a camera move"),
        ("words_direction > 0.5", "words_direction needs a direction in the prompt"),
    ],
)
def test_a_rule_that_no_clip_can_fulfil_is_refused_before_anything_is_bought(
    make_session: Callable[..., Session], picture: np.ndarray, rule: str, lacking: str
) -> None:
    session = make_session(scores="auto")
    with pytest.raises(UsageError, match="can never hold") as caught:
        session.sweep(picture, "a boat", model="kling-v1", repeat=2, until=rule)
    assert lacking in caught.value.why
    assert session.sweeps().empty


def test_a_rule_that_some_clip_can_fulfil_is_taken(
    make_session: Callable[..., Session], picture: np.ndarray
) -> None:
    session = make_session(scores="auto", quota=1)
    given: dict[str, Any] = {"image": picture, "model": "kling-v1"}
    # Another choice, another run of the sweep.
    session.sweep(prompt="a boat", until="gain >= 0.9 or done >= 1", **given).stop()
    session.sweep(prompt=["a boat", "it drifts left"], until="words_direction > 2", **given).stop()


def test_a_sweep_over_a_variable_called_like_a_score_keeps_both_apart(
    session: Session, picture: np.ndarray
) -> None:
    motions = ["slow", "wild"]
    sweep = session.sweep(picture, "a boat, {{motion}}", motion=motions, model="kling-v1").wait(60)
    session.log.put_scores(sweep.runs[0].id, Scores(1, "c", "d", {"motion": 2.5}))
    frame = sweep.frame
    assert frame["motion_variant"].tolist() == motions
    assert frame["motion"].tolist()[0] == 2.5
