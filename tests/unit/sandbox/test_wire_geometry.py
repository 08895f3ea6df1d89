"""How the sandbox reads wire coordinates: the vectors of spec/official-api.md §5.3, backwards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kling_nb.sandbox.config import Config
from kling_nb.sandbox.plans import pixel_path, turned, variation
from kling_nb.sandbox.tasks import Job, MaskPath

BOTTOM, TOP = Config(), Config(brush_y_origin="top")


def path(*points):
    return MaskPath(mask="AAAA", points=points)


@pytest.mark.parametrize(
    ("wire", "height", "pixel"),
    [
        ((0, 1279), 1280, (0, 0)),
        ((719, 0), 1280, (719, 1279)),
        ((360, 639), 1280, (360, 640)),
        ((0, 298), 300, (0, 1)),
        ((180, 1151), 1280, (180, 128)),
    ],
)
def test_published_vectors(wire, height, pixel):
    assert tuple(pixel_path(path(wire, wire), height, BOTTOM)[0]) == pixel


def test_y_grows_upward_on_the_wire():
    pixels = pixel_path(path((5, 10), (5, 90)), 100, BOTTOM)
    assert pixels[1, 1] < pixels[0, 1]


def test_the_switch_counts_from_the_top():
    assert pixel_path(path((5, 10), (5, 90)), 100, TOP).tolist() == [[5, 10], [5, 90]]


def test_a_turn_keeps_start_and_length():
    points = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 30.0]])
    quarter = turned(points, math.pi / 2)
    assert quarter[0] == pytest.approx(points[0])
    lengths = np.linalg.norm(np.diff(quarter, axis=0), axis=1)
    assert lengths == pytest.approx([10, 20])
    assert quarter[1] == pytest.approx([10, 0]) or quarter[1] == pytest.approx([10, 20])


def test_variety_only_when_asked_for():
    job = Job(model="kling-v1", mode="pro", duration=5, seed=7)
    assert variation(job, "1", Config()) == variation(job, "2", Config())
    varied = Config(variability=0.2)
    assert variation(job, "1", varied) == variation(job, "1", varied)
    assert variation(job, "1", varied) != variation(job, "2", varied)
