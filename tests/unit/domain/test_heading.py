"""Directions in prompts: what is named is read, what can be read in two ways names none."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.brush import MotionBrush
from kling_nb.domain.heading import heading_of, moves_camera
from kling_nb.domain.words import describe

LEFT, RIGHT, UP, DOWN = (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)
UPPER_LEFT, UPPER_RIGHT = (-math.sqrt(0.5), -math.sqrt(0.5)), (math.sqrt(0.5), -math.sqrt(0.5))
LOWER_RIGHT = (math.sqrt(0.5), math.sqrt(0.5))


@pytest.mark.parametrize(
    ("prompt", "heading"),
    [
        ("The boat drifts left", LEFT),
        ("the boat drifts slowly to the left, calm water", LEFT),
        ("A red car drives from left to right.", RIGHT),
        ("a car crosses the frame from the right side to the left side", LEFT),
        ("a train enters from the left", RIGHT),
        ("she walks left toward the camera", LEFT),
        ("a balloon floats to the upper right", UPPER_RIGHT),
        ("to the upper right", UPPER_RIGHT),
        ("the kite flies up and to the left", UPPER_LEFT),
        ("The balloon rises and drifts to the right", UPPER_RIGHT),
        ("the ball rolls to the lower-right", LOWER_RIGHT),
        ("smoke rising from the chimney", UP),
        ("birds fly up into the sky", UP),
        ("bubbles move upward", UP),
        ("leaves fall from the trees", DOWN),
        ("snow falls softly on the village", DOWN),
        ("the sun goes down", DOWN),
        ("a feather, sinking slowly", DOWN),
        ("The boat drifts left. The clouds move to the left, too.", LEFT),
        ("The camera is static. The boat drifts left.", LEFT),
        ("the boat drifts right, not left", RIGHT),
        ("the man on the left walks to the right", RIGHT),
        ("he raises his left hand and walks right", RIGHT),
        ("In fall, leaves drift right", RIGHT),
        ("The ship sails, to the right", RIGHT),
    ],
)
def test_a_direction_that_is_named_is_read(prompt: str, heading: tuple[float, float]) -> None:
    assert heading_of(prompt) == pytest.approx(heading)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a calm lake at dawn",
        # Places, hands and other words that only sound like directions.
        "she waves her left hand",
        "the man on the left walks",
        "the house to the left of the river",
        "he walks to the left of the house",
        "a bird in the upper left corner",
        "a man walks past a woman standing to the left",
        "he left the room",
        "there is nothing left",
        "she runs right behind him",
        "he leaves right away",
        "the ghost moves right through the wall",
        "she looks up",
        "the head turns to the left",
        "moves her head to the left",
        "she walks down the street",
        "the bomb blows up",
        "he speeds up",
        "the waterfall",
        "Niagara Falls at night",
        "the child falls asleep",
        "fall colors in the park",
        "high rise buildings",
        "drops of rain on the window",
        "two kitchen sinks",
        "light falls through the window",
        # The actor's own side or the picture's? Nobody can know.
        "the dancer moves to her left",
        # A camera that moves carries everything with it.
        "turn right camera",
        "the camera pans left",
        "zoom in, the boat drifts left",
        "slow dolly to the right",
        "tilt up to the sky",
        "the camera pans left while the boat drifts right",
        "truck left",
        # Negations.
        "the boat does not drift left",
        "it doesn't move to the left",
        "never moves to the left",
        "without moving upward",
        "the boat stays in place instead of drifting left",
        # Several directions.
        "goes left or right",
        "goes left, then up",
        "the balloon rises and the boat drifts right",
        "the man walks left and the woman walks right",
        "the chest rises and falls",
        "it bounces and moves up and down",
        "moves back and forth, first to the right",
        "the boat drifts from side to side",
        # What is said, and what steers the sandbox, is not what moves.
        '"drifts left" is written on the wall',
        '[[sandbox:distort {"camera":"moves left"}]]',
    ],
)
def test_what_can_be_read_in_two_ways_names_none(prompt: str) -> None:
    assert heading_of(prompt) is None


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_it_reads_what_the_words_for_a_painted_path_say(degrees: int) -> None:
    """The words name eight sectors; so what is read back is within half a sector of the path."""
    way = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    brush = MotionBrush((640, 480))
    spot = np.zeros((480, 640), bool)
    spot[200:280, 280:360] = True
    brush = brush.dynamic(spot, [(320, 240), tuple(np.array([320, 240]) + 150 * way)], label="boat")
    heading = heading_of(describe(brush))
    assert heading is not None
    assert float(np.dot(heading, way)) >= math.cos(math.radians(22.6))


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        "the boat left right up down drifts moves falls rises to from upper lower corner camera pans not "
        "and or then her hand side of frame , . while slowly is",
    )
)


@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=25).map(" ".join)))
def test_any_text_gives_a_unit_vector_or_none(prompt: str) -> None:
    heading = heading_of(prompt)
    assert heading is None or math.hypot(*heading) == pytest.approx(1)


@given(st.lists(WORDS, max_size=20).map(" ".join))
def test_the_mirrored_prompt_names_the_mirrored_direction(prompt: str) -> None:
    """Left and right are treated alike, but for "right" as another word ("right behind")."""
    swap = {"left": "right", "right": "left"}
    mirrored = " ".join(swap.get(word, word) for word in prompt.split(" "))
    one, other = heading_of(prompt), heading_of(mirrored)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert (one[0], one[1]) == pytest.approx((-other[0], other[1]))


@pytest.mark.parametrize(
    "prompt",
    [
        "the camera pans left",
        "slow zoom in on the cat",
        "The boat drifts left, camera follows it",
        "drone shot over the sea",
        "handheld footage of a street",
        "Camera: dolly in",
    ],
)
def test_prompts_that_move_the_camera(prompt: str) -> None:
    assert moves_camera(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a boat drifts to the left",
        "static camera, locked-off shot",
        "the camera does not move",
        "no zoom, no pan",
        "a man walks towards the camera",
        "shot on a professional camera",
        "the woman tilts her head",
        "a sign that says “zoom in”",
    ],
)
def test_prompts_that_leave_the_camera_where_it_is(prompt: str) -> None:
    assert not moves_camera(prompt)
