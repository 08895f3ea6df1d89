"""A label on top of a picture stays where it is: it is no part of what lies below it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from calibration import LABEL, Bench, Case, disc, distorted, photograph
from random_regions import Region, bottom_strip

from kling_nb.media.encoder import VideoWriter
from kling_nb.render import Distort, RenderPlan, preview_size, render_planes
from kling_nb.score.asked import Asked
from kling_nb.score.measure import measure


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


def test_a_label_is_no_sharp_part_of_what_a_camera_carries_along(tmp_path: Path) -> None:
    """On a dark picture, most of whose fine detail is the label's."""
    bench = Bench(tmp_path)
    case = Case("rocket.jpg", distorted(camera={"scale": 0.9}), frames=9, moving=("small",))
    clean = bench.scores(case)
    soft = bench.scores(case.but(distort=distorted(camera={"scale": 0.9}, blur=2)))
    assert clean.sharpness_decay < 10
    assert "blurred" not in clean.flags
    assert soft.sharpness_decay > 45
    assert "blurred" in soft.flags


@pytest.mark.parametrize("strip", [0.16, 0.1])
def test_a_leak_reads_the_same_with_a_label_on_top_of_it(tmp_path: Path, strip: float) -> None:
    """Both strips are asked to stay still, so that no corner is left for the label."""
    picture = photograph("chelsea.png")
    height, width = picture.shape[:2]
    still = np.zeros((height, width), np.bool_)
    still[: round(strip * height)] = still[round((1 - strip) * height) :] = True
    read = []
    for label in (LABEL, " "):
        plan = RenderPlan(
            picture,
            *preview_size(width, height, 320),
            frames=9,
            static_mask=still,
            label=label,
            distort=Distort(leak=12),
        )
        with VideoWriter(tmp_path / "a.mp4", plan.width, plan.height, plan.fps) as writer:
            for planes in render_planes(plan):
                writer.write(planes)
        asked = Asked(size=(width, height), start=picture, static=still, way="native")
        read.append(measure(tmp_path / "a.mp4", asked).leak)
    assert read[0] == pytest.approx(read[1], rel=0.02)
