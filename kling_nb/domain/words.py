"""Motion paths in words, for models that take neither masks nor an end frame.

One sentence for each object: what moves, how fast, where to, how far, along which line, from where to where;
then what stays still. Directions are those of the picture as seen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush, resize_nearest
from kling_nb.domain.coordinates import Points, Size
from kling_nb.domain.pathshape import Kind, PathShape, shape_of

Names = Sequence[str] | Mapping[str, str] | None
"""Names of the moving objects in their order, or by their label."""

_DIRECTIONS: Final = (
    "to the right",
    "to the lower right",
    "downward",
    "to the lower left",
    "to the left",
    "to the upper left",
    "upward",
    "to the upper right",
)
"""Eight sectors of 45°, clockwise from the right."""

_PLACES: Final = (
    ("upper left", "top", "upper right"),
    ("left side", "center", "right side"),
    ("lower left", "bottom", "lower right"),
)

_SPEEDS: Final = (
    (0.015, "very slowly"),
    (0.05, "slowly"),
    (0.12, "steadily"),
    (0.25, "quickly"),
    (math.inf, "very quickly"),
)
"""Share of the frame's diagonal a second, upper limits."""

_SHARES: Final = (
    (0.10, ""),
    (0.18, "an eighth of"),
    (0.29, "a quarter of"),
    (0.42, "a third of"),
    (0.58, "half"),
    (0.71, "two thirds of"),
    (0.88, "three quarters of"),
    (math.inf, "the whole of"),
)
"""Share of the frame's width, height or diagonal, upper limits."""

_TINY: Final = 0.04
_COUNTS: Final = {1: "a full", 2: "two full", 3: "three full"}
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth")
_MOST: Final = 0.6
_UNNAMED: Final = re.compile(r"(?:mask|region|object|layer|group)?\s*#?\d*", re.IGNORECASE)
_OWN_ARTICLE: Final = re.compile(
    r"(?:the|an?|my|our|your|his|her|its|their|this|that|these|those|all|both|each|every|some|one|two|three|"
    r"four|five|six)\b",
    re.IGNORECASE,
)
_PREPOSITION: Final = re.compile(
    r"\s(?:of|with|in|on|at|from|behind|under|over|near|beside)\s", re.IGNORECASE
)
_PLURALS: Final = frozenset({"people", "children", "men", "women", "feet", "geese", "mice", "teeth"})


@dataclass(frozen=True, slots=True)
class _Subject:
    """Who does it: words and grammatical number."""

    words: str
    plural: bool = False

    @property
    def opening(self) -> str:
        return self.words[:1].upper() + self.words[1:]

    def verb(self, stem: str) -> str:
        return stem if self.plural else f"{stem}s"

    @property
    def pronoun(self) -> str:
        return "they" if self.plural else "it"


def describe(brush: MotionBrush, names: Names = None, *, duration: float = 5) -> str:
    """Put a motion brush into sentences.

    Parameters
    ----------
    brush
        Moving regions with their paths, and a still region.
    names
        What the moving objects are called: in their order, or by label. Without it their labels are used,
        and without labels the place where they are.
    duration
        Length of the clip in seconds; decides the words for the speed.

    Returns
    -------
    str
        One sentence for each moving object, then what stays still; empty for an empty brush.
    """
    groups = brush.dynamic_masks
    subjects = _distinct([_subject(group, number, names, brush.size) for number, group in enumerate(groups)])
    sentences = [
        _sentence(subject, group, brush.size, duration)
        for subject, group in zip(subjects, groups, strict=True)
    ]
    return " ".join([*sentences, *_still(brush)])


def join_prompt(prompt: str, words: str) -> str:
    """Append sentences to a prompt."""
    text = prompt.rstrip()
    if text and text[-1] not in ".!?…。！？":
        text = text.rstrip(",;:") + "."
    return f"{text} {words}".strip()


# --- who ----------------------------------------------------------------------------------------------------


