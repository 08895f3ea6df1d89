"""A whole measurement: flags, reasons, confidence, the same numbers every time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import pytest
from skimage import data

from kling_nb.domain.scores import MEASURES, Scores
from kling_nb.render.movie import render_video
from kling_nb.render.plan import CameraMove, Distort, RenderPlan
from kling_nb.score.asked import Asked
from kling_nb.score.clip import MeasuringStopped
from kling_nb.score.flags import Circumstances, flags_of
from kling_nb.score.measure import measure

SIZE = (480, 270)
CAT = cv2.resize(data.chelsea(), (480, 320), interpolation=cv2.INTER_AREA)[20:290]


class Cinema:
    """Clips without a brush, each rendered and measured once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, Scores] = {}

    def clip(self, **plan: Any) -> Path:
        target = self.folder / f"{abs(hash(repr(sorted(plan.items()))))}.mp4"
        if not target.exists():
            render_video(RenderPlan(CAT, *SIZE, frames=25, **plan), target)
        return target

    def scores(self, asked: dict[str, Any] | None = None, **plan: Any) -> Scores:
        key = repr((asked, sorted(plan.items())))
        if key not in self._kept:
            self._kept[key] = measure(self.clip(**plan), Asked(size=SIZE, start=CAT, **(asked or {})))
        return self._kept[key]


@pytest.fixture(scope="module")
def cinema(tmp_path_factory: pytest.TempPathFactory) -> Cinema:
    return Cinema(tmp_path_factory.mktemp("cinema"))


def test_every_number_has_a_confidence_and_what_was_asked_for_has_one_or_a_reason(cinema: Cinema) -> None:
    scores = cinema.scores({"camera": {"type": "simple", "config": {"zoom": -5}}}, camera=CameraMove(zoom=-5))
    known = {name for name, value in scores.values.items() if value is not None}
    assert set(scores.confidence) == known
    assert all(0 < sure <= 1 for sure in scores.confidence.values())
    expected = {each.name for each in MEASURES if each.about in ("camera", "clip")}
    assert expected | {"first_psnr", "first_ssim", "first_match"} == known
    assert scores.flags == ()
    assert scores.camera_direction == pytest.approx(1, abs=0.02)
    assert {len(curve) for curve in scores.curves.values()} == {25}


def test_a_frozen_clip_without_a_brush_is_flagged_and_a_slow_one_is_not(cinema: Cinema) -> None:
    assert "frozen" in cinema.scores(distort=Distort(freeze=True)).flags
    assert "frozen" in cinema.scores(distort=Distort(freeze=True, blur=2)).flags
    assert "frozen" not in cinema.scores().flags


def test_a_blurred_clip_without_a_brush_is_flagged(cinema: Cinema) -> None:
    assert "blurred" in cinema.scores(distort=Distort(blur=2)).flags
    assert "blurred" in cinema.scores(distort=Distort(freeze=True, blur=2)).flags
    assert "blurred" not in cinema.scores().flags


def test_flicker_is_ten_times_that_of_the_clean_clip(cinema: Cinema) -> None:
    clean, flickering = cinema.scores(), cinema.scores(distort=Distort(flicker=0.02))
    assert flickering.flicker >= max(1.0, 10 * clean.flicker)
    assert "flickering" in flickering.flags
    assert "flickering" not in clean.flags


def test_a_camera_that_goes_the_other_way_is_flagged(cinema: Cinema) -> None:
    opposite = {"camera": {"type": "simple", "config": {"zoom": 5}}}
    scores = cinema.scores(opposite, camera=CameraMove(zoom=-5))
    assert scores.camera_direction < -0.9
    assert "camera" in scores.flags


def test_a_camera_that_the_prompt_moves_is_no_drift(cinema: Cinema) -> None:
    scores = cinema.scores({"camera_in_words": True}, camera=CameraMove(zoom=-5))
    assert scores.camera_drift is None
    assert "how far it does not say" in scores.why["camera_drift"]
    assert scores.camera_scale > 1.05 and "camera" not in scores.flags


@pytest.mark.parametrize(("pan", "heading"), [(-6.0, (1.0, 0.0)), (6.0, (-1.0, 0.0))])
def test_the_way_that_the_picture_goes(cinema: Cinema, pan: float, heading: tuple[float, float]) -> None:
    scores = cinema.scores({"heading": heading}, camera=CameraMove(pan=pan))
    assert scores.words_direction > 0.9
    assert scores.confidence["words_direction"] < 0.5


def test_an_asked_camera_is_no_answer_to_a_direction_in_words(cinema: Cinema) -> None:
    asked = {"heading": (0.0, -1.0), "camera": {"type": "simple", "config": {"pan": 6}}}
    scores = cinema.scores(asked, camera=CameraMove(pan=6))
    assert scores.words_direction is None
    assert "beside the asked camera move" in scores.why["words_direction"]
    assert scores.camera_direction > 0.9


