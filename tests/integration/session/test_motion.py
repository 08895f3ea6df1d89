"""The motion brush from drawing to moving pixels, through the wire, in a sandbox that renders for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from quick_sessions import finish

from kling_nb import media
from kling_nb.domain import trajectory
from kling_nb.session import MotionBrush, Run, Session

SIZE = (480, 360)
START, END = (120.0, 170.0), (240.0, 240.0)
"""A path to the right and, as drawn from the top-left corner, downward."""


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A bright textured disc on calm ground."""
    rng = np.random.default_rng(7)
    ground = cv2.GaussianBlur(rng.integers(60, 110, (SIZE[1], SIZE[0], 3)).astype(np.uint8), (0, 0), 12)
    texture = rng.integers(150, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    return np.where(disc()[..., None], cv2.GaussianBlur(texture, (0, 0), 2), ground).astype(np.uint8)


def disc() -> np.ndarray:
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return np.asarray((x - START[0]) ** 2 + (y - START[1]) ** 2 <= 40**2)


@pytest.fixture
def rendering(sandbox_render: Any, tmp_path: Path) -> Any:
    session = Session(provider="sandbox", sandbox_home=sandbox_render.home, home=tmp_path / "runs")
    yield session
    session.close()


def measured_motion(video: Path) -> np.ndarray:
    """Displacement (dx, dy) of the bright disc from the first to the last frame, in pixels of the picture."""
    frames = list(media.frames(video))
    centres = []
    for frame in (frames[0], frames[-1]):
        bright = cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA).astype(float).mean(axis=2) > 140
        bright[-40:] = False  # The label's corner.
        y, x = np.nonzero(bright)
        centres.append((np.median(x), np.median(y)))
    return np.subtract(centres[1], centres[0])


def submit(session: Session, scene: np.ndarray) -> Run:
    brush = MotionBrush(scene).dynamic(disc(), [START, END])
    return finish(session.submit(brush=brush, prompt="the disc moves", again=True), 120)


def assert_moves_as_drawn(video: Path | None) -> None:
    assert video is not None
    assert measured_motion(video) == pytest.approx(np.subtract(END, START), abs=8)


def test_the_video_moves_as_drawn_and_as_previewed(rendering: Session, scene: np.ndarray) -> None:
    run = submit(rendering, scene)
    assert_moves_as_drawn(run.video)
    brush = MotionBrush(scene).dynamic(disc(), [START, END])
    assert_moves_as_drawn(rendering.preview(brush=brush, prompt="the disc moves"))


def test_a_wrong_y_in_the_encoder_shows(
    rendering: Session, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox turns coordinates by itself: the same mistake cannot cancel out."""

    def unturned(points: Any, size: tuple[int, int], y_origin: str = "bottom") -> np.ndarray:
        return np.clip(trajectory.rnd(points), 0, [size[0] - 1, size[1] - 1])

    monkeypatch.setattr(trajectory, "pixel_to_wire", unturned)
    run = submit(rendering, scene)
    assert run.video is not None
    moved = measured_motion(run.video)
    wanted = np.subtract(END, START)
    assert moved[0] == pytest.approx(wanted[0], abs=8)
    assert moved[1] < 0 < wanted[1], "the motion is upside down"
    with pytest.raises(AssertionError):
        assert_moves_as_drawn(run.video)


def test_the_escape_hatch_turns_the_path(rendering: Session, sandbox_render: Any, scene: np.ndarray) -> None:
    """A service that counts from the top is served by ``y_origin="top"``, and the log remembers it."""
    sandbox_render.config(brush_y_origin="top")
    brush = MotionBrush(scene).dynamic(disc(), [START, END])
    run = finish(rendering.submit(brush=brush, prompt="the disc moves", y_origin="top"), 120)
    assert_moves_as_drawn(run.video)
    assert run.record.options["y_origin"] == "top"
    assert "y_origin='top'" in run.to_python()


def test_a_brush_comes_back_from_the_log(rendering: Session, scene: np.ndarray) -> None:
    brush = MotionBrush(scene).dynamic(disc(), [START, END], label="disc").static(~disc())
    run = finish(rendering.submit(brush=brush, prompt="the disc moves"), 120)
    back = rendering.run(run.id).brush
    assert back is not None
    assert back.dynamic_masks == brush.dynamic_masks
    assert back.static_mask == brush.static_mask
    assert rendering.submit(run.image, "the disc moves", brush=back).id == run.id


def test_masks_from_files(rendering: Session, scene: np.ndarray, tmp_path: Path) -> None:
    image, mask = tmp_path / "disc.png", tmp_path / "mask.png"
    image.write_bytes(media.image_bytes(scene))
    mask.write_bytes(media.mask_to_png(disc()))
    brush = MotionBrush(image).dynamic(mask, [START, END]).static(str(mask))
    assert np.array_equal(brush.dynamic_masks[0].mask.array, disc())
    prepared = rendering.build(
        image, "x", dynamic_masks=[{"mask": mask, "trajectories": [START, END]}], units="pixel"
    )
    assert not prepared.blocking
    assert prepared.request.dynamic_masks[0].trajectory == brush.dynamic_masks[0].trajectory


def test_a_brush_drawn_on_a_larger_copy_fits(rendering: Session, scene: np.ndarray) -> None:
    large = cv2.resize(scene, (SIZE[0] * 2, SIZE[1] * 2))
    mask = cv2.resize(disc().astype(np.uint8), (SIZE[0] * 2, SIZE[1] * 2)).astype(bool)
    brush = MotionBrush(large).dynamic(mask, np.multiply([START, END], 2))
    request = rendering.build(scene, "x", brush=brush).request
    assert request.dynamic_masks[0].mask.size == SIZE
    assert request.dynamic_masks[0].trajectory.pixels == pytest.approx(np.array([START, END]), abs=0.6)


def test_a_brush_of_another_ratio_is_refused(rendering: Session, scene: np.ndarray) -> None:
    brush = MotionBrush(scene[:240]).dynamic(disc()[:240], [START, (200, 100)])
    assert "L12" in {problem.id for problem in rendering.check(scene, "x", brush=brush)}
