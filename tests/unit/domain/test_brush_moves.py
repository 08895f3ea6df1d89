"""A brush on other pictures, and as code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.domain import shapes
from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush
from kling_nb.domain.runs import Runs
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused

SIZE = (400, 300)
BOAT = shapes.polygon([(10, 10), (60, 10), (35, 40)]) - shapes.circle((35, 20), 5)


def rebuilt(brush: MotionBrush) -> MotionBrush:
    """Run the code of a brush."""
    names: dict[str, Any] = {}
    exec(brush.to_python(), names)
    return names["brush"]  # type: ignore[no-any-return]


def same_bytes(one: MotionBrush, other: MotionBrush) -> bool:
    """Whether two brushes hold the same pixels, points and names."""
    rows = [brush.to_json() for brush in (one, other)]
    return rows[0] == rows[1]


def test_another_ratio_is_refused_with_the_ways_out() -> None:
    brush = MotionBrush(SIZE).dynamic(BOAT, [(30, 20), (300, 200)])
    with pytest.raises(RequestRefused, match="ratios differ") as refused:
        brush.resized((500, 500))
    assert 'fit="contain"' in str(refused.value) and 'fit="stretch"' in str(refused.value)
    assert refused.value.problems[0].id == "L12"


def test_an_unknown_fit_is_refused() -> None:
    with pytest.raises(RequestRefused, match="fit='cover'"):
        MotionBrush(SIZE).resized((800, 600), "cover")  # type: ignore[arg-type]


def test_the_same_ratio_scales_masks_and_paths() -> None:
    brush = MotionBrush(SIZE).dynamic(BOAT, [(0, 0), (399, 299)]).static(np.eye(300, 400) > 0)
    large = brush.resized((800, 600))
    group, still = large.dynamic_masks[0], large.static_mask
    assert group.trajectory.pixels.tolist() == [[0, 0], [799, 599]]
    assert group.mask.area == pytest.approx(brush.dynamic_masks[0].mask.area, rel=0.05)
    assert still is not None and still.array is not None
    assert np.array_equal(still.array, (np.eye(300, 400) > 0).repeat(2, axis=0).repeat(2, axis=1))


def test_a_drawn_mask_is_redrawn_finely_on_a_larger_picture() -> None:
    large = MotionBrush((100, 100)).static(shapes.circle((49.5, 49.5), 30)).resized((400, 400))
    assert large.static_mask == Mask.drawn(shapes.circle((199.5, 199.5), 120), (400, 400))


def test_contain_keeps_the_shape_and_centres() -> None:
    brush = MotionBrush((100, 100)).dynamic(np.ones((100, 100), dtype=bool), [(0, 0), (99, 99)])
    group = brush.resized((400, 200), "contain").dynamic_masks[0]
    truth = np.zeros((200, 400), dtype=bool)
    truth[:, 100:300] = True
    assert np.array_equal(group.mask.array, truth)
    assert group.trajectory.pixels.tolist() == [[100, 0], [299, 199]]


def test_stretch_fills_the_other_picture() -> None:
    brush = MotionBrush((100, 100)).dynamic(np.ones((100, 100), dtype=bool), [(0, 0), (99, 99)])
    group = brush.resized((400, 200), "stretch").dynamic_masks[0]
    assert group.mask.area == 1
    assert group.trajectory.pixels.tolist() == [[0, 0], [399, 199]]


def test_a_path_given_in_wire_units_stays_one() -> None:
    brush = MotionBrush((100, 100)).dynamic(BOAT, [(0, 0), (99, 99)], units="wire")
    path = brush.resized((400, 200), "contain").dynamic_masks[0].trajectory
    assert path.to_wire() == [{"x": 100, "y": 0}, {"x": 299, "y": 199}]
    assert path.pixels.tolist() == [[100, 199], [299, 0]]


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 300), st.integers(20, 300), st.integers(1, 4), st.integers(1, 4))
def test_there_and_back_again_moves_a_path_less_than_half_a_pixel(
    width: int, height: int, factor: int, other: int
) -> None:
    brush = MotionBrush((width, height)).dynamic(
        np.ones((height, width), dtype=bool), [(0, 0), (width / 3, height / 2), (width - 1, height - 1)]
    )
    there = brush.resized((width * factor, height * other), "stretch")
    back = there.resized((width, height), "stretch")
    before, after = (item.dynamic_masks[0].trajectory.pixels for item in (brush, back))
    assert np.abs(before - after).max() < 0.5


def test_code_rebuilds_the_brush_byte_for_byte() -> None:
    times = [{"x": 5, "y": 5, "t": 0}, {"x": 50.5, "y": 9, "t": 0.5}, {"x": 90, "y": 9, "t": 2}]
    brush = (
        MotionBrush(SIZE)
        .dynamic(BOAT, [(30, 15), (300.5, 200)], label='the boat\'s "hull"')
        .dynamic(np.random.default_rng(0).random((300, 400)) < 0.2, [(5, 5), (100, 50)], units="wire")
        .dynamic(shapes.circle((200, 200), 20), [(200 + n * 0.1, 200) for n in range(400)], ease="in")
        .dynamic(shapes.rectangle(1, 1, 9, 9), times, label="timed")
        .dynamic("https://example.com/m.png", [(0, 0), (20.125, 30)], smoothing=0)
        .dynamic(shapes.circle((90, 90), 9), [(5, 5), (100, 50)], units="wire", y_origin="top")
        .static(shapes.stroke([(1.25, 2), (300, 40)], 12.5), label="shore")
    )
    again = rebuilt(brush)
    assert same_bytes(again, brush)
    assert again.to_python() == brush.to_python()
    assert "kn.shapes.polygon" in brush.to_python()


def test_code_says_freeze_the_rest_in_words() -> None:
    brush = MotionBrush(SIZE).dynamic(BOAT, [(30, 15), (300, 200)]).freeze_rest()
    assert brush.to_python().endswith("    .freeze_rest()\n)\n")
    assert same_bytes(rebuilt(brush), brush)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-20, 420), st.floats(-20, 320)), min_size=2, max_size=120),
    st.floats(0, 1),
    st.sampled_from(["none", "in", "out", "in-out"]),
)
def test_code_keeps_any_path_exactly(points: list[tuple[float, float]], smoothing: float, ease: str) -> None:
    try:
        path = Trajectory.from_points(points, size=SIZE, smoothing=smoothing, ease=ease)  # type: ignore[arg-type]
    except RequestRefused:
        return
    brush = MotionBrush(SIZE, (DynamicMask(Mask.drawn(BOAT, SIZE), path),))
    assert same_bytes(rebuilt(brush), brush)


def test_a_drawn_mask_makes_its_pixels_only_when_asked() -> None:
    mask = Mask.drawn(BOAT, SIZE, "boat")
    assert "array" not in vars(mask)
    assert (mask.size, mask.label, mask.shape) == (SIZE, "boat", BOAT)
    assert 0 < (mask.area or 0) < 0.1
    assert mask.sha256 == Mask(BOAT.bits(SIZE)).sha256
    assert "array" not in vars(mask)
    assert np.array_equal(mask.array, BOAT.bits(SIZE))
    assert mask.runs == Runs.from_bits(BOAT.bits(SIZE))
    with pytest.raises(ValueError, match="read-only"):
        mask.array[0, 0] = True  # type: ignore[index]  # drawn above


def test_a_mask_has_no_settable_parts() -> None:
    with pytest.raises(AttributeError):
        Mask.drawn(BOAT, SIZE).label = "other"  # type: ignore[misc]  # the point of the test
