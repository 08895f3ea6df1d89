"""The motion as a local video: free, equal requests share a file, no service is asked."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from kling_nb import media
from kling_nb.domain.cost import Cost
from kling_nb.errors import MediaError, RequestRefused
from kling_nb.session import MotionBrush, Preview, Session, previews


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
    assert (info.frames, info.fps) == (61, 12)
    assert max(info.width, info.height) == 640
    assert session.preview(brush=brush, prompt="right") == video
    assert video.parent == session.home / "media" / "previews"
    assert not session.log.records()


def test_another_request_is_another_file(session: Session, small: np.ndarray) -> None:
    assert session.preview(small, "a boat") != session.preview(small, "a ship")


def test_words_make_no_other_video_where_the_brush_moves_things(session: Session, small: np.ndarray) -> None:
    brush = _brush(small, (240, 160))
    assert session.preview(brush=brush, prompt="a") == session.preview(brush=brush, prompt="b", cfg_scale=0.7)
    assert session.preview(brush=brush, prompt="a") != session.preview(brush=_brush(small, (241, 160)))


def test_an_edited_preview_equals_one_made_from_nothing(session: Session, small: np.ndarray) -> None:
    session.preview(brush=_brush(small, (240, 160)))
    edited = session.preview(brush=_brush(small, (236, 170)))
    content = edited.read_bytes()
    edited.unlink()
    previews.forget()
    again = session.preview(brush=_brush(small, (236, 170)))
    assert again == edited
    assert again.read_bytes() == content


def test_no_end_frame_is_rendered_for_a_look(
    session: Session, small: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("an end frame was rendered")

    monkeypatch.setattr("kling_nb.session.endframes.end_frame_of", refuse)
    made = session.preview(
        brush=_brush(small, (240, 160)), model="kling-v2-6", mode="pro", sound="off", way="endframe"
    )
    assert "end frame" in made.reason
    assert made.report is not None


class TestPreview:
    """What ``kn.preview`` returns."""

    def test_it_is_a_path_to_whoever_wants_one(self, session: Session, small: np.ndarray) -> None:
        made = session.preview(small, "a boat", model="kling-v2-6", mode="std", duration=5)
        assert os.fspath(made) == str(made) == str(made.path)
        assert made == made.path
        assert hash(made) == hash(made.path)
        assert Path(made).read_bytes() == made.read_bytes()
        assert (made.suffix, made.parent.name) == (".mp4", "previews")
        with pytest.raises(AttributeError):
            made.no_such_thing  # noqa: B018 - the access is the test

    def test_it_says_what_the_real_video_costs(self, session: Session, small: np.ndarray) -> None:
        params = {"model": "kling-v2-6", "mode": "std", "duration": 5}
        made = session.preview(small, "a boat", **params)
        assert made.cost == session.cost(small, "a boat", **params)
        bundle = made._repr_mimebundle_()
        for shown in (bundle["text/plain"], bundle["text/html"]):
            assert str(made.cost.units) in shown
            assert "kling-v2-6 std 5 s" in shown
            assert "free" in shown
        assert str(made) in bundle["text/plain"]

    def test_the_page_gets_the_bytes_and_a_quiet_loop(self, session: Session, small: np.ndarray) -> None:
        made = session.preview(small, "a boat")
        page = made._repr_mimebundle_()["text/html"]
        assert base64.b64encode(made.read_bytes()).decode() in page
        video = page[page.index("<video") : page.index("</video>")]
        assert all(word in video for word in (" loop", " muted", " autoplay", " playsinline", " controls"))

    def test_the_renderers_truth_is_at_hand(self, session: Session, small: np.ndarray) -> None:
        made = session.preview(brush=_brush(small, (240, 160)))
        assert made.report is not None
        assert made.report.displacements[0, -1] == pytest.approx((160, 0), abs=0.01)

    def test_a_large_file_stays_outside(self, tmp_path: Path) -> None:
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(bytes(1100))
        cost = Cost(None, None, "unknown")
        assert "text/html" in Preview(clip, cost, embed_cap_mb=0.002)._repr_mimebundle_()
        assert set(Preview(clip, cost, embed_cap_mb=0.001)._repr_mimebundle_()) == {"text/plain"}

    def test_a_deleted_file_is_said(self, tmp_path: Path) -> None:
        gone = Preview(tmp_path / "gone.mp4", Cost(None, None, "unknown"))
        assert "not there any more" in gone._repr_mimebundle_()["text/plain"]

    def test_everything_is_escaped(self, tmp_path: Path) -> None:
        clip = tmp_path / "<b>.mp4"
        clip.write_bytes(b"x")
        made = Preview(clip, Cost(None, None, "unknown", note="<i>"), clip="<script>", reason="a <u> b")
        page = made._repr_mimebundle_()["text/html"]
        assert not [bad for bad in ("<b>", "<i>", "<u>", "<script>") if bad in page]


def _brush(picture: np.ndarray, end: tuple[float, float]) -> MotionBrush:
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[120:200, 120:200] = True
    return MotionBrush(picture).dynamic(mask, [(160, 160), end])
