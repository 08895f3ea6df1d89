"""Regions as runs behave like boolean pictures, without being ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kling_nb.domain.runs import Runs

SIZES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


@st.composite
def pictures(draw: st.DrawFn, count: int = 1) -> list[np.ndarray]:
    shape = draw(SIZES)
    return [draw(hnp.arrays(bool, shape)) for _ in range(count)]


@settings(deadline=None)
@given(pictures())
def test_runs_hold_exactly_the_selected_pixels(given_: list[np.ndarray]) -> None:
    (bits,) = given_
    runs = Runs.from_bits(bits)
    assert np.array_equal(runs.bits(), bits)
    assert runs.count == bits.sum()
    assert (runs.is_empty, runs.is_full) == (not bits.any(), bool(bits.all()))
    ys, xs = np.mgrid[-1 : bits.shape[0] + 1, -1 : bits.shape[1] + 1]
    inside = [runs.contains(int(x), int(y)) for x, y in zip(xs.ravel(), ys.ravel(), strict=True)]
    assert inside == np.pad(bits, 1).ravel().tolist()


@settings(deadline=None)
@given(pictures(2))
def test_joining_runs_is_joining_pictures(given_: list[np.ndarray]) -> None:
    one, other = given_
    a, b = Runs.from_bits(one), Runs.from_bits(other)
    assert a | b == Runs.from_bits(one | other)
    assert a & b == Runs.from_bits(one & other)
    assert a - b == Runs.from_bits(one & ~other)
    assert ~a == Runs.from_bits(~one)
    assert ~~a == a


@settings(deadline=None)
@given(pictures())
def test_spans_cut_runs_at_the_ends_of_rows(given_: list[np.ndarray]) -> None:
    (bits,) = given_
    runs = Runs.from_bits(bits)
    again = np.zeros_like(bits)
    for row, left, right in runs.spans.tolist():
        assert not again[row, left:right].any()
        again[row, left:right] = True
    assert np.array_equal(again, bits)
    spans = runs.spans.astype(float)
    assert Runs.from_spans(runs.size, runs.spans[:, 0], spans[:, 1], spans[:, 2]) == runs


@settings(deadline=None)
@given(pictures())
def test_box_and_middle_are_those_of_the_pixels(given_: list[np.ndarray]) -> None:
    (bits,) = given_
    runs = Runs.from_bits(bits)
    rows, columns = np.nonzero(bits)
    if not len(rows):
        assert runs.box is None and runs.centroid is None
        return
    assert runs.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert runs.centroid == pytest.approx((columns.mean(), rows.mean()))


@settings(deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 5), st.floats(-5, 15), st.floats(-5, 15)), max_size=20),
)
def test_spans_in_any_order_overlapping_and_leaving_the_picture(
    width: int, height: int, spans: list[tuple[int, float, float]]
) -> None:
    truth = np.zeros((height, width), dtype=bool)
    kept = [(row % height, int(left), int(right)) for row, left, right in spans]
    for row, left, right in kept:
        truth[row, max(left, 0) : max(right, 0)] = True
    rows, left, right = np.array(kept, dtype=float).reshape(-1, 3).T
    assert Runs.from_spans((width, height), rows.astype(np.int64), left, right) == Runs.from_bits(truth)


def test_regions_of_different_pictures_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="cannot be joined"):
        _ = Runs.full((4, 4)) | Runs.full((5, 5))


def test_runs_cannot_be_changed_from_outside() -> None:
    runs = Runs.full((4, 4))
    with pytest.raises(ValueError, match="read-only"):
        runs.edges[0] = 1
