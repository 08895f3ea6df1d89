"""Grids, shifts and inverse fields."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.motion.fields import carried, identity_grid, invert_displacement, reduced_size, sample, shifted


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(8, 1000))
def test_a_reduced_size_is_never_larger_and_keeps_its_shape(width: int, height: int, side: int) -> None:
    across, down = reduced_size(width, height, side)
    assert max(across, down) <= max(side, 8)
    assert across <= max(8, width)
    assert down <= max(8, height)
    if min(across, down) > 8:
        assert abs(across * height - down * width) <= max(width, height)


def test_a_shift_by_whole_pixels_copies_and_lets_nothing_in() -> None:
    picture = np.arange(1, 31, dtype=np.float32).reshape(5, 6)
    moved = shifted(picture, np.array([2.0, -1.0]))
    assert np.array_equal(moved[:4, 2:], picture[1:, :4])
    assert not moved[4].any()
    assert not moved[:, :2].any()


def test_an_inverse_field_leads_back() -> None:
    noise = np.random.default_rng(1).normal(size=(60, 80, 2)).astype(np.float32)
    forward = cv2.GaussianBlur(noise, (0, 0), 9) * 40
    inverse = invert_displacement(forward, rounds=20)
    origin = identity_grid(80, 60) - inverse
    there = origin + sample(forward, origin, border=cv2.BORDER_REPLICATE)
    assert np.abs(there - identity_grid(80, 60)).max() < 0.02
    assert np.abs(inverse).max() > 1


def test_the_shared_grid_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        identity_grid(4, 4)[0, 0] = 1


def test_points_are_carried_one_or_many() -> None:
    turn = np.array([[0.0, -2, 5], [2, 0, 1], [0, 0, 1]])
    assert carried(np.array([3.0, 4.0]), turn).tolist() == [-3.0, 7.0]
    assert carried(np.array([[3.0, 4.0], [0, 0]]), turn).tolist() == [[-3.0, 7.0], [5.0, 1.0]]
    tilted = np.array([[1.0, 0, 0], [0, 1, 0], [0.01, 0, 1]])
    assert carried(np.array([100.0, 50.0]), tilted).tolist() == [50.0, 25.0]
