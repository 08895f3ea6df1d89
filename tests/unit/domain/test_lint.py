"""The linter: one case each way for every rule of spec/user-needs.md §6 that concerns the official API."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest

from kling_nb import providers
from kling_nb.domain import capabilities as cap
from kling_nb.domain.aliases import normalize
from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush
from kling_nb.domain.camera import CameraConfig, CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import LintFacts, lint
from kling_nb.domain.problems import Problem, Severity, blocking
from kling_nb.domain.request import VideoRequest, with_defaults
from kling_nb.domain.trajectory import Trajectory
from kling_nb.domain.values import Shot

SIZE = (640, 480)
PROMPT = "the boat drifts to the left"


def picture(size: tuple[int, int] = SIZE, nbytes: int = 1000, notes: tuple[str, ...] = ()) -> ImageRef:
    return ImageRef(data=bytes(nbytes), sha256="aa", width=size[0], height=size[1], format="PNG", notes=notes)


def box(left: int, top: int, right: int, bottom: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    bits = np.zeros((size[1], size[0]), dtype=bool)
    bits[top:bottom, left:right] = True
    return bits


def drawn(**how: Any) -> MotionBrush:
    return MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(150, 150), (300, 150)], **how)


def brush_fields(brush: MotionBrush) -> dict[str, Any]:
    return {"static_mask": brush.static_mask, "dynamic_masks": brush.dynamic_masks}


OFFICIAL = providers.get("official").door
SANDBOX = providers.get("sandbox").door


def look(asked: VideoRequest, *, provider: str = "official", **more: Any) -> list[Problem]:
    door = SANDBOX if provider == "sandbox" else OFFICIAL
    return lint(asked, door=door, provider=provider, **more)


def request(**fields: Any) -> VideoRequest:
    return VideoRequest(**with_defaults({"image": picture(), "prompt": PROMPT} | fields, SANDBOX))


def found(provider: str = "sandbox", facts: LintFacts | None = None, **fields: Any) -> list[tuple[str, str]]:
    return [(p.severity.value, p.id) for p in look(request(**fields), provider=provider, facts=facts)]


def one(rule: str, provider: str = "sandbox", facts: LintFacts | None = None, **fields: Any) -> Problem:
    hits = [p for p in look(request(**fields), provider=provider, facts=facts) if p.id == rule]
    assert len(hits) == 1, hits
    return hits[0]


TAIL = {"image_tail": picture()}
CAMERA = {"camera_control": CameraControl.parse("zoom=5")}
BRUSH = brush_fields(drawn())
ALIVE = {"model_name": "kling-v2-6", "mode": "pro"}


@pytest.mark.parametrize("provider", ["official", "sandbox"])
def test_an_ordinary_request_is_clean(provider: str) -> None:
    assert found(provider) == []


def test_a_brush_on_its_model_is_clean_in_the_sandbox() -> None:
    assert found(**BRUSH) == []


# ---- L01: every cell of the table, every feature, accepted or refused -------------------------------------

# spec/capabilities.md §2 by hand: which (model, mode, duration) take each feature.
TEN = (5, 10)
LONG = tuple(range(3, 16))
V3 = [("kling-v3", mode, LONG) for mode in ("std", "pro", "4k")]
TAKES = {
    "tail": [
        ("kling-v1", "std", (5,)),
        ("kling-v1", "pro", (5,)),
        ("kling-v1-5", "pro", TEN),
        ("kling-v1-6", "pro", TEN),
        ("kling-v2-1", "pro", TEN),
        ("kling-v2-5-turbo", "pro", TEN),
        ("kling-v2-6", "pro", TEN),
        *V3,
    ],
    "end_only": [("kling-v1-5", "pro", TEN), ("kling-v1-6", "pro", TEN)],
    "brush": [("kling-v1", "std", (5,)), ("kling-v1", "pro", (5,)), ("kling-v1-5", "pro", (5,))],
    "camera": [("kling-v1-5", "pro", (5,))],
    "sound": [("kling-v2-6", "pro", TEN), *V3],
    "voice": [("kling-v2-6", "pro", TEN)],
    "multi_shot": V3,
    "elements": V3,
    "tail+sound": V3,
}
FIELDS: dict[str, dict[str, Any]] = {
    "tail": TAIL,
    "end_only": {"image": None, **TAIL},
    "brush": BRUSH,
    "camera": CAMERA,
    "sound": {"sound": "on"},
    "voice": {"sound": "on", "voice_list": ("1",)},
    "multi_shot": {"multi_shot": True, "shot_type": "intelligence"},
    "elements": {"element_list": (1,)},
    "tail+sound": {"sound": "on", **TAIL},
}
CELLS = [
    (model, mode, seconds)
    for model, modes, lengths in [
        ("kling-v1", ("std", "pro"), TEN),
        ("kling-v1-5", ("std", "pro"), TEN),
        ("kling-v1-6", ("std", "pro"), TEN),
        ("kling-v2-master", (None,), TEN),
        ("kling-v2-1", ("std", "pro"), TEN),
        ("kling-v2-1-master", (None,), TEN),
        ("kling-v2-5-turbo", ("std", "pro"), TEN),
        ("kling-v2-6", ("std", "pro"), TEN),
        ("kling-v3", ("std", "pro", "4k"), LONG),
    ]
    for mode in modes
    for seconds in lengths
]


@pytest.mark.parametrize(("cell", "feature"), list(product(CELLS, FIELDS)))
def test_every_feature_on_every_cell(cell: tuple[str, str | None, int], feature: str) -> None:
    model, mode, seconds = cell
    taken = any((m, k) == (model, mode) and seconds in lengths for m, k, lengths in TAKES[feature])
    asked = request(model_name=model, mode=mode, duration=seconds, **FIELDS[feature])
    errors = [p for p in look(asked, provider="sandbox") if p.severity is Severity.ERROR]
    assert bool(errors) != taken, errors
    assert all(p.id in ("L01", "L04") and p.forceable and p.fix for p in errors)


@pytest.mark.parametrize("cell", CELLS)
def test_a_start_frame_alone_is_taken_by_every_cell(cell: tuple[str, str | None, int]) -> None:
    model, mode, seconds = cell
    asked = request(model_name=model, mode=mode, duration=seconds)
    assert not [p for p in look(asked, provider="sandbox") if p.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "field"),
    [
        ("kling-v1", "std", 7, "duration"),
        ("kling-v1", "4k", 5, "mode"),
        ("kling-v2-6", "ultra", 5, "mode"),
        ("kling-v2-master", "4k", 5, "mode"),
        ("kling-v2-master", None, 15, "duration"),
        ("kling-v3", "pro", 2, "duration"),
        ("kling-v3", "pro", 16, "duration"),
        ("kling-v2-5-turbo", "pro", 0, "duration"),
        ("kling-v2-5-turbo", "pro", 99, "duration"),
    ],
)
def test_l01_combinations_that_do_not_exist(model: str, mode: str, seconds: int, field: str) -> None:
    problem = one("L01", model_name=model, mode=mode, duration=seconds)
    assert (problem.severity, problem.field) == ("E", field)


def test_l01_names_the_nearest_possible_combinations_first() -> None:
    problem = one("L01", model_name="kling-v1-5", mode="std", **BRUSH)
    assert problem.fix.startswith("use kling-v1-5 pro 5 s, kling-v1")
    assert problem.field == "dynamic_masks"
    problem = one("L01", "official", model_name="kling-v2-6", mode="std", **TAIL)
    assert problem.fix.startswith("use kling-v2-6 pro 5 or 10 s")


def test_l01_offers_no_retired_model() -> None:
    problem = one("L01", "official", model_name="kling-v2-5-turbo", mode="std", duration=7)
    assert not any(f"{model} " in problem.fix for model in cap.retired_models())


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("kling-v3-omni", "did you mean kling-v3? known and served"),
        ("kling-video-o1", "known and served: kling-v2-5-turbo"),
        ("kling-3.0-turbo", "known and served: kling-v2-5-turbo"),
        ("kling-v2.7", "did you mean kling-v2-"),
        ("sora", "known and served: kling-v2-5-turbo"),
    ],
)
def test_l01_models_that_make_no_image_to_video(model: str, advice: str) -> None:
    problem = one("L01", "official", model_name=model)
    assert problem.severity == "E"
    assert advice in problem.fix


def test_l01_unknown_models_pass_with_a_warning_when_allowed() -> None:
    assert found(facts=LintFacts(allow_unknown_model=True), model_name="kling-v4") == [("W", "L01")]


def test_l01_end_frame_and_sound_exclude_each_other_on_v2_6() -> None:
    problem = one("L01", **ALIVE, sound="on", **TAIL)
    assert "without sound" in problem.message
    assert 'sound="off"' in problem.fix
    assert found(**ALIVE, sound="off", **TAIL) == []


@pytest.mark.parametrize("preset", ["forward_up", "down_back"])
def test_l01_presets_are_for_text_to_video(preset: str) -> None:
    camera = CameraControl(type=preset)  # type: ignore[arg-type]  # a word of the literal
    assert one("L01", model_name="kling-v1-5", mode="pro", camera_control=camera).severity == "E"


def test_l01_a_mode_on_a_master_is_not_sent_and_that_is_told() -> None:
    assert found(model_name="kling-v2-master", mode="pro") == [("I", "L01")]


# ---- the other rules --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        ({**TAIL, **BRUSH}, ("image_tail", "dynamic_masks")),
        ({**TAIL, **CAMERA}, ("image_tail", "camera_control")),
        ({**BRUSH, **CAMERA}, ("dynamic_masks", "camera_control")),
        ({**TAIL, **BRUSH, **CAMERA}, ("image_tail", "dynamic_masks", "camera_control")),
        ({"static_mask": Mask(box(0, 0, 9, 9)), **TAIL}, ("image_tail", "static_mask")),
    ],
)
def test_l02_exclusive_groups(groups: dict[str, Any], named: tuple[str, ...]) -> None:
    problem = one("L02", model_name="kling-v1-5", mode="pro", **groups)
    assert problem.severity == "E"
    assert all(name in problem.message for name in named)


def test_l02_static_and_dynamic_masks_belong_together() -> None:
    assert found(**brush_fields(drawn().static(box(400, 300, 500, 400)))) == []


def test_l03_words_alone_make_a_clip_and_that_is_said() -> None:
    problem = one("L03", image=None)
    assert (problem.severity, "text-to-video" in problem.message) == ("I", True)


def test_l20_neither_picture_nor_words() -> None:
    problem = one("L20", image=None, prompt="")
    assert problem.blocks
    assert not problem.forceable


def test_l04_an_end_frame_alone() -> None:
    problem = one("L04", **ALIVE, image=None, **TAIL)
    assert "image=" in problem.fix
    assert found(model_name="kling-v1-6", mode="pro", image=None, **TAIL) == []


def test_l05_a_brush_needs_a_picture() -> None:
    problem = one("L05", image=None, **BRUSH)
    assert problem.blocks
    assert not problem.forceable
    assert "L05" not in {rule for _, rule in found(**BRUSH)}


def seven() -> MotionBrush:
    brush = MotionBrush(SIZE)
    for index in range(7):
        left = index * 50
        brush = brush.dynamic(box(left, 0, left + 40, 40), [(left + 5, 5), (left + 5, 300)])
    return brush


def test_l06_at_most_six_masks() -> None:
    brush = seven()
    problem = one("L06", **brush_fields(brush))
    assert problem.severity == "E"
    six = {"dynamic_masks": brush.dynamic_masks[:6]}
    assert found(**six) == []


def test_l06_a_path_needs_two_distinct_points() -> None:
    still = Trajectory(np.array([[150.0, 150.0], [150.2, 150.1]]), SIZE)
    group = DynamicMask(Mask(box(100, 100, 200, 200)), still)
    problem = one("L06", dynamic_masks=(group,))
    assert problem.field == "dynamic_masks[0].trajectories"
    assert not problem.forceable


def path_case(points: Any, **how: Any) -> dict[str, Any]:
    return brush_fields(MotionBrush(SIZE).dynamic(box(0, 0, 640, 479), points, **how))


TIMED = [{"x": 10, "y": 10, "t": 0}, {"x": 90, "y": 10, "t": 0.1}, {"x": 200, "y": 10, "t": 1}]


@pytest.mark.parametrize(
    ("rule", "severity", "bad", "good"),
    [
        ("L07", "I", path_case([(x * 2, 5) for x in range(100)]), path_case([(x * 2, 5) for x in range(77)])),
        ("L10", "W", path_case([(5, 5), (700, 5)]), path_case([(5, 5), (639, 5)])),
        ("L13", "W", path_case(TIMED), path_case(TIMED, timing="density")),
        (
            "L14",
            "W",
            path_case([(0.0, 0.0), (1.0, 1.0)]),
            path_case([(0.0, 0.0), (1.0, 0.9)], units="normalized"),
        ),
    ],
)
def test_what_the_path_told_is_reported(
    rule: str, severity: str, bad: dict[str, Any], good: dict[str, Any]
) -> None:
    problem = one(rule, **bad)
    assert problem.severity == severity
    assert problem.field == "dynamic_masks[0].trajectories"
    assert rule not in {r for _, r in found(**good)}


@pytest.mark.parametrize(
    ("bits", "state"),
    [(np.zeros((480, 640), dtype=bool), "nothing"), (np.ones((480, 640), dtype=bool), "everything")],
)
def test_l08_masks_that_select_nothing_or_everything(bits: np.ndarray, state: str) -> None:
    moving = one("L08", **brush_fields(MotionBrush(SIZE).dynamic(bits, [(5, 5), (90, 90)])))
    assert (moving.severity, state in moving.message) == ("E", True)
    still = one("L08", **brush_fields(MotionBrush(SIZE).static(bits)))
    assert (still.severity, state in still.message) == ("W", True)


def test_l09_a_path_that_starts_outside_its_mask() -> None:
    brush = MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(99, 150), (300, 150)], label="boat")
    problem = one("L09", **brush_fields(brush))
    assert problem.severity == "W"
    assert "boat" in problem.message
    inside = MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(100, 199), (300, 150)])
    assert found(**brush_fields(inside)) == []


def test_l09_sees_a_wire_path_the_right_way_up() -> None:
    # Bottom-left counting: y = 379 is row 100 of 480.
    brush = MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(150, 379), (300, 379)], units="wire")
    assert found(**brush_fields(brush)) == []
    flipped = MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(150, 150), (300, 150)], units="wire")
    assert found(**brush_fields(flipped)) == [("W", "L09")]


def test_l11_overlapping_masks() -> None:
    second = drawn().dynamic(box(190, 100, 260, 200), [(250, 150), (300, 150)])
    assert "1000 px" in one("L11", **brush_fields(second)).message
    frozen = drawn().static(box(0, 0, 101, 480))
    assert "static" in one("L11", **brush_fields(frozen)).message
    beside = drawn().static(box(0, 0, 100, 480))
    assert found(**brush_fields(beside)) == []


def test_l11_a_path_into_what_stays_still() -> None:
    ground = drawn().static(box(240, 0, 640, 480))
    problem = one("L11", **brush_fields(ground))
    assert problem.severity == "W"
    assert "leads into the static mask" in problem.message
    free = MotionBrush(SIZE).dynamic(box(100, 100, 200, 200), [(150, 150), (150, 330)])
    assert found(**brush_fields(free.static(box(240, 0, 640, 480)))) == []
    assert found(**brush_fields(free.freeze_rest())) == []


def test_l12_masks_and_paths_made_for_another_picture() -> None:
    brush = MotionBrush((500, 500)).dynamic(box(0, 0, 90, 90, (500, 500)), [(5, 5), (90, 90)])
    problems = [p for p in look(request(**brush_fields(brush)), provider="sandbox") if p.id == "L12"]
    assert {p.field for p in problems} == {"dynamic_masks[0].mask", "dynamic_masks[0].trajectories"}
    assert not any(p.forceable for p in problems)


def test_l12_a_mask_of_the_same_ratio_is_resized_on_sending() -> None:
    assert found(model_name="kling-v1", static_mask=Mask(box(0, 0, 90, 90, (1280, 960)))) == []


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (CameraControl(type="simple"), "no axis"),
        (CameraControl(type="simple", config=CameraConfig()), "no axis"),
        (CameraControl(type="simple", config=CameraConfig(zoom=1, pan=1)), "2 axes"),
        (CameraControl(type="simple", config=CameraConfig(zoom=10.5)), "outside"),
        (CameraControl(type="simple", config=CameraConfig(zoom=-11)), "outside"),
        (CameraControl(type="simple", config=CameraConfig(zoom=float("nan"))), "outside"),
        (CameraControl(type="forward_up", config=CameraConfig(zoom=1)), "no config"),
    ],
)
def test_l15_cameras_that_are_none(camera: CameraControl, words: str) -> None:
    problem = one("L15", model_name="kling-v1-5", mode="pro", camera_control=camera)
    assert problem.severity == "E"
    assert words in problem.message


@pytest.mark.parametrize("value", [10, -10, 0.01])
def test_l15_the_limits_are_allowed(value: float) -> None:
    camera = CameraControl(type="simple", config=CameraConfig(tilt=value))
    assert found(model_name="kling-v1-5", mode="pro", camera_control=camera) == []


@pytest.mark.parametrize(
    "image", [picture((299, 600)), picture((600, 299)), picture((1800, 300)), picture((300, 1800))]
)
def test_l16_pictures_the_service_would_fail(image: ImageRef) -> None:
    problems = [p for p in look(request(image=image)) if p.id == "L16"]
    assert problems
    assert all(p.blocks and p.fix for p in problems)


def test_l16_says_how_to_repair() -> None:
    assert "750x300" in one("L16", image=picture((1800, 300))).fix
    assert "300x750" in one("L16", image=picture((300, 1800))).fix
    assert "300x602" in one("L16", image=picture((299, 600))).fix


@pytest.mark.parametrize("size", [(300, 300), (750, 300), (300, 750), (4096, 4096)])
def test_l16_the_limits_are_allowed(size: tuple[int, int]) -> None:
    assert found(image=picture(size)) == []


def test_l16_the_ratio_rule_is_stated_for_the_start_frame_only() -> None:
    fields = {**ALIVE, "image_tail": picture((1800, 300))}
    assert {r for s, r in found(**fields) if s == "E"} == set()
    small = {**ALIVE, "image_tail": picture((299, 300))}
    assert one("L16", **small).field == "image_tail"


@pytest.mark.parametrize(
    ("nbytes", "expected"),
    [
        (7_500_000, []),
        (7_500_001, [("W", "L17")]),
        (10_000_000, [("W", "L17")]),
        (10_000_001, [("E", "L16")]),
    ],
)
def test_l16_and_l17_file_size(nbytes: int, expected: list[tuple[str, str]]) -> None:
    assert found(image=picture(nbytes=nbytes)) == expected


def test_l17_pictures_larger_than_any_output() -> None:
    assert found(image=picture((4097, 3000))) == [("W", "L17")]


def test_l18_conversions_are_told() -> None:
    image = picture(notes=("turned by its EXIF tag", "converted from WebP to PNG"))
    assert found(image=image) == [("I", "L18"), ("I", "L18")]


@pytest.mark.parametrize("name", ["prompt", "negative_prompt"])
def test_l19_characters_are_counted(name: str) -> None:
    problem = one("L19", **{name: "run " * 625 + "x"})
    assert (problem.severity, problem.field) == ("E", name)
    assert "2501" in problem.message
    assert found(**{name: "run " * 625}) == []


def test_l19_many_bytes_are_only_worth_a_warning() -> None:
    assert found(prompt="船" * 834) == [("W", "L19")]
    assert found(prompt="船" * 833) == []


def test_l20_an_empty_prompt() -> None:
    assert found(prompt="  ") == [("W", "L20")]
    assert found(prompt="", model_name="kling-v3") == [("E", "L20")]
    shots = {"multi_shot": True, "shot_type": "customize"}
    board = (Shot(index=1, prompt="a door opens", duration=5),)
    assert found(prompt="", model_name="kling-v3", multi_prompt=board, **shots) == []


@pytest.mark.parametrize(
    ("model", "warned"),
    [("kling-v1", False), ("kling-v1-6", False), ("kling-v2-1", True), ("kling-v3", True)],
)
def test_l21_guidance_without_documented_effect(model: str, warned: bool) -> None:
    assert found(model_name=model, cfg_scale=0.5) == ([("W", "L21")] if warned else [])
    assert found(model_name=model) == []


@pytest.mark.parametrize(("value", "refused"), [(-0.01, True), (0, False), (1, False), (1.01, True)])
def test_l22_range_of_guidance(value: float, refused: bool) -> None:
    assert (("E", "L22") in found(model_name="kling-v1", cfg_scale=value)) is refused


def test_l23_aspect_ratio_is_told_when_it_differs() -> None:
    assert found(aspect_ratio="16:9") == [("W", "L23")]
    assert found(aspect_ratio="4:3") == []
    assert found(image=ImageRef(url="https://example.com/a.jpg"), aspect_ratio="4:3") == [("W", "L23")]


def test_l24_problems_of_the_alias_layer_are_sorted_in() -> None:
    extra = normalize({"durration": 5}).problems
    told = look(request(prompt=""), extra=extra, provider="sandbox")
    assert [(p.severity, p.id) for p in told] == [("E", "L24"), ("W", "L20")]


@pytest.mark.parametrize("model", sorted(cap.retired_models()))
def test_l25_retired_on_the_official_hosts_only(model: str) -> None:
    problem = one("L25", "official", model_name=model)
    assert problem.blocks
    assert problem.forceable
    assert "sandbox" in problem.fix
    assert found(model_name=model) == []


def test_l25_says_when_and_how_sure() -> None:
    message = one("L25", "official", model_name="kling-v1").message
    assert "2026-09-20" in message
    assert "observed" in message
    assert "unverified" in one("L25", "official", model_name="kling-v2-1").message


def test_l25_offers_models_that_can_do_the_same() -> None:
    fix = one("L25", "official", model_name="kling-v1-6", mode="pro", **TAIL).fix
    assert fix.startswith("use kling-v2-5-turbo pro")


def test_l25_learned_during_the_session() -> None:
    facts = LintFacts(retired=frozenset({"kling-v2-6"}))
    assert one("L25", "official", facts, **ALIVE).blocks
    assert found("official", **ALIVE) == []


def test_l26_no_served_model_takes_masks() -> None:
    problem = one("L26", "official", **BRUSH)
    assert problem.message == "no model currently served by the official hosts accepts masks"
    assert problem.forceable
    assert "sandbox" in problem.fix
    assert "L26" not in {r for _, r in found("official")}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"voice_list": ("1",)}, "sound"),
        ({"voice_list": ("1",), "sound": "off"}, "sound"),
        ({"voice_list": ("1", "2", "3"), "sound": "on"}, "at most 2"),
    ],
)
def test_l28_voices(fields: dict[str, Any], words: str) -> None:
    assert words in one("L28", **ALIVE, **fields).message


def test_l28_elements() -> None:
    assert "at most 3" in one("L28", model_name="kling-v3", element_list=(1, 2, 3, 4)).message
    both = one("L28", model_name="kling-v3", element_list=(1,), voice_list=("1",), sound="on")
    assert "together" in both.message
    assert found(model_name="kling-v3", element_list=(1, 2, 3)) == []


def storyboard(*seconds: int, prompt: str = "a door opens") -> dict[str, Any]:
    shots = tuple(Shot(index=i, prompt=prompt, duration=s) for i, s in enumerate(seconds, start=1))
    return {
        "model_name": "kling-v3",
        "prompt": "",
        "multi_shot": True,
        "shot_type": "customize",
        "multi_prompt": shots,
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (storyboard(3, 4) | {"duration": 8}, "7 s together"),
        (storyboard(*[1] * 7) | {"duration": 7}, "7 shots"),
        (storyboard() | {"duration": 5}, "0 shots"),
        (storyboard(5, 0), "lasts 0 s"),
        (storyboard(5, prompt="x" * 513), "513 characters"),
        ({"model_name": "kling-v3", "multi_shot": True}, "missing shot_type"),
        ({"model_name": "kling-v3", "multi_shot": True, "shot_type": "auto"}, "'auto'"),
    ],
)
def test_l29_storyboards(fields: dict[str, Any], words: str) -> None:
    problem = one("L29", **fields)
    assert problem.blocks
    assert words in problem.message


def test_l29_a_good_storyboard() -> None:
    assert found(**storyboard(3, 5) | {"duration": 8}) == []
    assert found(**storyboard(5, prompt="x" * 512)) == []


def test_l29_storyboards_without_effect() -> None:
    assert one("L29", model_name="kling-v3", shot_type="customize").severity == "W"
    assert one("L29", **storyboard(5) | {"prompt": PROMPT}).severity == "I"


def test_l32_limits_for_one_clip() -> None:
    limits = LintFacts(clip_warn_units=Decimal(2), clip_limit_units=Decimal(3))
    assert found(facts=limits) == []
    assert one("L32", facts=limits, mode="pro").severity == "W"
    hard = one("L32", facts=limits, **ALIVE, sound="on")
    assert hard.blocks
    assert not hard.forceable


def test_l32_the_limit_itself_is_allowed() -> None:
    limit = Decimal("1.5")
    assert found(facts=LintFacts(clip_warn_units=limit, clip_limit_units=limit)) == []


def test_l32_an_unknown_price_does_not_pass_a_hard_limit() -> None:
    facts = LintFacts(clip_limit_units=Decimal(100), allow_unknown_model=True)
    assert one("L32", facts=facts, model_name="kling-v4").blocks


def test_l33_what_doubles_the_price() -> None:
    assert one("L33", **ALIVE, sound="on").field == "sound"
    assert one("L33", duration=10).field == "duration"
    assert found(model_name="kling-v3", sound="on") == []
    assert found(model_name="kling-v3", duration=9) == []


def test_l34_identical_request() -> None:
    problem = one("L34", facts=LintFacts(identical_run="r-0abc"))
    assert problem.severity == "I"
    assert "r-0abc" in problem.message
    assert "again=True" in problem.fix


def test_l38_frames_of_different_size() -> None:
    assert "ratios" in one("L38", **ALIVE, image_tail=picture((500, 500))).message
    assert "sizes" in one("L38", **ALIVE, image_tail=picture((1280, 960))).message
    assert found(**ALIVE, **TAIL) == []


SECRETS = [
    "api-key-kling-1a2b3c4d5e6f7a8b",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhay10ZXN0In0.tMljlG8Xy1G8AKj5Wk",
    "sk-sandbox-0123456789abcdef012345",
    "AKLTsandbox0000000000000000000001",
    "0123456789abcdef0123456789abcdef",
    "Bearer abcdefghijklmnopqrstuvwx",
    "password=hunter2hunter2",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", ["prompt", "negative_prompt"])
def test_l39_secret_looking_text_is_told_without_repeating_it(secret: str, name: str) -> None:
    problem = one("L39", **{name: f"the boat drifts {secret} left"})
    assert (problem.severity, problem.field) == ("I", name)
    assert secret not in repr(problem)
    assert secret[8:] not in repr(problem)


@pytest.mark.parametrize(
    "prompt", ["a token of love moves slowly", "the secret garden opens", "she says: <<<voice_1>>> runs"]
)
def test_l39_ordinary_words_are_no_secrets(prompt: str) -> None:
    assert found(prompt=prompt) == []


@pytest.mark.parametrize("prompt", ["a boat on a lake", "beautiful cat, 8k, masterpiece", "sunset"])
def test_l40_prompts_without_motion(prompt: str) -> None:
    assert found(prompt=prompt) == [("W", "L40")]


@pytest.mark.parametrize(
    "prompt",
    [
        "slow waves, soft wind blowing",
        "day turns to night",
        "the boat sails right",
        "camera pushes in",
        'She<<<voice_1>>> says: "good morning" and smiles',
        "leaves flutter",
        "the astronaut walks",
        "小船向左漂",
    ],
)
def test_l40_prompts_with_motion_or_in_another_script(prompt: str) -> None:
    assert found(prompt=prompt) == []


def test_l40_a_brush_or_a_camera_says_what_moves() -> None:
    assert found(prompt="a boat on a lake", **BRUSH) == []
    assert found(prompt="a boat", model_name="kling-v1-5", mode="pro", **CAMERA) == []


# ---- the linter as a whole --------------------------------------------------------------------------------


def test_everything_wrong_is_told_at_once_errors_first() -> None:
    told = look(
        request(
            model_name="kling-v2-6",
            mode="std",
            duration=10,
            image=picture((200, 200), notes=("converted",)),
            prompt="",
            cfg_scale=2,
            sound="on",
            **TAIL,
            **CAMERA,
        ),
        provider="official",
    )
    rules = {p.id for p in told}
    assert {"L01", "L02", "L16", "L18", "L20", "L21", "L22", "L38"} <= rules
    severities = [p.severity for p in told]
    assert severities == sorted(severities, key="EWI".index)


def test_every_error_says_what_to_do() -> None:
    told = look(
        request(
            model_name="kling-v1", mode="4k", duration=7, image=None, cfg_scale=5, prompt="x" * 3000, **BRUSH
        ),
        provider="official",
    )
    assert all(p.fix and p.field and p.message for p in told if p.blocks)


def test_the_same_finding_is_told_once() -> None:
    extra = look(request(prompt=""), provider="sandbox")
    assert len(look(request(prompt=""), extra=extra, provider="sandbox")) == len(extra)


def test_force_passes_what_the_service_can_judge_and_nothing_else() -> None:
    facts = LintFacts(clip_limit_units=Decimal(1))
    retired_brush = look(
        request(model_name="kling-v1", mode="pro", **BRUSH), provider="official", facts=facts
    )
    assert {p.id for p in blocking(retired_brush)} == {"L25", "L26", "L32"}
    assert {p.id for p in blocking(retired_brush, force=True)} == {"L32"}
    nothing = look(request(image=None, **BRUSH), provider="official")
    assert {p.id for p in blocking(nothing, force=True)} == {"L03", "L05"}


def test_linting_changes_nothing() -> None:
    asked = request(**BRUSH)
    before = asked.to_json()
    look(asked)
    assert asked.to_json() == before
