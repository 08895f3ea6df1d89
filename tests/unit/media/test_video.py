"""Videos written and read: size, rate, count, tags, posters, sheets, and errors in three lines."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kling_nb import media
from kling_nb.errors import MediaError


def planes(width: int, height: int, luma: int) -> np.ndarray:
    buffer = np.full((height * 3 // 2, width), 128, np.uint8)
    buffer[:height] = luma
    return buffer


def clip(path: Path, frames: int = 7, fps: int = 24, **options: object) -> Path:
    with media.VideoWriter(path, 64, 48, fps, **options) as writer:  # type: ignore[arg-type]
        for index in range(frames):
            writer.write(planes(64, 48, min(235, 20 + 30 * index)))
    return path


def test_odd_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="even") as caught:
        media.VideoWriter(tmp_path / "a.mp4", 63, 48, 24)
    assert len(caught.value.lines()) == 3


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        media.VideoWriter(tmp_path / "no" / "a.mp4", 64, 48, 24)
    assert "no" in "".join(caught.value.lines())


@pytest.mark.parametrize("content", [None, b"", b"not a video", b"\0" * 5000])
def test_unreadable_videos(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        media.probe(path)
    assert len(caught.value.lines()) == 3


def test_a_cut_off_video(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(MediaError):
        list(media.frames(path))


def test_after_an_error_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), media.VideoWriter(tmp_path / "a.mp4", 64, 48, 24) as writer:
        writer.write(planes(64, 48, 90))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_only_when_complete(tmp_path: Path) -> None:
    with media.VideoWriter(tmp_path / "a.mp4", 64, 48, 24) as writer:
        writer.write(planes(64, 48, 90))
        assert not (tmp_path / "a.mp4").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_two_may_write_the_same_video_at_the_same_time(tmp_path: Path) -> None:
    """The pad's preview and that of a cell, of one drawing."""
    target = tmp_path / "a.mp4"
    with media.VideoWriter(target, 64, 48, 24) as one, media.VideoWriter(target, 64, 48, 24) as other:
        for _ in range(5):
            one.write(planes(64, 48, 100))
            other.write(planes(64, 48, 100))
    assert media.probe(target).frames == 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("codec", ["h264", "av1"])
@pytest.mark.parametrize(("fps", "frames"), [(24, 9), (30, 4)])
def test_facts_and_tags(tmp_path: Path, codec: str, fps: int, frames: int) -> None:
    path = clip(tmp_path / "a.mp4", frames, fps, codec=codec, comment="hello")
    info = media.probe(path)
    assert (info.width, info.height, info.fps, info.frames, info.codec) == (64, 48, fps, frames, codec)
    assert info.duration_s == pytest.approx(frames / fps)
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == "hello"
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == "yuv420p"
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert context.color_range == 1
        stamps = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
        assert len(set(np.diff(sorted(stamps)))) == 1
    assert len(list(media.frames(path))) == frames


def test_the_index_stands_before_the_pictures(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"colr" in data


def test_brightness_survives(tmp_path: Path) -> None:
    shown = list(media.frames(clip(tmp_path / "a.mp4")))
    # Limited range: luma 16 is black, 235 white.
    expected = [np.clip((20 + 30 * i - 16) * 255 / 219, 0, 255) for i in range(7)]
    assert [frame.mean() for frame in shown] == pytest.approx(expected, abs=2)


def test_silent_audio_is_as_long_as_the_picture(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 48, silent_audio=True)
    with av.open(str(path)) as container:
        (audio,) = container.streams.audio
        assert audio.codec_context.name == "aac"
        assert float(audio.duration * audio.time_base) == pytest.approx(2.0, abs=0.06)
    assert media.probe(path).frames == 48


def test_poster_is_the_first_frame(tmp_path: Path) -> None:
    media.poster(clip(tmp_path / "a.mp4"), tmp_path / "p.jpg", long_side=32)
    image = Image.open(tmp_path / "p.jpg")
    assert image.size == (32, 24)
    assert np.asarray(image).mean() < 12


def test_one_look_finds_facts_and_poster(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 9)
    assert media.look(path, tmp_path / "look.jpg", long_side=32) == media.probe(path)
    media.poster(path, tmp_path / "poster.jpg", long_side=32)
    assert (tmp_path / "look.jpg").read_bytes() == (tmp_path / "poster.jpg").read_bytes()
    (tmp_path / "b.mp4").write_bytes(path.read_bytes()[:200])
    with pytest.raises(MediaError):
        media.look(tmp_path / "b.mp4", tmp_path / "none.jpg")
    assert not (tmp_path / "none.jpg").exists()


def test_contact_sheet_runs_from_first_to_last(tmp_path: Path) -> None:
    media.contact_sheet(clip(tmp_path / "a.mp4"), tmp_path / "s.png", columns=2, rows=2)
    sheet = np.asarray(Image.open(tmp_path / "s.png").convert("L"))
    height, width = sheet.shape
    assert sheet[height // 4, width // 4] < 12
    assert sheet[3 * height // 4, 3 * width // 4] > 200
