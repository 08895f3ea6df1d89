"""What the sandbox does to a clip on purpose is read back by the scores.

The tolerances are those of the design; the full matrix is ``tests/drill/test_calibration_drill.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from calibration import PHOTOGRAPHS, Bench, Case, distorted

SIX = tuple(name for name in PHOTOGRAPHS if name not in {"rocket.jpg", "retina.jpg", "motorcycle_left.png"})
QUALITIES = ("fine", "hasty")


def clip(photograph: str, quality: str = "fine", **wrong: object) -> Case:
    return Case(photograph, distorted(**wrong), quality, long_side=320, frames=17)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    return Bench(tmp_path_factory.mktemp("calibration"))


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("photograph", SIX)
def test_a_clip_that_does_what_was_asked(bench: Bench, photograph: str, quality: str) -> None:
    scores = bench.scores(clip(photograph, quality))
    assert [each.why for each in scores.objects] == ["", "", ""]
    for each in scores.objects:
        assert each.values["path_error"] <= 0.1, each.label
        assert each.values["end_error"] <= 0.2, each.label
        assert each.values["gain"] == pytest.approx(1, abs=0.02), each.label
        assert each.values["direction"] > 0.99
    assert scores.path_error <= 0.1
    assert scores.end_error <= 0.2
    assert scores.gain == pytest.approx(1, abs=0.02)
    assert not {"leak", "frozen", "reversed", "short", "long", "late", "blurred", "flickering"} & {
        *scores.flags
    }


@pytest.mark.parametrize(
    ("photograph", "gain", "quality"),
    [
        ("astronaut.png", 0.2, "hasty"),
        ("coffee.png", 0.5, "fine"),
        ("chelsea.png", 0.85, "hasty"),
        ("hubble_deep_field.jpg", 1.5, "fine"),
    ],
)
def test_gain(bench: Bench, photograph: str, gain: float, quality: str) -> None:
    scores = bench.scores(clip(photograph, quality, gain=gain))
    assert [each.values["gain"] for each in scores.objects] == pytest.approx([gain] * 3, abs=0.05)
    assert scores.gain == pytest.approx(gain, abs=0.05)
    assert ("short" in scores.flags, "long" in scores.flags) == (gain < 0.8, gain > 1.25)


@pytest.mark.parametrize(("photograph", "quality"), [("coins.png", "hasty"), ("camera.png", "fine")])
def test_reverse(bench: Bench, photograph: str, quality: str) -> None:
    scores = bench.scores(clip(photograph, quality, reverse=True))
    assert all(each.values["direction"] < -0.9 for each in scores.objects)
    assert scores.direction < -0.9
    assert "reversed" in scores.flags


@pytest.mark.parametrize(
    ("photograph", "quality", "leak"),
    [("astronaut.png", "hasty", 8), ("motorcycle_left.png", "fine", 8), ("chelsea.png", "hasty", 20)],
)
def test_leak(bench: Bench, photograph: str, quality: str, leak: float) -> None:
    leaking, whole = (
        bench.scores(clip(photograph, quality, leak=leak)),
        bench.scores(clip(photograph, quality)),
    )
    assert "leak" in leaking.flags
    assert "leak" not in whole.flags
    assert leaking.leak > whole.leak + leak / 3
    assert leaking.path_error <= 0.1, "a leak says nothing of the objects"


@pytest.mark.parametrize(("photograph", "quality"), [("coffee.png", "hasty"), ("coins.png", "fine")])
def test_flicker(bench: Bench, photograph: str, quality: str) -> None:
    flickering = bench.scores(clip(photograph, quality, flicker=0.02))
    assert flickering.flicker >= 10 * bench.scores(clip(photograph, quality)).flicker
    assert "flickering" in flickering.flags
    assert flickering.path_error <= 0.1, "light says nothing of the objects"


@pytest.mark.parametrize(("photograph", "quality"), [("astronaut.png", "fine"), ("coins.png", "hasty")])
def test_freeze(bench: Bench, photograph: str, quality: str) -> None:
    frozen = bench.scores(clip(photograph, quality, freeze=True))
    assert all(abs(each.values["gain"]) < 0.05 for each in frozen.objects)
    assert all(each.values["direction"] is None for each in frozen.objects)
    assert abs(frozen.gain) < 0.05
    assert frozen.direction is None
    assert "frozen" in frozen.flags


@pytest.mark.parametrize(("photograph", "quality"), [("chelsea.png", "fine"), ("camera.png", "hasty")])
def test_blur(bench: Bench, photograph: str, quality: str) -> None:
    blurred = bench.scores(clip(photograph, quality, blur=2))
    assert "blurred" in blurred.flags
    assert blurred.sharpness_decay > bench.scores(clip(photograph, quality)).sharpness_decay + 10


@pytest.mark.parametrize(
    ("photograph", "quality", "move"),
    [
        ("astronaut.png", "fine", {"dx": 18.0, "dy": -9.0}),
        ("coins.png", "hasty", {"scale": 1.07}),
        ("hubble_deep_field.jpg", "fine", {"roll": 4.0}),
        ("coffee.png", "hasty", {"dx": -10.0, "dy": 5.0, "scale": 0.95, "roll": -2.5}),
    ],
)
def test_camera(bench: Bench, photograph: str, quality: str, move: dict[str, float]) -> None:
    scores = bench.scores(clip(photograph, quality, camera=move).but(moving=("small",)))
    way = math.hypot(move.get("dx", 0.0), move.get("dy", 0.0))
    assert scores.camera_shift_px == pytest.approx(way, abs=1)
    assert scores.camera_scale == pytest.approx(move.get("scale", 1.0), abs=0.003)
    assert scores.camera_roll == pytest.approx(move.get("roll", 0.0), abs=0.1)
    assert "camera" in scores.flags
    assert scores.own_gain == pytest.approx(1, abs=0.05), "the objects themselves did what was asked"
    assert scores.own_path_error <= 0.3