def _subject(group: DynamicMask, number: int, names: Names, size: Size) -> _Subject:
    label = group.label or group.mask.label
    if isinstance(names, Mapping):
        label = names.get(label, label)
    elif names is not None and number < len(names):
        label = names[number]
    return _named(label, _centre(group.mask, size, group.trajectory.pixels[0]), size)


def _named(label: str, centre: Points, size: Size, what: str = "object") -> _Subject:
    words = " ".join(label.split()).rstrip(".,;:")
    if _UNNAMED.fullmatch(words):
        return _Subject(f"the {what} {_preposition(_place(centre, size))}")
    plain = words.isascii() and words[:1].islower() and not _OWN_ARTICLE.match(words)
    return _Subject(f"the {words}" if plain else words, _is_plural(words))


def _is_plural(words: str) -> bool:
    head = _PREPOSITION.split(words)[0].lower()
    last = head.split()[-1] if head.split() else ""
    return (
        " and " in head or last in _PLURALS or (last.endswith("s") and not last.endswith(("ss", "us", "is")))
    )


def _distinct(subjects: list[_Subject]) -> list[_Subject]:
    """Tell objects that share a name apart by number."""
    counts = Counter(subject.words for subject in subjects)
    seen: Counter[str] = Counter()
    numbered = []
    for subject in subjects:
        words = subject.words
        if counts[words] > 1:
            bare = re.sub(r"^(?:the|an?)\s+", "", words)
            words = f"the {_ORDINALS[min(seen[subject.words], len(_ORDINALS) - 1)]} {bare}"
            seen[subject.words] += 1
        numbered.append(_Subject(words, subject.plural))
    return numbered


# --- what it does -------------------------------------------------------------------------------------------


def _sentence(subject: _Subject, group: DynamicMask, size: Size, duration: float) -> str:
    path = group.trajectory.pixels
    shape = shape_of(path)
    start = _centre(group.mask, size, path[0])
    travel = "" if shape.closed or shape.kind is Kind.BACK_AND_FORTH else _travel(start, shape.net, size)
    parts = [
        subject.opening,
        subject.verb("move"),
        _speed(shape, size, duration),
        _manner(shape, size, subject),
    ]
    return " ".join(parts) + travel + "."


def _manner(shape: PathShape, size: Size, subject: _Subject) -> str:
    """Where to, how far and along which line."""
    turn = "clockwise" if shape.clockwise else "counterclockwise"
    if shape.kind is Kind.BACK_AND_FORTH:
        return f"{_to_and_fro(shape.axis)}, {_distance(shape.axis, shape.extent, size)} each way"
    if shape.kind is Kind.LOOP:
        loops = f"{_COUNTS.get(shape.loops, 'several full')} {turn} loop{'s' if shape.loops > 1 else ''}"
        if shape.closed:
            return f"in {loops} and {subject.verb('return')} to where {subject.pronoun} started"
        return f"{_way(shape.net, size)} making {loops} on the way"
    if shape.closed:
        return f"along a wide {turn} curve and {subject.verb('return')} to where {subject.pronoun} started"
    if shape.kind is Kind.CORNER:
        first, second = (direction(leg) for leg in shape.legs)
        legs = f"first {first}, then {second}" if first != second else f"{first} with a slight turn"
        return f"{legs}, {_distance(shape.net, math.hypot(*shape.net), size)} in all"
    return f"{_way(shape.net, size)} {_line(shape, turn)}"


def _line(shape: PathShape, turn: str) -> str:
    if shape.kind is Kind.ARC:
        depth = math.hypot(*shape.bulge) / max(1e-9, math.hypot(*shape.net))
        size = "a gentle" if depth < 0.15 else "a wide" if depth > 0.4 else "a"
        return f"along {size} {turn} arc bulging {direction(shape.bulge)}"
    return {
        Kind.STRAIGHT: "in a straight line",
        Kind.S_CURVE: "along an S-shaped curve",
        Kind.WAVE: "along a wavy line",
    }[shape.kind]


