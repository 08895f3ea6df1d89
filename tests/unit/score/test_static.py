"""What should not change: leaks are found, light and cameras are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from kling_nb.score.clip import Facts, Look
from kling_nb.score.static import Leak, StaticMeter

SIZE = (320, 180)
FRAMES = 13
CUP = cv2.resize(cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY), (480, 270), interpolation=cv2.INTER_AREA)
VIEW = CUP[40:220, 60:380]
MASK = np.zeros(SIZE[::-1], np.bool_)
MASK[:, 160:] = True
FACTS = Facts(SIZE, SIZE, SIZE, 24.0, FRAMES, FRAMES / 24, 1, "709", "")


def measured(
    frames: list[np.ndarray],
    cameras: list[np.ndarray | None] | None = None,
    mask: np.ndarray = MASK,
    covered: np.ndarray | None = None,
) -> Leak:
    meter = StaticMeter(mask, FACTS, covered)
    for index, frame in enumerate(frames):
        camera = np.eye(3) if cameras is None else cameras[index]
        meter.see(Look(index, index / 24, frame, frame, True, index == len(frames) - 1), camera)
    return meter.result()


def noisy(frame: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1.2, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


CLEAN = [noisy(VIEW, index) for index in range(FRAMES)]


def test_the_noise_of_coding_is_no_leak() -> None:
    found = measured(CLEAN)
    assert found.leak is not None
    assert found.likeness is not None
    assert found.leak < 2.5
    assert found.likeness > 0.93


def test_motion_beside_the_mask_is_no_leak() -> None:
    frames = [frame.copy() for frame in CLEAN]
    for index, frame in enumerate(frames):
        frame[:, :156] = np.roll(frame[:, :156], 4 * index, axis=1)
    assert measured(frames).leak == pytest.approx(measured(CLEAN).leak, abs=0.2)


def test_content_that_slides_under_the_mask_is_a_leak() -> None:
    frames = [CUP[40:220, 60 + index : 380 + index] for index in range(FRAMES)]
    found = measured(frames)
    assert found.leak is not None
    assert found.likeness is not None
    assert found.leak > 6
    assert found.likeness < 0.8


def test_a_thing_that_passes_briefly_is_a_leak_too() -> None:
    frames = [frame.copy() for frame in CLEAN]
    frames[6][30:150, 200:290] = CUP[100:220, 0:90]
    brief = measured(frames)
    assert brief.leak is not None
    assert brief.leak > 6


@pytest.mark.parametrize("width", [6, 12, 18, 24, 30])
def test_a_change_that_is_a_little_like_the_picture_is_no_light(width: int) -> None:
    """Stripes of 8 levels are 8 levels, whatever lies below them."""
    stripes = np.where(np.arange(SIZE[0]) // width % 2 == 0, 8.0, -8.0)
    faint = [noisy(0.4 * VIEW + 77, index) for index in range(FRAMES)]
    frames = [(frame + (index > 0) * stripes).astype(np.uint8) for index, frame in enumerate(faint)]
    few = np.zeros(SIZE[::-1], np.bool_)
    few[100:170, 200:270] = True
    assert measured(frames, mask=few).leak == pytest.approx(8, abs=0.5)


@pytest.mark.parametrize(
    "light", [lambda f, i: f - 1.5 * i, lambda f, i: f * (1 - 0.008 * i)], ids=["offset", "gain"]
)
def test_fading_light_is_no_leak(light: object) -> None:
    frames = [np.clip(light(f.astype(float), i), 0, 255).astype(np.uint8) for i, f in enumerate(CLEAN)]  # type: ignore[operator]
    found = measured(frames)
    assert found.leak is not None
    assert found.leak < 3


def test_a_camera_that_carries_everything_along_is_no_leak() -> None:
    frames = [noisy(CUP[40:220, 60 + 2 * i : 380 + 2 * i], i) for i in range(FRAMES)]
    cameras: list[np.ndarray | None] = [
        np.array([[1.0, 0, -2.0 * i], [0, 1, 0], [0, 0, 1]]) for i in range(FRAMES)
    ]
    carried, unknown = measured(frames, cameras), measured(frames, [None] * FRAMES)
    assert carried.leak is not None
    assert unknown.leak is not None
    assert carried.leak < 4
    assert unknown.leak > 6


def test_a_mask_that_stays_on_screen_while_the_camera_moves_is_no_leak() -> None:
    cameras: list[np.ndarray | None] = [
        np.array([[1.0, 0, -2.0 * i], [0, 1, 0], [0, 0, 1]]) for i in range(FRAMES)
    ]
    assert measured(CLEAN, cameras).leak == pytest.approx(measured(CLEAN).leak, abs=0.3)


LABEL = np.zeros(SIZE[::-1], np.bool_)
LABEL[130:172, 170:312] = True


def labelled(frames: list[np.ndarray]) -> list[np.ndarray]:
    """With a dark label that stays where it is, on top of everything."""
    out = [frame.copy() for frame in frames]
    for frame in out:
        frame[134:168, 174:308] = 12
        cv2.putText(frame, "PREVIEW", (180, 163), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 240, 2)
    return out


def test_a_leak_is_not_made_less_by_a_label_that_covers_a_part_of_it() -> None:
    low = np.zeros(SIZE[::-1], np.bool_)
    low[110:, 160:] = True
    stripes = np.where(np.arange(SIZE[0]) // 6 % 2 == 0, 8.0, -8.0)
    frames = [
        (frame + (index > 0) * stripes).clip(0, 255).astype(np.uint8) for index, frame in enumerate(CLEAN)
    ]
    assert measured(labelled(frames), mask=low, covered=LABEL).leak == pytest.approx(8, abs=0.5)
    clean = measured(labelled(CLEAN), mask=low, covered=LABEL)
    assert clean.leak is not None
    assert clean.leak < 2.5


def test_a_label_that_no_camera_carries_along_is_no_leak() -> None:
    frames = labelled([noisy(CUP[40:220, 60 + 2 * i : 380 + 2 * i], i) for i in range(FRAMES)])
    cameras: list[np.ndarray | None] = [
        np.array([[1.0, 0, -2.0 * i], [0, 1, 0], [0, 0, 1]]) for i in range(FRAMES)
    ]
    found = measured(frames, cameras, covered=LABEL)
    assert found.leak is not None
    assert found.leak < 4


def test_a_static_mask_below_a_label_is_not_measurable_and_says_so() -> None:
    found = measured(labelled(CLEAN), mask=LABEL, covered=LABEL)
    assert found.leak is None
    assert found.why == "a label covers the static mask"


def test_the_map_shows_where_it_leaks_and_nothing_outside_the_mask() -> None:
    frames = [frame.copy() for frame in CLEAN]
    for index, frame in enumerate(frames[1:], start=1):
        frame[100:160, 240:300] = np.roll(frame[100:160, 240:300], 5 * index, axis=0)
    rows = measured(frames).map
    cells = np.array([[np.nan if cell is None else cell for cell in row] for row in rows])
    height, width = cells.shape
    assert np.isnan(cells[:, : width // 2 - 1]).all()
    assert not np.isnan(cells[:, width // 2 + 2 :]).any()
    row, column = np.unravel_index(np.nanargmax(cells), cells.shape)
    assert 100 / 180 <= (row + 0.5) / height <= 160 / 180
    assert 240 / 320 <= (column + 0.5) / width <= 300 / 320


def test_a_mask_too_small_to_be_seen_says_so() -> None:
    dot = np.zeros(SIZE[::-1], np.bool_)
    dot[20:24, 20:24] = True
    found = measured(CLEAN, mask=dot)
    assert found.leak is None
    assert "too small" in found.why
