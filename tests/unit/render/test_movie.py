"""The rendered file and its frames: size, count, tags, label, first and last frame, stop, progress."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from scenery import HEIGHT, WIDTH, disc, path_of, photo, plan

from kling_nb import media, render
from kling_nb.errors import MediaError
from kling_nb.render.planes import Planes

MOVING = {"motions": (render.MaskMotion(disc(80, 60, 22), path_of((80, 60), (100, 50))),)}
KINDS = {
    "brush": MOVING,
    "camera": {"camera": render.CameraMove(pan=5)},
    "preset": {"camera": render.CameraMove("right_turn_forward")},
    "tail": {"tail": photo(5)},
    "default": {},
    "sway": {"prompt": "waves in the wind"},
    "static": {"static_mask": disc(40, 40, 20)},
    "tail only": {"image": None, "tail": photo(3)},
}


def source_planes(picture: np.ndarray) -> Planes:
    return Planes.from_rgb(picture)


def outside_label(box: tuple[int, int, int, int] | None) -> np.ndarray:
    mask = np.ones((HEIGHT, WIDTH), bool)
    if box is not None:
        x, y, width, height = box
        mask[y : y + height, x : x + width] = False
    return mask


@pytest.mark.parametrize("size", [(63, 64), (64, 63), (8, 8), (0, 0)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="even"):
        render.RenderPlan(photo(), *size)


def test_a_plan_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="picture"):
        render.render_video(plan(image=None), tmp_path / "a.mp4")


def test_pictures_of_another_type_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        plan(image=photo().astype(float))


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_what_was_promised(tmp_path: Path, kind: str) -> None:
    asked = plan(frames=7, fps=30, **KINDS[kind])
    report = render.render_video(asked, tmp_path / "a.mp4")
    info = media.probe(report.path)
    assert (info.width, info.height, info.fps, info.frames, info.codec) == (WIDTH, HEIGHT, 30, 7, "h264")
    with av.open(str(report.path)) as container:
        assert container.metadata["comment"] == "kling_nb sandbox preview; not Kling output"
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)
        assert context.profile in {"High", "Main"}
    assert len(list(media.frames(report.path))) == 7
    assert report.camera.shape == (7, 3, 3)
    assert report.poster.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_first_and_last_frame_are_the_given_pictures(kind: str) -> None:
    asked = plan(label="", **KINDS[kind])
    shown = list(render.render_planes(asked))
    if asked.image is not None:
        assert np.array_equal(shown[0], source_planes(asked.image).buffer)
    if asked.tail is not None:
        assert np.array_equal(shown[-1], source_planes(asked.tail).buffer)


@pytest.mark.parametrize("kind", KINDS)
def test_something_moves_but_nothing_jumps(kind: str) -> None:
    shown = [
        Planes.view(b, HEIGHT).y.astype(float) for b in render.render_planes(plan(frames=25, **KINDS[kind]))
    ]
    steps = [np.abs(after - before).mean() for before, after in pairwise(shown)]
    assert sum(steps) > 0.2
    assert steps[0] < 3 * np.median(steps) + 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_equal_plans_give_equal_frames(kind: str) -> None:
    first, second = (list(render.render_planes(plan(frames=4, **KINDS[kind]))) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_seed_changes_the_default_motion_only() -> None:
    def last(**values: object) -> np.ndarray:
        return list(render.render_planes(plan(frames=4, **values)))[-1]

    assert not np.array_equal(last(seed=1), last(seed=2))
    assert np.array_equal(last(seed=1, **MOVING), last(seed=2, **MOVING))


def test_frames_on_their_own_equal_those_in_the_file(tmp_path: Path) -> None:
    asked = plan(frames=5, **MOVING)
    report = render.render_video(asked, tmp_path / "a.mp4")
    for direct, decoded in zip(render.render_frames(asked), media.frames(report.path), strict=True):
        assert np.abs(direct.astype(float) - decoded).mean() < 4


def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    render.render_video(plan(frames=5), tmp_path / "a.mp4", progress=seen.append)
    assert seen == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("after", [0, 3])
def test_stop_ends_the_render_and_leaves_nothing(tmp_path: Path, after: int) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > after

    with pytest.raises(render.RenderStopped):
        render.render_video(plan(frames=200), tmp_path / "a.mp4", stop=stop)
    assert list(tmp_path.iterdir()) == []
    assert len(asked) == after + 1


def test_an_error_of_a_callback_leaves_nothing_and_no_thread(tmp_path: Path) -> None:
    def fail(_: float) -> None:
        raise RuntimeError("callback")

    with pytest.raises(RuntimeError, match="callback"):
        render.render_video(plan(frames=50), tmp_path / "a.mp4", progress=fail)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_target_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        render.render_video(plan(), tmp_path / "missing" / "a.mp4")


def test_av1(tmp_path: Path) -> None:
    report = render.render_video(plan(frames=5, codec="av1", **MOVING), tmp_path / "a.mp4")
    info = media.probe(report.path)
    assert (info.codec, info.frames) == ("av1", 5)


def test_silent_audio(tmp_path: Path) -> None:
    report = render.render_video(plan(frames=24, silent_audio=True), tmp_path / "a.mp4")
    with av.open(str(report.path)) as container:
        assert len(container.streams.audio) == 1


class TestLabel:
    @pytest.mark.parametrize("size", [(160, 120), (120, 160), (96, 240), (240, 96), (640, 360)])
    def test_it_is_in_every_frame_and_tall_enough(self, size: tuple[int, int]) -> None:
        picture = photo()
        labelled = render.RenderPlan(picture, *size, frames=4)
        bare = render.RenderPlan(picture, *size, frames=4, label="")
        for with_label, without in zip(
            render.render_planes(labelled), render.render_planes(bare), strict=True
        ):
            changed = Planes.view(with_label, size[1]).y.astype(int) - Planes.view(without, size[1]).y
            bright = np.argwhere((changed != 0) & (Planes.view(with_label, size[1]).y > 200))
            assert len(bright)
            assert np.ptp(bright[:, 0]) + 1 >= 0.03 * size[1]

    def test_outside_its_box_nothing_changes(self, tmp_path: Path) -> None:
        report = render.render_video(plan(frames=3), tmp_path / "a.mp4")
        free = outside_label(report.label_box)
        for with_label, without in zip(
            render.render_planes(plan(frames=3)), render.render_planes(plan(frames=3, label="")), strict=True
        ):
            first, second = (Planes.view(b, HEIGHT).y for b in (with_label, without))
            assert np.array_equal(first[free], second[free])

    def test_it_stands_bottom_right_and_moves_where_the_static_mask_leaves_room(self, tmp_path: Path) -> None:
        wide, high = 480, 360
        ys, xs = np.mgrid[0:high, 0:wide]
        cases = {
            "bottom right": np.zeros((high, wide), bool),
            "bottom left": (xs > wide // 2) & (ys > high // 2),
            "top right": ys > high // 2,
            "top left": (ys > high // 2) | (xs > wide * 0.7),
        }
        for place, frozen in cases.items():
            asked = plan(frames=1, static_mask=frozen, width=wide, height=high)
            report = render.render_video(asked, tmp_path / "a.mp4")
            assert report.label_box is not None
            x, y, width, height = report.label_box
            assert ("bottom" if y + height / 2 > high / 2 else "top") in place
            assert ("right" if x + width / 2 > wide / 2 else "left") in place
            assert min(x, y) >= 0
            assert x + width <= wide
            assert y + height <= high

    def test_another_text(self) -> None:
        first, second = (
            next(render.render_planes(plan(label=text))) for text in ("PREVIEW", "SANDBOX PREVIEW")
        )
        assert not np.array_equal(first, second)


class TestTinyClip:
    def test_it_is_a_whole_video(self, tmp_path: Path) -> None:
        path = render.tiny_clip(tmp_path / "a.mp4", width=64, height=48, fps=30, frames=9)
        info = media.probe(path)
        assert (info.width, info.height, info.fps, info.frames) == (64, 48, 30, 9)

    def test_duration_decides_when_no_count_is_given(self, tmp_path: Path) -> None:
        assert media.probe(render.tiny_clip(tmp_path / "a.mp4", fps=24, duration=2)).frames == 48

    def test_the_second_one_is_not_encoded_again(self, tmp_path: Path, monkeypatch) -> None:
        first, second = tmp_path / "1.mp4", tmp_path / "2.mp4"
        render.tiny_clip(first, width=66, height=66, frames=9)
        monkeypatch.setattr("kling_nb.render.clip.VideoWriter", None)
        render.tiny_clip(second, width=66, height=66, frames=9)
        assert first.read_bytes() == second.read_bytes()
        with pytest.raises(TypeError):
            render.tiny_clip(second, width=68, height=66, frames=9)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((1000, 1000), (640, 640)),
        ((301, 600), (322, 640)),
    ],
)
def test_preview_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert render.preview_size(*size) == expected
