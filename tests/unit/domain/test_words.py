"""Paths in words: a table of drawings, and the parts of a sentence that must and must not occur."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.brush import Mask, MotionBrush
from kling_nb.domain.pathshape import Kind, shape_of
from kling_nb.domain.words import describe, direction, join_prompt

SIZE = (640, 480)
T = np.linspace(0, 1, 40)

RIGHT = [(120, 240), (330, 240)]


def disc(x: float, y: float, radius: float = 40) -> np.ndarray:
    ys, xs = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return np.hypot(xs - x, ys - y) <= radius


def around(x: float, y: float, radius: float, start: float, sweep: float) -> np.ndarray:
    angle = np.radians(start + sweep * T)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def wave(times: float, height: float = 40) -> np.ndarray:
    return np.stack([100 + 400 * T, 240 + height * np.sin(2 * math.pi * times * T)], axis=1)


def sway(times: float = 2) -> np.ndarray:
    return np.stack([320 + 70 * np.sin(2 * math.pi * times * T), 240 + 0 * T], axis=1)


def shaky() -> np.ndarray:
    return np.stack([100 + 400 * T, 240 + np.random.default_rng(0).normal(0, 2.5, len(T))], axis=1)


@dataclass(frozen=True)
class Case:
    """A path, what its sentence must say, and what it must not."""

    id: str
    path: object
    kind: Kind
    says: tuple[str, ...]
    silent: tuple[str, ...] = ()
    seconds: float = 5


BENT = ("arc", "loop", "curve", "wavy", "then", "back and forth")
CASES = (
    Case(
        "right",
        RIGHT,
        Kind.STRAIGHT,
        (
            "to the right,",
            "a third of the frame's width",
            "straight line",
            "from the left side to the center",
        ),
        (*BENT, "left,", "up", "down"),
    ),
    Case(
        "left", [(500, 240), (330, 240)], Kind.STRAIGHT, ("to the left", "straight"), (*BENT, "to the right,")
    ),
    Case(
        "up",
        [(320, 440), (320, 100)],
        Kind.STRAIGHT,
        ("upward", "two thirds of the frame's height", "from the bottom to the top"),
        (*BENT, "downward", "width"),
    ),
    Case(
        "down",
        [(320, 100), (320, 220)],
        Kind.STRAIGHT,
        ("downward", "a quarter of the frame's height"),
        (*BENT, "upward"),
    ),
    Case(
        "lower right",
        [(100, 100), (300, 300)],
        Kind.STRAIGHT,
        ("to the lower right", "frame's diagonal"),
        BENT,
    ),
    Case("lower left", [(500, 100), (300, 300)], Kind.STRAIGHT, ("to the lower left",), BENT),
    Case("upper left", [(500, 400), (300, 200)], Kind.STRAIGHT, ("to the upper left",), BENT),
    Case("upper right", [(100, 400), (300, 200)], Kind.STRAIGHT, ("to the upper right",), BENT),
    Case("a shaking hand", shaky(), Kind.STRAIGHT, ("to the right", "straight"), BENT),
    Case(
        "tiny",
        [(120, 240), (132, 240)],
        Kind.STRAIGHT,
        ("very slowly", "only a tiny bit"),
        ("from the", "third"),
    ),
    Case(
        "a short way",
        [(120, 240), (165, 240)],
        Kind.STRAIGHT,
        ("slowly", "a short way"),
        ("quickly", "about"),
    ),
    Case(
        "out of the frame",
        [(560, 240), (760, 240)],
        Kind.STRAIGHT,
        ("to the right", "out of the frame"),
        ("to the center",),
    ),
    Case(
        "fast",
        [(60, 240), (580, 240)],
        Kind.STRAIGHT,
        ("quickly", "three quarters of the frame's width"),
        ("slowly", "steadily"),
        seconds=4,
    ),
    Case("very fast", [(60, 240), (620, 240)], Kind.STRAIGHT, ("very quickly",), ("slowly",), seconds=2),
    Case("slow in a long clip", RIGHT, Kind.STRAIGHT, ("slowly",), ("quickly", "steadily"), seconds=10),
    Case(
        "clockwise arc",
        around(300, 300, 150, 180, 150),
        Kind.ARC,
        ("clockwise arc", "bulging upward", "to the right"),
        ("counterclockwise", "straight", "loop"),
    ),
    Case(
        "counterclockwise arc",
        around(300, 200, 150, 180, -150),
        Kind.ARC,
        ("counterclockwise arc", "bulging downward", "to the right"),
        ("straight", "loop"),
    ),
    Case(
        "gentle arc",
        around(300, 900, 650, -110, 40),
        Kind.ARC,
        ("gentle clockwise arc", "to the right"),
        ("wide",),
    ),
    Case("wide arc", around(300, 300, 150, 180, 180), Kind.ARC, ("wide clockwise arc",), ("gentle",)),
    Case(
        "loop",
        around(220, 220, 90, 0, 360),
        Kind.LOOP,
        ("a full clockwise loop", "returns to where it started"),
        ("counter", "from the", "straight", "arc"),
    ),
    Case(
        "loop the other way, not quite closed",
        around(220, 220, 90, 0, -330),
        Kind.LOOP,
        ("a full counterclockwise loop", "returns"),
        ("straight",),
    ),
    Case(
        "two loops",
        around(220, 220, 90, 0, 720),
        Kind.LOOP,
        ("two full clockwise loops", "returns"),
        ("a full",),
    ),
    Case(
        "a loop on the way",
        np.stack([100 + 300 * T + 60 * np.sin(9.4 * T), 240 - 60 * np.cos(9.4 * T)], axis=1),
        Kind.LOOP,
        ("to the right", "loop on the way"),
        ("returns", "straight"),
    ),
    Case(
        "corner",
        [(100, 100), (300, 100), (300, 300)],
        Kind.CORNER,
        ("first to the right, then downward",),
        ("arc", "straight", "loop"),
    ),
    Case(
        "sharp corner",
        [(100, 100), (300, 300), (500, 100)],
        Kind.CORNER,
        ("first to the lower right, then to the upper right",),
        ("arc", "straight"),
    ),
    Case(
        "to and fro",
        [(320, 400), (320, 100), (320, 400)],
        Kind.BACK_AND_FORTH,
        ("back and forth, up and down, first upward", "each way"),
        ("from the", "straight", "loop"),
    ),
    Case(
        "sway",
        sway(),
        Kind.BACK_AND_FORTH,
        ("from side to side, first to the right", "each way"),
        ("straight", "loop", "arc"),
    ),
    Case("sway, ending aside", sway(2.25), Kind.BACK_AND_FORTH, ("from side to side",), ("straight", "loop")),
    Case("s-curve", wave(1, 60), Kind.S_CURVE, ("to the right", "S-shaped"), ("straight", "arc", "loop")),
    Case("wave", wave(3), Kind.WAVE, ("to the right", "wavy"), ("straight", "arc", "loop")),
)


def drawn(path: object, label: str = "boat") -> MotionBrush:
    points = np.asarray(path, float)
    return MotionBrush(SIZE).dynamic(disc(*np.clip(points[0], 0, [639, 479])), points, label=label)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_sentence_says_what_was_drawn_and_nothing_else(case: Case) -> None:
    assert shape_of(np.asarray(case.path, float)).kind is case.kind
    words = describe(drawn(case.path), duration=case.seconds)
    assert words.startswith("The boat moves ")
    assert words.endswith(".")
    assert words.count(".") == 1
    for part in case.says:
        assert part in words, words
    for part in case.silent:
        assert part not in words, words


@given(st.floats(0, 360, exclude_max=True))
def test_directions_are_eight_equal_sectors(angle: float) -> None:
    vector = (math.cos(math.radians(angle)), math.sin(math.radians(angle)))
    sectors = ["to the right", "to the lower right", "downward", "to the lower left",
               "to the left", "to the upper left", "upward", "to the upper right"]  # fmt: skip
    if abs((angle % 45) - 22.5) > 1e-6:
        assert direction(vector) == sectors[int(((angle + 22.5) % 360) // 45)]


@given(
    st.lists(st.tuples(st.floats(0, 639), st.floats(0, 479)), min_size=2, max_size=30),
    st.sampled_from([3, 5, 10]),
)
def test_every_path_has_a_sentence_without_numbers_or_slips(
    points: list[tuple[float, float]], seconds: int
) -> None:
    path = np.array(points)
    if np.hypot(*np.ptp(path, axis=0)) < 2:
        return
    words = describe(drawn(path), duration=seconds)
    assert re.fullmatch(r"The boat moves [a-zA-Z', -]+\.", words), words
    assert ",," not in words
    assert "  " not in words


@given(st.integers(0, 7), st.floats(0.3, 3), st.floats(-100, 100))
def test_the_words_of_a_shape_do_not_depend_on_size_or_place(
    eighths: int, scale: float, shift: float
) -> None:
    turn = math.radians(45 * eighths)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    for case in CASES:
        path = np.asarray(case.path, float) @ matrix.T * scale + shift
        assert shape_of(path).kind is case.kind, case.id


class TestNames:
    def words(self, label: str, **options: object) -> str:
        return describe(drawn(RIGHT, label), **options)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("label", "opening"),
        [
            ("boat", "The boat moves"),
            ("the boat", "The boat moves"),
            ("a red boat", "A red boat moves"),
            ("his hand", "His hand moves"),
            ("Anna", "Anna moves"),
            ("clouds", "The clouds move "),
            ("two dogs", "Two dogs move "),
            ("cat and dog", "The cat and dog move "),
            ("people", "The people move "),
            ("glass", "The glass moves"),
            ("bus", "The bus moves"),
            ("bunch of flowers", "The bunch of flowers moves"),
            ("boat\n  with sails. ", "The boat with sails moves"),
            ("小船", "小船 moves"),
            ("", "The object on the left moves"),
            ("mask 1", "The object on the left moves"),
            ("Region 2", "The object on the left moves"),
            ("3", "The object on the left moves"),
        ],
    )
    def test_a_label_becomes_a_subject(self, label: str, opening: str) -> None:
        assert self.words(label).startswith(opening)

    def test_names_given_by_order_or_by_label_win(self) -> None:
        assert self.words("boat", names=["ship"]).startswith("The ship ")
        assert self.words("boat", names={"boat": "old ferry"}).startswith("The old ferry ")
        assert self.words("boat", names={"car": "lorry"}).startswith("The boat ")
        assert self.words("boat", names=[]).startswith("The boat ")

    def test_objects_that_share_a_name_are_told_apart(self) -> None:
        brush = drawn(RIGHT, "coin").dynamic(disc(500, 100), [(500, 100), (500, 300)], label="coin")
        words = describe(brush)
        assert "The first coin moves" in words
        assert "The second coin moves" in words
        assert words.index("to the right") < words.index("second") < words.index("downward")

    def test_the_label_of_the_mask_counts_too(self) -> None:
        mask = Mask(disc(120, 240), label="kite")
        brush = MotionBrush(SIZE).dynamic(mask, RIGHT)
        assert describe(brush).startswith("The kite ")

    def test_plurals_agree_to_the_end(self) -> None:
        words = describe(drawn(around(220, 220, 90, 0, 360), "birds"))
        assert "The birds move " in words
        assert "return to where they started" in words


class TestWhatStays:
    def test_nothing_is_said_without_a_static_mask(self) -> None:
        words = describe(drawn(RIGHT))
        assert "still" not in words
        assert "else" not in words

    def test_everything_else(self) -> None:
        assert describe(drawn(RIGHT).freeze_rest()).endswith(" Everything else stays perfectly still.")

    def test_a_named_region(self) -> None:
        brush = drawn(RIGHT).static(disc(500, 100), label="houses")
        assert describe(brush).endswith(" The houses stay perfectly still.")

    def test_an_unnamed_region(self) -> None:
        brush = drawn(RIGHT).static(disc(560, 60))
        assert describe(brush).endswith(" The area in the upper right stays perfectly still.")

    def test_only_a_still_region(self) -> None:
        assert (
            describe(MotionBrush(SIZE).static(disc(320, 240), label="tree"))
            == "The tree stays perfectly still."
        )
        everything = MotionBrush(SIZE).static(np.ones(SIZE[::-1], bool))
        assert describe(everything) == "Everything stays perfectly still."

    def test_an_empty_region_says_nothing(self) -> None:
        assert describe(MotionBrush(SIZE).static(np.zeros(SIZE[::-1], bool))) == ""
        assert describe(MotionBrush(SIZE)) == ""


def test_a_mask_at_an_address_is_placed_by_its_path() -> None:
    brush = MotionBrush(SIZE).dynamic("https://example.com/m.png", [(320, 60), (320, 400)])
    assert describe(brush).startswith("The object at the top moves")


@pytest.mark.parametrize(
    ("prompt", "joined"),
    [
        ("", "It moves."),
        ("a boat", "a boat. It moves."),
        ("a boat.", "a boat. It moves."),
        ("a boat,  ", "a boat. It moves."),
        ("a boat!", "a boat! It moves."),
        ("一只小船。", "一只小船。 It moves."),
    ],
)
def test_sentences_follow_the_prompt(prompt: str, joined: str) -> None:
    assert join_prompt(prompt, "It moves.") == joined
