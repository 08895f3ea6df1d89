"""The end frame: objects at the end of their paths, everything else as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenery import texture

from kling_nb.render import MaskMotion
from kling_nb.render.endframe import end_frame

WIDTH, HEIGHT = 360, 270
PATHS: dict[str, list[tuple[float, float]]] = {
    "straight": [(90, 80), (210, 80)],
    "half pixels": [(90.0, 80.0), (151.5, 120.25)],
    "upward": [(90, 180), (90, 70)],
    "curved": [(90, 80), (140, 40), (200, 60), (240, 140)],
    "short": [(90, 80), (97, 76)],
}


def disc(x: float, y: float, radius: float = 30, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    ys, xs = np.mgrid[0 : size[1], 0 : size[0]]
    return np.hypot(xs - x, ys - y) <= radius


def scene(*places: tuple[float, float], size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """Textured bright discs on a calm, darker ground."""
    ground = texture(5, *size) // 6 + 40
    for number, (x, y) in enumerate(places):
        ground = np.where(disc(x, y, 30, size)[:, :, None], 110 + texture(number, *size) // 2, ground)
    return cv2.GaussianBlur(ground.astype(np.uint8), (0, 0), 0.7)


def motion(*points: tuple[float, float], size: tuple[int, int] = (WIDTH, HEIGHT)) -> MaskMotion:
    return MaskMotion(disc(*points[0], 30, size), np.array(points, float))


def found_at(picture: np.ndarray, ended: np.ndarray, start: tuple[float, float]) -> np.ndarray:
    """Where the object that was at ``start`` is now: template match to a fraction of a pixel."""
    x, y, r = round(start[0]), round(start[1]), 20
    score = cv2.matchTemplate(ended, picture[y - r : y + r + 1, x - r : x + r + 1], cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(score)
    assert best > 0.9

    def peak(values: np.ndarray) -> float:
        low, middle, high = map(float, values)
        curve = low - 2 * middle + high
        return 0.0 if curve == 0 else 0.5 * (low - high) / curve

    across, down = score[row, column - 1 : column + 2], score[row - 1 : row + 2, column]
    return np.array([column + r + peak(across), row + r + peak(down)])


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_an_object_is_at_the_end_of_its_path(path: list[tuple[float, float]]) -> None:
    picture = scene(path[0])
    ended = end_frame(picture, [motion(*path)])
    assert ended.shape == picture.shape
    assert found_at(picture, ended, path[0]) == pytest.approx(path[-1], abs=0.6)


def test_several_objects_each_go_their_way() -> None:
    starts, ends = [(70, 70), (280, 80), (180, 190)], [(150, 110), (230, 200), (70, 200)]
    picture = scene(*starts)
    ended = end_frame(picture, [motion(a, b) for a, b in zip(starts, ends, strict=True)])
    for start, end in zip(starts, ends, strict=True):
        assert found_at(picture, ended, start) == pytest.approx(end, abs=1.5)


def test_the_object_is_gone_from_where_it_was() -> None:
    picture = scene((90, 80))
    ended = end_frame(picture, [motion((90, 80), (250, 180))])
    left = ended[disc(90, 80, 24)].astype(float).mean()
    around = ended[disc(90, 80, 60) & ~disc(90, 80, 40)].astype(float).mean()
    assert abs(left - around) < 12, "the ground is filled in"


def test_pixels_that_nothing_moved_are_the_pictures_own_and_bear_no_label() -> None:
    picture = scene((90, 80))
    ended = end_frame(picture, [motion((90, 80), (250, 90))])
    corners = np.zeros((HEIGHT, WIDTH), bool)
    for rows in (slice(0, 30), slice(-40, None)):
        for columns in (slice(0, 40), slice(-40, None)):
            corners[rows, columns] = True
    assert np.array_equal(ended[corners], picture[corners])
    away = ~(disc(90, 80, 60) | disc(250, 90, 60))
    assert (ended[away] == picture[away]).mean() > 0.97


def test_the_static_mask_stays_to_the_last_bit() -> None:
    picture = scene((90, 80), (200, 90))
    still = disc(200, 90, 34)
    ended = end_frame(picture, [motion((90, 80), (220, 95))], still)
    assert np.array_equal(ended[still], picture[still])


@pytest.mark.parametrize(
    "path", [[(90.0, 80.0)], [(90.0, 80.0), (150.0, 60.0), (90.0, 80.0)]], ids=["point", "loop"]
)
def test_what_ends_where_it_began_changes_nothing(path: list[tuple[float, float]]) -> None:
    picture = scene((90, 80))
    ended = end_frame(picture, [motion(*path)])
    assert np.array_equal(ended, picture)
    assert ended is not picture


@pytest.mark.parametrize("size", [(361, 270), (360, 271), (361, 271)])
def test_odd_sizes_are_kept(size: tuple[int, int]) -> None:
    picture = scene((90, 80), size=size)
    ended = end_frame(picture, [motion((90, 80), (240, 150), size=size)])
    assert ended.shape == picture.shape
    assert found_at(picture, ended, (90, 80)) == pytest.approx((240, 150), abs=1.5)


def test_an_object_may_leave_the_picture() -> None:
    picture = scene((90, 80))
    ended = end_frame(picture, [motion((90, 80), (-80, 80))])
    assert ended[disc(90, 80, 24)].mean() < picture[disc(90, 80, 24)].mean() - 30