def test_a_still_picture_goes_no_way(cinema: Cinema) -> None:
    scores = cinema.scores({"heading": (1.0, 0.0)}, distort=Distort(freeze=True))
    assert scores.words_direction is None
    assert scores.why["words_direction"] == "hardly anything moves"


def test_the_same_clip_gives_the_same_numbers_beside_others_too(cinema: Cinema) -> None:
    path, asked = cinema.clip(), Asked(size=SIZE, start=CAT)
    before = cv2.getNumThreads()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: measure(path, asked), range(2))
    assert first.to_json() == second.to_json() == cinema.scores().to_json()
    assert cv2.getNumThreads() == before


def test_a_measurement_that_is_stopped_gives_no_half_scores(cinema: Cinema) -> None:
    with pytest.raises(MeasuringStopped):
        measure(cinema.clip(), Asked(), stop=lambda: True)


def test_what_is_no_clip_says_why_for_every_number(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no clip at all")
    scores = measure(path, Asked(size=SIZE, start=CAT))
    assert set(scores.values.values()) == {None}
    assert set(scores.why) == {each.name for each in MEASURES}
    assert all("Download it again" in why for why in scores.why.values())


def circumstances(**changes: Any) -> Circumstances:
    known = {
        "objects": 1, "duration_s": 5.0, "camera_asked": False, "camera_way": 0.0, "still_wanted": True,
        "changed": 0.5,
    }  # fmt: skip
    return Circumstances(**known | changes)


@pytest.mark.parametrize("asked", [False, True])
def test_nobody_is_blamed_for_a_camera_that_is_not_certain(*, asked: bool) -> None:
    values = {"camera_drift": 3.0, "camera_direction": -1.0, "tracked": 1.0}
    about = {"camera_asked": asked, "camera_way": 3.0}
    assert flags_of(values, circumstances(**about, camera_confidence=0.4)) == ()
    assert flags_of(values, circumstances(**about, camera_confidence=0.9)) == ("camera",)


@pytest.mark.parametrize(
    ("lost", "sure", "blamed"),
    [(17.0, 1.0, False), (20.0, 1.0, True), (25.0, 0.5, False), (35.0, 0.5, True)],
)
def test_where_the_camera_is_unknown_what_a_zoom_can_cost_is_not_called_blur(
    lost: float, sure: float, *, blamed: bool
) -> None:
    about = circumstances(sharpness_confidence=sure)
    assert flags_of({"motion": 1.0, "sharpness_decay": lost, "tracked": 1.0}, about) == (
        ("blurred",) if blamed else ()
    )


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"gain": 1.0, "direction": 1.0, "tracked": 1.0}, ()),
        ({"gain": -0.9, "direction": -1.0, "tracked": 1.0}, ("reversed",)),
        ({"gain": 0.5, "direction": 1.0, "tracked": 1.0}, ("short",)),
        ({"gain": 0.0, "direction": None, "tracked": 1.0}, ("short",)),
        ({"gain": 1.5, "direction": 1.0, "tracked": 1.0}, ("long",)),
        ({"gain": 1.0, "lag": 1.0, "direction": 1.0, "tracked": 1.0}, ("late",)),
        ({"tracked": 0.5, "gain": 1.0}, ("untracked",)),
        ({"leak": 5.0, "leak_ssim": 0.97, "tracked": 1.0}, ()),
        ({"leak": 5.0, "leak_ssim": 0.9, "tracked": 1.0}, ("leak",)),
        ({"leak": 3.0, "leak_ssim": 0.8, "tracked": 1.0}, ()),
        ({"camera_drift": 2.0, "tracked": 1.0}, ("camera",)),
        (
            {
                "gain": 1.3,
                "direction": 1.0,
                "own_gain": 1.0,
                "own_direction": 1.0,
                "camera_drift": 3.9,
                "tracked": 1.0,
            },
            ("camera",),
        ),
        (
            {
                "gain": -0.2,
                "direction": -1.0,
                "own_gain": 0.0,
                "own_direction": None,
                "camera_drift": 3.9,
                "tracked": 1.0,
            },
            ("short", "camera"),
        ),
        ({"first_match": 0.2, "end_match": 0.2, "tracked": 1.0}, ("first frame", "end frame")),
    ],
)
def test_flags_say_what_to_look_at(values: dict[str, float | None], flags: tuple[str, ...]) -> None:
    assert flags_of({"motion": 1.0} | values, circumstances()) == flags


def test_drift_is_flagged_only_where_a_still_camera_was_to_be_expected() -> None:
    values = {"motion": 1.0, "camera_drift": 3.0, "tracked": 1.0}
    assert flags_of(values, circumstances(still_wanted=False, objects=0)) == ()


def test_what_is_frozen_is_not_called_short_as_well() -> None:
    values = {"motion": 0.01, "gain": 0.0, "tracked": 1.0}
    assert flags_of(values, circumstances(changed=0.0)) == ("frozen",)
