"""What was asked to move moves, by as much and in the direction asked; what must stay stays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenery import HEIGHT, WIDTH, disc, path_of, photo, plan, texture

from kling_nb import render
from kling_nb.render.camera import homography
from kling_nb.render.elastic import ElasticField, ElasticRegion
from kling_nb.render.paths import clip_positions, displacements
from kling_nb.render.planes import Planes


def lumas(asked: render.RenderPlan) -> Iterator[np.ndarray]:
    for buffer in render.render_planes(asked):
        yield Planes.view(buffer, asked.height).y


def last_luma(asked: render.RenderPlan) -> np.ndarray:
    *_, last = lumas(asked)
    return last


def start_luma(asked: render.RenderPlan) -> np.ndarray:
    assert asked.image is not None
    return Planes.from_rgb(cv2.resize(asked.image, (asked.width, asked.height))).y


def measured_shift(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Where a region went: template match to a fraction of a pixel."""
    rows, columns = np.nonzero(mask)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    template = before[top:bottom, left:right]
    score = cv2.matchTemplate(after, template, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(score)
    assert best > 0.85

    def peak(low: float, middle: float, high: float) -> float:
        curve = low - 2 * middle + high
        return 0.0 if curve == 0 else 0.5 * (low - high) / curve

    dx = peak(score[y, x - 1], score[y, x], score[y, x + 1]) if 0 < x < score.shape[1] - 1 else 0
    dy = peak(score[y - 1, x], score[y, x], score[y + 1, x]) if 0 < y < score.shape[0] - 1 else 0
    return np.array([x + dx - left, y + dy - top])


def moved(start: tuple[float, float], *points: tuple[float, float], radius: float = 22) -> render.MaskMotion:
    return render.MaskMotion(disc(*start, radius), path_of(start, *points))


class TestPaths:
    def test_arc_is_constant_speed(self) -> None:
        moves = displacements(path_of((0, 0), (30, 0), (30, 10)), clip_positions(5), "arc")
        assert moves.tolist() == [[0, 0], [10, 0], [20, 0], [30, 0], [30, 10]]

    def test_index_gives_every_point_the_same_time(self) -> None:
        moves = displacements(path_of((0, 0), (30, 0), (30, 10)), clip_positions(5), "index")
        assert moves.tolist() == [[0, 0], [15, 0], [30, 0], [30, 5], [30, 10]]

    @pytest.mark.parametrize("points", [[(3, 3)], [(3, 3), (3, 3)], []])
    def test_a_path_without_length_does_not_move(self, points: list[tuple[float, float]]) -> None:
        assert not displacements(np.array(points, float), clip_positions(4), "arc").any()

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=2, max_size=12),
        st.integers(2, 60),
        st.sampled_from(["arc", "index"]),
    )
    def test_every_path_starts_at_rest_and_ends_at_its_last_point(
        self, points: list[tuple[float, float]], frames: int, timing: str
    ) -> None:
        path = np.array(points)
        moves = displacements(path, clip_positions(frames), timing)  # type: ignore[arg-type]
        assert moves.shape == (frames, 2)
        assert np.abs(moves[0]).max() < 1e-6
        assert np.abs(moves[-1] - (path[-1] - path[0])).max() < 1e-6


