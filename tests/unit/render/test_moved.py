"""From start to end when objects alone have moved: they are carried over, not faded out and in."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from scenery import disc, path_of, plan, texture

from kling_nb import render
from kling_nb.render.endframe import end_frame
from kling_nb.render.moved import find_moved

WIDTH, HEIGHT = 240, 180
RADIUS = 16


def meadow() -> np.ndarray:
    """A calm background with a soft gradient."""
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.dstack([60 + 0.25 * xs, 110 + 0.2 * ys, 70 + 0.1 * (xs + ys)]).astype(np.uint8)


def round_mask(x: float, y: float) -> np.ndarray:
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.hypot(xs - x, ys - y) <= RADIUS


def with_ball(scene: np.ndarray, x: float, y: float, seed: int = 1) -> np.ndarray:
    """Put a textured bright ball into a scene."""
    side = 2 * RADIUS + 1
    skin = np.zeros_like(scene)
    top, left = round(y) - RADIUS, round(x) - RADIUS
    skin[top : top + side, left : left + side] = 160 + texture(seed, side, side) // 3
    return np.where(round_mask(x, y)[:, :, None], skin, scene)


def clip(start: np.ndarray, end: np.ndarray, frames: int = 9) -> list[np.ndarray]:
    asked = render.RenderPlan(start, WIDTH, HEIGHT, frames=frames, tail=end, label="")
    return list(render.render_frames(asked))


def places(frame: np.ndarray, scene: np.ndarray) -> list[tuple[float, float]]:
    """Centres of everything in a frame that the empty scene has not."""
    differs = np.abs(frame.astype(int) - scene).max(axis=2) > 25
    opened = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    _, _, _, centres = cv2.connectedComponentsWithStats(opened)
    return [(float(x), float(y)) for x, y in centres[1:]]


class TestWhatIsNotMotion:
    def test_equal_pictures(self) -> None:
        assert find_moved(meadow(), meadow()) is None

    def test_other_pictures(self) -> None:
        assert find_moved(texture(1, WIDTH, HEIGHT), texture(2, WIDTH, HEIGHT)) is None

    def test_something_that_only_appears(self) -> None:
        assert find_moved(meadow(), with_ball(meadow(), 120, 90)) is None

    def test_one_thing_that_becomes_another_elsewhere(self) -> None:
        start, end = with_ball(meadow(), 60, 60, seed=1), with_ball(meadow(), 180, 120, seed=9)
        assert not find_moved(start, 255 - end)
        assert not find_moved(start, np.where(round_mask(180, 120)[:, :, None], 255 - end, meadow()))

    def test_a_view_that_turns(self) -> None:
        scene = texture(3, WIDTH, HEIGHT)
        turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 4, 1.1)
        assert find_moved(scene, cv2.warpAffine(scene, turn, (WIDTH, HEIGHT), borderMode=2)) is None


@pytest.mark.parametrize("target", [(180, 130), (75, 58), (60, 130), (190, 50)])
def test_the_way_and_the_outline_are_found(target: tuple[int, int]) -> None:
    found = find_moved(with_ball(meadow(), 60, 50), with_ball(meadow(), *target))
    assert found is not None
    assert len(found) == 1
    assert found[0].shift == pytest.approx((target[0] - 60, target[1] - 50), abs=0.3)
    truth = round_mask(60, 50)
    assert (found[0].mask & truth).sum() / (found[0].mask | truth).sum() > 0.85


@pytest.mark.parametrize("target", [(180, 130), (78, 56)])
def test_half_way_there_is_one_object_and_it_is_half_way(target: tuple[int, int]) -> None:
    shown = clip(with_ball(meadow(), 60, 50), with_ball(meadow(), *target))
    for index, share in ((2, 0.25), (4, 0.5), (6, 0.75)):
        found = places(shown[index], meadow())
        assert len(found) == 1
        asked = (60 + share * (target[0] - 60), 50 + share * (target[1] - 50))
        assert found[0] == pytest.approx(asked, abs=1.0)


def test_two_objects_go_their_own_ways() -> None:
    start = with_ball(with_ball(meadow(), 50, 40), 190, 40, seed=5)
    end = with_ball(with_ball(meadow(), 50, 140), 150, 120, seed=5)
    found = places(clip(start, end)[4], meadow())
    assert sorted(found) == [pytest.approx((50, 90), abs=1.0), pytest.approx((170, 80), abs=1.0)]


def test_our_own_end_frame_gives_the_motion_back() -> None:
    """The way a brush is sent to models that take no masks, seen from the service's side."""
    start = with_ball(meadow(), 60, 50)
    drawn = render.MaskMotion(round_mask(60, 50), path_of((60, 50), (180, 130)))
    end = end_frame(start, [drawn])
    shown = clip(start, end)
    assert [len(places(frame, meadow())) for frame in shown] == [1] * len(shown)
    assert places(shown[4], meadow())[0] == pytest.approx((120, 90), abs=1.5)


def test_it_begins_and_ends_with_the_pictures_and_nothing_pops() -> None:
    start, end = with_ball(meadow(), 60, 50), with_ball(meadow(), 180, 130)
    shown = [frame.astype(float) for frame in clip(start, end, frames=41)]
    steps = [np.abs(b - a).mean() for a, b in pairwise(shown)]
    assert np.abs(shown[0] - start).mean() < 1
    assert np.abs(shown[-1] - end).mean() < 1
    assert max(steps) < 3 * np.median(steps)


def test_a_disc_of_the_renderers_scenery_is_carried_too() -> None:
    asked = plan(motions=(render.MaskMotion(disc(80, 60, 22), path_of((80, 60), (125, 60))),))
    assert asked.image is not None
    found = find_moved(asked.image, end_frame(asked.image, asked.motions))
    assert found is not None
    assert found[0].shift == pytest.approx((45, 0), abs=0.5)
