"""Known motion between two photographs is found; where there is none to find, nothing is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from kling_nb.motion.features import feature_homography, matched_features
from kling_nb.motion.fields import carried, identity_grid
from kling_nb.motion.flow import dense_flow, halfway_flow
from kling_nb.motion.matching import correlation, lookalike
from kling_nb.motion.points import corner_points, fit_homography, fit_similarity, follow
from kling_nb.motion.refine import refined_shift
from kling_nb.motion.template import Pose, Template


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return cv2.resize(cv2.cvtColor(data.chelsea(), cv2.COLOR_RGB2GRAY), (320, 214))


@pytest.fixture(scope="module")
def cup() -> np.ndarray:
    return cv2.resize(cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY), (320, 214))


def moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Draw a picture along a homography with a better filter than those under test use."""
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
    )


def turn(degrees: float, scale: float, dx: float, dy: float) -> np.ndarray:
    return np.vstack(
        [np.add(cv2.getRotationMatrix2D((160, 107), degrees, scale), [[0, 0, dx], [0, 0, dy]]), [0, 0, 1]]
    )


class TestFeatures:
    def test_a_large_turn_is_found(self, cat: np.ndarray) -> None:
        truth = turn(25, 1.2, 30, -20)
        found = feature_homography(cat, moved(cat, truth))
        assert found is not None
        corners = np.array([[60.0, 60], [260, 60], [160, 180]])
        assert np.abs(carried(corners, found) - carried(corners, truth)).max() < 1

    def test_other_pictures_and_empty_ones_have_none(self, cat: np.ndarray, cup: np.ndarray) -> None:
        assert feature_homography(cat, cup) is None
        assert feature_homography(cat, np.full_like(cat, 90)) is None
        assert [len(side) for side in matched_features(np.full_like(cat, 90), cat)] == [0, 0]

    def test_pictures_of_other_sizes_are_matched_in_their_own_pixels(self, cat: np.ndarray) -> None:
        large = cv2.resize(cat, (640, 428), interpolation=cv2.INTER_CUBIC)
        source, target = matched_features(cat, large)
        assert len(source) > 30
        assert np.median(np.abs(target + 0.5 - 2 * (source + 0.5))) < 0.5


class TestFlow:
    def test_a_shift_is_found_all_over(self, cat: np.ndarray) -> None:
        flow = dense_flow(cat, moved(cat, turn(0, 1, 4.5, -3)))
        inner = flow.displacement[30:-30, 30:-30]
        assert np.median(np.abs(inner - [4.5, -3]), axis=(0, 1)) == pytest.approx([0, 0], abs=0.2)
        assert flow.agreement > 0.8

    def test_an_alignment_helps_where_the_way_is_far(self, cat: np.ndarray) -> None:
        truth = turn(30, 1, 40, 10)
        flow = dense_flow(cat, moved(cat, truth), aligned=truth)
        wanted = cv2.perspectiveTransform(identity_grid(320, 214), truth) - identity_grid(320, 214)
        gap = np.linalg.norm(flow.displacement - wanted, axis=2)[flow.visible]
        assert np.median(gap) < 0.3

    def test_pictures_that_have_nothing_in_common_do_not_agree(self) -> None:
        agreement = halfway_flow(data.chelsea()[:300, :400], data.coffee()[:300, :400])[1]
        related = halfway_flow(data.chelsea()[:300, :400], data.chelsea()[6:306, 8:408])[1]
        assert agreement < 0.2
        assert related > 0.6


def test_a_shift_is_refined_to_a_tenth_of_a_pixel(cat: np.ndarray) -> None:
    first = cat.astype(np.float32)
    last = moved(first, turn(0, 1, 7.3, -2.6))
    inside = np.zeros(cat.shape, np.bool_)
    inside[60:150, 80:200] = True
    assert refined_shift(first, last, inside, np.array([6.0, -1.0])) == pytest.approx([7.3, -2.6], abs=0.1)


