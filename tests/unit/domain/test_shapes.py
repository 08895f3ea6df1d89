"""Shapes select the pixels whose middles lie inside, and can be written down and read again."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import kling_nb as kn
from kling_nb.domain import shapes
from kling_nb.domain.bitpacking import pack, unpack
from kling_nb.domain.runs import Runs
from kling_nb.errors import InputError

SIZE = (30, 22)
SPOT = st.tuples(st.floats(-12, 42), st.floats(-12, 34))
EPS = 1e-6


def grid() -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(float)
    return xs, ys


def close(bits: np.ndarray, depth: np.ndarray) -> bool:
    """Whether the pixels are those of positive depth; on the border either is right."""
    clear = np.abs(depth) > EPS
    return np.array_equal(bits[clear], depth[clear] > 0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: shapes.polygon([(1, 1), (2, 2)]),
        lambda: shapes.polygon([(1, 1), (2, 2), (math.nan, 3)]),
        lambda: shapes.polygon([1, 2, 3]),  # type: ignore[list-item]
        lambda: shapes.ellipse((1, 1), (0, 3)),
        lambda: shapes.circle((1, 1), -3),
        lambda: shapes.ellipse((1, 1), (3, 3), angle=math.inf),
        lambda: shapes.stroke([], 3),
        lambda: shapes.stroke([(1, 1)], 0),
        lambda: shapes.stroke([(1, 1), (2, 2)], [3]),
        lambda: shapes.stroke([(1, 1)], math.nan),
        lambda: shapes.bitmap([[0, 1]]),
        lambda: shapes.packed(4, 4, "no text of ours"),
        lambda: shapes.packed(4, 4, pack(Runs.full((9, 9)))),
        lambda: shapes.packed(0, 4, ""),
        lambda: shapes.shape_from_json({"kind": "star"}),
        lambda: shapes.shape_from_json({"kind": "polygon"}),
        lambda: shapes.shape_from_json({"kind": "composite", "steps": [["melt", {"kind": "everything"}]]}),
        lambda: shapes.compose(("melt", shapes.everything())),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_drawn_is_refused(build: Any) -> None:
    with pytest.raises((InputError, ValueError)):
        build()


def test_a_refusal_has_three_lines() -> None:
    with pytest.raises(InputError) as refused:
        shapes.polygon([(1, 1)])
    assert len(refused.value.lines()) == 3


def test_a_rectangle_of_whole_numbers_is_a_slice() -> None:
    bits = np.zeros((22, 30), dtype=bool)
    bits[3:9, 5:20] = True
    assert np.array_equal(shapes.rectangle(5, 3, 20, 9).bits(SIZE), bits)
    assert shapes.rectangle(0, 0, *SIZE).runs(SIZE) == Runs.full(SIZE)


@settings(deadline=None, max_examples=60)
@given(st.lists(SPOT, min_size=1, max_size=6), st.floats(0.3, 9))
@example([(0.0, 0.0), (2.2e-309, 1.0)], 1.0)
@example([(0.0, 5.0), (20.0, 5.0 + 1e-15)], 3.0)
@example([(9.0, 9.0), (9.0 + 5e-12, 9.0)], 6.5)
@example([(0.0, 0.0), (5e-324, 5e-324)], 6.5)
def test_a_stroke_selects_what_is_near_its_line(points: list[tuple[float, float]], radius: float) -> None:
    xs, ys = grid()
    nearest = np.full(xs.shape, np.inf)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        share = np.clip(((xs - ax) * dx + (ys - ay) * dy) / length, 0, 1) if length > 1e-9 else 0.0
        nearest = np.minimum(nearest, np.hypot(xs - ax - share * dx, ys - ay - share * dy))
    assert close(shapes.stroke(points, radius).bits(SIZE), radius - nearest)


@settings(deadline=None, max_examples=60)
@given(SPOT, SPOT, st.floats(0.5, 9), st.floats(0.5, 9))
def test_a_pen_with_pressure_paints_the_hull_of_two_discs(
    start: tuple[float, float], end: tuple[float, float], first: float, last: float
) -> None:
    xs, ys = grid()
    depth = np.full(xs.shape, -np.inf)
    for share in np.linspace(0, 1, 1501):
        x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
        depth = np.maximum(depth, first + (last - first) * share - np.hypot(xs - x, ys - y))
    # The hull is sampled: pixels this near to its border are not judged.
    clear = np.abs(depth) > 0.02
    bits = shapes.stroke([start, end], [first, last]).bits(SIZE)
    assert np.array_equal(bits[clear], depth[clear] > 0)


@settings(deadline=None, max_examples=60)
@given(SPOT, st.tuples(st.floats(0.5, 15), st.floats(0.5, 15)), st.floats(-180, 180))
def test_an_ellipse_selects_its_inside(
    center: tuple[float, float], radii: tuple[float, float], angle: float
) -> None:
    xs, ys = grid()
    turn = math.radians(angle)
    along = (xs - center[0]) * math.cos(turn) + (ys - center[1]) * math.sin(turn)
    across = -(xs - center[0]) * math.sin(turn) + (ys - center[1]) * math.cos(turn)
    depth = 1 - (along / radii[0]) ** 2 - (across / radii[1]) ** 2
    assert close(shapes.ellipse(center, radii, angle).bits(SIZE), depth)


@settings(deadline=None, max_examples=60)
@given(st.lists(SPOT, min_size=3, max_size=8))
def test_a_polygon_selects_what_its_outline_winds_around(points: list[tuple[float, float]]) -> None:
    xs, ys = grid()
    winding = np.zeros(xs.shape)
    border = np.full(xs.shape, np.inf)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        left = (bx - ax) * (ys - ay) - (by - ay) * (xs - ax)
        winding += ((ay <= ys) & (by > ys) & (left > 0)).astype(int)
        winding -= ((ay > ys) & (by <= ys) & (left < 0)).astype(int)
        length = (bx - ax) ** 2 + (by - ay) ** 2
        share = np.clip(((xs - ax) * (bx - ax) + (ys - ay) * (by - ay)) / length, 0, 1) if length else 0.0
        border = np.minimum(border, np.hypot(xs - ax - share * (bx - ax), ys - ay - share * (by - ay)))
    clear = border > EPS
    assert np.array_equal(shapes.polygon(points).bits(SIZE)[clear], (winding != 0)[clear])


def test_a_stroke_far_outside_selects_nothing_and_takes_no_memory() -> None:
    assert shapes.stroke([(1e9, -1e9), (2e9, 5)], 1e6).runs(SIZE).is_empty
    assert shapes.stroke([(-1e9, 10), (1e9, 10)], 1e8).runs(SIZE).is_full


def test_joining_shapes_is_joining_pictures() -> None:
    a, b = shapes.circle((10, 10), 6), shapes.rectangle(8, 4, 25, 12)
    x, y = a.bits(SIZE), b.bits(SIZE)
    for shape, truth in ((a | b, x | y), (a - b, x & ~y), (a & b, x & y), (~a, ~x)):
        assert np.array_equal(shape.bits(SIZE), truth)


def test_a_further_stroke_gives_what_drawing_all_anew_gives() -> None:
    region, steps = shapes.Composite(), []
    for number in range(40):
        step = ("erase" if number % 3 == 2 else "add", shapes.circle((number % 30, number % 22), 4))
        region = region.then(*step)  # type: ignore[arg-type]
        if number % 4:
            region.runs(SIZE)
        steps.append(step)
    assert region.runs(SIZE) == shapes.compose(*steps).runs(SIZE)  # type: ignore[arg-type]


def test_a_long_drawing_keeps_few_results_and_goes_back_all_the_same() -> None:
    region = shapes.Composite()
    drawn = [region]
    for number in range(200):
        region = region.then("add" if number % 3 else "erase", shapes.circle((number % 30, number % 22), 4))
        region.runs(SIZE)
        drawn.append(region)
    assert sum("_runs" in vars(each) for each in drawn) < 45
    for each in reversed(drawn):
        assert each.runs(SIZE) == shapes.compose(*each.steps).runs(SIZE)


def test_a_long_drawing_can_be_copied_to_another_process() -> None:
    region = shapes.Composite()
    for number in range(2000):
        region = region.then("add", shapes.circle((number % 30, 5), 2))
    region.runs(SIZE)
    assert pickle.loads(pickle.dumps(region)) == region


SHAPES = {
    "polygon": shapes.polygon([(1, 1), (20.25, 2), (3.1, 17)]),
    "ellipse": shapes.ellipse((10, 9.5), (8, 3), angle=30),
    "circle": shapes.circle((10, 9), 4),
    "stroke": shapes.stroke([(1, 2), (9.75, 8)], 2.5),
    "pen": shapes.stroke([(1, 2), (9, 8)], [1, 4.5]),
    "dot": shapes.stroke([(4, 4)], 3),
    "bitmap": shapes.bitmap(np.random.default_rng(1).random((22, 30)) < 0.3),
    "everything": shapes.everything(),
    "nothing": shapes.Composite(),
    "inverse": ~shapes.circle((10, 9), 4),
    "joined": (shapes.circle((10, 9), 4) | shapes.rectangle(0, 0, 5, 5)) - shapes.stroke([(1, 1), (9, 9)], 1),
    "nested": shapes.circle((10, 9), 8) & (shapes.circle((13, 9), 6) - shapes.circle((13, 9), 2)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_survives_json_and_code(name: str) -> None:
    shape = SHAPES[name]
    again = shapes.shape_from_json(json.loads(json.dumps(shape.to_json())))
    assert again == shape
    rebuilt = eval(shape.to_python(), {"kn": kn})
    assert rebuilt.runs(SIZE) == shape.runs(SIZE)
    assert rebuilt.to_python() == shape.to_python()


def test_hundreds_of_strokes_of_brush_and_eraser_are_valid_code() -> None:
    steps = [("erase" if n % 2 else "add", shapes.circle((n % 30, 5), 2)) for n in range(600)]
    shape = shapes.compose(*steps)  # type: ignore[arg-type]
    assert eval(shape.to_python(), {"kn": kn}).runs(SIZE) == shape.runs(SIZE)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "bitmap"])
def test_a_scaled_shape_is_the_shape_scaled(name: str) -> None:
    twice = SHAPES[name].transformed(2, (0.5, 0.5)).bits((60, 44))
    # Each pixel becomes four; next to a border, or at a fine tip, they may differ.
    share = twice.reshape(22, 2, 30, 2).mean(axis=(1, 3))
    once = SHAPES[name].bits(SIZE)
    clear = ~_near_border(once)
    assert np.all(np.abs(share - once)[clear] <= 0.5)
    assert twice.mean() == pytest.approx(once.mean(), abs=0.02)


def _near_border(bits: np.ndarray) -> np.ndarray:
    padded = np.pad(bits, 1, mode="edge")
    views = [padded[y : y + bits.shape[0], x : x + bits.shape[1]] for y in range(3) for x in range(3)]
    return np.any(views, axis=0) & ~np.all(views, axis=0)


def test_a_bitmap_cannot_be_scaled_as_a_shape() -> None:
    with pytest.raises(InputError, match="bitmap"):
        SHAPES["bitmap"].transformed(2)
    assert SHAPES["bitmap"].transformed(1) is SHAPES["bitmap"]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9999), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_packed_pixels_are_the_pixels(width: int, height: int, seed: int, share: float) -> None:
    runs = Runs.from_bits(np.random.default_rng(seed).random((height, width)) < share)
    assert unpack((width, height), pack(runs)) == runs
