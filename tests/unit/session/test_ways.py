"""Which way a brush takes, why, and what is sent then; nothing leaves the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kling_nb import media
from kling_nb.domain import capabilities
from kling_nb.domain.problems import Severity
from kling_nb.domain.request import VideoRequest
from kling_nb.errors import RequestRefused
from kling_nb.session import MotionBrush, Session
from kling_nb.session import endframes as frames

MASK = np.zeros((320, 400), dtype=bool)
MASK[100:160, 100:160] = True
PATH = [(130, 130), (280, 130)]
LOOP = [(130, 130), (200, 130), (200, 200), (130, 130)]
WORDS = "The boat moves steadily to the right"
TAIL = np.full((320, 400, 3), 9, np.uint8)


@pytest.fixture
def brush(picture: np.ndarray) -> MotionBrush:
    return MotionBrush(picture).dynamic(MASK, PATH, label="boat")


@pytest.fixture(autouse=True)
def _status() -> Any:
    yield
    capabilities.forget_status()


@dataclass(frozen=True)
class Case:
    """What is asked for, the way it takes, and words of the reason."""

    id: str
    way: str
    why: str
    params: dict[str, Any] = field(default_factory=dict)
    provider: str = "sandbox"


CASES = (
    Case("sandbox default", "native", "kling-v1 pro 5 s takes them"),
    Case("v1-5 in the mode that can", "native", "mode pro because std", {"model": "kling-v1-5"}),
    Case(
        "v2-5 pro",
        "endframe",
        "kling-v2-5-turbo pro 5 s takes no masks, but an end frame",
        {"model": "kling-v2-5-turbo", "mode": "pro"},
    ),
    Case(
        "v2-5 std was asked for",
        "words",
        "neither masks nor an end frame",
        {"model": "kling-v2-5-turbo", "mode": "std"},
    ),
    Case("v2-5, mode left open", "endframe", "mode pro because std", {"model": "kling-v2-5-turbo"}),
    Case("v2-6 pro silent", "endframe", "end frame", {"model": "kling-v2-6", "mode": "pro", "sound": "off"}),
    Case("v2-6 pro with sound", "words", "neither", {"model": "kling-v2-6", "mode": "pro", "sound": "on"}),
    Case("v3 std", "endframe", "kling-v3 std 7 s", {"model": "kling-v3", "duration": 7}),
    Case("v3 with sound", "endframe", "end frame", {"model": "kling-v3", "sound": "on"}),
    Case("v2-master", "words", "neither", {"model": "kling-v2-master"}),
    Case("v1 at ten seconds", "words", "neither", {"model": "kling-v1", "duration": 10}),
    Case(
        "own end frame",
        "words",
        "image_tail is given already",
        {"model": "kling-v3", "tail": TAIL},
    ),
    Case(
        "camera beside an end frame",
        "words",
        "camera control and an end frame exclude each other",
        {"model": "kling-v1-5", "mode": "pro", "duration": 10, "camera": "zoom=3"},
    ),
    Case("official default", "endframe", "kling-v2-5-turbo pro 5 s", provider="official"),
    Case("official, std was asked for", "words", "neither", {"mode": "std"}, "official"),
    Case("official v3", "endframe", "kling-v3 std 5 s", {"model": "kling-v3"}, "official"),
    Case("asked: native", "native", "as asked", {"way": "native"}),
    Case("asked: end frame", "endframe", "as asked", {"way": "endframe"}),
    Case("asked: end frame, spelt freely", "endframe", "as asked", {"way": "End-Frame"}),
    Case("asked: words", "words", "as asked", {"way": "words", "model": "kling-v3"}),
    Case("asked: auto", "endframe", "kling-v3", {"way": "auto", "model": "kling-v3"}),
    Case("AI/ML API default", "native", "kling-v1 std 5 s takes them", provider="aimlapi"),
    Case(
        "AI/ML API, effect unknown",
        "endframe",
        "takes no masks, but an end frame",
        {"model": "kling-v1-6", "mode": "pro"},
        "aimlapi",
    ),
    Case("AceData takes addresses only", "words", "by address only", {"model": "kling-v3"}, "acedata"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_way_and_why(session: Session, brush: MotionBrush, case: Case) -> None:
    prepared = session.build(brush=brush, prompt="a boat", provider=case.provider, **case.params)
    assert prepared.way is not None
    assert prepared.way.way == case.way
    assert case.why in prepared.way.reason
    request = prepared.request
    about_the_brush = [p for p in prepared.blocking if p.field != "camera_control"]
    assert not [p for p in about_the_brush if p.id in ("L01", "L25", "L26")], prepared.blocking
    assert request.has_brush == (case.way == "native")
    assert ("The boat moves" in request.prompt) == (case.way == "words")
    if case.way == "endframe":
        assert request.image_tail is not None
        assert request.image_tail.size == (400, 320)
        assert request.prompt == "a boat"
    said = [p for p in prepared.problems if p.field == "way" and p.severity is Severity.INFO]
    assert [p.message for p in said] == [prepared.way.reason]
    assert prepared.drawn.dynamic_masks == brush.dynamic_masks
    assert "dynamic_masks" in prepared.body() or case.way != "native"


def test_an_end_frame_can_go_where_an_uploader_puts_it(tmp_path: Path, brush: MotionBrush) -> None:
    with_uploader = Session(
        provider="acedata", home=tmp_path, uploader=lambda _data, name: f"https://x.y/{name}"
    )
    prepared = with_uploader.build(brush=brush, prompt="a boat", model="kling-v3")
    assert prepared.way is not None
    assert prepared.way.way == "endframe"
    assert prepared.body()["end_image_url"].startswith("https://")
    assert not prepared.blocking


IMPOSSIBLE = (
    ({"model": "kling-v3", "way": "native"}, "kling-v3 std 5 s takes no masks", "endframe, words", True),
    ({"model": "kling-v2-5-turbo", "mode": "std", "way": "native"}, "takes no masks", "words;", True),
    ({"model": "kling-v2-5-turbo", "mode": "std", "way": "endframe"}, "takes no end frame", "words;", True),
    (
        {"model": "kling-v2-6", "mode": "pro", "sound": "on", "way": "endframe"},
        "without sound",
        "words;",
        True,
    ),
    ({"model": "kling-v1", "mode": "pro", "duration": 10, "way": "native"}, "takes no masks", "words;", True),
    (
        {"way": "endframe", "model": "kling-v1-5", "mode": "pro", "camera": "zoom=3"},
        "camera control",
        "words;",
        False,
    ),
    ({"way": "endframe", "tail": TAIL}, "given already", "words;", False),
    ({"way": "endframe", "image": "https://example.com/boat.jpg"}, "an address", "native, words", False),
    (
        {
            "way": "words",
            "model": "kling-v3",
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": [{"index": 1, "prompt": "a", "duration": "5"}],
        },
        "customize",
        "endframe",
        False,
    ),
)


@pytest.mark.parametrize(("params", "why", "others", "forceable"), IMPOSSIBLE, ids=lambda v: str(v)[:40])
def test_an_impossible_way_is_refused_in_three_lines_with_the_possible_ones(
    session: Session, brush: MotionBrush, params: dict[str, Any], why: str, others: str, forceable: bool
) -> None:
    given = {"brush": brush, "prompt": "a boat", "provider": "sandbox", **params}
    with pytest.raises(RequestRefused) as refused:
        session.build(**given).check()
    lines = refused.value.lines()
    assert len(lines) == 3
    assert params["way"] in lines[0]
    assert why in lines[0]
    assert f"possible here: {others}" in lines[2]
    blocking = [p for p in session.build(**given).blocking if p.field == "way"]
    assert [p.forceable for p in blocking] == [forceable]


def test_native_where_nothing_served_takes_masks(session: Session, brush: MotionBrush) -> None:
    blocking = session.build(brush=brush, prompt="a boat", way="native").blocking
    assert [p.id for p in blocking] == ["L26"]
    assert "possible here: endframe, words" in blocking[0].fix


def test_an_unknown_way(session: Session, brush: MotionBrush) -> None:
    blocking = session.build(brush=brush, prompt="a boat", way="endfarme", provider="sandbox").blocking
    assert "did you mean endframe?" in blocking[0].fix
    assert not blocking[0].forceable


def test_a_way_without_a_brush_is_told(session: Session, picture: np.ndarray) -> None:
    prepared = session.build(picture, "a boat drifts", way="words")
    assert "no effect without a brush" in " ".join(p.message for p in prepared.problems)
    assert prepared.way is None


def test_masks_as_request_fields_are_sent_as_such(session: Session, picture: np.ndarray) -> None:
    groups = [{"mask": MASK, "trajectories": PATH}]
    given = {"dynamic_masks": groups, "units": "pixel", "model": "kling-v3", "provider": "sandbox"}
    prepared = session.build(picture, "a boat", **given)
    assert prepared.way is None
    assert "L01" in {p.id for p in prepared.blocking}
    assert session.build(picture, "a boat", **given, way="auto").request.image_tail is not None


def test_what_a_forced_native_brush_sends(session: Session, brush: MotionBrush) -> None:
    prepared = session.build(brush=brush, prompt="a boat", way="native", model="kling-v3")
    prepared.check(force=True)
    assert len(prepared.body()["dynamic_masks"]) == 1


def test_a_retired_model_named_by_the_person_stays_blocked(session: Session, brush: MotionBrush) -> None:
    """No way makes a model come back; ``force`` still sends the drawing as masks."""
    prepared = session.build(brush=brush, prompt="a boat", model="kling-v1", mode="pro")
    assert {"L25", "L26"} <= {p.id for p in prepared.blocking}
    prepared.check(force=True)
    assert prepared.request.has_brush


def test_a_retirement_learned_on_the_way_moves_the_default_on(session: Session, brush: MotionBrush) -> None:
    capabilities.mark_retired("kling-v1", "sandbox")
    prepared = session.build(brush=brush, prompt="a boat", provider="sandbox")
    assert (prepared.request.model_name, prepared.request.mode) == ("kling-v2-5-turbo", "pro")
    assert prepared.way is not None
    assert prepared.way.way == "endframe"
    assert not prepared.blocking


class TestEndFrame:
    def test_it_is_rendered_once_for_checks_and_sending(
        self, session: Session, brush: MotionBrush, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = []
        original = frames.end_frame
        monkeypatch.setattr(frames, "_made", type(frames._made)())
        monkeypatch.setattr(frames, "end_frame", lambda *given: made.append(1) or original(*given))
        for prompt in ("a boat", "a ship", "a ferry"):
            session.check(brush=brush, prompt=prompt, model="kling-v3")
        assert len(made) == 1
        longer = MotionBrush(brush.image).dynamic(MASK, [*PATH, (300, 200)])
        session.check(brush=longer, prompt="a boat", model="kling-v3")
        assert len(made) == 2

    def test_its_pixels_differ_only_where_something_moved(
        self, session: Session, brush: MotionBrush, picture: np.ndarray
    ) -> None:
        tail = session.build(brush=brush, prompt="a boat", model="kling-v3").request.image_tail
        assert tail is not None
        assert tail.data is not None
        last = media.decode_image(tail.data)
        assert np.array_equal(last[250:], picture[250:]), "no label"
        assert not np.array_equal(last[100:160, 250:310], picture[100:160, 250:310])

    def test_a_path_that_comes_back_is_not_shown_by_an_end_frame(
        self, session: Session, picture: np.ndarray
    ) -> None:
        loop = MotionBrush(picture).dynamic(MASK, LOOP, label="kite")
        prepared = session.build(brush=loop, prompt="a kite", model="kling-v3")
        assert prepared.way is not None
        assert prepared.way.way == "words"
        assert "ends where it begins" in prepared.way.reason
        other = np.roll(MASK, (80, 120), (0, 1))
        both = loop.dynamic(other, [(250, 210), (330, 240)], label="boat")
        prepared = session.build(brush=both, prompt="a kite", model="kling-v3")
        assert prepared.way.way == "endframe"
        warned = [p for p in prepared.problems if p.severity is Severity.WARNING and p.field == "way"]
        assert ["mask 1 (kite)" in p.message for p in warned] == [True]

    def test_a_prompt_without_motion_words_is_fine_beside_it(
        self, session: Session, brush: MotionBrush
    ) -> None:
        assert "L40" not in {p.id for p in session.check(brush=brush, prompt="a boat", model="kling-v3")}

    def test_a_drawing_is_checked_although_it_is_not_sent(
        self, session: Session, picture: np.ndarray
    ) -> None:
        outside = MotionBrush(picture).dynamic(MASK, [(20, 20), (120, 120)])
        assert "L09" in {p.id for p in session.check(brush=outside, prompt="a boat", model="kling-v3")}

    def test_two_end_frames_too_small_to_render(self, session: Session) -> None:
        tiny = np.full((12, 12, 3), 90, np.uint8)
        mask = np.zeros((12, 12), bool)
        mask[4:8, 4:8] = True
        small = MotionBrush(tiny).dynamic(mask, [(5, 5), (9, 9)])
        assert "L16" in {p.id for p in session.check(brush=small, prompt="a dot", model="kling-v3")}


class TestWords:
    def test_sentences_follow_the_prompt(self, session: Session, brush: MotionBrush) -> None:
        given = {"brush": brush.freeze_rest(), "prompt": "a boat at sea", "way": "words", "model": "kling-v3"}
        prompt = session.build(**given).request.prompt
        assert prompt.startswith(f"a boat at sea. {WORDS}")
        assert prompt.endswith("Everything else stays perfectly still.")
        named = session.build(**given, brush_names=["little ferry"]).request.prompt
        assert "The little ferry moves" in named

    def test_a_longer_clip_is_a_slower_motion(self, session: Session, brush: MotionBrush) -> None:
        given = {"brush": brush, "prompt": "a boat", "way": "words", "model": "kling-v3"}
        assert "steadily" in session.build(**given, duration=5).request.prompt
        assert "moves slowly" in session.build(**given, duration=15).request.prompt

    def test_a_prompt_that_becomes_too_long_is_told(self, session: Session, brush: MotionBrush) -> None:
        found = session.check(brush=brush, prompt="x " * 1240, way="words", model="kling-v3")
        assert "L19" in {p.id for p in found}


class TestIdentity:
    def identity(self, session: Session, brush: MotionBrush, **params: Any) -> str:
        given = {"prompt": "a boat", "model": "kling-v1", "mode": "pro", "provider": "sandbox", **params}
        return session.build(brush=brush, **given).identity

    def test_each_way_is_a_request_of_its_own(self, session: Session, brush: MotionBrush) -> None:
        ways = {way: self.identity(session, brush, way=way) for way in ("native", "endframe", "words")}
        assert len(set(ways.values())) == 3
        assert self.identity(session, brush) == ways["native"], "chosen or asked for is the same"

    def test_an_end_frame_counts_by_its_drawing(
        self, session: Session, brush: MotionBrush, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = self.identity(session, brush, way="endframe")
        monkeypatch.setattr(frames, "_made", type(frames._made)())
        monkeypatch.setattr(frames, "end_frame", lambda *_: np.zeros_like(picture))
        assert self.identity(session, brush, way="endframe") == one
        bent = MotionBrush(picture).dynamic(MASK, [PATH[0], (200, 90), PATH[1]], label="boat")
        assert self.identity(session, bent, way="endframe") != one

    def test_words_count_by_what_is_said(self, session: Session, brush: MotionBrush) -> None:
        one = self.identity(session, brush, way="words")
        assert self.identity(session, brush, way="words", brush_names=["ship"]) != one


def test_the_obstacles_are_there_to_be_shown(session: Session, brush: MotionBrush) -> None:
    way = session.build(brush=brush, prompt="a boat", model="kling-v2-5-turbo", mode="std").way
    assert way is not None
    assert set(way.obstacles) == {"native", "endframe"}
    assert "takes no end frame" in way.obstacles["endframe"]
    assert session.build(brush=brush, prompt="a boat", provider="sandbox").way.obstacles == {}


def test_the_preview_shows_the_motion_as_drawn_whatever_is_sent(
    session: Session, brush: MotionBrush, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def render(request: VideoRequest, _: str, folder: Path, **__: object) -> tuple[Path, None]:
        seen.append(request)
        return folder, None

    monkeypatch.setattr("kling_nb.session.facade.render_preview", render)
    for way in ("endframe", "words"):
        session.preview(brush=brush, prompt="a boat", model="kling-v3", way=way)
    assert all(request.has_brush and request.image_tail is None for request in seen)
