"""Shaping of paths: smoothing, ease, thinning, ready-made ones, and what a trajectory tells about it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.domain import paths
from kling_nb.domain.resampling import deviation, resample
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused

SIZE = (400, 300)
LINES = st.lists(st.tuples(st.floats(0, 399), st.floats(0, 299)), min_size=2, max_size=40, unique=True)


@pytest.mark.parametrize("amount", [-0.1, 1.5, math.nan])
def test_smoothing_beyond_its_range_is_refused(amount: float) -> None:
    with pytest.raises(RequestRefused, match="smoothing"):
        Trajectory.from_points([(0, 0), (50, 5), (99, 9)], size=SIZE, smoothing=amount)


def test_an_unknown_ease_is_refused() -> None:
    with pytest.raises(RequestRefused, match="ease='bounce'"):
        Trajectory.from_points([(0, 0), (99, 9)], size=SIZE, ease="bounce")  # type: ignore[arg-type]


@pytest.mark.parametrize("shaping", [{"ease": "in"}, {"smoothing": 0.5}])
def test_times_and_shaping_exclude_each_other(shaping: dict[str, object]) -> None:
    points = [{"x": 0, "y": 0, "t": 0}, {"x": 50, "y": 9, "t": 1}, {"x": 99, "y": 9, "t": 3}]
    with pytest.raises(RequestRefused, match="density"):
        Trajectory.from_points(points, size=SIZE, timing="density", **shaping)  # type: ignore[arg-type]


@settings(deadline=None)
@given(LINES, st.floats(0, 1))
def test_smoothing_keeps_both_ends_exactly(points: list[tuple[float, float]], amount: float) -> None:
    out = paths.smooth(points, amount)
    assert out[0].tolist() == list(points[0])
    assert out[-1].tolist() == list(points[-1])
    assert np.all(np.isfinite(out))


def test_smoothing_takes_the_trembling_and_leaves_the_course() -> None:
    x = np.linspace(0, 300, 200)
    tremble = 4 * np.sin(x * math.tau / 5)
    out = paths.smooth(np.stack([x, 100 + tremble], axis=1), 0.25)
    assert np.abs(out[5:-5, 1] - 100).max() < 0.2
    straight = np.stack([x, x / 2], axis=1)
    assert deviation(straight, paths.smooth(straight, 1.0)) < 1e-6


@pytest.mark.parametrize(("kind", "slow_start", "slow_end"), [("in", 1, 0), ("out", 0, 1), ("in-out", 1, 1)])
def test_ease_puts_more_points_where_it_is_slow(kind: paths.Ease, slow_start: int, slow_end: int) -> None:
    out = paths.ease_points([(0, 0), (100, 0)], kind, 41)
    steps = np.diff(out[:, 0])
    assert (steps[0] < 1.0) == bool(slow_start)
    assert (steps[-1] < 1.0) == bool(slow_end)
    assert np.all(steps > 0)
    assert (out[0].tolist(), out[-1].tolist()) == ([0, 0], [100, 0])


def test_ease_is_called_a_hint_with_unverified_effect() -> None:
    path = Trajectory.from_points([(0, 0), (390, 200)], size=SIZE, ease="in-out")
    assert len(path.pixels) == 30
    assert [note.id for note in path.notes] == ["L07"]
    assert "hint, effect unverified" in path.notes[0].message


def test_smoothing_tells_how_far_it_moves_the_path() -> None:
    path = Trajectory.from_points([(0, 0), (200, 200), (390, 0)], size=SIZE, smoothing=0.5)
    assert "smoothing moves the path by at most" in path.notes[0].message
    assert len(path.pixels) <= 77


@settings(deadline=None)
@given(LINES, st.floats(0.1, 20))
def test_thinning_deviates_less_than_asked(points: list[tuple[float, float]], tolerance: float) -> None:
    out = paths.simplify(points, tolerance)
    assert out[0].tolist() == list(points[0])
    assert out[-1].tolist() == list(points[-1])
    assert deviation(np.array(points), out) <= tolerance + 1e-6


@settings(deadline=None, max_examples=50)
@given(LINES, st.integers(2, 77))
def test_resampling_keeps_ends_and_even_steps(points: list[tuple[float, float]], n: int) -> None:
    out = resample(points, n)
    assert len(out) == n
    assert out[0].tolist() == list(points[0])
    assert out[-1].tolist() == list(points[-1])
    length = np.hypot(*np.diff(np.array(points), axis=0).T).sum()
    # Nothing of the polyline lies farther from the result than half a step along it.
    assert deviation(np.array(points), out) <= length / (n - 1) / 2 + 1e-6


def test_ready_made_paths_begin_and_end_where_told() -> None:
    start, end = (10.0, 20.0), (110.0, 20.0)
    assert paths.line(start, end).tolist() == [list(start), list(end)]
    bow = paths.arc(start, end, bend=0.3)
    assert bow[0] == pytest.approx(start) and bow[-1] == pytest.approx(end)
    # To the left, seen along the way to the right, is up: smaller y.
    assert bow[:, 1].min() == pytest.approx(20 - 30)
    ring = paths.circle(start, (60, 20))
    assert np.hypot(*(ring - [60, 20]).T) == pytest.approx(np.full(len(ring), 50))
    assert ring[-1] == pytest.approx(start)
    assert ring[1, 1] < 20, "clockwise from the left goes up"
    swing = paths.sway(start, end)
    assert swing[0] == pytest.approx(start) and swing[-1] == pytest.approx(start, abs=1e-6)
    assert (swing[:, 0].min(), swing[:, 0].max()) == pytest.approx((-90, 110), abs=0.5)
