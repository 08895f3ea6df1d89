"""Clips of every kind get scores or a reason, never an exception; the same motion gets the same scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import odd_clips
import pytest
from drawn_clips import behind
from odd_clips import ODD

from kling_nb.domain.scores import MEASURES, Scores
from kling_nb.score.asked import Asked
from kling_nb.score.measure import measure

NUMBERS = [measure.name for measure in MEASURES]
SAME = [name for name, odd in ODD.items() if odd.expected == "same"]
STILL = [name for name, odd in ODD.items() if odd.expected == "no motion"]
NOTHING = [name for name, odd in ODD.items() if odd.expected == "nothing"]
COARSE = {"an animated GIF", "smaller", "MPEG-4 part 2", "motion JPEG"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return measure(odd_clips.clip("plain", tmp_path_factory.mktemp("plain")), odd_clips.asked())


@pytest.mark.parametrize("name", SAME)
def test_the_same_motion_gets_the_same_scores(name: str, plain: Scores, tmp_path: Path) -> None:
    scores = measure(odd_clips.clip(name, tmp_path), odd_clips.asked())
    assert not scores.objects[0].why
    assert scores.path_error <= (0.4 if name in COARSE else 0.2)
    assert scores.gain == pytest.approx(plain.gain, abs=0.03)
    assert scores.direction > 0.99
    assert scores.camera_drift < 0.3
    assert scores.first_ssim > 0.8
    if name != "cropped to 16 to 9":  # has less of the calm rim
        assert scores.motion == pytest.approx(plain.motion, rel=0.4)
    assert not {"frozen", "reversed", "short", "long", "camera", "first frame"} & {*scores.flags}
    assert abs(scores.duration_s - 1.04) < 0.15


def test_a_clip_is_measured_as_it_is_shown(plain: Scores, tmp_path: Path) -> None:
    lying = measure(odd_clips.clip("turned by its flag", tmp_path), odd_clips.asked())
    assert lying.size == plain.size == (320, 240)
    assert lying.objects[0].measured[-1] == pytest.approx(plain.objects[0].measured[-1], abs=1)


def test_pixels_are_those_of_the_video(plain: Scores, tmp_path: Path) -> None:
    """Twice the size, so twice the pixels, and the same percents."""
    larger = measure(odd_clips.clip("larger", tmp_path), odd_clips.asked())
    (far,), (near,) = larger.objects, plain.objects
    assert far.asked[-1][0] - far.asked[0][0] == pytest.approx(
        2 * (near.asked[-1][0] - near.asked[0][0]), rel=0.01
    )
    assert far.measured[-1][0] - far.measured[0][0] == pytest.approx(2 * 40, abs=1.5)


@pytest.mark.parametrize("name", STILL)
def test_what_hardly_moves_is_called_frozen(name: str, tmp_path: Path) -> None:
    scores = measure(odd_clips.clip(name, tmp_path), odd_clips.asked())
    assert "frozen" in scores.flags or scores.motion is None
    assert scores.gain is None or abs(scores.gain) < 0.05
    assert scores.direction is None


@pytest.mark.parametrize("name", NOTHING)
def test_what_cannot_be_measured_says_why(name: str, tmp_path: Path) -> None:
    scores = measure(odd_clips.clip(name, tmp_path), odd_clips.asked())
    assert all(scores.values.get(number) is None for number in NUMBERS)
    reasons = {scores.why.get(number, "") for number in NUMBERS}
    assert all(reasons)
    (why,) = reasons
    assert why.endswith(".")
    assert str(tmp_path) not in why, "a reason is for people, and is stored"
    assert "Errno" not in why
    assert Scores.from_json(json.loads(json.dumps(scores.to_json()))) == scores


@pytest.mark.parametrize(
    "asked",
    [
        Asked(),
        Asked(size=(320, 240)),
        Asked(heading=(1.0, 0.0)),
        Asked(camera={"type": "simple", "config": {"zoom": 5}}),
        Asked(camera={"type": "nobody knows", "config": None}),
    ],
    ids=["nothing", "a size", "a heading", "a camera", "a strange camera"],
)
def test_a_clip_can_be_measured_against_little(asked: Asked, tmp_path: Path) -> None:
    scores = measure(odd_clips.clip("plain", tmp_path), asked)
    assert scores.motion is not None
    assert scores.path_error is None
    assert scores.objects == ()


def test_another_start_picture_is_noticed(tmp_path: Path) -> None:
    """The clip shows something else altogether: no number pretends that the object was followed."""
    other = np.asarray(behind("rocket.jpg", 320, 240).crop((80, 60, 400, 300)))
    scores = measure(odd_clips.clip("plain", tmp_path), odd_clips.plain().asked(start=other))
    assert "first frame" in scores.flags
    assert (scores.path_error, scores.gain, scores.first_ssim) == (None, None, None)
    assert "does not show the start picture" in scores.why["path_error"]
    assert scores.motion is not None