class TestPoints:
    def test_points_are_followed_and_the_covered_ones_are_known(self, cat: np.ndarray) -> None:
        points = corner_points(cat, most=120)
        last = moved(cat, turn(0, 1, 9, 5))
        last[:, 200:] = 128
        places, sure = follow(cat, last, points)
        covered = points[:, 0] + 9 > 205
        assert (sure & covered).sum() <= 0.1 * covered.sum()
        assert sure[~covered].mean() > 0.8
        assert np.median(np.abs(places - points - [9, 5])[sure]) < 0.1

    def test_points_stay_where_they_may_be(self, cat: np.ndarray) -> None:
        where = np.zeros(cat.shape, np.bool_)
        where[50:100, 60:90] = True
        points = corner_points(cat, where)
        assert len(points)
        assert all(where[round(y), round(x)] for x, y in points.tolist())
        assert len(corner_points(np.full_like(cat, 7))) == 0
        assert len(follow(cat, cat, np.zeros((0, 2)))[0]) == 0

    def test_agreement_is_found_among_wrong_pairs(self) -> None:
        rng = np.random.default_rng(2)
        source = rng.uniform(0, 300, (60, 2))
        for fit, truth in (
            (fit_similarity, turn(20, 1.1, 12, 3)),
            (fit_homography, np.array([[1.1, 0.1, 5], [-0.1, 0.9, 8], [2e-4, 1e-4, 1]])),
        ):
            target = carried(source, truth) + rng.normal(0, 0.2, (60, 2))
            target[:24] = rng.uniform(0, 300, (24, 2))
            found = fit(source, target)
            assert found is not None
            assert found.share == pytest.approx(0.6, abs=0.05)
            assert np.abs(carried(source, found.matrix) - carried(source, truth)).max() < 1

    def test_too_few_pairs_and_pure_chance_are_no_agreement(self) -> None:
        rng = np.random.default_rng(3)
        few = rng.uniform(0, 300, (3, 2))
        assert fit_similarity(few, few) is None
        assert fit_homography(few, few) is None
        source, target = rng.uniform(0, 300, (2, 40, 2))
        assert fit_similarity(source, target, tolerance=1, least=8) is None
        assert fit_homography(source, target, tolerance=1, least=12) is None


numbers = st.floats(-50, 50)
poses = st.builds(Pose, numbers, numbers, st.floats(0.5, 2), st.floats(-1, 1))


class TestTemplate:
    @given(poses, poses)
    def test_poses_add_up_and_can_be_taken_back(self, one: Pose, other: Pose) -> None:
        middle = np.array([30.0, 40.0])
        both = one.after(other).matrix(middle)
        assert np.allclose(both, one.matrix(middle) @ other.matrix(middle), atol=1e-6)
        assert np.allclose(one.after(one.inverse()).matrix(middle), np.eye(3), atol=1e-6)

    @pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (8, 1.05), (-6, 0.93)])
    def test_a_region_is_found_in_other_light(self, cat: np.ndarray, degrees: float, scale: float) -> None:
        where = np.hypot(*(identity_grid(320, 214) - [160, 107]).transpose(2, 0, 1)) < 30
        template = Template(cat, where, np.array([160.0, 107.0]))
        last = np.clip(moved(cat, turn(degrees, scale, 3.4, -2.2)) * 0.8 + 20, 0, 255).astype(np.uint8)
        found = template.fit(last, Pose(2, -1))
        assert (found.pose.dx, found.pose.dy) == pytest.approx((3.4, -2.2), abs=0.1)
        assert found.pose.degrees == pytest.approx(-degrees, abs=0.3)
        assert found.pose.scale == pytest.approx(scale, abs=0.01)
        assert found.zncc > 0.98

    def test_another_picture_is_unlike_it(self, cat: np.ndarray, cup: np.ndarray) -> None:
        where = np.hypot(*(identity_grid(320, 214) - [160, 107]).transpose(2, 0, 1)) < 30
        assert Template(cat, where, np.array([160.0, 107.0])).fit(cup, Pose()).zncc < 0.7

    def test_what_left_the_picture_is_not_visible(self, cat: np.ndarray) -> None:
        where = np.hypot(*(identity_grid(320, 214) - [160, 107]).transpose(2, 0, 1)) < 30
        found = Template(cat, where, np.array([160.0, 107.0])).fit(cat, Pose(400, 0))
        assert found.visible == 0
        assert found.zncc == -1


class TestMatching:
    def test_a_look_correlates_with_its_own_place_only(self, cat: np.ndarray) -> None:
        mask = np.hypot(*(identity_grid(41, 41) - 20).transpose(2, 0, 1)) <= 20
        values = correlation(255 - cat // 2, cat[60:101, 100:141], mask, 1.0)
        assert values is not None
        assert np.unravel_index(values.argmin(), values.shape) == (60, 100)
        same = correlation(cat // 2 + 30, cat[60:101, 100:141], mask, 1.0)
        assert same is not None
        assert np.unravel_index(same.argmax(), same.shape) == (60, 100)
        assert same.max() > 0.99
        assert correlation(cat[:30, :30], cat[60:101, 100:141], mask, 1.0) is None

    def test_repeated_places_are_known_and_unique_ones_too(self, cat: np.ndarray) -> None:
        where = np.hypot(*(identity_grid(320, 214) - [110, 60]).transpose(2, 0, 1)) < 16
        assert lookalike(cat, where, 10) < 0.8
        twice = cat.copy()
        twice[43:78, 133:168] = cat[43:78, 93:128]
        # 40 pixels beside it stands the same again.
        assert lookalike(twice, where, 10) > 0.97
        slope = np.add(*np.indices(cat.shape)).astype(np.uint8) // 4
        assert lookalike(slope, where, 10) > 0.97
