"""Where an object should be: rules that hold for every path, and a few places worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.score.expected import asked_displacement, progress

coordinates = st.floats(-2000, 2000).map(lambda value: round(value, 2))
paths = st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=9).map(np.array)
timings = st.sampled_from(["arc", "index"])
SHARES = np.linspace(0, 1, 41)


def test_constant_speed_around_a_corner() -> None:
    path = np.array([[10.0, 20], [40, 20], [40, 30]])
    moves = asked_displacement(path, np.linspace(0, 1, 5))
    assert moves.tolist() == [[0, 0], [10, 0], [20, 0], [30, 0], [30, 10]]


def test_equal_time_from_point_to_point() -> None:
    path = np.array([[10.0, 20], [40, 20], [40, 30]])
    moves = asked_displacement(path, np.linspace(0, 1, 5), "index")
    assert moves.tolist() == [[0, 0], [15, 0], [30, 0], [30, 5], [30, 10]]


@pytest.mark.parametrize("points", [[], [(3, 4)], [(3, 4), (3, 4)]])
@pytest.mark.parametrize("timing", ["arc", "index"])
def test_a_path_without_length_asks_to_stay(points: list[tuple[int, int]], timing: Any) -> None:
    assert asked_displacement(np.array(points, float), SHARES, timing).tolist() == [[0, 0]] * len(SHARES)


@given(paths, timings)
def test_it_begins_at_rest_and_arrives_at_the_last_point(path: np.ndarray, timing: Any) -> None:
    moves = asked_displacement(path, np.array([-0.5, 0, 1, 1.5]), timing)
    assert np.allclose(moves[:2], 0)
    assert np.allclose(moves[2:], path[-1] - path[0], atol=1e-6)


@given(paths)
def test_equal_times_are_equal_ways_and_no_way_is_longer_than_the_path(path: np.ndarray) -> None:
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    steps = np.linalg.norm(np.diff(asked_displacement(path, SHARES), axis=0), axis=1)
    # A chord cuts corners; along a straight line it is exactly as long.
    assert (steps <= length / 40 + 1e-6).all()
    straight = np.array([path[0], path[-1]])
    chords = np.linalg.norm(np.diff(asked_displacement(straight, SHARES), axis=0), axis=1)
    assert np.allclose(chords, np.linalg.norm(path[-1] - path[0]) / 40, atol=1e-6)


@given(paths, st.integers(0, 7), st.floats(0.05, 0.95))
def test_a_point_more_on_a_segment_changes_nothing(path: np.ndarray, where: int, share: float) -> None:
    where %= len(path) - 1
    between = path[where] + share * (path[where + 1] - path[where])
    more = np.insert(path, where + 1, between, axis=0)
    assert np.allclose(asked_displacement(more, SHARES), asked_displacement(path, SHARES), atol=1e-5)


@given(paths, timings, st.floats(0.1, 5), st.tuples(coordinates, coordinates))
def test_it_scales_with_the_picture_and_does_not_ask_where_the_path_lies(
    path: np.ndarray, timing: Any, scale: float, offset: tuple[float, float]
) -> None:
    moves = asked_displacement(path, SHARES, timing)
    assert np.allclose(asked_displacement(path * scale + offset, SHARES, timing), moves * scale, atol=1e-4)


@given(paths, timings)
def test_backwards_is_the_same_way_back(path: np.ndarray, timing: Any) -> None:
    there = asked_displacement(path, SHARES, timing) + path[0]
    back = asked_displacement(path[::-1], 1 - SHARES, timing) + path[-1]
    assert np.allclose(there, back, atol=1e-5)


def test_progress_runs_from_the_first_frame_to_the_last() -> None:
    assert progress(np.array([0, 0.5, 2.0]), 2.0).tolist() == [0, 0.25, 1]
    assert progress(np.array([0.0]), 0.0).tolist() == [0]