class TestBrush:
    @pytest.mark.parametrize(
        ("end", "mode"), [((86, 57), "elastic"), ((120, 60), "layered"), ((45.5, 88), "layered")]
    )
    def test_an_object_moves_by_the_asked_displacement(self, end: tuple[float, float], mode: str) -> None:
        asked = plan(motions=(moved((80, 60), end),), label="")
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 18))
        assert shift == pytest.approx(np.subtract(end, (80, 60)), abs=0.5)

    def test_a_part_of_a_texture_moves_elastically_and_by_as_much(self, tmp_path: Path) -> None:
        asked = plan(image=texture(), motions=(moved((80, 60), (92, 54), radius=16),), label="")
        report = render.render_video(asked, tmp_path / "a.mp4")
        assert report.modes == ("elastic",)
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 13))
        assert shift == pytest.approx([12, -6], abs=0.6)

    def test_an_object_on_a_calm_background_is_cut_out(self, tmp_path: Path) -> None:
        report = render.render_video(plan(motions=(moved((80, 60), (125, 60)),)), tmp_path / "a.mp4")
        assert report.modes == ("layered",)

    def test_a_big_picture_at_rest_does_not_hide_that_a_squeezed_region_folds(self) -> None:
        rows, columns = np.mgrid[:480, :640]
        distance = np.hypot(columns - 200, rows - 240)
        region = ElasticRegion(distance <= 14, reach=60.0)
        field = ElasticField([region], distance > 20, (640, 480))
        assert field.folds(np.array([[40.0, 0.0]])) < 0

    def test_nothing_of_the_object_stays_behind(self) -> None:
        asked = plan(motions=(moved((80, 60), (130, 60)),), label="")
        calm = start_luma(asked)[:20].astype(float).mean()
        left_behind = last_luma(asked)[disc(80, 60, 16)]
        assert np.abs(left_behind - calm).max() < 25

    def test_far_from_a_layer_every_pixel_stays(self) -> None:
        asked = plan(motions=(moved((80, 60), (120, 60)),), label="")
        before, after = start_luma(asked), last_luma(asked)
        assert np.array_equal(before[:30], after[:30])
        assert np.array_equal(before[:, :50], after[:, :50])

    def test_the_first_pixels_of_motion_do_not_pop(self) -> None:
        asked = plan(motions=(moved((80, 60), (140, 60)),), label="", frames=121)
        shown = [luma.astype(float) for _, luma in zip(range(8), lumas(asked), strict=False)]
        steps = [np.abs(b - a).max() for a, b in pairwise(shown)]
        assert steps[0] <= 1.5 * max(steps[1:])

    def test_the_report_is_the_truth_in_video_pixels(self, tmp_path: Path) -> None:
        asked = plan(width=320, height=240, motions=(moved((80, 60), (110, 60)),), frames=4)
        report = render.render_video(asked, tmp_path / "a.mp4")
        assert report.scale == (2.0, 2.0)
        assert report.displacements[0].tolist() == [[0, 0], [20, 0], [40, 0], [60, 0]]

    def test_an_empty_mask_is_reported_and_nothing_moves(self, tmp_path: Path) -> None:
        nothing = render.MaskMotion(np.zeros((HEIGHT, WIDTH), bool), path_of((1, 1), (50, 50)))
        asked = plan(motions=(nothing,), label="")
        assert render.render_video(asked, tmp_path / "a.mp4").modes == ("none",)
        assert np.array_equal(last_luma(asked), start_luma(asked))

    def test_touching_regions_become_layers_later_ones_on_top(self, tmp_path: Path) -> None:
        left, right = disc(60, 60, 20), disc(96, 60, 20)
        asked = plan(
            motions=(
                render.MaskMotion(left, path_of((60, 60), (64, 60))),
                render.MaskMotion(right, path_of((96, 60), (92, 60))),
            )
        )
        assert render.render_video(asked, tmp_path / "a.mp4").modes == ("layered", "layered")

    def test_masks_of_another_size_are_scaled(self) -> None:
        small = np.asarray(cv2.resize(disc(80, 60, 22).astype(np.uint8), (80, 60)), bool)
        asked = plan(motions=(render.MaskMotion(small, path_of((80, 60), (120, 60))),), label="")
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 14))
        assert shift == pytest.approx([40, 0], abs=0.6)

    @settings(max_examples=25, deadline=None)
    @given(
        st.tuples(st.floats(-40, 200), st.floats(-40, 160)),
        st.tuples(st.floats(5, 155), st.floats(5, 115)),
        st.floats(2, 60),
        st.booleans(),
    )
    def test_any_mask_and_path_renders(
        self, end: tuple[float, float], start: tuple[float, float], radius: float, textured: bool
    ) -> None:
        asked = plan(
            image=texture() if textured else photo(),
            motions=(render.MaskMotion(disc(*start, radius), path_of(start, end)),),
            static_mask=disc(20, 20, 15),
            frames=3,
            label="",
        )
        shown = list(lumas(asked))
        frozen = disc(20, 20, 15)
        before = start_luma(asked)[frozen]
        assert len(shown) == 3
        assert all(np.array_equal(luma[frozen], before) for luma in shown)


