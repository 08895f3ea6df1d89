"""The way of a region: nothing it passes over is missing, and little else is in it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.domain import shapes
from kling_nb.domain.runs import Runs
from kling_nb.domain.sweep import swept

SIZE = (400, 320)

places = st.tuples(st.floats(-50, 50), st.floats(-50, 50))


def moved(bits: np.ndarray, across: int, down: int) -> np.ndarray:
    """The same region elsewhere; what leaves the picture is gone."""
    height, width = bits.shape
    rows, columns = np.nonzero(bits)
    rows, columns = rows + down, columns + across
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    out = np.zeros_like(bits)
    out[rows[inside], columns[inside]] = True
    return out


def passed_over(bits: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Union of the region at every half pixel of its path, worked out one by one."""
    out = bits.copy()
    for start, end in pairwise(path):
        for share in np.linspace(0, 1, 2 + 2 * int(np.hypot(*(end - start)))):
            out |= moved(bits, *np.rint(start + share * (end - start) - path[0]).astype(int))
    return out


@settings(deadline=None, max_examples=25)
@given(
    path=st.lists(places, min_size=2, max_size=4),
    radius=st.floats(2, 30),
    centre=st.sampled_from([(200, 160), (5, 160), (399, 300)]),
)
def test_no_pixel_of_the_way_is_missing(path: list, radius: float, centre: tuple[int, int]) -> None:
    region = shapes.circle(centre, radius).runs(SIZE)
    points = np.array(path)
    assert not np.any(passed_over(region.bits(), points) & ~swept(region, points).bits())


@pytest.mark.parametrize("size", [(4096, 3072), (1025, 700), (700, 500)])
def test_what_lies_beside_the_way_is_not_in_it(size: tuple[int, int]) -> None:
    region = shapes.circle((300, 300), 101).runs(size)
    path = np.array([(300, 300), (600.5, 450.25)])
    way = swept(region, path)
    assert (shapes.stroke(path, 101).runs(size) - way).is_empty
    assert (way - shapes.stroke(path, 101 + 0.04 * max(size)).runs(size)).is_empty


def test_a_region_without_a_way_keeps_its_place() -> None:
    region = shapes.rectangle(10, 10, 20, 20).runs((100, 80))
    assert (region - swept(region, np.zeros((0, 2)))).is_empty
    assert swept(Runs.empty((100, 80)), np.array([(0, 0), (50, 50)])).is_empty
