"""The four source systems, a row a parameter: what each page promises and what leaves through each door.

Transcribed from the pages as ``spec/gateways.md`` §5 gives them, not from the code. A row holds the
parameter under the name its page uses; ``ours`` says the same in our words and must give the same body.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pytest
from quick_sessions import textured_picture

from kling_nb.magics.call import read_call
from kling_nb.magics.generate import common_request
from kling_nb.session import Session

U: Final = "https://example.com/boat.jpg"
T: Final = "https://example.com/harbour.jpg"
M: Final = "https://example.com/mask.png"
WORDS: Final = "the boat drifts left"
BASE: Final = {"image_url": U, "prompt": WORDS}
V3: Final = {"model_name": "kling-v3"}
TURBO: Final = {"model_name": "kling-v2-5-turbo", "mode": "pro"}
V16: Final = {"model_name": "kling-v1-6", "mode": "pro"}
V1: Final = {"model_name": "kling-v1", "mode": "std"}
ABSENT: Final = None
TALL: Final = (720, 1280)
SPOT: Final = np.pad(np.ones((200, 200), bool), ((540, 540), (260, 260)))


@dataclass(frozen=True)
class No:
    """Refused before sending, in these words."""

    words: str


@dataclass(frozen=True)
class Forced:
    """Refused by exactly these rules, and sent like this with ``force=True``."""

    rules: frozenset[str]
    wire: Mapping[str, Any]


def retired(**wire: Any) -> Forced:
    return Forced(frozenset({"L25"}), wire)


def no_brush(**wire: Any) -> Forced:
    return Forced(frozenset({"L25", "L26"}), wire)


Outcome = Mapping[str, Any] | No | Forced


@dataclass(frozen=True)
class Row:
    """A parameter of a page, with a value of it, and the outcome at each door."""

    name: str
    given: Mapping[str, Any]
    official: Outcome
    acedata: Outcome
    aimlapi: Outcome
    ours: Mapping[str, Any] | None = None
    base: Mapping[str, Any] = field(default_factory=lambda: BASE)


def same(**wire: Any) -> tuple[Outcome, Outcome, Outcome]:
    return wire, wire, wire


LONG_NEGATIVE: Final = "blur " * 41
SHOTS: Final = [
    {"index": 1, "prompt": "a door opens", "duration": 2},
    {"index": 2, "prompt": "a hall", "duration": 3},
]
OFFICIAL_SHOTS: Final = [shot | {"duration": str(shot["duration"])} for shot in SHOTS]
VIDEO: Final = [
    {"video_url": "https://example.com/v.mp4", "refer_type": "feature", "keep_original_sound": "yes"}
]
CAMERA_1: Final = '{"type": "simple", "config": {"zoom": 0.5}}'


def simple(**moving: float) -> dict[str, Any]:
    """Return a camera of one axis as it is written: all six keys."""
    still = dict.fromkeys(("horizontal", "vertical", "pan", "tilt", "roll", "zoom"), 0.0)
    return {"type": "simple", "config": still | moving}


ZOOM_OFFICIAL: Final = simple(zoom=5)
ZOOM_ACEDATA: Final = simple(zoom=0.5)
# spec/official-api.md §5.3
SKILL_PATH: Final = [
    {"x": 0.5, "y": 0.7, "t": 0},
    {"x": 0.5, "y": 0.5, "t": 0.5},
    {"x": 0.5, "y": 0.3, "t": 1},
]
SKILL_WIRE: Final = [{"x": 360, "y": 384}, {"x": 360, "y": 639}, {"x": 360, "y": 895}]
LOCAL: Final = {"image": "tall", "prompt": WORDS}

MCP_KLING: Final = (
    Row("image_url", {}, {"image": U}, {"start_image_url": U}, {"image_url": U}, {"image": U}),
    Row(
        "image_tail_url",
        V3 | {"image_tail_url": T},
        {"image": U, "image_tail": T},
        {"start_image_url": U, "end_image_url": T},
        {"image_url": U, "tail_image_url": T},
        V3 | {"image_tail": T},
    ),
    Row("prompt", {}, *same(prompt=WORDS)),
    Row("negative_prompt", {"negative_prompt": "blur"}, *same(negative_prompt="blur")),
    Row("negative_prompt", {"negative_prompt": ""}, *same(negative_prompt=ABSENT)),
    Row(
        "negative_prompt",
        {"negative_prompt": LONG_NEGATIVE},
        {"negative_prompt": LONG_NEGATIVE},
        No("205 characters, 5 more than 200"),
        {"negative_prompt": LONG_NEGATIVE},
    ),
    Row(
        "model_name",
        {"model_name": "kling-v1"},
        retired(model_name="kling-v1"),
        {"model": "kling-v1"},
        {"model": "kling-video/v1/standard/image-to-video"},
    ),
    Row(
        "model_name",
        {"model_name": "kling-v1.5"},
        retired(model_name="kling-v1-5"),
        No("AceData has no kling-v1-5"),
        {"model": "kling-video/v1.5/standard/image-to-video"},
        {"model_name": "kling-v1-5"},
    ),
    Row(
        "model_name",
        {"model_name": "kling-v1.6"},
        retired(model_name="kling-v1-6"),
        {"model": "kling-v1-6"},
        {"model": "kling-video/v1.6/standard/image-to-video"},
        {"model_name": "kling-v1-6"},
    ),
    Row(
        "model_name",
        {"model_name": "kling-v2-master"},
        retired(model_name="kling-v2-master", mode=ABSENT),
        {"model": "kling-v2-master"},
        {"model": "klingai/v2-master-image-to-video"},
    ),
    Row("duration", {"duration": "5"}, {"duration": "5"}, {"duration": 5}, {"duration": 5}, {"duration": 5}),
    Row(
        "duration",
        {"duration": "10"},
        {"duration": "10"},
        {"duration": 10},
        {"duration": 10},
        {"duration": 10},
    ),
    Row(
        "mode",
        V3 | {"mode": "standard"},
        {"mode": "std"},
        {"mode": "std"},
        {"model": "klingai/video-v3-standard-image-to-video", "mode": ABSENT},
        V3 | {"mode": "std"},
    ),
    Row(
        "mode",
        V3 | {"mode": "Professional"},
        {"mode": "pro"},
        {"mode": "pro"},
        {"model": "klingai/video-v3-pro-image-to-video", "mode": ABSENT},
        V3 | {"mode": "pro"},
    ),
    Row("cfg_scale", {"cfg_scale": 0.5}, *same(cfg_scale=0.5), {"cfg": 0.5}),
    Row("cfg_scale", {"cfg_scale": 0}, *same(cfg_scale=0)),
    Row("cfg_scale", {}, *same(cfg_scale=ABSENT)),
    Row("cfg_scale", {"cfg_scale": 1.1}, *(No("outside 0...1"),) * 3),
    Row(
        "aspect_ratio",
        {"aspect_ratio": "16:9"},
        {"aspect_ratio": ABSENT},
        {"aspect_ratio": "16:9"},
        {"aspect_ratio": ABSENT},
    ),
)

ACEDATA_MCP: Final = (
    Row("prompt", {}, *same(prompt=WORDS)),
    Row(
        "start_image_url",
        {"start_image_url": U},
        {"image": U},
        {"start_image_url": U, "action": "image2video", "async": True},
        {"image_url": U},
        {"image": U},
        {"prompt": WORDS},
    ),
    Row(
        "end_image_url",
        V3 | {"end_image_url": T},
        {"image_tail": T},
        {"end_image_url": T},
        {"tail_image_url": T},
        V3 | {"tail": T},
    ),
    Row(
        "end_image_url",
        V16 | {"end_image_url": T},
        retired(image=ABSENT, image_tail=T),
        No("an end frame alone"),
        No("an end frame alone"),
        V16 | {"image_tail": T},
        {"prompt": WORDS},
    ),
    Row(
        "model",
        {"model": "kling-v2-6"},
        {"model_name": "kling-v2-6"},
        {"model": "kling-v2-6", "mode": "std"},
        No("nearest: klingai/video-v2-6-pro-image-to-video"),
        {"model_name": "kling-v2-6"},
    ),
    Row(
        "model",
        {"model": "kling-v3-turbo"},
        No("kling-3.0-turbo is served by the new API only"),
        {"model": "kling-v3-turbo"},
        {"model": "klingai/video-v3-standard-turbo-image-to-video"},
        {"model_name": "kling-3.0-turbo"},
    ),
    Row(
        "model",
        {"model": "kling-o1"},
        No("official Kling API has no kling-video-o1"),
        {"model": "kling-o1"},
        {"model": "klingai/video-o1-image-to-video"},
        {"model_name": "kling-video-o1"},
    ),
    Row(
        "mode",
        {"model": "kling-v3", "mode": "4k"},
        {"mode": "4k"},
        {"mode": "4k"},
        No("no id for kling-v3 4k"),
    ),
    Row(
        "aspect_ratio",
        {"aspect_ratio": "9:16"},
        {"aspect_ratio": ABSENT},
        {"aspect_ratio": "9:16"},
        {"aspect_ratio": ABSENT},
    ),
    Row("aspect_ratio", {"aspect_ratio": "4:3"}, {"aspect_ratio": ABSENT}, No("aspect_ratio=4:3"), {}),
    Row("duration", V3 | {"duration": 7}, {"duration": "7"}, {"duration": 7}, {"duration": 7}),
    Row("duration", TURBO | {"duration": 7}, *(No("the length is 5 or 10 s"),) * 3),
    Row(
        "generate_audio",
        {"model": "kling-v2-6", "mode": "pro", "generate_audio": True},
        {"sound": "on"},
        {"generate_audio": True},
        {"generate_audio": True},
        {"model": "kling-v2-6", "mode": "pro", "sound": "on"},
    ),
    Row(
        "generate_audio",
        V3 | {"generate_audio": False},
        {"sound": "off"},
        {"generate_audio": False},
        {"generate_audio": False},
        V3 | {"sound": "off"},
    ),
    Row("generate_audio", V3, {"sound": ABSENT}, {"generate_audio": ABSENT}, {"generate_audio": False}),
    Row("generate_audio", TURBO | {"generate_audio": True}, *(No("does not offer sound"),) * 3),
    Row(
        "negative_prompt",
        {"negative_prompt": "b" * 200},
        *same(negative_prompt="b" * 200),
        {"negative": "b" * 200},
    ),
    Row("cfg_scale", {"cfg_scale": 1}, *same(cfg_scale=1)),
    Row(
        "camera_control",
        V1 | {"camera_control": CAMERA_1, "camera_scale": 1},
        retired(camera_control=ZOOM_OFFICIAL),
        {"action": "text2video", "camera_control": ZOOM_ACEDATA},
        {"advanced_camera_control": {"movement_type": "zoom", "movement_value": 5}, "camera_control": ABSENT},
        V1 | {"camera": "zoom=5"},
        {"prompt": WORDS},
    ),
    Row(
        "camera_control",
        V1 | {"camera_control": CAMERA_1, "camera_scale": 1},
        Forced(frozenset({"L01", "L25"}), {"camera_control": ZOOM_OFFICIAL}),
        No("does not offer camera control"),
        {"camera_control": ZOOM_OFFICIAL},
        V1 | {"camera_control": {"zoom": 5}},
    ),
    Row(
        "element_list",
        V3 | {"element_list": [{"element_id": 829836802793406551}]},
        {"element_list": [{"element_id": 829836802793406551}]},
        {"element_list": [{"element_id": 829836802793406551}]},
        {"elements": [{"element_id": 829836802793406551}], "element_list": ABSENT},
        V3 | {"element_list": [829836802793406551]},
    ),
    Row(
        "video_list",
        {"model": "kling-v3-omni", "video_list": VIDEO},
        No("no place for video_list"),
        {"video_list": VIDEO},
        No("does not offer a reference video"),
    ),
    Row(
        "video_list",
        {"model": "kling-v3-omni", "video_list": VIDEO * 2},
        No("no place for video_list"),
        No("2 entries in video_list, at most 1"),
        No("reference video"),
    ),
    Row("timeout", {"timeout": 300}, *same(timeout=ABSENT)),
    Row(
        "callback_url",
        {"callback_url": "https://me.example/kling"},
        {"callback_url": "https://me.example/kling"},
        {"callback_url": "https://me.example/kling"},
        No("calls nobody back"),
    ),
    # The wire of §2.1 has more fields than the tool.
    Row(
        "image_list",
        {"model": "kling-v3-omni", "image_list": [{"image_url": T}]},
        No("no place for image_list"),
        {"image_list": [{"image_url": T}]},
        No("does not offer reference pictures"),
    ),
    Row(
        "voice_list",
        {
            "model": "kling-v2-6",
            "mode": "pro",
            "generate_audio": True,
            "voice_list": [{"voice_id": "89"}],
            "prompt": "she says<<<voice_1>>> hello and waves",
        },
        {"voice_list": [{"voice_id": "89"}], "sound": "on"},
        {"voice_list": [{"voice_id": "89"}], "generate_audio": True},
        No("does not offer specified voices"),
        base={"image_url": U},
    ),
    Row(
        "multi_shot",
        V3 | {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS},
        {"multi_shot": True, "shot_type": "customize", "multi_prompt": OFFICIAL_SHOTS},
        {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS},
        {"multi_shot": ABSENT, "shot_type": "customize", "multi_prompt": ["a door opens", "a hall"]},
        V3 | {"multi_prompt": SHOTS},
        {"image_url": U},
    ),
    Row(
        "video_id",
        {"model": "kling-v1-6", "video_id": "900798310464749610"},
        retired(video_id="900798310464749610", model_name=ABSENT),
        {"action": "extend", "video_id": "900798310464749610", "model": "kling-v1-6"},
        No("does not offer video extension"),
        base={"prompt": WORDS},
    ),
)

AIMLAPI: Final = (
    Row(
        "model",
        {"model": "kling-video/v1/standard/image-to-video"},
        retired(model_name="kling-v1", mode="std"),
        {"model": "kling-v1", "mode": "std"},
        {"model": "kling-video/v1/standard/image-to-video"},
        V1,
    ),
    Row(
        "model",
        {"model": "kling-video/v1/standard/text-to-video"},
        retired(model_name="kling-v1", mode="std"),
        {"model": "kling-v1", "mode": "std", "action": "text2video"},
        {"model": "kling-video/v1/standard/text-to-video"},
        V1,
        {"prompt": WORDS},
    ),
    Row(
        "model",
        {"model": "kling-video/v1/pro/image-to-video", "mode": "std"},
        *(No("model and mode both set mode"),) * 3,
    ),
    Row("image_url", V1, retired(image=U), {"start_image_url": U}, {"image_url": U}),
    Row("prompt", V1, retired(prompt=WORDS), {"prompt": WORDS}, {"prompt": WORDS}),
    Row(
        "prompt",
        V1,
        retired(prompt=ABSENT),
        No("prompt is empty; kling-v1 refuses that"),
        {"prompt": ABSENT},
        base={"image_url": U},
    ),
    Row(
        "tail_image_url",
        V1 | {"tail_image_url": T},
        retired(image_tail=T),
        {"end_image_url": T},
        {"tail_image_url": T},
        V1 | {"image_tail": T},
    ),
    Row(
        "tail_image_url",
        V1 | {"tail_image_url": T, "duration": 10},
        Forced(frozenset({"L01", "L25"}), {"image_tail": T, "duration": "10"}),
        No("kling-v1 std 10 s does not offer an end frame"),
        {"tail_image_url": T, "duration": 10},
    ),
    Row("duration", V1 | {"duration": 10}, retired(duration="10"), {"duration": 10}, {"duration": 10}),
    Row(
        "negative_prompt",
        V1 | {"negative_prompt": "blur"},
        retired(negative_prompt="blur"),
        *same(negative_prompt="blur")[1:],
    ),
    Row("cfg_scale", V1 | {"cfg_scale": 0.7}, retired(cfg_scale=0.7), *same(cfg_scale=0.7)[1:]),
    Row(
        "static_mask",
        V1 | {"static_mask": M},
        no_brush(static_mask=M),
        No("AceData has no fields for masks"),
        {"static_mask": M},
        V1 | {"freeze": M},
    ),
    Row(
        "dynamic_masks",
        V1 | {"dynamic_masks": [{"mask": SPOT, "trajectories": SKILL_WIRE}], "units": "wire"},
        no_brush(dynamic_masks=SKILL_WIRE),
        No("AceData has no fields for masks"),
        {"dynamic_masks": SKILL_WIRE},
        base=LOCAL,
    ),
    Row(
        "camera_control",
        V1 | {"camera_control": {"type": "simple", "config": {"zoom": 5}}},
        Forced(frozenset({"L01", "L25"}), {"camera_control": ZOOM_OFFICIAL}),
        No("does not offer camera control"),
        {"camera_control": ZOOM_OFFICIAL},
        V1 | {"camera": "zoom=5"},
    ),
    Row(
        "generation_id",
        {"generation_id": "nJ8Xcj0YCh8jZL1noqiZH"},
        *(No("unknown parameter 'generation_id'"),) * 3,
    ),
    # Of the other ids (§3.3).
    Row(
        "provider_route",
        TURBO | {"provider_route": "kling"},
        No("no place for upstream"),
        No("no place for upstream"),
        {"provider": "kling"},
        TURBO | {"upstream": "kling"},
    ),
    Row(
        "elements",
        V3 | {"elements": [{"frontal_image_url": T}]},
        No("no place for elements"),
        No("no place for elements"),
        {"elements": [{"frontal_image_url": T}]},
    ),
    Row(
        "multi_prompt",
        V3 | {"multi_prompt": ["a door opens", "a hall"]},
        No("the shots have no lengths"),
        No("the shots have no lengths"),
        {"multi_prompt": ["a door opens", "a hall"], "shot_type": "customize"},
        base={"image_url": U},
    ),
    Row(
        "shot_type",
        V3 | {"multi_shot": True, "shot_type": "intelligent"},
        {"shot_type": "intelligence", "multi_shot": True},
        {"shot_type": "intelligence", "multi_shot": True},
        {"shot_type": "intelligent"},
        V3 | {"multi_shot": True, "shot_type": "intelligence"},
    ),
    Row(
        "last_image_url",
        {"model": "klingai/video-o1-image-to-video", "last_image_url": T},
        No("no kling-video-o1"),
        {"end_image_url": T},
        {"last_image_url": T},
        {"model": "kling-o1", "end_image": T},
    ),
    Row(
        "advanced_camera_control",
        V1 | {"advanced_camera_control": {"movement_type": "pan", "movement_value": -3}},
        retired(
            camera_control=simple(pan=-3),
        ),
        {"camera_control": simple(pan=-0.3)},
        {"advanced_camera_control": {"movement_type": "pan", "movement_value": -3}},
        V1 | {"camera": "pan=-3"},
        {"prompt": WORDS},
    ),
    Row(
        "camera_control",
        V1 | {"camera_control": "forward_up"},
        retired(camera_control={"type": "forward_up"}),
        {"camera_control": {"type": "forward_up"}},
        {"camera_control": "forward_up"},
        base={"prompt": WORDS},
    ),
)

SKILL: Final = (
    Row(
        "model_name",
        {"model_name": "kling-v2-1"},
        retired(model_name="kling-v2-1"),
        No("AceData has no kling-v2-1"),
        {"model": "kling-video/v2.1/standard/image-to-video"},
    ),
    Row(
        "image", {"image": U}, {"image": U}, {"start_image_url": U}, {"image_url": U}, base={"prompt": WORDS}
    ),
    Row("image", {}, {}, No("takes http(s) addresses only"), {}, base=LOCAL),
    Row("prompt", {}, *same(prompt=WORDS)),
    Row("negative_prompt", {"negative_prompt": "blur"}, *same(negative_prompt="blur")),
    Row("duration", {"duration": "10"}, {"duration": "10"}, {"duration": 10}, {"duration": 10}),
    Row(
        "aspect_ratio",
        {"aspect_ratio": "16:9"},
        {"aspect_ratio": ABSENT},
        {"aspect_ratio": "16:9"},
        {"aspect_ratio": ABSENT},
    ),
    Row(
        "mode",
        V3 | {"mode": "professional"},
        {"mode": "pro"},
        {"mode": "pro"},
        {"model": "klingai/video-v3-pro-image-to-video"},
    ),
    Row("cfg_scale", {"cfg_scale": 0.0}, *same(cfg_scale=0.0)),
    Row(
        "image_tail",
        V3 | {"image_tail": T},
        {"image_tail": T},
        {"end_image_url": T},
        {"tail_image_url": T},
        V3 | {"last_frame": T},
    ),
    Row(
        "image_tail",
        {"model_name": "kling-v2-master", "image_tail": T},
        *(No("does not offer an end frame"),) * 3,
    ),
    Row(
        "image_tail",
        V1 | {"image_tail": T, "static_mask": M},
        *(No("image_tail and static_mask cannot be"),) * 3,
    ),
    Row(
        "camera_control",
        V1 | {"camera_control": {"zoom": 5}, "image_tail": T},
        *(No("image_tail and camera_control cannot be"),) * 3,
    ),
    Row(
        "static_mask",
        {"model_name": "kling-v2-master", "static_mask": M},
        No("does not offer the motion brush"),
        No("AceData has no fields for masks"),
        Forced(frozenset({"L37"}), {"static_mask": M}),
    ),
    Row(
        "static_mask",
        V1 | {"static_mask": SPOT[::2, ::2]},  # another size of the same ratio is resized
        no_brush(static_mask="resized"),
        No("AceData has no fields for masks"),
        {"static_mask": "resized"},
        V1 | {"static_mask": SPOT},
        LOCAL,
    ),
    Row(
        "static_mask",
        V1 | {"static_mask": np.ones((400, 400), bool)},
        *(No("the ratios differ"),) * 3,
        base=LOCAL,
    ),
    Row(
        "dynamic_masks",
        {
            "model_name": "kling-v2-6",
            "dynamic_masks": [{"mask": SPOT, "trajectories": SKILL_PATH}],
            "units": "normalized",
        },
        No("kling-v2-6 std 5 s does not offer the motion brush"),
        No("AceData has no fields for masks"),
        No("no id for kling-v2-6 std"),
        base=LOCAL,
    ),
    Row(
        "dynamic_masks",
        V1 | {"dynamic_masks": [{"mask": SPOT, "trajectories": SKILL_PATH}], "units": "normalized"},
        no_brush(dynamic_masks=SKILL_WIRE),
        No("AceData has no fields for masks"),
        {"dynamic_masks": SKILL_WIRE},
        V1
        | {
            "dynamic_masks": [{"mask": SPOT, "trajectories": [[0.5, 0.7], [0.5, 0.5], [0.5, 0.3]]}],
            "units": "normalized",
        },
        LOCAL,
    ),
    Row(
        "dynamic_masks",
        V1 | {"dynamic_masks": [{"mask": SPOT, "trajectories": SKILL_PATH}]},
        *(No("that is never guessed"),) * 3,
        base=LOCAL,
    ),
    Row(
        "callback_url",
        {"callback_url": "https://me.example/kling"},
        {"callback_url": "https://me.example/kling"},
        {"callback_url": "https://me.example/kling"},
        No("calls nobody back"),
    ),
)

SYSTEMS: Final = {"mcp-kling": MCP_KLING, "AceData MCP": ACEDATA_MCP, "AI/ML API": AIMLAPI, "skill": SKILL}

PAGES: Final = {
    "mcp-kling": "image_url image_tail_url prompt negative_prompt model_name duration mode cfg_scale "
    "aspect_ratio",
    "AceData MCP": "prompt start_image_url end_image_url model mode aspect_ratio duration generate_audio "
    "negative_prompt cfg_scale camera_control element_list video_list timeout callback_url",
    "AI/ML API": "model image_url prompt tail_image_url duration negative_prompt cfg_scale static_mask "
    "dynamic_masks camera_control generation_id",
    "skill": "model_name image prompt negative_prompt duration aspect_ratio mode cfg_scale image_tail "
    "camera_control static_mask dynamic_masks callback_url",
}
"""The parameters of each page of §5, in its order."""

DOORS: Final = ("official", "acedata", "aimlapi")
CASES: Final = [
    pytest.param(row, door, id=f"{system}-{row.name}-{number}-{door}")
    for system, rows in SYSTEMS.items()
    for number, row in enumerate(rows)
    for door in DOORS
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session that builds requests and sends nothing."""
    return Session(provider="sandbox", home=tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def tall() -> np.ndarray:
    width, height = TALL
    return textured_picture()[:1, :1].repeat(height, 0).repeat(width, 1)


@dataclass(frozen=True)
class Context:
    """What a cell knows: a session and the notebook's variables."""

    session: Session
    variables: dict[str, Any]


def filled(row: Row, given: Mapping[str, Any], tall: np.ndarray) -> dict[str, Any]:
    """Return the keywords of a call; the word ``tall`` stands for a picture."""
    keywords = {**row.base, **given}
    return {
        name: tall if isinstance(value, str) and value == "tall" else value
        for name, value in keywords.items()
    }


def _holds_array(item: tuple[str, Any]) -> bool:
    name, value = item
    return isinstance(value, np.ndarray) or (name == "dynamic_masks")


def check(
    session: Session, door: str, keywords: Mapping[str, Any], outcome: Outcome
) -> Mapping[str, Any] | None:
    """Hold a request against what the page promises; return the body where there is one."""
    prepared = session.build(**keywords, provider=door)
    told = [f"{problem.id} {problem.message} → {problem.fix}" for problem in prepared.blocking]
    if isinstance(outcome, No):
        assert any(outcome.words in line for line in told), told
        assert all(problem.fix for problem in prepared.blocking), told
        return None
    rules = outcome.rules if isinstance(outcome, Forced) else frozenset()
    assert {problem.id for problem in prepared.blocking} == rules, told
    prepared.check(force=True)
    body = prepared.body()
    for key, value in (outcome.wire if isinstance(outcome, Forced) else outcome).items():
        found = body.get(key)
        if key == "dynamic_masks":
            found = [point for group in body[key] for point in group["trajectories"]]
        assert found is not None if value == "resized" else found == value, (key, body)
        assert isinstance(found, bool) == isinstance(value, bool), (key, found)
    return body


@pytest.mark.parametrize(("row", "door"), CASES)
def test_a_parameter_does_what_its_page_promises(
    row: Row, door: str, desk: Session, tall: np.ndarray
) -> None:
    outcome: Outcome = getattr(row, door)
    body = check(desk, door, filled(row, row.given, tall), outcome)
    if row.ours is not None:
        assert check(desk, door, filled(row, row.ours, tall), outcome) == body


WRITABLE: Final = [case for case in CASES if not any(map(_holds_array, case.values[0].given.items()))]
"""Rows whose values can be written into a cell: a mask in memory cannot."""


@pytest.mark.parametrize(("row", "door"), WRITABLE)
def test_the_same_from_a_cell(row: Row, door: str, desk: Session, tall: np.ndarray) -> None:
    keywords = {**row.base, **row.given}
    prompt = keywords.pop("prompt", "")
    written = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in keywords.items()
    }
    words = [f"--param {shlex.quote(f'{name}={value}')}" for name, value in written.items()]
    notebook = Context(desk, {"tall": tall})
    call = read_call(" ".join([f"--provider {door}", "--dry-run", *words]), prompt, notebook.variables)
    asked = {**common_request(notebook, call), "prompt": call.prompts[0]}
    assert asked.pop("provider") == door
    check(desk, door, asked, getattr(row, door))


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_parameter_of_the_page_has_a_row(system: str) -> None:
    assert set(PAGES[system].split()) <= {row.name for row in SYSTEMS[system]}