class TestStatic:
    @pytest.mark.parametrize(
        "motions",
        [(), (moved((80, 60), (50, 60)),), (moved((80, 60), (86, 58)),)],
        ids=["default", "far", "near"],
    )
    def test_static_pixels_never_change_before_encoding(self, motions: tuple[render.MaskMotion, ...]) -> None:
        frozen = disc(50, 60, 20)
        asked = plan(motions=motions, static_mask=frozen, label="", prompt="waves in the wind", frames=6)
        source = Planes.from_rgb(asked.image)
        share = cv2.resize(frozen.astype(float), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
        chroma = share > 0
        for buffer in render.render_planes(asked):
            shown = Planes.view(buffer, HEIGHT)
            assert np.array_equal(shown.y[frozen], source.y[frozen])
            assert np.array_equal(shown.u[chroma], source.u[chroma])
            assert np.array_equal(shown.v[chroma], source.v[chroma])

    def test_the_rest_moves_all_the_same(self) -> None:
        asked = plan(image=texture(), static_mask=disc(30, 30, 15), label="")
        assert np.abs(last_luma(asked).astype(float) - start_luma(asked))[60:, 80:].mean() > 3


# How the content moves, by spec/official-api.md §6: opposite to the camera; y points down here.
SHIFTS = {"horizontal": (-1, 0), "vertical": (0, 1), "pan": (-1, 0), "tilt": (0, 1)}


class TestCamera:
    @pytest.mark.parametrize("axis", SHIFTS)
    @pytest.mark.parametrize("value", [-6.0, 6.0])
    def test_translations_and_turns_move_the_content_the_other_way(self, axis: str, value: float) -> None:
        asked = plan(image=texture(), camera=render.CameraMove(**{axis: value}), label="")
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 20))
        expected = np.array(SHIFTS[axis]) * np.sign(value)
        along, across = shift @ expected, abs(shift @ expected[::-1])
        assert 3 < along < 0.14 * WIDTH
        assert across < 1

    @pytest.mark.parametrize(("value", "factor"), [(-10, 1.25), (10, 0.8), (-4, 1.25**0.4)])
    def test_negative_zoom_makes_the_content_grow(self, value: float, factor: float) -> None:
        asked = plan(image=texture(), camera=render.CameraMove(zoom=value), label="")
        centre = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, 0, factor)
        expected = cv2.warpAffine(start_luma(asked), matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        middle = np.s_[20:100, 30:130]
        assert np.abs(last_luma(asked)[middle].astype(float) - expected[middle]).mean() < 2

    @pytest.mark.parametrize("value", [-8.0, 8.0])
    def test_a_clockwise_roll_turns_the_content_counter_clockwise(self, value: float) -> None:
        asked = plan(image=texture(), camera=render.CameraMove(roll=value), label="")
        # OpenCV's positive angle is counter-clockwise as seen.
        matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), value, 1)
        expected = cv2.warpAffine(start_luma(asked), matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        middle = np.s_[20:100, 30:130]
        assert np.abs(last_luma(asked)[middle].astype(float) - expected[middle]).mean() < 2

    @pytest.mark.parametrize(
        ("name", "grows", "direction"),
        [
            ("down_back", False, (0, -1)),
            ("forward_up", True, (0, 1)),
            ("right_turn_forward", True, (-1, 0)),
            ("left_turn_forward", True, (1, 0)),
        ],
    )
    def test_presets(self, name: str, grows: bool, direction: tuple[int, int]) -> None:
        matrix = homography(render.CameraMove(name), 1.0, (WIDTH, HEIGHT))
        corners = np.array([[[60, 40], [100, 40], [100, 80], [60, 80]]], float)
        seen = cv2.perspectiveTransform(corners, matrix)
        assert (cv2.contourArea(seen.astype(np.float32)) > 1600) == grows
        assert (seen.mean(axis=1)[0] - corners.mean(axis=1)[0]) @ np.array(direction) > 2

    def test_an_unknown_type_is_refused(self) -> None:
        with pytest.raises(ValueError, match="sideways"):
            homography(render.CameraMove("sideways"), 1.0, (WIDTH, HEIGHT))

    @settings(max_examples=40, deadline=None)
    @given(
        st.sampled_from(["horizontal", "vertical", "pan", "tilt", "roll", "zoom"]),
        st.floats(-10, 10),
        st.sampled_from([(1280, 720), (720, 1280), (960, 960)]),
    )
    def test_magnitudes_stay_within_bounds(self, axis: str, value: float, size: tuple[int, int]) -> None:
        matrix = homography(render.CameraMove(**{axis: value}), 1.0, size)
        centre = np.array([[[(size[0] - 1) / 2, (size[1] - 1) / 2]]])
        shift = cv2.perspectiveTransform(centre, matrix)[0, 0] - centre[0, 0]
        if axis in {"horizontal", "vertical"}:
            assert np.abs(shift / size).max() <= 0.12 + 1e-9
        assert np.allclose(homography(render.CameraMove(**{axis: value}), 0.0, size), np.eye(3))

    def test_wire_form(self) -> None:
        wire = {"type": "simple", "config": {"horizontal": 0, "pan": -3.5, "zoom": 0}}
        assert render.CameraMove.from_wire(wire) == render.CameraMove(pan=-3.5)
        assert render.CameraMove.from_wire({"type": "down_back"}) == render.CameraMove("down_back")


class TestEndFrame:
    def test_related_pictures_morph_without_a_ghost(self) -> None:
        start = texture(3, 240, 180)
        matrix = cv2.getRotationMatrix2D((120, 90), 5, 1.12)
        end = cv2.warpAffine(start, matrix, (240, 180), borderMode=cv2.BORDER_REFLECT)
        asked = plan(image=start, tail=end, width=240, height=180, frames=3, label="")
        middle = list(lumas(asked))[1].astype(float)
        half = cv2.getRotationMatrix2D((120, 90), 2.5, 1.06)
        expected = cv2.warpAffine(start_luma(asked), half, (240, 180), borderMode=cv2.BORDER_REFLECT)
        inner = np.s_[40:140, 50:190]
        assert np.abs(middle[inner] - expected[inner]).mean() < 4

    def test_unrelated_pictures_dissolve(self) -> None:
        asked = plan(image=texture(1), tail=255 - texture(2), frames=9, label="")
        shown = [luma.astype(float) for luma in lumas(asked)]
        to_end = [np.abs(luma - shown[-1]).mean() for luma in shown]
        assert all(after <= before + 0.5 for before, after in pairwise(to_end))

    def test_an_end_picture_of_another_shape_is_cropped(self) -> None:
        tall = texture(4, 90, 200)
        asked = plan(tail=tall, frames=2, label="")
        assert last_luma(asked).shape == (HEIGHT, WIDTH)


ASKED = {"motions": (moved((80, 60), (112, 60)),), "label": ""}


class TestDistort:
    def shift(self, **knobs: object) -> np.ndarray:
        asked = plan(distort=render.Distort.from_mapping(knobs), **ASKED)
        return measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 18))

    @pytest.mark.parametrize("gain", [0.25, 0.5, 1.0])
    def test_gain_is_the_share_of_the_way(self, gain: float) -> None:
        assert self.shift(gain=gain) == pytest.approx([32 * gain, 0], abs=0.6)

    def test_reverse_goes_the_other_way(self) -> None:
        assert self.shift(reverse=True) == pytest.approx([-32, 0], abs=0.6)

    def test_freeze_repeats_the_first_frame(self) -> None:
        for kind in (ASKED, {"prompt": "wind", "label": ""}, {"camera": render.CameraMove(pan=9)}):
            shown = list(lumas(plan(distort=render.Distort(freeze=True), **kind)))
            assert all(np.array_equal(luma, shown[0]) for luma in shown)

    def test_leak_changes_the_static_mask_by_that_many_levels(self) -> None:
        frozen = disc(40, 40, 25)
        for leak in (0, 8, 20):
            asked = plan(static_mask=frozen, distort=render.Distort(leak=leak), **ASKED)
            change = np.abs(last_luma(asked).astype(float) - start_luma(asked))[frozen]
            assert change.mean() == pytest.approx(leak, abs=0.5)

    def test_flicker_swings_the_light_of_neighbouring_frames(self) -> None:
        shown = list(lumas(plan(distort=render.Distort(flicker=0.1), **ASKED)))
        # Black is luma 16 in limited range: the swing is relative to the light, not to the code value.
        means = np.array([luma.mean() - 16 for luma in shown])
        swings = np.abs(np.diff(means)) / means.mean()
        assert swings == pytest.approx(np.full(8, 0.1), abs=0.02)

    def test_blur_grows_to_the_asked_sigma(self) -> None:
        asked = plan(image=texture(), camera=render.CameraMove(), distort=render.Distort(blur=3), label="")
        shown = list(lumas(asked))
        expected = cv2.GaussianBlur(start_luma(asked), (0, 0), 3)
        assert np.abs(shown[-1].astype(float) - expected).mean() < 1.5
        sharpness = [cv2.Laplacian(luma, cv2.CV_32F).var() for luma in shown]
        assert sharpness[0] > sharpness[4] > sharpness[8]

    def test_extra_camera_motion_is_reported_and_happens(self, tmp_path: Path) -> None:
        knobs = {"camera": {"dx": 7, "dy": -4, "scale": 1.0, "roll": 0}}
        asked = plan(
            image=texture(),
            camera=render.CameraMove(),
            distort=render.Distort.from_mapping(knobs),
            label="",
        )
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 20))
        assert shift == pytest.approx([7, -4], abs=0.4)
        report = render.render_video(asked, tmp_path / "a.mp4")
        assert report.camera[-1] == pytest.approx(np.array([[1, 0, 7], [0, 1, -4], [0, 0, 1]]), abs=1e-6)
        assert report.camera[0] == pytest.approx(np.eye(3))

    def test_roll_and_scale_of_the_extra_camera(self) -> None:
        knobs = {"camera": {"scale": 1.1, "roll": 4}}
        asked = plan(
            image=texture(), camera=render.CameraMove(), distort=render.Distort.from_mapping(knobs), label=""
        )
        matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), 4, 1.1)
        expected = cv2.warpAffine(start_luma(asked), matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        assert np.abs(last_luma(asked)[20:100, 30:130].astype(float) - expected[20:100, 30:130]).mean() < 2

    @pytest.mark.parametrize(
        "values",
        [
            {"gian": 1},
            {"gain": "half"},
            {"gain": float("nan")},
            {"camera": 3},
            {"camera": {"dz": 1}},
            {"gain": True},
        ],
    )
    def test_wrong_knobs_are_refused(self, values: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"distort|unknown"):
            render.Distort.from_mapping(values)


class TestDefault:
    @pytest.mark.parametrize(
        ("prompt", "direction"),
        [("the camera pans left", (1, 0)), ("look to the right", (-1, 0)), ("tilt up", (0, 1))],
    )
    def test_words_steer(self, prompt: str, direction: tuple[int, int]) -> None:
        asked = plan(image=texture(), prompt=prompt, label="")
        shift = measured_shift(start_luma(asked), last_luma(asked), disc(80, 60, 16))
        assert shift @ np.array(direction) > 1

    def test_zoom_out_shrinks_and_otherwise_it_pushes_in(self, tmp_path: Path) -> None:
        for prompt, grows in (("zoom out slowly", False), ("", True), ("a cat", True)):
            report = render.render_video(plan(prompt=prompt), tmp_path / "a.mp4")
            assert (np.linalg.det(report.camera[-1][:2, :2]) > 1) == grows
