"""Coordinates, clean-up and resampling against the vectors of spec/official-api.md §5.3 and §5.4."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.domain.coordinates import (
    canvas_to_pixel,
    normalized_to_pixel,
    pixel_to_wire,
    rnd,
    wire_to_pixel,
)
from kling_nb.domain.resampling import drop_close, resample, resample_in_time
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused

TALL = (720, 1280)

# The machine may be busy; no time limit is part of any fact tested here.
relaxed = settings(deadline=None)


def wire_of(points: Any, size: tuple[int, int] = TALL, **how: Any) -> list[tuple[int, int]]:
    path = Trajectory.from_points(points, size=size, **how)
    return [(p["x"], p["y"]) for p in path.to_wire(size)]


def rules(path: Trajectory) -> list[str]:
    return [note.id for note in path.notes]


def test_halves_round_up_and_never_to_even() -> None:
    assert rnd([0.5, 1.5, 2.5, -0.5, -1.5, 0.49]).tolist() == [1, 2, 3, 0, -1, 0]


@pytest.mark.parametrize(
    ("size", "pixel", "wire"),
    [
        (TALL, (0, 0), (0, 1279)),
        (TALL, (719, 1279), (719, 0)),
        (TALL, (360, 640), (360, 639)),
        (TALL, (-12, 50), (0, 1229)),
        (TALL, (800, 1400), (719, 0)),
        ((300, 300), (0.49, 0.5), (0, 298)),
    ],
)
def test_pixel_to_wire(size: tuple[int, int], pixel: tuple[float, float], wire: tuple[int, int]) -> None:
    assert tuple(pixel_to_wire([pixel], size)[0]) == wire


def test_canvas_to_pixel_to_wire() -> None:
    pixel = canvas_to_pixel([(180, 320)], scale=0.5)
    assert pixel.tolist() == [[360, 640]]
    assert pixel_to_wire(pixel, TALL).tolist() == [[360, 639]]
    assert canvas_to_pixel([(190, 330)], scale=0.5, offset=(10, 10)).tolist() == [[360, 640]]


@pytest.mark.parametrize(
    ("size", "unit", "wire"),
    [
        (TALL, (0, 0), (0, 1279)),
        (TALL, (1, 1), (719, 0)),
        (TALL, (0.25, 0.1), (180, 1151)),
    ],
)
def test_normalized_to_wire(size: tuple[int, int], unit: tuple[float, float], wire: tuple[int, int]) -> None:
    assert tuple(pixel_to_wire(normalized_to_pixel([unit], size), size)[0]) == wire


@pytest.mark.parametrize(
    ("size", "expected"),
    [(TALL, [(360, 384), (360, 639), (360, 895)]), ((1024, 576), [(512, 172), (512, 287), (512, 402)])],
)
def test_the_normalized_path_of_the_specification(
    size: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    assert wire_of([(0.5, 0.7), (0.5, 0.5), (0.5, 0.3)], size, units="normalized") == expected


def test_normalized_points_can_be_counted_from_the_bottom() -> None:
    top = wire_of([(0.5, 0.7), (0.5, 0.3)], units="normalized")
    bottom = wire_of([(0.5, 0.3), (0.5, 0.7)], units="normalized", origin="bottom-left")
    assert top == bottom


def test_the_escape_hatch_counts_from_the_top() -> None:
    path = Trajectory.from_points([(10, 20), (30, 40)], size=TALL)
    assert path.to_wire(TALL, y_origin="top") == [{"x": 10, "y": 20}, {"x": 30, "y": 40}]


@pytest.mark.parametrize("y_origin", ["bottom", "top"])
def test_wire_points_are_sent_as_given_whatever_the_escape_hatch(y_origin: str) -> None:
    given_points = [(279, 219), (417, 65)]
    path = Trajectory.from_points(given_points, size=TALL, units="wire", y_origin=y_origin)
    assert [(p["x"], p["y"]) for p in path.to_wire(TALL, y_origin=y_origin)] == given_points


def test_wire_points_are_drawn_from_the_bottom() -> None:
    path = Trajectory.from_points([(0, 0), (719, 1279)], size=TALL, units="wire")
    assert path.pixels.tolist() == [[0, 1279], [719, 0]]


def test_points_may_be_pairs_objects_or_an_array() -> None:
    pairs = wire_of([[1, 2], [30, 40]])
    assert wire_of([{"x": 1, "y": 2}, {"x": 30, "y": 40}]) == pairs
    assert wire_of(np.array([[1, 2], [30, 40]])) == pairs


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_coordinates_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(RequestRefused, match="NaN or infinite"):
        Trajectory.from_points([(0, 0), (bad, 5)], size=TALL)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(5, 5)],
        [(5, 5), (5, 5)],
        [(5, 5), (5.2, 5.1), (5, 5)],
        [(1, 2), "ab"],
        [(1, 2), (1, 2, 3)],
        [(1, 2), {"x": 4}],
        [(1, 2), {"x": 4, "y": 5, "z": 6}],
        [(1, 2), None],
        [{"x": 1, "y": 2, "t": 0}, {"x": 9, "y": 2}],
    ],
)
def test_paths_that_are_no_paths_are_refused(points: list[Any]) -> None:
    with pytest.raises(RequestRefused) as refused:
        Trajectory.from_points(points, size=TALL)
    assert refused.value.problems[0].id == "L06"
    assert not refused.value.problems[0].forceable


@pytest.mark.parametrize("times", [(0, 0), (1, 0.5), (0, math.nan)])
def test_times_must_grow(times: tuple[float, float]) -> None:
    points = [{"x": 0, "y": 0, "t": times[0]}, {"x": 50, "y": 0, "t": times[1]}]
    with pytest.raises(RequestRefused, match="'t'"):
        Trajectory.from_points(points, size=TALL)


@pytest.mark.parametrize("point", [(120, 310), (-0.1, 0.5), (0.5, 1.01)])
def test_normalized_points_outside_the_unit_square_name_the_pixel_units(point: tuple[float, float]) -> None:
    with pytest.raises(RequestRefused) as refused:
        Trajectory.from_points([(0.1, 0.1), point], size=TALL, units="normalized")
    assert 'units="pixel"' in refused.value.problems[0].fix


def test_fractions_are_refused_in_wire_units_because_a_server_may_cut_them_to_zero() -> None:
    with pytest.raises(RequestRefused, match="integers only"):
        Trajectory.from_points([(0.5, 0.5), (0.5, 0.7)], size=TALL, units="wire")


@pytest.mark.parametrize(
    "how", [{"units": "px"}, {"origin": "centre"}, {"timing": "ease"}, {"y_origin": "left"}]
)
def test_unknown_words_are_refused_with_the_known_ones(how: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused) as refused:
        Trajectory.from_points([(0, 0), (9, 9)], size=TALL, **how)
    assert "use one of" in refused.value.problems[0].fix


@pytest.mark.parametrize("point", [(-12, 50), (800, 1400), (360, -0.6), (719.6, 0)])
def test_clamping_by_more_than_half_a_pixel_is_told(point: tuple[float, float]) -> None:
    assert rules(Trajectory.from_points([(100, 100), point], size=TALL)) == ["L10"]


@pytest.mark.parametrize("point", [(-0.5, 50), (719.5, 1279.5), (0, 0)])
def test_rounding_at_the_edge_is_not_told(point: tuple[float, float]) -> None:
    assert rules(Trajectory.from_points([(100, 100), point], size=TALL)) == []


def test_fractions_in_pixel_units_raise_the_suspicion_of_normalized_points() -> None:
    path = Trajectory.from_points([(0, 0), (1, 1)], size=TALL)
    assert rules(path) == ["L14"]
    assert 'units="normalized"' in path.notes[0].fix
    with pytest.raises(RequestRefused) as refused:
        Trajectory.from_points([(0.1, 0.2), (0.3, 0.4)], size=TALL)
    assert 'units="normalized"' in refused.value.problems[0].fix


def test_close_points_are_dropped_but_both_ends_stay() -> None:
    points = np.array([(0, 0), (0.3, 0), (0.6, 0), (5, 0), (9.8, 0), (10, 0)], dtype=float)
    assert drop_close(points).tolist() == [0, 2, 3, 5]


def test_a_slowly_drawn_path_is_not_dropped_altogether() -> None:
    path = Trajectory.from_points([(x * 0.3, 0) for x in range(100)], size=TALL)
    assert len(path.pixels) == 50
    assert path.pixels[-1].tolist() == pytest.approx([29.7, 0])


@pytest.mark.parametrize(
    ("path", "n", "expected"),
    [
        ([(0, 0), (10, 0), (10, 10)], 5, [(0, 0), (5, 0), (10, 0), (10, 5), (10, 10)]),
        ([(0, 0), (30, 40)], 6, [(0, 0), (6, 8), (12, 16), (18, 24), (24, 32), (30, 40)]),
    ],
)
def test_resampling_by_length(
    path: list[tuple[float, float]], n: int, expected: list[tuple[float, float]]
) -> None:
    assert resample(path, n).tolist() == pytest.approx(np.array(expected, dtype=float))


def test_a_straight_path_of_101_points_becomes_77() -> None:
    path = Trajectory.from_points([(x, 0) for x in range(101)], size=TALL)
    x = [point["x"] for point in path.to_wire(TALL)]
    assert x[:10] == [0, 1, 3, 4, 5, 7, 8, 9, 11, 12]
    assert x[-4:] == [96, 97, 99, 100]
    assert (len(x), len(set(x)), sum(x)) == (77, 77, 3850)
    assert rules(path) == ["L07"]
    assert path.notes[0].severity == "I"


def test_a_circle_of_200_points_becomes_the_77_of_the_specification() -> None:
    turn = [i / 199 * 2 * math.pi for i in range(200)]
    points = [(360 + 200 * math.cos(a), 640 + 200 * math.sin(a)) for a in turn]
    wire = wire_of(points)
    picked = [wire[k] for k in (0, 19, 38, 57, 76)]
    assert picked == [(560, 639), (360, 439), (160, 639), (360, 839), (560, 639)]
    assert (len(wire), sum(x for x, _ in wire), sum(y for _, y in wire)) == (77, 27920, 49203)


def test_77_points_are_kept_as_drawn() -> None:
    points = [(x * 3, (x % 5) * 40) for x in range(77)]
    path = Trajectory.from_points(points, size=TALL)
    assert path.pixels.tolist() == [list(map(float, p)) for p in points]
    assert rules(path) == []


def timed(*rows: tuple[float, float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "t": t} for x, y, t in rows]


def test_uneven_times_are_ignored_aloud() -> None:
    path = Trajectory.from_points(timed((0, 0, 0), (50, 0, 0.1), (100, 0, 1)), size=TALL)
    assert rules(path) == ["L13"]
    assert len(path.pixels) == 3


def test_even_times_are_ignored_silently() -> None:
    assert rules(Trajectory.from_points(timed((0, 0, 0), (50, 0, 0.33), (100, 0, 0.67)), size=TALL)) == []


def test_density_puts_more_points_where_the_motion_is_slow() -> None:
    path = Trajectory.from_points(timed((0, 0, 0), (100, 0, 0.8), (600, 0, 1)), size=TALL, timing="density")
    assert len(path.pixels) == 30
    slow = int(np.sum(path.pixels[:, 0] <= 100))
    assert slow == 24
    assert "L13" not in rules(path)


def test_density_without_times_says_that_it_does_nothing() -> None:
    path = Trajectory.from_points([(0, 0), (50, 0)], size=TALL, timing="density")
    assert rules(path) == ["L13"]
    assert len(path.pixels) == 2


def test_resampling_in_time_is_linear() -> None:
    points = resample_in_time([(0, 0), (10, 0), (40, 0)], [0, 5, 10], 5)
    assert points[:, 0].tolist() == [0, 5, 10, 25, 40]


sizes = st.tuples(st.integers(2, 5000), st.integers(2, 5000))
shares = st.tuples(st.floats(0, 1), st.floats(0, 1))


@relaxed
@given(sizes, shares)
def test_pixel_to_wire_and_back_moves_no_point_by_more_than_half_a_pixel(
    size: tuple[int, int], share: tuple[float, float]
) -> None:
    pixel = normalized_to_pixel([share], size)
    back = wire_to_pixel(pixel_to_wire(pixel, size), size)
    assert np.abs(back - pixel).max() <= 0.5 + 1e-9


@relaxed
@given(sizes, st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)))
def test_wire_points_always_lie_in_the_picture(size: tuple[int, int], point: tuple[float, float]) -> None:
    for y_origin in ("bottom", "top"):
        x, y = pixel_to_wire([point], size, y_origin)[0]  # type: ignore[arg-type]  # both words of the literal
        assert 0 <= x < size[0]
        assert 0 <= y < size[1]


@relaxed
@given(sizes, shares)
def test_counting_from_the_top_mirrors_counting_from_the_bottom(
    size: tuple[int, int], share: tuple[float, float]
) -> None:
    pixel = normalized_to_pixel([share], size)
    bottom, top = pixel_to_wire(pixel, size)[0], pixel_to_wire(pixel, size, "top")[0]
    assert bottom[1] + top[1] == size[1] - 1
    assert bottom[0] == top[0]


@relaxed
@given(st.floats(0.05, 20), st.tuples(st.floats(-500, 500), st.floats(-500, 500)), sizes, shares)
def test_display_to_wire_and_back_on_any_zoom(
    scale: float, offset: tuple[float, float], size: tuple[int, int], share: tuple[float, float]
) -> None:
    pixel = normalized_to_pixel([share], size)
    display = pixel * scale + np.array(offset)
    seen = canvas_to_pixel(display, scale, offset)
    back = wire_to_pixel(pixel_to_wire(seen, size), size)
    assert np.abs(back - pixel).max() <= 0.5 + 1e-6


integer_points = st.lists(st.tuples(st.integers(0, 719), st.integers(0, 1279)), min_size=2, max_size=77)


@relaxed
@given(integer_points)
def test_wire_points_survive_unchanged_but_for_repeats(points: list[tuple[int, int]]) -> None:
    distinct = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
    if len(distinct) < 2:
        return
    assert wire_of(points, units="wire") == distinct


long_paths = st.lists(
    st.tuples(st.floats(0, 719, width=32), st.floats(0, 1279, width=32)), min_size=2, max_size=250
)


@relaxed
@given(long_paths)
def test_any_path_gives_two_to_77_distinct_integer_points_and_keeps_its_ends(
    points: list[tuple[float, float]],
) -> None:
    try:
        path = Trajectory.from_points(points, size=TALL)
    except RequestRefused:
        assert max(math.dist(p, points[0]) for p in points) < 2 or math.dist(points[0], points[-1]) < 2
        return
    wire = wire_of(points)
    assert 2 <= len(wire) <= 77
    assert all(isinstance(v, int) for p in path.to_wire(TALL) for v in p.values())
    assert wire[0] == tuple(pixel_to_wire([points[0]], TALL)[0])
    assert wire[-1] == tuple(pixel_to_wire([points[-1]], TALL)[0])
    assert all(a != b for a, b in itertools.pairwise(wire))


@relaxed
@given(
    st.lists(st.tuples(st.integers(0, 999), st.integers(0, 999)), min_size=2, max_size=60, unique=True),
    st.integers(2, 77),
)
def test_resampled_points_lie_on_the_path_at_equal_distances(points: list[tuple[int, int]], n: int) -> None:
    out = resample(points, n)
    assert len(out) == n
    length = sum(math.dist(a, b) for a, b in itertools.pairwise(points))
    assert all(math.dist(a, b) <= length / (n - 1) + 1e-6 for a, b in itertools.pairwise(out))
    assert out[0].tolist() == list(points[0])
    assert out[-1].tolist() == list(points[-1])
    for point in out:
        assert min(_gap(point, a, b) for a, b in itertools.pairwise(points)) < 1e-6


def _gap(point: Any, a: tuple[int, int], b: tuple[int, int]) -> float:
    start, step = np.array(a, dtype=float), np.subtract(b, a)
    share = np.clip(np.dot(point - start, step) / np.dot(step, step), 0, 1)
    return float(np.hypot(*(point - start - share * step)))
