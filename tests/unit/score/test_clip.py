"""A clip is read once: which frames trackers see, how light and size come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kling_nb.errors import MediaError
from kling_nb.media.encoder import VideoWriter
from kling_nb.render.planes import Planes
from kling_nb.score.clip import Clip, Look, MeasuringStopped


def written(
    folder: Path, *, frames: int, fps: int = 24, size: tuple[int, int] = (96, 64), level: int = 128
) -> Path:
    target = folder / "clip.mp4"
    picture = np.full((size[1], size[0], 3), level, np.uint8)
    with VideoWriter(target, *size, fps, options={"preset": "ultrafast", "crf": "10"}) as writer:
        for _ in range(frames):
            writer.write(Planes.from_rgb(picture).buffer)
    return target


def looks(path: Path) -> tuple[Clip, list[Look]]:
    clip = Clip(path)
    return clip, list(clip)


@pytest.mark.parametrize(("frames", "fps", "stride"), [(25, 24, 1), (61, 60, 2), (241, 24, 2), (700, 24, 4)])
def test_trackers_see_enough_of_a_clip_and_always_its_ends(
    tmp_path: Path, frames: int, fps: int, stride: int
) -> None:
    clip, seen = looks(written(tmp_path, frames=frames, fps=fps, size=(32, 32)))
    tracked = [look.index for look in seen if look.tracked]
    assert [look.index for look in seen] == list(range(frames))
    assert tracked == sorted({*range(0, frames, stride), frames - 1})
    assert [look.last for look in seen] == [False] * (frames - 1) + [True]
    assert clip.facts.frames == frames
    assert clip.facts.duration_s == pytest.approx(frames / fps, rel=1e-3)


@pytest.mark.parametrize("level", [0, 64, 200, 255])
def test_light_is_that_of_the_screen_not_of_the_codes(tmp_path: Path, level: int) -> None:
    _, seen = looks(written(tmp_path, frames=3, level=level))
    assert abs(float(seen[1].luma.mean()) - level) <= 1.5


def test_a_large_clip_is_reduced_and_says_by_how_much(tmp_path: Path) -> None:
    clip, seen = looks(written(tmp_path, frames=2, size=(1600, 900)))
    assert (seen[0].luma.shape, seen[0].small.shape) == ((720, 1280), (360, 640))
    assert clip.facts.size == (1600, 900)
    assert clip.facts.scale == pytest.approx((0.8, 0.8))


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    path = written(tmp_path, frames=30)
    asked = iter([False] * 5)
    with pytest.raises(MeasuringStopped):
        list(Clip(path, stop=lambda: next(asked, True)))


def test_facts_before_the_first_frame_are_not_made_up(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "none.mp4")
    with pytest.raises(RuntimeError):
        _ = clip.facts
    with pytest.raises(MediaError, match="There is no video"):
        list(clip)
