"""Objects of rendered and of drawn clips whose motion is known: followed closely, or said to be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from kling_nb import render
from kling_nb.domain.scores import ObjectScores
from kling_nb.render.finish import extra_camera
from kling_nb.render.planes import Planes
from kling_nb.score.asked import Asked, AskedObject
from kling_nb.score.clip import Facts, Look
from kling_nb.score.objects import ObjectTracker
from kling_nb.score.start import Registration

WIDTH, HEIGHT = 480, 320
DIAGONAL = float(np.hypot(WIDTH, HEIGHT))
FRAMES, FPS = 25, 24
XS, YS = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
Motion = Callable[[float], tuple[float, float, float, float]]


def gray(picture: np.ndarray) -> np.ndarray:
    flat = picture if picture.ndim == 2 else cv2.cvtColor(picture[:, :, :3], cv2.COLOR_RGB2GRAY)
    return cv2.resize(flat, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    return np.hypot(XS - x, YS - y) <= radius


def straight(x: float, y: float, dx: float, dy: float) -> np.ndarray:
    return np.array([[x, y], [x + dx, y + dy]])


def followed(
    frames: Iterable[np.ndarray],
    objects: Sequence[tuple[np.ndarray, np.ndarray]],
    camera: Sequence[np.ndarray] | None = None,
    static: np.ndarray | None = None,
) -> tuple[ObjectScores, ...]:
    """Measure frames against masks and paths of their own size."""
    size = (WIDTH, HEIGHT)
    facts = Facts(size, size, size, FPS, FRAMES, FRAMES / FPS, 1, "709", "")
    asked = Asked(
        size, objects=tuple(AskedObject(f"mask {i}", *each) for i, each in enumerate(objects)), static=static
    )
    tracker = ObjectTracker(asked, Registration(size, np.eye(3), facts, 1.0, "cover"))
    shown = list(frames)
    for index, luma in enumerate(shown):
        tracker.see(Look(index, index / FPS, luma, luma, last=index == len(shown) - 1))
    return tracker.result(camera)


def compressed(frames: Iterable[np.ndarray], quality: int = 60) -> Iterator[np.ndarray]:
    """Lose what coding loses, every frame by itself."""
    for frame in frames:
        _, code = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
        yield cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)


def rendered(picture: np.ndarray, mask: np.ndarray, path: np.ndarray, **distort: Any) -> Iterator[np.ndarray]:
    colour = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    plan = render.RenderPlan(
        colour, WIDTH, HEIGHT, FPS, FRAMES, motions=(render.MaskMotion(mask, path),),
        distort=render.Distort.from_mapping(distort),
    )  # fmt: skip
    for buffer in render.render_planes(plan):
        light = (Planes.view(buffer, HEIGHT).y.astype(np.float32) - 16) * (255 / 219)
        yield np.clip(np.rint(light), 0, 255).astype(np.uint8)


def drawn(
    background: np.ndarray, *objects: tuple[np.ndarray, np.ndarray, Motion], frames: int = FRAMES
) -> Iterator[np.ndarray]:
    """Draw textured cut-outs over a background: ``motion(share)`` gives (dx, dy, degrees, scale)."""
    for share in np.linspace(0, 1, frames):
        frame = background.astype(np.float32)
        for texture, mask, motion in objects:
            dx, dy, degrees, scale = motion(float(share))
            x, y = np.argwhere(mask).mean(axis=0)[::-1].tolist()
            matrix = np.add(cv2.getRotationMatrix2D((x, y), degrees, scale), [[0, 0, dx], [0, 0, dy]])
            soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1)
            alpha = cv2.warpAffine(soft, matrix, (WIDTH, HEIGHT))
            colour = cv2.warpAffine(
                texture.astype(np.float32), matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=2
            )
            frame = frame * (1 - alpha) + colour * alpha
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def cat() -> np.ndarray:
    return gray(data.chelsea())


@pytest.fixture(scope="module")
def cup() -> np.ndarray:
    return gray(data.coffee())


HEAD = disc(207, 65, 55)
HEAD_PATH = np.array([[207.0, 65], [225, 100], [262, 104]])


class TestFaintDetail:
    """Three or four levels of contrast are as much as coding takes away."""

    @staticmethod
    def measured(seed: int, quality: int) -> ObjectScores:
        noise = np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH))
        soft = cv2.GaussianBlur(noise, (0, 0), 4)
        ground = 90 + 3.5 * soft / soft.std()
        piece = (ground, disc(160, 200, 24), lambda share: (44 * share, -20 * share, 0, 1))
        first, *rest = drawn(np.roll(ground, (70, 90), (0, 1)), piece)
        path = straight(160, 200, 44, -20)
        (found,) = followed([first, *compressed(rest, quality)], [(disc(160, 200, 20), path)])
        return found

    @pytest.mark.parametrize("seed", [0, 4, 5])
    def test_what_is_left_is_measured(self, seed: int) -> None:
        found = self.measured(seed, 85)
        assert found.measurable and found.values["path_error"] < 0.1 and found.values["end_error"] < 0.2

    @pytest.mark.parametrize(("seed", "quality"), [(0, 18), (4, 30)])
    def test_no_number_where_it_was_lost(self, seed: int, quality: int) -> None:
        """It would be off by more than 0.1 % of the diagonal, the tolerance of a clip as it was asked."""
        assert "coding" in self.measured(seed, quality).why


class TestRenders:
    @pytest.mark.parametrize(
        ("picture", "mask", "path"),
        [
            ("chelsea", disc(270 * 480 / 451, 165 * 320 / 300, 80), straight(287, 176, 26, 8)),
            ("coffee", disc(222, 164, 120), straight(222, 164, 60, -12)),
            ("astronaut", HEAD, HEAD_PATH),
        ],
    )
    def test_what_was_asked_is_measured(self, picture: str, mask: np.ndarray, path: np.ndarray) -> None:
        frames = compressed(rendered(getattr(data, picture)(), mask, path))
        (found,) = followed(frames, [(mask, path)])
        assert found.measurable
        assert found.values["path_error"] < 0.1
        assert found.values["end_error"] < 0.2
        assert found.values["gain"] == pytest.approx(1, abs=0.02)
        assert found.values["direction"] == pytest.approx(1, abs=0.01)
        assert found.values["lag"] == pytest.approx(0, abs=0.05)
        assert found.confidence > 0.8

    @pytest.mark.parametrize(
        ("distort", "gain"), [({"gain": 0.3}, 0.3), ({"reverse": True}, -1.0), ({"freeze": True}, 0.0)]
    )
    def test_what_was_distorted_is_read_back(self, distort: dict[str, Any], gain: float) -> None:
        frames = rendered(data.astronaut(), HEAD, straight(207, 65, 60, 30), **distort)
        (found,) = followed(frames, [(HEAD, straight(207, 65, 60, 30))])
        assert found.values["gain"] == pytest.approx(gain, abs=0.03)
        direction = found.values["direction"]
        assert direction is None if gain == 0 else direction == pytest.approx(np.sign(gain), abs=0.01)

    def test_the_camera_is_taken_out(self) -> None:
        shake = {"dx": 24.0, "dy": -10.0, "scale": 1.06, "roll": 2.0}
        path = straight(207, 65, 40, 30)
        frames = list(rendered(data.astronaut(), HEAD, path, camera=shake))
        camera = [extra_camera(shake, share, (WIDTH, HEIGHT)) for share in np.linspace(0, 1, FRAMES)]
        (found,) = followed(frames, [(HEAD, path)], camera)
        assert found.values["end_error"] > 3
        assert found.values["own_path_error"] < 0.2
        assert found.values["own_end_error"] < 0.3
        assert found.values["own_gain"] == pytest.approx(1, abs=0.03)
        (plain,) = followed(frames, [(HEAD, path)])
        assert plain.values["own_gain"] is None


class TestDrawn:
    @pytest.mark.parametrize(("degrees", "scale"), [(45, 1.0), (-45, 0.8), (20, 1.3)])
    def test_turning_and_growing_objects_keep_their_middle(
        self, cat: np.ndarray, cup: np.ndarray, degrees: float, scale: float
    ) -> None:
        mask = disc(170, 150, 34)
        motion: Motion = lambda s: (90 * s, 30 * s, degrees * s, scale**s)  # noqa: E731
        (found,) = followed(compressed(drawn(cup, (cat, mask, motion))), [(mask, straight(170, 150, 90, 30))])
        assert found.measurable
        assert found.values["path_error"] < 0.3

    def test_fast_objects_are_found_again(self, cat: np.ndarray, cup: np.ndarray) -> None:
        mask = disc(90, 90, 30)
        motion: Motion = lambda s: (300 * s, 120 * s, 0, 1)  # noqa: E731
        (found,) = followed(drawn(cup, (cat, mask, motion), frames=11), [(mask, straight(90, 90, 300, 120))])
        assert found.measurable
        assert found.values["path_error"] < 0.1

    def test_two_that_pass_each_other_are_not_mixed_up(self, cat: np.ndarray, cup: np.ndarray) -> None:
        left, right = disc(110, 160, 24), disc(370, 168, 34)
        scene = drawn(
            gray(data.rocket()),
            (cat, left, lambda s: (260 * s, 0, 0, 1)),
            (255 - cup, right, lambda s: (-260 * s, -8 * s, 0, 1)),
            frames=41,
        )
        paths = straight(110, 160, 260, 0), straight(370, 168, -260, -8)
        behind, before = followed(scene, list(zip((left, right), paths, strict=True)))
        assert before.values["path_error"] < 0.1
        # The one behind is covered for a while: its way is told from the frames that show it, or not at all.
        assert not behind.measurable or behind.values["path_error"] < 0.3
        assert behind.confidence < before.confidence

    def test_a_closed_way_has_gain_and_direction(self, cat: np.ndarray, cup: np.ndarray) -> None:
        mask = disc(200, 150, 34)
        loop = np.array([[200.0, 150], [250, 150], [250, 190], [200, 190], [200, 150]])

        def half_the_loop(share: float) -> tuple[float, float, float, float]:
            corner = np.array([0, 50, 90, 140, 180]) / 180
            x, y = (np.interp(share, corner, side) for side in ([0, 50, 50, 0, 0], [0, 0, 40, 40, 0]))
            return 0.5 * x, 0.5 * y, 0, 1

        (found,) = followed(drawn(cup, (cat, mask, half_the_loop)), [(mask, loop)])
        assert found.values["gain"] == pytest.approx(0.5, abs=0.02)
        assert found.values["direction"] == pytest.approx(1, abs=0.01)
        assert found.values["end_error"] < 0.1

    def test_a_still_part_of_the_mask_does_not_count(self, cat: np.ndarray, cup: np.ndarray) -> None:
        """What the static mask covers does not move, and is no part of the object."""
        mask, still = disc(200, 150, 40), YS > 165
        motion: Motion = lambda s: (50 * s, -40 * s, 0, 1)  # noqa: E731
        free = mask & ~still
        (found,) = followed(
            drawn(cup, (cat, free, motion)), [(mask, straight(200, 150, 50, -40))], static=still
        )
        assert found.values["path_error"] < 0.1


PATTERNS = {
    "flat": np.full((HEIGHT, WIDTH), 150.0),
    "sky": 110 + 0.25 * YS + 0.1 * XS,
    "grain": 150 + np.random.default_rng(1).normal(0, 1.5, (HEIGHT, WIDTH)),
    "checkerboard": 50 + 150.0 * ((XS // 14 + YS // 14) % 2),
    "bricks": np.where((YS % 16 < 2) | ((XS + 16 * (YS // 16 % 2)) % 32 < 2), 200, 110)
    + np.random.default_rng(2).normal(0, 2, (HEIGHT, WIDTH)),
    "edge": np.where(YS < 160, 190.0, 60.0),
}


class TestNotMeasurable:
    @pytest.mark.parametrize("pattern", PATTERNS)
    @pytest.mark.parametrize("moves", [True, False])
    def test_no_number_where_places_look_alike(self, pattern: str, moves: bool) -> None:
        mask = disc(230, 160, 36)
        picture = PATTERNS[pattern]
        motion: Motion = lambda s: (60 * s * moves, 0, 0, 1)  # noqa: E731
        scene = drawn(picture, (picture, mask, motion), frames=9)
        (found,) = followed(compressed(scene, 75), [(mask, straight(230, 160, 60, 0))])
        assert not found.measurable
        assert found.values == {}
        assert found.confidence == 0
        assert not found.measured
        # Views draw the asked path all the same.
        ways = np.diff(np.array([found.asked[0], found.asked[-1]]), axis=0)[0]
        assert ways == pytest.approx((60, 0), abs=0.02)
        assert len(found.times) == len(found.asked)

    def test_an_object_that_leaves_or_fades_is_lost(self, cat: np.ndarray, cup: np.ndarray) -> None:
        mask = disc(400, 150, 30)
        leaving: Motion = lambda s: (130 * s, 0, 0, 1)  # noqa: E731
        (gone,) = followed(drawn(cup, (cat, mask, leaving)), [(mask, straight(400, 150, 79, 0))])
        assert gone.why.startswith("it was lost after")
        whole = next(drawn(cup, (cat, mask, lambda s: (0, 0, 0, 1)))).astype(np.float32)
        fading = (np.rint(whole * (1 - s) + cup * s).astype(np.uint8) for s in np.linspace(0, 1, FRAMES))
        (faded,) = followed(fading, [(mask, straight(400, 150, -60, 0))])
        assert not faded.measurable

    def test_an_object_that_doubles_is_not_decided(self, cat: np.ndarray, cup: np.ndarray) -> None:
        """One goes as asked, one stays: neither is the one."""
        mask = disc(170, 150, 26)
        still: Motion = lambda _: (0, 0, 0, 1)  # noqa: E731
        going: Motion = lambda s: (120 * s, 40 * s, 0, 1)  # noqa: E731
        path = straight(170, 150, 120, 40)
        (found,) = followed(compressed(drawn(cup, (cat, mask, still), (cat, mask, going))), [(mask, path)])
        assert not found.measurable
        (alone,) = followed(compressed(drawn(cup, (cat, mask, going))), [(mask, path)])
        assert alone.values["gain"] == pytest.approx(1, abs=0.01)

    def test_what_was_there_all_along_is_not_taken_for_one_that_went(
        self, cat: np.ndarray, cup: np.ndarray
    ) -> None:
        """One of two alike vanishes: the other one has not moved there."""
        twin = np.roll(cat, (20, 78), axis=(0, 1))
        mask, other = disc(170, 150, 26), disc(248, 170, 26)
        both = list(drawn(cup, (cat, mask, lambda _: (0, 0, 0, 1)), (twin, other, lambda _: (0, 0, 0, 1))))
        one = next(drawn(cup, (twin, other, lambda _: (0, 0, 0, 1))))
        scene = [*both[:4], *[one] * 21]
        (found,) = followed(compressed(scene), [(mask, straight(170, 150, 78, 20))])
        assert found.why.startswith(("it was lost", "it was seen"))

    def test_masks_that_show_nothing(self, cat: np.ndarray) -> None:
        nothing, speck = np.zeros((HEIGHT, WIDTH), np.bool_), disc(100, 100, 2)
        covered = disc(300, 200, 20)
        path = straight(100, 100, 30, 0)
        found = followed(
            [cat, cat, cat], [(nothing, path), (speck, path), (covered, path), (disc(300, 200, 40), path)]
        )
        assert [each.why for each in found] == [
            "nothing of it is in the video",
            "it is too small in the video",
            "other masks cover it",
            "",
        ]

    def test_one_frame_shows_no_motion(self, cat: np.ndarray) -> None:
        (found,) = followed([cat], [(disc(200, 150, 40), straight(200, 150, 30, 0))])
        assert found.why == "there is only one frame"
