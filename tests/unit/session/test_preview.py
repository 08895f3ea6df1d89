"""The motion as a local video: free, equal requests share a file, no service is asked."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kling_nb import media
from kling_nb.errors import MediaError, RequestRefused
from kling_nb.session import MotionBrush, Session


@pytest.fixture
def small(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (320, 320))


def test_an_address_has_no_pixels(session: Session) -> None:
    with pytest.raises(MediaError, match="no picture to preview"):
        session.preview("https://example.com/boat.jpg", "a boat")


def test_nonsense_is_refused_like_in_a_submit(session: Session, small: np.ndarray) -> None:
    with pytest.raises(RequestRefused, match="L24"):
        session.preview(small, "a boat", modle="x")


def test_what_only_the_service_refuses_is_shown(session: Session, small: np.ndarray) -> None:
    """A brush on the official hosts: no model takes it, and the preview still shows the motion."""
    mask = np.zeros(small.shape[:2], dtype=bool)
    mask[120:200, 120:200] = True
    brush = MotionBrush(small).dynamic(mask, [(160, 160), (240, 160)])
    video = session.preview(brush=brush, prompt="right")
    info = media.probe(video)
    assert info.frames == 121
    assert max(info.width, info.height) == 640
    assert session.preview(brush=brush, prompt="right") == video
    assert video.parent == session.home / "media" / "previews"
    assert not session.log.records()


def test_another_request_is_another_file(session: Session, small: np.ndarray) -> None:
    assert session.preview(small, "a boat") != session.preview(small, "a ship")
