"""A door nobody has heard of: rules, defaults and prices follow its data alone, never its name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kling_nb import providers
from kling_nb.domain import capabilities as cap
from kling_nb.domain.aliases import normalize
from kling_nb.domain.brush import Mask
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.capabilities import DefaultModel, Grid
from kling_nb.domain.cost import Cost
from kling_nb.domain.door import EVERY_MODEL, FIELDS, Door
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import LintFacts, lint
from kling_nb.domain.problems import Problem, Severity, blocking
from kling_nb.domain.references import ReferenceImage, ReferenceVideo
from kling_nb.domain.request import VideoRequest, with_defaults
from kling_nb.domain.values import Shot

GRID = Grid.from_json(
    {
        "tulip-1": {"std": {"5": ["start"]}, "pro": {"5": ["start", "start_end", "audio"]}},
        "tulip-2": {"*": {"4-6": ["start", "multi_shot", "elements", "images", "video"]}},
    }
)
FIFTH = Door(
    name="tulip",
    title="Tulip",
    base_url="https://tulip.example",
    base_variables=("TULIP_BASE",),
    key_variables=("TULIP_KEY",),
    console_url="https://tulip.example/console",
    forms=("image2video",),
    grids={"image2video": GRID},
    callbacks=False,
    local_images=False,
    prompt_limit=50,
    negative_prompt_limit=20,
    prompt_limits={"tulip-2": 80},
    needs_prompt=frozenset({EVERY_MODEL}),
    currency="credits",
    fields=FIELDS - {"cfg_scale"},
)
BY_ADDRESS = ImageRef(url="https://example.com/a.jpg", source="https://example.com/a.jpg")
LOCAL = ImageRef(data=b"x", sha256="aa", width=640, height=480, format="PNG")
PROMPT = "the boat drifts"
BRUSH = {"static_mask": Mask(url="https://example.com/m.png")}


def ask(door: Door = FIFTH, **fields: Any) -> VideoRequest:
    return VideoRequest(**with_defaults({"image": BY_ADDRESS, "prompt": PROMPT} | fields, door))


def told(door: Door = FIFTH, facts: LintFacts | None = None, **fields: Any) -> dict[str, Problem]:
    """Return findings by rule; a rule that speaks twice is a mistake."""
    found = lint(ask(door, **fields), door=door, facts=facts)
    by_rule = {problem.id: problem for problem in found}
    assert len(by_rule) == len(found), found
    return by_rule


def test_an_ordinary_request_is_fine_and_the_newest_model_is_the_default() -> None:
    assert ask().model_name == "tulip-2"
    assert told() == {}


@pytest.mark.parametrize(
    ("fields", "rule", "words", "forceable"),
    [
        ({"model_name": "tulip-9"}, "L01", "unknown model 'tulip-9'", True),
        ({"model_name": "kling-v3"}, "L01", "Tulip has no kling-v3 for image-to-video", True),
        ({"image": None}, "L01", "Tulip does not offer text-to-video", False),
        ({"image": None, "video_id": "1"}, "L01", "Tulip does not offer video extension", False),
        ({"duration": 7}, "L01", "the length is 4 to 6 s", True),
        ({"model_name": "tulip-1", "sound": "on"}, "L01", "tulip-1 std 5 s does not offer sound", True),
        ({"camera_control": CameraControl.parse("zoom=3")}, "L01", "camera control", True),
        ({"cfg_scale": 0.3}, "L01", "Tulip has no place for cfg_scale", True),
        ({"upstream": "fal"}, "L01", "Tulip has no place for upstream", True),
        ({"callback_url": "https://x.example"}, "L01", "Tulip calls nobody back", True),
        ({"external_task_id": "a"}, "L24", "Tulip takes no id of ours", True),
        ({"image": LOCAL}, "L31", "image is a local picture, and Tulip takes http(s) addresses", False),
        (BRUSH, "L26", "Tulip has no fields for masks", False),
        ({"prompt": ""}, "L20", "tulip-2 refuses that", True),
        ({"prompt": "the boat drifts " * 6}, "L19", "16 more than 80", True),
        ({"prompt": "the boat drifts " * 4, "model_name": "tulip-1"}, "L19", "14 more than 50", True),
        ({"negative_prompt": "b" * 21}, "L19", "1 more than 20", True),
        ({"aspect_ratio": "1:1"}, "L23", "not sent", True),
    ],
)
def test_what_it_lacks_is_told_by_its_own_name(
    fields: dict[str, Any], rule: str, words: str, forceable: bool
) -> None:
    problem = told(**fields)[rule]
    assert words in problem.message
    assert problem.forceable is forceable
    assert problem.fix


def test_zero_is_a_value_and_not_absent() -> None:
    assert "cfg_scale" in told(cfg_scale=0.0)["L01"].message
    assert told(replace(FIFTH, fields=FIELDS), cfg_scale=0.0) == {}


def test_what_another_door_has_is_named() -> None:
    other = replace(FIFTH, name="rose", title="Rose", fields=FIELDS | {"upstream"}, brush=True)
    facts = LintFacts(doors=lambda: (FIFTH, other))
    assert "provider='rose' offers it" in told(facts=facts, upstream="fal")["L01"].fix
    assert "provider='rose' offers it" in told(facts=facts, **BRUSH)["L26"].fix


def test_an_uploader_lets_local_pictures_in() -> None:
    problem = told(facts=LintFacts(uploader=True), image=LOCAL)["L31"]
    assert (problem.severity, "your uploader" in problem.message) == ("I", True)


def test_service_defaults_that_are_switched_off_are_told() -> None:
    loud = replace(FIFTH, sounding=frozenset({"tulip-1"}), storyboarding=frozenset({"tulip-2"}))
    assert told(loud, model_name="tulip-1", mode="pro")["L27"].severity == "W"
    assert "L27" not in told(loud, model_name="tulip-1", mode="std")
    assert "L27" not in told(loud, model_name="tulip-1", mode="pro", sound="off")
    assert told(loud)["L30"].severity == "W"
    assert "L30" not in told(loud, multi_shot=True, shot_type="intelligence")


def test_the_price_of_sound_is_told_in_what_the_door_bills() -> None:
    loud = replace(FIFTH, sounding=frozenset({"tulip-1"}))
    prices = {"on": Decimal(9), "off": Decimal(3), None: Decimal(3)}

    def estimate(asked: VideoRequest) -> Cost:
        return Cost(prices[asked.sound] * asked.duration, None, "user", currency="credits")

    asked = ask(loud, model_name="tulip-1", mode="pro")
    messages = {p.id: p.message for p in lint(asked, door=loud, estimate=estimate)}
    assert "15 instead of 45 credits" in messages["L27"]
    sounding = ask(loud, model_name="tulip-1", mode="pro", sound="on")
    messages = {p.id: p.message for p in lint(sounding, door=loud, estimate=estimate)}
    assert messages["L33"] == "sound raises the price from 15 to 45 credits"


def test_a_limit_in_units_does_not_let_credits_through() -> None:
    facts = LintFacts(clip_limit_units=Decimal(1000))
    problem = told(facts=facts)["L32"]
    assert problem.blocks
    assert not problem.forceable


def test_what_the_door_says_itself_replaces_the_general_words() -> None:
    own = Problem("L31", Severity.ERROR, "image", "Tulip is picky", forceable=False)
    found = lint(ask(image=LOCAL), door=FIFTH, extra=[own])
    assert [p.message for p in found if p.id == "L31"] == ["Tulip is picky"]
    milder = replace(own, severity=Severity.INFO)
    assert len([p for p in lint(ask(image=LOCAL), door=FIFTH, extra=[milder]) if p.id == "L31"]) == 2


def test_retirement_holds_where_the_table_holds() -> None:
    grid = Grid.from_json({"kling-v1": {"std": {"5": ["start", "brush"]}}})
    dated = replace(FIFTH, grids={"image2video": grid}, retires=True, brush=True)
    assert {"L25", "L26"} <= set(told(dated, **BRUSH))
    assert not {"L25", "L26"} & set(told(dated.rehearsed(), **BRUSH))


def test_a_rehearsal_may_have_other_defaults() -> None:
    door = replace(
        FIFTH,
        defaults={"image2video": DefaultModel("tulip-1", "pro", 5)},
        local_defaults={"brush": DefaultModel("tulip-2", None, 4)},
    )
    assert door.default("image2video", brush=True) == ("tulip-1", "pro", 5)
    assert door.rehearsed().default("image2video", brush=True) == ("tulip-2", None, 4)
    assert door.default("text2video") == ("tulip-1", "pro", 5)


# spec/capabilities.md §5, last table
@pytest.mark.parametrize(
    ("provider", "ordinary", "brush"),
    [
        ("sandbox", ("kling-v2-5-turbo", "std", 5), ("kling-v1", "pro", 5)),
        ("official", ("kling-v2-5-turbo", "std", 5), ("kling-v2-5-turbo", "std", 5)),
        ("acedata", ("kling-v2-6", "std", 5), ("kling-v2-6", "std", 5)),
        ("aimlapi", ("kling-v2-5-turbo", "pro", 5), ("kling-v1", "std", 5)),
    ],
)
def test_default_models(provider: str, ordinary: tuple[str, str, int], brush: tuple[str, str, int]) -> None:
    door = providers.get(provider).door
    assert door.default("image2video") == ordinary
    assert door.default("image2video", brush=True) == brush


@pytest.mark.parametrize("name", providers.names())
def test_no_default_is_retired(name: str) -> None:
    door = providers.get(name).door
    retired = cap.retired_models(name, dated=door.retires)
    assert not {door.default("image2video", brush=brush).model for brush in (True, False)} & retired


# --- forms -------------------------------------------------------------------------------------------------

SANDBOX = providers.get("sandbox").door


def sandbox(**fields: Any) -> list[tuple[str, str]]:
    asked = VideoRequest(**with_defaults({"prompt": PROMPT} | fields, SANDBOX))
    return [(p.severity.value, p.id) for p in lint(asked, door=SANDBOX, provider="sandbox")]


WORDS_ALONE = ("I", "L03")


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1"])
def test_words_alone_take_three_ratios(ratio: str) -> None:
    assert sandbox(aspect_ratio=ratio) == [WORDS_ALONE]


def test_words_alone_get_the_documented_ratio_in_plain_view() -> None:
    assert VideoRequest(**with_defaults({"prompt": PROMPT}, SANDBOX)).aspect_ratio == "16:9"
    with_picture = with_defaults({"prompt": PROMPT, "image": LOCAL}, SANDBOX)
    assert "aspect_ratio" not in with_picture


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"aspect_ratio": "4:3"}, ("E", "L23")),
        ({"model_name": "kling-v1-5"}, ("E", "L01")),
        ({"model_name": "kling-v2-1"}, ("E", "L01")),
        (
            {"model_name": "kling-v1", "camera_control": CameraControl(type="down_back"), "mode": "pro"},
            ("E", "L01"),
        ),
        ({"model_name": "kling-v2-6", "mode": "std", "sound": "on"}, ("E", "L01")),
        ({"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "voice_list": ("1",)}, ("E", "L01")),
        ({"prompt": ""}, ("E", "L20")),
    ],
)
def test_words_alone_cannot_have_everything(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in sandbox(**fields)


@pytest.mark.parametrize("kind", ["down_back", "forward_up", "right_turn_forward", "left_turn_forward"])
def test_the_first_model_turns_words_into_any_camera(kind: Any) -> None:
    found = sandbox(model_name="kling-v1", mode="std", camera_control=CameraControl(type=kind))
    assert found == [WORDS_ALONE]
    assert sandbox(model_name="kling-v1", camera_control=CameraControl.parse("zoom=2")) == [WORDS_ALONE]


def test_a_storyboard_needs_no_prompt() -> None:
    shots = (Shot(index=1, prompt="a door opens", duration=5),)
    assert sandbox(model_name="kling-v3", prompt="", multi_prompt=shots) == [WORDS_ALONE]


EXTEND = {"video_id": "829611701234567890"}


@pytest.mark.parametrize("model", ["kling-v1", "kling-v1-5", "kling-v1-6"])
@pytest.mark.parametrize("seconds", [5, 10])
def test_clips_of_the_first_generation_can_be_made_longer(model: str, seconds: int) -> None:
    assert sandbox(model_name=model, duration=seconds, **EXTEND) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model_name": "kling-v2-6"}, ("E", "L01")),
        ({"image": LOCAL}, ("E", "L02")),
        (BRUSH, ("E", "L02")),
        ({"camera_control": CameraControl.parse("zoom=2")}, ("E", "L02")),
        ({"sound": "on"}, ("W", "L02")),
        ({"model_name": "kling-v1", "negative_prompt": "blur"}, ("E", "L01")),
        ({"model_name": "kling-v1", "cfg_scale": 0.0}, ("E", "L01")),
        ({"prompt": ""}, ("I", "L20")),
        ({"prompt": "x" * 2501}, ("E", "L19")),
    ],
)
def test_extensions_follow_the_video(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in sandbox(**EXTEND | fields)


def test_identities_tell_forms_and_references_apart() -> None:
    asked = [
        {"prompt": PROMPT},
        {"prompt": PROMPT, "image": LOCAL},
        {"prompt": PROMPT, **EXTEND},
        {"prompt": PROMPT, "video_id": "2"},
        {"prompt": PROMPT, "aspect_ratio": "1:1"},
        {"prompt": PROMPT, "upstream": "kling"},
        {"prompt": PROMPT, "elements": ({"frontal_image_url": "https://x/a.png"},)},
        {"prompt": PROMPT, "image_list": (ReferenceImage(image_url="https://x/a.png"),)},
        {"prompt": PROMPT, "image_list": (ReferenceImage(image_url="https://x/a.png", type="end_frame"),)},
        {"prompt": PROMPT, "video_list": (ReferenceVideo(video_url="https://x/a.mp4"),)},
        {
            "prompt": PROMPT,
            "video_list": (ReferenceVideo(video_url="https://x/a.mp4", refer_type="feature"),),
        },
    ]
    requests = [VideoRequest(model_name="kling-v3", **fields) for fields in asked]
    assert len({request.identity("official") for request in requests}) == len(requests)
    for request in requests[4:]:
        assert VideoRequest.from_json(request.to_json(), None, None) == request  # type: ignore[arg-type]  # no media


# --- reference material ------------------------------------------------------------------------------------

VIDEO = {"video_url": "https://x.example/v.mp4"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([VIDEO], {"refer_type": "base", "keep_original_sound": None}),
        (VIDEO, {"refer_type": "base", "keep_original_sound": None}),
        ("https://x.example/v.mp4", {"refer_type": "base", "keep_original_sound": None}),
        (
            [VIDEO | {"refer_type": "feature", "keep_original_sound": False}],
            {"refer_type": "feature", "keep_original_sound": "no"},
        ),
    ],
)
def test_reference_videos(value: Any, expected: dict[str, Any]) -> None:
    (video,) = normalize({"video_list": value}).params["video_list"]
    assert video.model_dump() == VIDEO | expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("video_list", [{"video_url": "v.mp4"}], "http:// or https://"),
        ("video_list", [VIDEO | {"refer_type": "both"}], "base or feature"),
        ("video_list", [VIDEO | {"loop": True}], "loop is not known"),
        ("video_list", [3], "an address or an object"),
        ("image_list", ["a.png"], "http:// or https://"),
        ("image_list", [{"image_url": "https://x/a.png", "type": "middle"}], "first_frame or end_frame"),
        ("elements", ["a", {"name": "cat"}], "each element is an object"),
        ("upstream", "azure", "none of the services"),
        ("advanced_camera_control", {"movement_type": "zoom"}, "movement_type and movement_value"),
        ("advanced_camera_control", {"movement_type": "fly", "movement_value": 1}, "not a camera axis"),
    ],
)
def test_unusable_reference_material_is_refused(name: str, value: Any, words: str) -> None:
    (problem,) = normalize({name: value}).problems
    assert words in f"{problem.message} {problem.fix}" or "auto, kling or fal" in problem.fix
    assert problem.blocks


def test_elements_that_are_ids_and_elements_that_are_objects() -> None:
    assert normalize({"elements": [{"element_id": 7}, 8]}).params == {"element_list": (7, 8)}
    objects = [{"frontal_image_url": "https://x/a.png"}]
    assert normalize({"elements": objects}).params == {"elements": (objects[0],)}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"video_list": (ReferenceVideo(**VIDEO),) * 2}, "at most 1"),
        ({"image_list": (ReferenceImage(image_url="https://x/a.png"),) * 8}, "at most 7"),
        ({"element_list": (1, 2), "elements": ({"a": 1}, {"b": 2})}, "at most 3"),
    ],
)
def test_reference_material_is_limited_in_number(fields: dict[str, Any], words: str) -> None:
    door = replace(FIFTH, fields=FIELDS | {"video_list", "image_list", "elements"})
    problems = lint(ask(door, **fields), door=door)
    assert any(words in p.message and p.blocks for p in problems if p.id == "L28")


def test_a_reference_video_excludes_sound_and_a_base_video_the_frames() -> None:
    door = replace(FIFTH, fields=FIELDS | {"video_list"})
    base, feature = (ReferenceVideo(**VIDEO, refer_type=kind) for kind in ("base", "feature"))
    assert "base video and image" in told(door, video_list=(base,))["L28"].message
    assert "L28" not in told(door, video_list=(feature,))
    assert "sound" in told(door, video_list=(feature,), sound="on")["L28"].message


def test_shots_without_words_or_without_effect() -> None:
    shots = (Shot(index=1, prompt=" ", duration=5),)
    assert "shot 1 has no words" in told(multi_prompt=shots, duration=5, prompt="")["L29"].message
    idle = told(
        multi_prompt=(Shot(index=1, prompt="x", duration=5),), shot_type="intelligence", multi_shot=True
    )
    assert (idle["L29"].severity, "not used" in idle["L29"].message) == ("W", True)


def test_shots_without_lengths() -> None:
    shots = normalize({"multi_prompt": ["a door opens", "a hall"]}).params["multi_prompt"]
    assert "no lengths" in told(multi_prompt=shots, prompt="")["L29"].message
    assert "L29" not in told(
        replace(FIFTH, untimed_shots=frozenset({"tulip-2"})), multi_prompt=shots, prompt=""
    )


def test_force_cannot_send_what_has_no_place_at_all() -> None:
    for fields in (BRUSH, {"image": LOCAL}, {"image": None}):
        assert blocking(lint(ask(**fields), door=FIFTH), force=True)
    assert not blocking(lint(ask(cfg_scale=0.5), door=FIFTH), force=True)
