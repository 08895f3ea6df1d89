"""Where the start picture is in the video, labels on it, and likeness of both ends."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from kling_nb.score.asked import Asked
from kling_nb.score.clip import Facts, Look
from kling_nb.score.ends import likeness
from kling_nb.score.start import overlays, register

PICTURE = np.ascontiguousarray(data.astronaut()[60:420, 20:500])
HEIGHT, WIDTH = PICTURE.shape[:2]


def facts(size: tuple[int, int]) -> Facts:
    return Facts(size, size, size, 24.0, 25, 1.0, 1, "709", "")


def look(picture: np.ndarray, size: tuple[int, int]) -> Look:
    gray = facts(size).gray(picture)
    return Look(0, 0.0, gray, gray)


def view(size: tuple[int, int], scale: float, x: float, y: float) -> np.ndarray:
    """The start picture enlarged, its point (x, y) in the video's corner."""
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    return np.asarray(
        cv2.warpAffine(PICTURE, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    )


@pytest.mark.parametrize(
    ("size", "scale", "corner"),
    [
        ((480, 360), 1.0, (0.0, 0.0)),
        ((640, 480), 4 / 3, (0.0, 0.0)),
        ((480, 270), 1.0, (0.0, 45.0)),
        ((270, 360), 1.0, (105.0, 0.0)),
        ((480, 270), 1.0, (0.0, 20.0)),
        ((400, 300), 1.0, (30.0, 12.0)),
        ((480, 360), 1.15, (25.0, 18.0)),
    ],
    ids=["same", "larger", "cropped to wide", "cropped to tall", "cropped higher up", "cut out", "enlarged"],
)
def test_the_start_picture_is_found_in_the_first_frame(
    size: tuple[int, int], scale: float, corner: tuple[float, float]
) -> None:
    found = register(
        Asked(size=(WIDTH, HEIGHT), start=PICTURE), look(view(size, scale, *corner), size), facts(size)
    )
    assert found is not None
    assert found.why == ""
    place = found.points(np.array([[240.0, 180.0]]))[0]
    assert place == pytest.approx([(240 - corner[0]) * scale, (180 - corner[1]) * scale], abs=1.0)
    assert found.confidence > 0.8


def test_masks_follow_pictures_that_are_stored_smaller_than_they_were_sent() -> None:
    small = cv2.resize(PICTURE, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    found = register(
        Asked(size=(WIDTH, HEIGHT), start=small), look(PICTURE, (WIDTH, HEIGHT)), facts((WIDTH, HEIGHT))
    )
    assert found is not None
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[100:200, 50:150] = True
    assert np.mean(found.mask(mask) != mask) < 0.002


def test_another_picture_is_told() -> None:
    other = np.ascontiguousarray(data.coffee()[20:380, 60:540])
    size = (WIDTH, HEIGHT)
    found = register(Asked(size=size, start=PICTURE), look(other, size), facts(size))
    assert found is not None
    assert "does not show the start picture" in found.why
    assert found.confidence == 0


def test_flat_pictures_are_not_refused_for_want_of_detail() -> None:
    flat = np.full((120, 160, 3), 90, np.uint8)
    found = register(Asked(size=(160, 120), start=flat), look(flat, (160, 120)), facts((160, 120)))
    assert found is not None
    assert found.why == ""
    assert found.confidence < 0.5


def test_without_a_start_picture_there_is_nothing_to_find() -> None:
    assert register(Asked(), look(PICTURE, (WIDTH, HEIGHT)), facts((WIDTH, HEIGHT))) is None


def labelled(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, width, height = box
    out = picture.copy()
    out[y : y + height, x : x + width] = out[y : y + height, x : x + width] * 0.4
    cv2.putText(out, "PREVIEW", (x + 6, y + height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return out


@pytest.mark.parametrize("corner", [(370, 330), (4, 330), (370, 4)])
def test_a_label_in_a_corner_is_found_and_not_compared(corner: tuple[int, int]) -> None:
    size = (WIDTH, HEIGHT)
    x, y = corner
    seen = look(labelled(PICTURE, (x, y, 106, 26)), size)
    place = register(Asked(size=size, start=PICTURE), seen, facts(size))
    assert place is not None
    gray = facts(size).gray(PICTURE)
    boxes = overlays(place, gray, seen)
    assert len(boxes) == 1
    left, top, width, height = boxes[0]
    assert left <= x + 4
    assert left + width >= x + 100
    assert top <= y + 3
    assert top + height >= y + 22
    bare, told = likeness(gray, place, seen, ()), likeness(gray, place, seen, boxes)
    assert bare.psnr is not None
    assert told.psnr is not None
    assert told.psnr > max(40, bare.psnr + 10)
    assert told.ssim == pytest.approx(1, abs=0.01)


def test_a_clean_first_frame_has_no_label() -> None:
    size = (WIDTH, HEIGHT)
    seen = look(PICTURE, size)
    place = register(Asked(size=size, start=PICTURE), seen, facts(size))
    assert place is not None
    assert overlays(place, facts(size).gray(PICTURE), seen) == ()
