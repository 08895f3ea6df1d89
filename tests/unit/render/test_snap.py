"""A rough stroke becomes a clean mask, and stays as it is where the picture offers no edge."""

from __future__ import annotations

import numpy as np
import pytest
from snap_reference import SCENES, Composite, composite, composites, iou, roughened

from kling_nb.render.snap import snap, snap_stroke


@pytest.fixture(scope="module")
def reference() -> list[Composite]:
    return list(composites(512))


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side]
    return np.hypot(x - side / 2, y - side / 2) <= radius


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (np.zeros((40, 40, 3), np.uint8), np.ones((40, 30), bool)),
        (np.zeros((40, 40), np.uint8), np.ones((40, 40), bool)),
        (np.zeros((40, 40, 4), np.uint8), np.ones((40, 40), bool)),
        (np.zeros((40, 40, 3), float), np.ones((40, 40), bool)),
    ],
    ids=["other size", "grey", "alpha", "floats"],
)
def test_what_is_no_picture_with_a_mask_is_refused(image: np.ndarray, mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must be|the picture"):
        snap(image, mask)


def ramp(side: int) -> np.ndarray:
    across = np.linspace(60, 200, side).astype(np.uint8)
    return np.repeat(np.repeat(across[None, :, None], side, 0), 3, 2)


@pytest.mark.parametrize(
    ("picture", "stroke", "why"),
    [
        (ramp(200), np.zeros((200, 200), bool), "too small"),
        (ramp(200), disc(200, 3), "too small"),
        (np.full((200, 200, 3), 90, np.uint8), disc(200, 50), "flat"),
        (ramp(200), disc(200, 50), "flat"),
        (ramp(200), np.ones((200, 200), bool), "no background"),
    ],
    ids=["empty", "tiny", "one colour", "gentle slope", "everything"],
)
def test_a_stroke_that_cannot_be_improved_comes_back_with_a_reason(
    picture: np.ndarray, stroke: np.ndarray, why: str
) -> None:
    done = snap_stroke(picture, stroke)
    assert why in done.reason
    assert not done.changed
    assert np.array_equal(done.mask, stroke)
    assert done.mask is not stroke, "painting on goes on in the stroke"


def test_noise_has_no_edges() -> None:
    noise = np.random.default_rng(1).normal(120, 4, (240, 240, 3))
    done = snap_stroke(np.clip(noise, 0, 255).astype(np.uint8), disc(240, 60))
    assert "flat" in done.reason


def test_the_reference_set_is_as_rough_as_stated(reference: list[Composite]) -> None:
    assert len(reference) >= 12
    assert len({scene for scene, _ in SCENES}) >= 10
    for each in reference:
        assert iou(each.rough, each.truth) == pytest.approx(0.87, abs=0.03), each.name


def test_strokes_on_the_reference_set_become_clean(reference: list[Composite]) -> None:
    before = np.array([iou(each.rough, each.truth) for each in reference])
    after = np.array([iou(snap(each.picture, each.rough), each.truth) for each in reference])
    assert after.mean() >= 0.93
    assert (after - before).mean() >= 0.05
    assert (after > before - 0.03).all(), "no object of the set comes out much worse than it was painted"


def test_a_careful_stroke_is_not_spoilt(reference: list[Composite]) -> None:
    after = [iou(snap(each.picture, each.truth), each.truth) for each in reference]
    assert np.mean(after) >= 0.95


def test_the_same_stroke_gives_the_same_mask(reference: list[Composite]) -> None:
    """GrabCut starts at random; what was drawn in between must not matter."""
    first = snap(reference[7].picture, reference[7].rough)
    snap(reference[3].picture, reference[3].rough)
    assert np.array_equal(snap(reference[7].picture, reference[7].rough), first)


def test_a_large_picture_gets_an_outline_of_its_own_resolution() -> None:
    """The decision is made small; its outline must not come out in steps."""
    large = composite("coin", "astronaut.png", 1400, 1)
    assert iou(snap(large.picture, large.rough), large.truth) >= 0.98


def test_an_object_cut_by_the_border() -> None:
    picture = np.full((160, 220, 3), (200, 190, 60), np.uint8)
    picture += np.random.default_rng(0).integers(0, 12, picture.shape, dtype=np.uint8)
    truth = np.zeros((160, 220), bool)
    truth[90:, :110] = True
    picture[truth] = (40, 60, 120)
    assert iou(snap(picture, roughened(truth, 1)), truth) >= 0.97


def test_pixels_far_from_the_stroke_are_left_alone(reference: list[Composite]) -> None:
    each = reference[4]
    wide = snap(each.picture, each.rough, band=0.3)
    grown = np.pad(each.rough, 200)[200:-200, 200:-200]
    rows, columns = np.nonzero(grown)
    limit = 0.3 * np.sqrt(grown.sum()) + 4
    found_rows, found_columns = np.nonzero(wide)
    assert found_rows.min() >= rows.min() - limit
    assert found_columns.max() <= columns.max() + limit
