"""A frozen clip never wins, a blurred clip never wins unnoticed: clips that were rendered and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calibration import Bench, Case, distorted

from kling_nb.domain.scoreorder import goodness, is_flattered
from kling_nb.domain.scores import MEASURES, Scores
from kling_nb.runlog import RunRecord
from kling_nb.session import Session

ORDERED = [measure.name for measure in MEASURES if measure.better != "as asked"]
STILLNESS = {"leak", "leak_ssim", "camera_drift", "flicker", "warp_error", "sharpness_decay", "tracked"}
"""What a clip without motion is good at by nature."""

PHOTOGRAPHS = ("coffee.png", "coins.png")
WRONG: dict[str, dict[str, Any]] = {
    "clean": {},
    "poor": {"gain": 0.6, "flicker": 0.03, "leak": 12},
    "frozen": {"freeze": True},
    "blurred": {"blur": 3},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("winners"))


def scores(bench: Bench, photograph: str, wrong: str) -> Scores:
    case = Case(photograph, distorted(**WRONG[wrong]), long_side=320, frames=17)
    found: Scores = bench.scores(case)
    return found


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(provider="official", home=tmp_path / "runs", api_key="api-key-kling-of-a-test")
    yield session
    session.close()


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_a_frozen_clip_is_better_in_nothing_but_stillness(bench: Bench, photograph: str) -> None:
    clean, frozen = (scores(bench, photograph, wrong) for wrong in ("clean", "frozen"))
    better = set()
    for name in ORDERED:
        one, other = frozen.values.get(name), clean.values.get(name)
        if one is not None and other is not None and goodness(name, one) > goodness(name, other):
            better.add(name)
            assert is_flattered(name, frozen.flags, frozen.gain), f"{name} is to be marked"
    assert better - {"first_psnr", "first_ssim", "first_match"} <= STILLNESS
    assert "frozen" in frozen.flags
    assert "frozen" not in clean.flags
    assert frozen.motion is not None
    assert clean.motion is not None
    assert frozen.motion < 0.05 < clean.motion


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_blur_is_told_wherever_it_makes_a_score_better(bench: Bench, photograph: str) -> None:
    clean, blurred = (scores(bench, photograph, wrong) for wrong in ("clean", "blurred"))
    assert "blurred" in blurred.flags
    assert "blurred" not in clean.flags
    for name in ("flicker", "warp_error"):
        assert is_flattered(name, blurred.flags, blurred.gain)


def log(session: Session, bench: Bench, *wrongs: str) -> None:
    """Put the scores of measured clips into a log, as runs of a prompt each."""
    for wrong in wrongs:
        for photograph in PHOTOGRAPHS:
            row = RunRecord(provider="sandbox", prompt=wrong, status="succeeded")  # type: ignore[arg-type]
            session.log.insert(row)
            session.log.put_scores(row.id, scores(bench, photograph, wrong))


@pytest.mark.parametrize("rival", ["clean", "poor"])
def test_a_frozen_clip_never_wins(session: Session, bench: Bench, rival: str) -> None:
    """Not even against clips that go half the way, flicker and leak."""
    log(session, bench, "frozen", rival)
    for name in ORDERED:
        best = session.which_is_better(metric=name).best
        assert best is None or best.label[0] == rival, name


def test_a_blurred_clip_never_wins_unnoticed(session: Session, bench: Bench) -> None:
    """It hardly flickers, as nothing in it is sharp; the answer says so."""
    log(session, bench, "blurred", "poor")
    for name in ("flicker", "warp_error"):
        verdict = session.which_is_better(metric=name)
        assert verdict.best is not None
        assert verdict.best.label[0] == "blurred"
        assert "is no merit of blurred clips: look at “blurred” first" in verdict.text
        assert "sharpness lost" in verdict.text
