"""Motion, flicker, warp error, sharpness: what raises each of them, and what must not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from kling_nb.score.clip import Facts, Look
from kling_nb.score.sharpness import Sharpness, SharpnessMeter
from kling_nb.score.steadiness import Steadiness, SteadinessMeter

SIZE = (320, 180)
FRAMES = 25
CAT = cv2.cvtColor(data.chelsea(), cv2.COLOR_RGB2GRAY)[40:290, 20:430]


def facts(frames: int = FRAMES) -> Facts:
    return Facts(SIZE, SIZE, SIZE, 24.0, frames, frames / 24, 1, "709", "")


def window(left: float, top: float = 10) -> np.ndarray:
    """A view of the picture, moved by fractions of a pixel."""
    matrix = np.array([[1.0, 0, -left], [0, 1.0, -top]])
    return np.asarray(cv2.warpAffine(CAT, matrix, SIZE, flags=cv2.INTER_CUBIC))


def measured(frames: list[np.ndarray], times: list[float] | None = None) -> Steadiness:
    meter = SteadinessMeter(facts(len(frames)))
    for index, frame in enumerate(frames):
        at = index / 24 if times is None else times[index]
        meter.see(Look(index, at, frame, frame, True, index == len(frames) - 1))
    return meter.result()


PAN = [window(1.0 * index) for index in range(FRAMES)]
STILL = [window(0)] * FRAMES


def test_motion_is_in_percent_of_the_diagonal_a_second() -> None:
    diagonal = float(np.hypot(*SIZE))
    assert measured(PAN).motion == pytest.approx(100 * 24 / diagonal, rel=0.15)
    assert measured(STILL).motion == pytest.approx(0, abs=0.02)


def test_motion_does_not_depend_on_the_spacing_of_frames() -> None:
    uneven = [0.0]
    for index in range(1, FRAMES):
        uneven.append(uneven[-1] + (1 / 24 if index % 2 else 2 / 24))
    frames = [window(24 * time) for time in uneven]
    assert measured(frames, uneven).motion == pytest.approx(measured(PAN).motion, rel=0.15)


@pytest.mark.parametrize("frames", [PAN, STILL], ids=["moving", "still"])
def test_flicker_is_the_swing_of_the_light_and_not_motion(frames: list[np.ndarray]) -> None:
    swing = [
        np.clip(f.astype(float) + (3 if i % 2 else -3), 0, 255).astype(np.uint8) for i, f in enumerate(frames)
    ]
    clean, flickering = measured(frames), measured(swing)
    assert clean.flicker is not None
    assert flickering.flicker == pytest.approx(6, rel=0.1)
    assert flickering.flicker >= 10 * clean.flicker
    assert flickering.motion == pytest.approx(clean.motion, abs=0.6)


def test_fast_motion_over_grass_does_not_flicker_and_small_flicker_of_it_is_seen() -> None:
    grass = data.grass()
    frames = [
        np.ascontiguousarray(grass[10 + 5 * i : 190 + 5 * i, 4 + 7 * i : 324 + 7 * i]) for i in range(25)
    ]
    swinging = [cv2.convertScaleAbs(f, alpha=1.01 if i % 2 else 0.99) for i, f in enumerate(frames)]
    clean, flickering = measured(frames), measured(swinging)
    assert clean.flicker is not None
    assert clean.flicker < 0.2
    assert flickering.flicker == pytest.approx(0.02 * grass.mean(), rel=0.1)


def test_a_slow_fade_is_no_flicker() -> None:
    fading = [cv2.convertScaleAbs(f, alpha=1 - 0.02 * i) for i, f in enumerate(STILL)]
    assert measured(fading).flicker == pytest.approx(0, abs=0.2)


def test_warp_error_is_what_motion_does_not_explain() -> None:
    random = np.random.default_rng(3)
    noisy = [np.clip(f + random.normal(0, 6, f.shape), 0, 255).astype(np.uint8) for f in PAN]
    clean, spoiled = measured(PAN), measured(noisy)
    assert clean.warp_error is not None
    assert spoiled.warp_error is not None
    assert clean.warp_error < 2.5
    assert spoiled.warp_error > clean.warp_error + 3


def test_nothing_changes_in_a_still_clip_and_much_in_a_moving_one() -> None:
    assert measured(STILL).changed == 0
    assert measured(PAN).changed > 0.2


def sharpness(
    frames: list[np.ndarray], cameras: list[np.ndarray | None], covered: np.ndarray | None = None
) -> Sharpness:
    meter = SharpnessMeter(facts(len(frames)), covered)
    for index, (frame, camera) in enumerate(zip(frames, cameras, strict=True)):
        meter.see(Look(index, index / 24, frame, frame, True, index == len(frames) - 1), camera)
    return meter.result()


def known(step: float) -> list[np.ndarray | None]:
    return [np.array([[1.0, 0, -step * index], [0, 1, 0], [0, 0, 1]]) for index in range(FRAMES)]


def blurred(frames: list[np.ndarray], sigma: float) -> list[np.ndarray]:
    last = len(frames) - 1
    return [cv2.GaussianBlur(f, (0, 0), max(0.05, sigma * i / last)) for i, f in enumerate(frames)]


@pytest.mark.parametrize("sigma", [2.0, 4.0])
@pytest.mark.parametrize("step", [0.0, 1.0])
def test_blur_is_lost_sharpness_whatever_the_camera_does(sigma: float, step: float) -> None:
    frames = [window(step * index) for index in range(FRAMES)]
    clean, soft = sharpness(frames, known(step)), sharpness(blurred(frames, sigma), known(step))
    assert clean.decay is not None
    assert soft.decay is not None
    assert abs(clean.decay) < 8
    assert soft.decay > 40


def zooming(scale: float) -> list[np.ndarray | None]:
    cameras: list[np.ndarray | None] = []
    for share in np.linspace(0, 1, FRAMES):
        factor = 1 + (scale - 1) * share
        shift = (1 - factor) * (np.array(SIZE) - 1) / 2
        cameras.append(np.array([[factor, 0, shift[0]], [0, factor, shift[1]], [0, 0, 1]]))
    return cameras


@pytest.mark.parametrize("scale", [0.9, 1.12, 1.3])
def test_a_zoom_is_no_blur_and_hides_none(scale: float) -> None:
    """What resampling costs by itself is no fault of the clip."""
    cameras = zooming(scale)
    frames = [np.asarray(cv2.warpPerspective(window(0), matrix, SIZE)) for matrix in cameras]
    clean, soft = sharpness(frames, cameras), sharpness(blurred(frames, 2), cameras)
    assert clean.decay is not None
    assert soft.decay is not None
    assert abs(clean.decay) < 5
    assert soft.decay > 40


LABEL = np.zeros(SIZE[::-1], np.bool_)
LABEL[145:172, 170:312] = True


def labelled(frames: list[np.ndarray]) -> list[np.ndarray]:
    """With words on top that stay where they are, and sharp."""
    out = [frame.copy() for frame in frames]
    for frame in out:
        frame[150:167, 176:306] = 12
        cv2.putText(frame, "PREVIEW ONLY", (180, 163), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 240, 1)
    return out


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.12])
def test_a_label_is_not_lost_to_a_zoom_and_hides_no_blur(scale: float) -> None:
    """It stays on the screen: no camera carries it along, and what softens the picture leaves it sharp."""
    cameras = zooming(scale)
    dim = cv2.convertScaleAbs(window(0), alpha=0.2)
    frames = [np.asarray(cv2.warpPerspective(dim, matrix, SIZE)) for matrix in cameras]
    soft = blurred(frames, 2)
    clean = sharpness(labelled(frames), cameras, LABEL).decay
    assert clean == pytest.approx(sharpness(frames, cameras).decay, abs=3)
    assert sharpness(labelled(soft), cameras, LABEL).decay == pytest.approx(
        sharpness(soft, cameras).decay, abs=5
    )


@pytest.mark.parametrize("scale", [0.9, 1.12])
def test_a_label_that_nobody_told_of_is_known_by_its_keeping_its_place(scale: float) -> None:
    """Without a start picture there is nothing to tell it by but the camera that does not carry it along."""
    cameras = zooming(scale)
    dim = cv2.convertScaleAbs(window(0), alpha=0.2)
    frames = [np.asarray(cv2.warpPerspective(dim, matrix, SIZE)) for matrix in cameras]
    clean = sharpness(labelled(frames), cameras).decay
    assert clean == pytest.approx(sharpness(frames, cameras).decay, abs=5)
    assert sharpness(labelled(blurred(frames, 2)), cameras).decay > 40


def test_a_label_is_nothing_sharp_of_the_picture_and_without_a_camera_hides_no_blur() -> None:
    smooth = [np.full(SIZE[::-1], 60, np.uint8)] * FRAMES
    nothing = sharpness(labelled(smooth), [np.eye(3)] * FRAMES, LABEL)
    assert nothing.decay is None
    assert "nothing sharp" in nothing.why
    unknown: list[np.ndarray | None] = [None] * FRAMES
    soft = blurred([cv2.convertScaleAbs(window(0), alpha=0.2)] * FRAMES, 2)
    assert sharpness(labelled(soft), unknown, LABEL).decay == pytest.approx(
        sharpness(soft, unknown).decay, abs=5
    )


def test_a_softer_part_that_comes_into_view_is_no_lost_sharpness() -> None:
    soft = CAT.copy()
    soft[:, 190:] = cv2.GaussianBlur(CAT, (0, 0), 5)[:, 190:]
    frames = []
    for index in range(FRAMES):
        matrix = np.array([[1.0, 0, -3.0 * index], [0, 1.0, -10]])
        frames.append(np.asarray(cv2.warpAffine(soft, matrix, SIZE, flags=cv2.INTER_CUBIC)))
    found = sharpness(frames, known(3.0))
    assert found.decay is not None
    assert abs(found.decay) < 8


def test_without_a_camera_blur_is_told_with_less_confidence() -> None:
    found = sharpness(blurred(PAN, 3), [None] * FRAMES)
    assert found.decay is not None
    assert found.decay > 40
    assert found.confidence < 1


def test_a_flat_clip_has_no_sharpness_to_lose() -> None:
    flat = [np.full(SIZE[::-1], 90, np.uint8)] * 5
    found = sharpness(flat, [np.eye(3)] * 5)
    assert found.decay is None
    assert "nothing sharp" in found.why
