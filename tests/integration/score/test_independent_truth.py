"""Scores against motion that is known without the renderer: clips drawn by Pillow, written by PyAV.

A mistake that the renderer and the scores had in common would show here.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_clips import Drawn, Sprite, behind, bricks, checkerboard, sky, sprite, write

from kling_nb.score.measure import measure

DIAGONAL = math.hypot(480, 360)


def coin(**values: Any) -> Sprite:
    return sprite("coins.png", (150, 200), 40, (220, 170), (250, 190), **values)


def face(**values: Any) -> Sprite:
    return sprite("astronaut.png", (350, 250), 34, (350, 190), **values)


def scored(drawn: Drawn, folder: Path, **options: Any) -> Any:
    return measure(write(drawn.pictures(), folder / "a.mp4", drawn.fps, **options), drawn.asked())


def true_errors(drawn: Drawn, each: Any, number: int = 0) -> np.ndarray:
    """Distance of the measured places from the true ones, in percent of the diagonal."""
    times = np.array(each.times)
    away = np.array(each.measured) - drawn.places(number, times / times[-1])
    return 100 * np.hypot(*away.T) / math.hypot(drawn.width, drawn.height)


@pytest.mark.parametrize(
    ("background", "changes"),
    [
        ("chelsea.png", {}),
        ("grass.png", {"noise": 6.0}),
        ("coffee.png", {"light": 0.75}),
        ("chelsea.png", {"shutter": 0.5}),
        ("grass.png", {"frames": 11}),
    ],
    ids=["plain", "noise", "fading light", "motion blur", "fast"],
)
def test_places_are_the_true_ones(tmp_path: Path, background: str, changes: dict[str, Any]) -> None:
    drawn = Drawn(behind(background), (coin(), face()), **changes)
    scores = scored(drawn, tmp_path)
    for number, each in enumerate(scores.objects):
        assert not each.why
        assert true_errors(drawn, each, number).mean() <= 0.2
        assert each.values["path_error"] == pytest.approx(
            true_errors(drawn, each, number)[1:].mean(), abs=0.02
        )
        assert each.values["gain"] == pytest.approx(1, abs=0.02)
    assert scores.camera_drift is None or scores.camera_drift < 0.3
    assert scores.tracked == 1


@pytest.mark.parametrize(("turn", "grow"), [(45, 1.0), (-45, 0.8), (0, 1.3), (45, 1.3)])
def test_turning_and_growing_objects(tmp_path: Path, turn: float, grow: float) -> None:
    drawn = Drawn(behind("chelsea.png"), (coin(turn=turn, grow=grow),), frames=33)
    (each,) = scored(drawn, tmp_path).objects
    assert each.why or true_errors(drawn, each).mean() <= 1
    assert each.why or each.values["path_error"] <= 1


@pytest.mark.parametrize("gain", [0.5, -1.0, 0.0])
def test_gain_and_direction(tmp_path: Path, gain: float) -> None:
    scores = scored(Drawn(behind("coffee.png"), (coin(gain=gain),)), tmp_path)
    assert scores.gain == pytest.approx(gain, abs=0.03)
    assert scores.direction == (None if gain == 0 else pytest.approx(math.copysign(1, gain), abs=0.02))
    assert {0.5: "short", -1.0: "reversed", 0.0: "frozen"}[gain] in scores.flags


def test_an_object_that_sets_out_late(tmp_path: Path) -> None:
    """It waits for 0.6 s and is in time at the end, so on the way it is behind by about half of that."""
    drawn = Drawn(behind("coffee.png"), (coin(delay=0.3),), frames=49)
    scores = scored(drawn, tmp_path)
    assert 0.2 < scores.lag <= 0.6
    assert "late" in scores.flags
    assert scores.end_error <= 0.2


CAMERAS: dict[str, dict[str, float]] = {
    "shift": {"dx": 24.0, "dy": -10.0},
    "farther": {"scale": 0.93},
    "roll": {"roll": 5.0},
    "closer and all of it": {"dx": -14.0, "dy": 6.0, "scale": 1.05, "roll": -3.0},
}


@pytest.mark.parametrize("move", CAMERAS)
def test_camera(tmp_path: Path, move: str) -> None:
    camera = CAMERAS[move]
    drawn = Drawn(behind("grass.png"), (coin(),), camera=camera)
    scores = scored(drawn, tmp_path)
    middle = drawn.camera_at(1.0) @ [(480 - 1) / 2, (360 - 1) / 2, 1]
    way = math.hypot(middle[0] - (480 - 1) / 2, middle[1] - (360 - 1) / 2)
    assert scores.camera_shift_px == pytest.approx(way, abs=1)
    assert scores.camera_scale == pytest.approx(camera.get("scale", 1), abs=0.003)
    assert scores.camera_roll == pytest.approx(camera.get("roll", 0), abs=0.1)
    # The coin itself did what was asked; on the screen the camera carried it along.
    (each,) = scores.objects
    assert true_errors(drawn, each).mean() <= 0.2
    assert scores.own_path_error <= 0.2
    assert scores.own_gain == pytest.approx(1, abs=0.02)
    assert scores.path_error > 2 * scores.own_path_error
    assert "camera" in scores.flags


def test_leak(tmp_path: Path) -> None:
    """What was asked to stay still wanders by some pixels, with texture that makes a difference."""
    still = {"static": (320, 60, 440, 160)}
    quiet = scored(Drawn(behind("coffee.png"), (coin(),), **still), tmp_path)
    loud = scored(Drawn(behind("coffee.png"), (coin(),), **still, leak=10), tmp_path)
    assert "leak" not in quiet.flags
    assert quiet.leak < 2.1
    assert "leak" in loud.flags


def test_fading_light_is_no_leak(tmp_path: Path) -> None:
    drawn = Drawn(behind("coffee.png"), (coin(),), static=(320, 60, 440, 160), light=0.8)
    assert "leak" not in scored(drawn, tmp_path).flags


def test_flicker_and_blur(tmp_path: Path) -> None:
    clean = scored(Drawn(behind("coffee.png"), (coin(),)), tmp_path)
    flickering = scored(Drawn(behind("coffee.png"), (coin(),), flicker=0.03), tmp_path)
    blurred = scored(Drawn(behind("coffee.png"), (coin(),), blur=2), tmp_path)
    assert flickering.flicker >= 10 * clean.flicker
    assert ("flickering" in flickering.flags, "flickering" in clean.flags) == (True, False)
    assert ("blurred" in blurred.flags, "blurred" in clean.flags) == (True, False)


def wall(kind: str, gain: float = 1.0, way: tuple[float, float] = (64, -32), frames: int = 25) -> Drawn:
    """A piece of a wall, or of the sky, that slides over the rest of it."""
    draw = {"sky": sky, "checkerboard": checkerboard, "bricks": bricks}[kind]
    path = ((150.0, 200.0), (150.0 + way[0], 200.0 + way[1]))
    return Drawn(draw(720, 540), (Sprite(draw(480, 360), (150, 200), 40, path, gain),), frames=frames)


def test_a_piece_of_clear_sky_is_not_followed(tmp_path: Path) -> None:
    scores = scored(wall("sky"), tmp_path)
    (each,) = scores.objects
    assert each.why
    assert (each.values.get("path_error"), scores.path_error, scores.gain) == (None, None, None)
    assert scores.tracked == 0
    assert "untracked" in scores.flags
    assert scores.why["path_error"]


@pytest.mark.parametrize("kind", ["checkerboard", "bricks"])
@pytest.mark.parametrize("gain", [1.0, 0.0])
@pytest.mark.parametrize(("way", "frames"), [((64, -32), 13), ((200, 7), 9)])
def test_repeated_texture_gives_the_truth_or_nothing(
    tmp_path: Path, kind: str, gain: float, way: tuple[float, float], frames: int
) -> None:
    """From frame to frame it moves by up to a whole square: it could as well have stayed."""
    drawn = wall(kind, gain, way, frames)
    (each,) = scored(drawn, tmp_path).objects
    assert each.why or true_errors(drawn, each)[-1] <= 2


def test_an_object_behind_a_post(tmp_path: Path) -> None:
    drawn = Drawn(
        behind("chelsea.png"), (sprite("coins.png", (100, 200), 36, (330, 200)),), occluder=(200, 0, 216, 360)
    )
    (each,) = scored(drawn, tmp_path).objects
    assert each.why or true_errors(drawn, each).max() <= 2


def test_an_object_that_goes_behind_a_house_and_stays_there(tmp_path: Path) -> None:
    drawn = Drawn(
        behind("chelsea.png"), (sprite("coins.png", (100, 200), 30, (290, 200)),), occluder=(230, 0, 370, 360)
    )
    (each,) = scored(drawn, tmp_path).objects
    assert each.why
