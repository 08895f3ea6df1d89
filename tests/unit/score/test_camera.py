"""The camera: measured against what was drawn, and held against what was asked."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from kling_nb.render.camera import homography
from kling_nb.render.plan import CAMERA_AXES, CameraMove
from kling_nb.score.camera import CameraMeter, CameraTrack
from kling_nb.score.cameramove import compared
from kling_nb.score.clip import Facts, Look
from kling_nb.score.homography import decomposed
from kling_nb.score.stillness import Witnesses

SIZE = (480, 270)
FACTS = Facts(SIZE, SIZE, SIZE, 24.0, 17, 17 / 24, 1, "709", "")
FRAMES = 17


def picture(name: str, size: tuple[int, int] = SIZE) -> np.ndarray:
    gray = cv2.cvtColor(getattr(data, name)()[:, :, :3], cv2.COLOR_RGB2GRAY)
    factor = max(size[0] / gray.shape[1], size[1] / gray.shape[0])
    large = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(large[: size[1], : size[0]])


def moved(share: float, dx: float = 0, dy: float = 0, scale: float = 1, roll: float = 0) -> np.ndarray:
    """Homography about the middle; ``roll`` counter-clockwise as seen."""
    angle, factor = math.radians(roll * share), 1 + (scale - 1) * share
    c, s = factor * math.cos(angle), factor * math.sin(angle)
    x, y = (SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2
    there = np.array([[1, 0, x + dx * share], [0, 1, y + dy * share], [0, 0, 1.0]])
    return (
        there
        @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
        @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]])
    )


def drawn(
    background: np.ndarray, motion: dict[str, float], thing: np.ndarray | None = None
) -> list[np.ndarray]:
    frames = []
    for index in range(FRAMES):
        share = index / (FRAMES - 1)
        frame = cv2.warpPerspective(
            background, moved(share, **motion), SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        if thing is not None:
            left, top = round(10 + 90 * share), 50
            frame[top : top + thing.shape[0], left : left + thing.shape[1]] = thing
        frames.append(frame)
    return frames


def followed(frames: list[np.ndarray], excluded: np.ndarray | None = None) -> CameraTrack:
    meter = CameraMeter(FACTS, excluded)
    for index, frame in enumerate(frames):
        meter.see(Look(index, index / 24, frame, frame, True, index == len(frames) - 1))
    return meter.result()


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
@pytest.mark.parametrize(
    "motion",
    [{}, {"dx": 21.0, "dy": -9.0}, {"scale": 1.15}, {"scale": 0.88, "roll": -7.0}, {"dx": -30, "roll": 4}],
    ids=str,
)
def test_a_camera_is_read_back(name: str, motion: dict[str, float]) -> None:
    track = followed(drawn(picture(name), motion))
    assert track.known
    found, true = decomposed(track.matrices[-1], SIZE), decomposed(moved(1, **motion), SIZE)
    assert math.hypot(found.dx - true.dx, found.dy - true.dy) <= 1
    assert found.scale == pytest.approx(true.scale, rel=0.003)
    assert found.roll == pytest.approx(true.roll, abs=0.1)


@pytest.mark.parametrize("motion", [{}, {"dx": 12.0, "scale": 1.05}], ids=str)
def test_a_large_thing_that_moves_is_not_the_camera(motion: dict[str, float]) -> None:
    thing = picture("coffee")[:170, :300]
    track = followed(drawn(picture("astronaut"), motion, thing))
    found, true = decomposed(track.matrices[-1], SIZE), decomposed(moved(1, **motion), SIZE)
    assert math.hypot(found.dx - true.dx, found.dy - true.dy) <= 1.5
    assert found.scale == pytest.approx(true.scale, rel=0.005)


def given_way(background: np.ndarray, way: float, rim: float, motion: dict[str, float]) -> list[np.ndarray]:
    """A picture that moves but for a rim, and gives way between, seen by a camera."""
    xs, ys = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    edge = np.minimum(np.minimum(xs, SIZE[0] - 1 - xs), np.minimum(ys, SIZE[1] - 1 - ys))
    weight = np.clip((edge - rim) / 30, 0, 1)
    frames = []
    for index in range(FRAMES):
        share = index / (FRAMES - 1)
        dragged = cv2.remap(background, xs - way * share * weight, ys, cv2.INTER_CUBIC)
        frames.append(
            cv2.warpPerspective(
                dragged,
                moved(share, **motion),
                SIZE,
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT_101,
            )
        )
    return frames


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_what_gives_way_to_an_object_is_no_camera_as_long_as_the_border_stays(name: str) -> None:
    track = followed(given_way(picture(name), 12, 20, {}))
    assert track.known
    assert compared(track, None, SIZE).drift < 0.3


def test_a_small_move_of_the_camera_is_found_although_much_gives_way() -> None:
    track = followed(given_way(picture("astronaut"), 30, 45, {"dx": 3.0, "dy": 2.0}))
    assert track.known
    found = decomposed(track.matrices[-1], SIZE)
    assert math.hypot(found.dx - 3, found.dy - 2) <= 1


def test_a_large_thing_before_a_clear_sky_is_no_certain_camera() -> None:
    sky = np.tile(np.linspace(120, 180, SIZE[1]).astype(np.uint8)[:, None], (1, SIZE[0]))
    track = followed(drawn(sky, {}, picture("astronaut")[:180, :300]))
    assert track.confidence < 0.5


def test_a_flat_picture_tells_nothing_of_the_camera_even_with_a_label_on_it() -> None:
    random = np.random.default_rng(0)
    frames = []
    for _ in range(5):
        flat = np.clip(128 + random.normal(0, 1.5, SIZE[::-1]), 0, 255).astype(np.uint8)
        cv2.putText(flat, "A LABEL", (340, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
        frames.append(flat)
    track = followed(frames)
    assert not track.known
    assert "too little texture" in track.why
    assert track.at(3) is None


def test_a_cut_to_another_picture_is_no_camera_move() -> None:
    track = followed([picture("astronaut")] * 4 + [picture("coffee")] * 9)
    assert not track.known
    assert "changes too much" in track.why


def track_of(matrix: np.ndarray) -> CameraTrack:
    return CameraTrack(np.arange(2), np.arange(2.0), np.stack([np.eye(3), matrix]), np.ones(2))


def wire(**axes: float) -> dict[str, Any]:
    return {"type": "simple", "config": dict.fromkeys(CAMERA_AXES, 0) | axes}


# What each direction does to the picture, by hand from the table of `spec/official-api.md` §6.
CONTENT = [
    ("horizontal", 5.0, {"dx": -20.0}),
    ("vertical", 5.0, {"dy": 20.0}),
    ("pan", 5.0, {"dx": -20.0}),
    ("tilt", 5.0, {"dy": 20.0}),
    ("roll", 5.0, {"roll": 5.0}),
    ("zoom", -5.0, {"scale": 1.1}),
]


@pytest.mark.parametrize(("axis", "value", "content"), CONTENT)
def test_signs_of_the_axes(axis: str, value: float, content: dict[str, float]) -> None:
    track = track_of(moved(1, **content))
    as_asked = compared(track, wire(**{axis: value}), SIZE)
    opposite = compared(track, wire(**{axis: -value}), SIZE)
    assert as_asked.direction is not None
    assert opposite.direction is not None
    assert as_asked.direction > 0.95
    assert opposite.direction < -0.95
    assert as_asked.drift < 0.5


@pytest.mark.parametrize("asked", ["roll", "zoom"])
def test_a_move_on_another_axis_is_drift_and_not_as_asked(asked: str) -> None:
    found = compared(track_of(moved(1, dx=40)), wire(**{asked: 5.0}), SIZE)
    assert found.direction == pytest.approx(0, abs=0.2)
    assert found.drift == pytest.approx(100 * 40 / math.hypot(*SIZE), rel=0.01)


def test_without_a_request_every_move_is_drift() -> None:
    found = compared(track_of(moved(1, dx=30)), None, SIZE)
    assert found.direction is None
    assert found.drift == pytest.approx(100 * 30 / math.hypot(*SIZE), rel=0.01)


def test_a_camera_that_does_not_move_has_no_direction() -> None:
    found = compared(track_of(np.eye(3)), wire(zoom=5.0), SIZE)
    assert found.direction is None
    assert "hardly moved" in found.why


@pytest.mark.parametrize("axis", CAMERA_AXES)
@pytest.mark.parametrize("value", [-10.0, 4.0])
def test_moves_of_the_sandbox_are_as_asked_and_no_drift(axis: str, value: float) -> None:
    found = compared(track_of(homography(CameraMove(**{axis: value}), 1, SIZE)), wire(**{axis: value}), SIZE)
    assert found.direction is not None
    assert found.direction > 0.97
    assert found.drift < 0.3


@pytest.mark.parametrize("preset", ["down_back", "forward_up", "right_turn_forward", "left_turn_forward"])
def test_presets_of_the_sandbox_are_as_asked(preset: str) -> None:
    found = compared(track_of(homography(CameraMove(preset), 1, SIZE)), {"type": preset}, SIZE)
    assert found.direction is not None
    assert found.direction > 0.9


def test_the_wrong_turn_is_not_as_asked() -> None:
    track = track_of(homography(CameraMove("left_turn_forward"), 1, SIZE))
    found = compared(track, {"type": "right_turn_forward"}, SIZE)
    assert found.direction is not None
    assert found.direction < 0.5


def labelled(frame: np.ndarray) -> np.ndarray:
    out = frame.copy()
    out[228:262, 244:472] = 12
    cv2.putText(out, "PREVIEW ONLY", (250, 255), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 240, 2)
    return out


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_what_may_be_a_label_alone_is_no_witness_of_a_camera_that_keeps_still(name: str) -> None:
    """Where no start picture tells which words are a label; the rest has gone where nobody finds it."""
    first, gone = picture(name), cv2.flip(picture(name), -1)
    everywhere = np.ones(first.shape, np.bool_)
    witnesses = Witnesses(labelled(first), everywhere, labels_known=False)
    assert witnesses.judge(labelled(gone), None).still is None
    assert witnesses.judge(labelled(first), None).still is True
    assert Witnesses(labelled(first), everywhere).judge(labelled(gone), None).still is True
