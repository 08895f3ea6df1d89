"""A label on top of what was painted stays where it is: it is no part of the object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from calibration import disc, photograph
from random_regions import Region, bottom_strip


def region(name: str, begin: tuple[float, float], end: tuple[float, float], radius: float) -> Region:
    """A disc; places in shares of width and height, its radius in pixels."""
    shape = photograph(name).shape
    path = np.array([begin, end]) * (shape[1], shape[0])
    return Region(name, disc(shape, *path[0], radius), path, still=bottom_strip(shape))


@pytest.mark.parametrize(
    ("name", "begin", "end", "radius"),
    [("rocket.jpg", (0.8125, 0.1405), (0.6875, 0.1405), 40), ("coins.png", (0.781, 0.066), (0.6, 0.066), 14)],
)
def test_what_is_left_beside_a_label_is_followed_or_nothing_is_said(
    name: str, begin: tuple[float, float], end: tuple[float, float], radius: float, tmp_path: Path
) -> None:
    """Sky and cloth under the label, which has more detail than they have."""
    found, error = region(name, begin, end, radius).measured(tmp_path / "a.mp4")
    assert error is None or error < 0.3, found.values


def test_an_object_half_under_the_label_is_measured_by_the_other_half(tmp_path: Path) -> None:
    found, error = region("astronaut.png", (0.8, 0.1), (0.6, 0.25), 60).measured(tmp_path / "a.mp4")
    assert found.why == ""
    assert error is not None
    assert error < 0.2
