"""Small copies of pictures: what cannot be read is refused, the rest keeps its ratio and its colours."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kling_nb.errors import MediaError
from kling_nb.media import thumbnails
from kling_nb.media.thumbnails import thumbnail
from kling_nb.session.clips import clip_facts, small_picture


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff cut off", b"text"], ids=repr)
def test_what_is_no_picture_is_refused(tmp_path, content) -> None:
    path = tmp_path / "poster.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="not a readable picture"):
        thumbnail(path, 100)
    assert small_picture(path, 100) == b""
    assert small_picture(tmp_path / "missing.jpg", 100) == b""
    assert clip_facts(path) is clip_facts(tmp_path / "missing.mp4") is None


def test_a_picture_that_claims_to_be_huge_is_not_decoded(tmp_path, monkeypatch) -> None:
    path = tmp_path / "poster.png"
    Image.new("RGB", (50, 40)).save(path)
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 1999)
    with pytest.raises(MediaError, match="50×40"):
        thumbnail(path, 20)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 900), st.integers(1, 900), st.integers(8, 400), st.sampled_from(["JPEG", "PNG"]))
def test_small_copies_keep_ratio_and_colour(tmp_path, width, height, side, kind) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (width, height), (200, 60, 30)).save(path, kind)
    small = Image.open(io.BytesIO(thumbnail(path, side)))
    assert max(small.size) == min(side, max(width, height))
    assert abs(small.width * height - small.height * width) <= max(width, height)
    red, green, blue = small.getpixel((small.width // 2, small.height // 2))
    assert abs(red - 200) < 12 and abs(green - 60) < 12 and abs(blue - 30) < 12