def direction(vector: tuple[float, float]) -> str:
    """Name the direction of a vector on the picture, y downward, by eight sectors of 45°."""
    angle = math.degrees(math.atan2(vector[1], vector[0]))
    return _DIRECTIONS[round(angle / 45) % 8]


def _to_and_fro(axis: tuple[float, float]) -> str:
    first = direction(axis)
    ways = {
        "to the right": "back and forth from side to side",
        "to the left": "back and forth from side to side",
        "upward": "back and forth, up and down",
        "downward": "back and forth, up and down",
    }
    return f"{ways.get(first, 'diagonally back and forth')}, first {first}"


def _way(net: tuple[float, float], size: Size) -> str:
    return f"{direction(net)}, {_distance(net, math.hypot(*net), size)},"


def _distance(vector: tuple[float, float], length: float, size: Size) -> str:
    """Say how far, measured by the side of the frame that the direction runs along."""
    sector = _DIRECTIONS.index(direction(vector))
    side, words = {
        0: (size[0], "the frame's width"),
        2: (size[1], "the frame's height"),
    }.get(sector % 4, (math.hypot(*size), "the frame's diagonal"))
    share = length / side
    if share < _TINY:
        return "only a tiny bit"
    found = next(words for limit, words in _SHARES if share < limit)
    return f"about {found} {words}" if found else "a short way"


def _speed(shape: PathShape, size: Size, duration: float) -> str:
    rate = shape.length / math.hypot(*size) / max(duration, 1e-9)
    return next(words for limit, words in _SPEEDS if rate < limit)


# --- where --------------------------------------------------------------------------------------------------


def _centre(mask: Mask, size: Size, otherwise: Points) -> Points:
    """Middle of a region in pixels of the picture."""
    if mask.array is None or not mask.array.any():
        return otherwise
    across, down = mask.array.sum(axis=0), mask.array.sum(axis=1)
    middle = [np.average(np.arange(len(counts)), weights=counts) for counts in (across, down)]
    scale = np.array([size[0] / len(across), size[1] / len(down)])
    return np.asarray(np.array(middle) * scale)


def _place(point: Points, size: Size) -> str:
    column, row = (min(2, max(0, int(3 * value / side))) for value, side in zip(point, size, strict=True))
    return _PLACES[row][column]


def _preposition(place: str) -> str:
    if place in ("left side", "right side"):
        return f"on the {place.removesuffix(' side')}"
    return f"at the {place}" if place in ("top", "bottom") else f"in the {place}"


def _travel(start: Points, net: tuple[float, float], size: Size) -> str:
    """From where to where, if that is more than one place; whether the object leaves the frame."""
    end = start + np.array(net)
    before, after = _place(start, size), _place(end, size)
    if np.any(end < 0) or np.any(end > np.array(size)):
        return f", from the {before} out of the frame"
    return "" if before == after else f", from the {before} to the {after} of the frame"


# --- what stays ---------------------------------------------------------------------------------------------


def _still(brush: MotionBrush) -> list[str]:
    mask = brush.static_mask
    if mask is None or (mask.array is not None and not mask.array.any()):
        return []
    if mask.array is not None and _covers_the_rest(brush, mask):
        what = _Subject("everything else" if brush.dynamic_masks else "everything")
    else:
        middle = np.array(brush.size, dtype=np.float64) / 2
        what = _named(mask.label, _centre(mask, brush.size, middle), brush.size, "area")
    return [f"{what.opening} {what.verb('stay')} perfectly still."]


def _covers_the_rest(brush: MotionBrush, mask: Mask) -> bool:
    assert mask.array is not None
    rest = np.ones((brush.size[1], brush.size[0]), dtype=np.bool_)
    for group in brush.dynamic_masks:
        if group.mask.array is not None:
            rest &= ~resize_nearest(group.mask.array, brush.size)
    still = int(np.count_nonzero(resize_nearest(mask.array, brush.size) & rest))
    return still >= _MOST * int(np.count_nonzero(rest))
