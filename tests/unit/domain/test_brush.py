"""Masks and motion brushes as values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush, mask_bits, resize_nearest
from kling_nb.errors import RequestRefused

SIZE = (40, 30)


def box(left: int, top: int, right: int, bottom: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    bits = np.zeros((size[1], size[0]), dtype=bool)
    bits[top:bottom, left:right] = True
    return bits


@pytest.mark.parametrize(
    ("pixel", "selected"),
    [
        (np.uint8(127), False),
        (np.uint8(128), True),
        ((127, 127, 127), False),
        ((128, 128, 128), True),
        ((255, 0, 0), False),
        ((0, 255, 0), True),
        ((0, 0, 255), False),
        ((255, 255, 255, 127), False),
        ((0, 0, 0, 128), True),
        ((255, 0), False),
        ((0, 255), True),
    ],
)
def test_alpha_decides_when_present_else_luminance_from_128(pixel: Any, selected: bool) -> None:
    # The second pixel keeps the array from looking like one of zeros and ones.
    white = np.full_like(np.array(pixel, dtype=np.uint8), 255)
    row = np.array([[pixel, white]], dtype=np.uint8)
    assert mask_bits(row).tolist() == [[selected, True]]


def test_masks_of_zeros_and_ones_and_of_fractions_are_understood() -> None:
    assert mask_bits(np.array([[0, 1]], dtype=np.uint8)).tolist() == [[False, True]]
    assert mask_bits(np.array([[0.4, 0.6]])).tolist() == [[False, True]]
    assert mask_bits([[False, True]]).tolist() == [[False, True]]


@pytest.mark.parametrize(
    "value",
    [np.zeros(5), np.zeros((2, 2, 5)), np.zeros((0, 4)), np.zeros((2, 2, 2, 2)), np.array([["a"]]), 7, None],
)
def test_what_is_no_mask_is_refused(value: Any) -> None:
    with pytest.raises(RequestRefused) as refused:
        mask_bits(value)
    assert refused.value.problems[0].id == "L12"


@pytest.mark.parametrize("shape", [(30, 41), (40, 30), (60, 60)])
def test_a_mask_of_another_ratio_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(RequestRefused, match="ratios differ"):
        MotionBrush(SIZE).static(np.ones(shape, dtype=bool))


def test_a_refused_mask_names_its_field() -> None:
    with pytest.raises(RequestRefused) as refused:
        MotionBrush(SIZE).dynamic(np.ones((9, 9), dtype=bool), [(0, 0), (9, 9)])
    assert refused.value.problems[0].field == "dynamic_masks"


def test_a_mask_of_the_same_ratio_is_resized_without_grey() -> None:
    mask = Mask.read(box(10, 5, 20, 15), size=(80, 60))
    assert mask.size == (80, 60)
    assert mask.array is not None
    assert np.array_equal(mask.array, box(20, 10, 40, 30, (80, 60)))


def test_one_percent_of_difference_in_ratio_is_tolerated() -> None:
    assert Mask.read(np.ones((99, 100), dtype=bool), size=(100, 100)).size == (100, 100)
    with pytest.raises(RequestRefused):
        Mask.read(np.ones((98, 100), dtype=bool), size=(100, 100))


@pytest.mark.parametrize("fields", [{}, {"array": np.ones((2, 2), dtype=bool), "url": "https://x/m.png"}])
def test_a_mask_is_either_pixels_or_an_address(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        Mask(**fields)


def test_a_mask_cannot_be_changed_from_outside() -> None:
    bits = box(0, 0, 5, 5)
    mask = Mask(bits)
    bits[:] = False
    assert mask.area == 25 / 1200
    with pytest.raises(ValueError, match="read-only"):
        mask.array[0, 0] = False  # type: ignore[index]  # array is set


def test_masks_are_equal_by_what_they_select() -> None:
    assert Mask(box(0, 0, 5, 5)) == Mask(box(0, 0, 5, 5).copy())
    assert Mask(box(0, 0, 5, 5)) != Mask(box(0, 0, 5, 6))
    # Same bits in another shape are another mask.
    assert Mask(np.ones((2, 8), dtype=bool)) != Mask(np.ones((8, 2), dtype=bool))


def test_building_a_brush_leaves_the_earlier_one_untouched() -> None:
    empty = MotionBrush(SIZE)
    moved = empty.dynamic(box(0, 0, 5, 5), [(2, 2), (30, 20)], label="boat")
    both = moved.static(box(30, 20, 40, 30))
    assert (len(empty.dynamic_masks), len(moved.dynamic_masks)) == (0, 1)
    assert moved.static_mask is None
    assert both.static_mask is not None
    assert both.dynamic_masks[0].label == "boat"
    with pytest.raises(dataclasses.FrozenInstanceError):
        both.size = (1, 1)  # type: ignore[misc]  # the point of the test


def test_the_units_of_a_path_reach_the_wire() -> None:
    brush = MotionBrush(SIZE)
    sent = [
        brush.dynamic(box(0, 0, 5, 5), path, units=units).dynamic_masks[0].trajectory.to_wire()
        for path, units in (
            ([(0, 0), (39, 29)], "pixel"),
            ([(0, 0), (1, 1)], "normalized"),
            ([(0, 29), (39, 0)], "wire"),
        )
    ]
    assert sent == [[{"x": 0, "y": 29}, {"x": 39, "y": 0}]] * 3


def test_freezing_the_rest_leaves_the_ways_free() -> None:
    """Pixels of the static mask never change, so an object frozen in all around could go nowhere."""
    brush = (
        MotionBrush(SIZE)
        .dynamic(box(0, 0, 10, 10), [(2, 2), (12, 2)])
        .dynamic(box(20, 10, 30, 20), [(25, 15), (25, 5)])
        .freeze_rest()
    )
    assert brush.static_mask is not None and brush.static_mask.array is not None
    still = brush.static_mask.array
    assert not np.any(still & (box(0, 0, 20, 10) | box(20, 0, 30, 20)))
    assert np.all(still[23:]), "far from both ways"


def test_a_mask_at_an_address_is_passed_through_unread() -> None:
    brush = MotionBrush(SIZE).static("https://example.com/m.png")
    assert brush.static_mask == Mask(url="https://example.com/m.png")


@pytest.mark.parametrize("value", ["mask.png", b"\x89PNG"])
def test_the_pure_brush_reads_no_files(value: Any) -> None:
    with pytest.raises(RequestRefused, match="give an array"):
        MotionBrush(SIZE).static(value)


def test_a_subclass_may_read_files() -> None:
    class Reading(MotionBrush):
        def _read_mask(self, value: Any) -> Any:
            return box(0, 0, 5, 5) if value == "mask.png" else super()._read_mask(value)

    brush = Reading(SIZE).dynamic("mask.png", [(2, 2), (30, 20)])
    assert isinstance(brush, Reading)
    assert brush.dynamic_masks[0].mask == Mask(box(0, 0, 5, 5))


def full_brush() -> MotionBrush:
    return (
        MotionBrush(SIZE)
        .dynamic(box(0, 0, 10, 10), [(2.25, 2.5), (30, 20)], label="boat")
        .dynamic(box(20, 10, 30, 20), [(25, 15), (25, 5)], units="wire", label="bird")
        .dynamic("https://example.com/m.png", [{"x": 1, "y": 1, "t": 0}, {"x": 9, "y": 9, "t": 1}])
        .static(box(35, 25, 40, 30))
    )


def test_a_brush_survives_the_log() -> None:
    brush = full_brush()
    stored = {m.sha256: m.array for m in [g.mask for g in brush.dynamic_masks] if m.array is not None}
    assert brush.static_mask is not None
    stored[brush.static_mask.sha256] = brush.static_mask.array
    back = MotionBrush.from_json(brush.to_json(), stored.__getitem__)  # type: ignore[arg-type]  # arrays, never None
    assert back == brush
    assert [g.trajectory.to_wire() for g in back.dynamic_masks] == [
        g.trajectory.to_wire() for g in brush.dynamic_masks
    ]


def test_the_log_form_holds_no_pixels() -> None:
    text = str(full_brush().to_json())
    assert "array" not in text
    assert len(text) < 3000


@settings(deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)), st.integers(1, 5))
def test_enlarging_a_mask_repeats_its_pixels(bits: np.ndarray, factor: int) -> None:
    size = (bits.shape[1] * factor, bits.shape[0] * factor)
    assert np.array_equal(resize_nearest(bits, size), bits.repeat(factor, axis=0).repeat(factor, axis=1))


def test_groups_are_plain_values() -> None:
    group = full_brush().dynamic_masks[0]
    assert DynamicMask(group.mask, group.trajectory, "boat") == group
    assert hash(DynamicMask(group.mask, group.trajectory, "boat")) == hash(group)
