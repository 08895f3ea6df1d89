"""The direction of motion that a prompt names: "drifts to the upper right", "falls", "from left to right".

English only. A wrong direction would make a good clip look bad, a missing one costs a number: everything that
can be read in two ways (several directions, a moving camera, a swing to and fro, somebody's own left) names
none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

Vector = tuple[float, float]

_SIDES: Final[dict[str, Vector]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "top": (0, -1),
    "upper": (0, -1),
    "upward": (0, -1),
    "skyward": (0, -1),
    "down": (0, 1),
    "bottom": (0, 1),
    "lower": (0, 1),
    "downward": (0, 1),
    "leftward": (-1, 0),
    "rightward": (1, 0),
    "center": (0, 0),
    "centre": (0, 0),
    "middle": (0, 0),
}
"""Directions and places of the frame, y downward."""

_SAME: Final = 0.9
"""Least cosine between each named direction and their mean: a diagonal and a straight one still agree."""


def _forms(stems: str) -> str:
    """Match verbs in their regular forms: "glid" in glide, glides, glided and gliding."""
    return rf"(?:{'|'.join(stems.split())})(?:e?s|e?d|ing|e)?"


_FLOATING: Final = (
    _forms(
        "drift mov float fly flie flew flown glid slid shift soar swoop sail swim swimm flow stream travel "
        "creep crawl shoot go scroll climb com"
    )
    + "|gone|came"
)
_WALKING: Final = (
    _forms(
        "walk run runn driv rid march step stepp stroll wander hop hopp dash rush rac steer veer cross pass "
        "blow sweep push pull drag dragg carry carri proceed advanc exit leav enter roll gallop trot jog "
        "jogg scurry scurri speed sprint tumbl drop dropp fall sink plung swirl disappear"
    )
    + "|ran|drove|rode|fell|head(?:s|ed|ing)"
)
_RISING: Final = (
    r"(?<!high )(?<!the )(?<!a )(?<!give )(?<!gives )(?:rises?|rising(?! (?:tension|panic|anger|music|star)))"
    r"|ascend(?:s|ing)?|levitat(?:es?|ing)|(?:lift|blast)(?:s|ing)? off"
    r"|(?<!rock )climb(?:s|ing)?(?! (?:wall|plant|rose|gear|rope|over|down|out|in|into|through|onto|aboard))"
)
_NO_FALL: Final = (
    r"(?! (?:asleep|in love|silent|quiet|still|ill|sick|short|flat|apart|back|behind|over|forward|for"
    r"|to pieces|into place|backwards?|leaves? (?:are|is|lie|on)|colou?rs|season))"
)
_FALLING: Final = (
    rf"(?<!the )(?<!a )(?<!niagara )(?<!water )(?<!light )(?<!shadow )(?:falls|falling){_NO_FALL}"
    r"|(?<!the )(?<!in )(?<!a )(?<!this )fall"
    r"(?= (?:down|from|to|on|onto|into|through|past|slowly|gently|softly)\b)"
    r"|descend(?:s|ing)?|sinking(?! feeling)|(?<!the )(?<!a )(?<!kitchen )sinks"
    r"|plummet(?:s|ing)?|plung(?:es|ing)"
    r"|drop(?:s|ping)?(?= (?:down|from|to|onto|into)\b)"
)

_OF: Final = (
    r"(?: (?:hand )?(?:side|edge|border|end|half|third))?"
    r"(?: of the (?:frame|picture|image|screen|shot|scene|video))?"
)
_END: Final = (
    r"(?= (?:and|or|to|towards?|across|along|through|over|under|in|into|on|onto|at|by|with|from|out|off|past|"
    r"for|about|again|above|below|behind|between|only|a|an eighth|diagonally|\w+ly)\b(?! (?:corner|hand))|$)"
)
_DIAGONAL: Final = r"(?:upper|top|lower|bottom) (?:left|right)"
_PLACE: Final = rf"(?:{_DIAGONAL}|left|right|top|bottom)"
_ANY_PLACE: Final = rf"(?:{_PLACE}|center|centre|middle)"

_PHRASES: Final = re.compile(
    rf"\b(?:from )?(?:the )?(?P<from_>{_ANY_PLACE}){_OF} to (?:the )?(?P<to_>{_ANY_PLACE}){_OF}{_END}"
    rf"|\bfrom (?:the )?(?P<origin>{_PLACE}){_OF}{_END}"
    rf"|\b(?:to|towards?) (?:the )?(?:far )?(?P<goal>{_PLACE}){_OF}{_END}"
    rf"|\b(?P<word>left|right|up|down)wards?\b|\b(?P<sky>skyward)s?\b"
    rf"|(?P<bare>\b(?:{_DIAGONAL}|(?:up|down) (?:left|right)|left|right|up|down)){_END}"
)
_BEFORE_BARE: Final = re.compile(
    rf"(?:\b(?:{_FLOATING}|{_WALKING}|{_RISING}|{_FALLING})|\b\w+ly|\b(?:straight|far|further|farther|and|or|up|down|left|right|off|out|back|"
    r"over|a bit|a little|first))\s$"
)
_ODD_RIGHT: Final = re.compile(
    r"\s(?:across|along|through|over|under|in|into|on|onto|at|by|out|off|past|behind|between|above|below|"
    r"up to)\b"
)
_NO_LIFT: Final = re.compile(r"\s(?:to (?!the )|in (?:flames|smoke)|a\b|with\b|for\b)")
_VERB: Final = re.compile(rf"\b(?:(?P<rise>{_RISING})|(?P<fall>{_FALLING})|(?P<go>{_FLOATING}|{_WALKING}))\b")

_BREAKS: Final = re.compile(
    r"[.;:!?()\n—–]|,|\b(?:while|whilst|as|then|but|who|which|that|where|when|until|before|after|because|so)\b"
)
_CONTINUES: Final = re.compile(
    r"(?:first |diagonally |slowly |and )*(?:to|towards?|from|up|down|left|right|upwards?|downwards?|"
    r"leftwards?|rightwards?)\b"
)
_NOT: Final = re.compile(
    r"\b(?:not|no|never|without|cannot|nothing|nobody|hardly|barely|avoid\w*|stop\w*|instead of|rather than|"
    r"(?:do|does|did|is|are|was|were|wo|ca|must|should|could|would|has|have)n’?t)\b"
)
_ELSEWHERE: Final = re.compile(
    r"\b(?:st[ao]nd\w*|stood|sit\w*|sat|lies|lying|look\w*|fac(?:es?|ing)|point\w*|gaz\w+|glanc\w+|star(?:es?|ing)|"
    r"turn\w*|lean\w*|lit|light|seen|visible|located|placed|positioned|waiting|is|are|his|her|its|their|your|my)\b"
)
_SWINGS: Final = re.compile(
    r"\b(?:back and forth|side to side|to and fro|forth and back|up and down|down and up|left and right|"
    r"right and left|round and round|in circles?|in a circle|zig ?zag\w*|loops?)\b"
)
_AT_CAMERA: Final = re.compile(
    r"\b(?:to|towards?|at|past|near|from|into|by|facing|away from|in front of|closer to) the "
    r"(?:camera|viewer|lens)\b"
)
_CAMERA_MOVE: Final = (
    r"pann?(?:s|ing)|pan (?:left|right|up|down|across|to|over|slowly|from|shot)|(?:slow|quick) pan|"
    r"tilt\w*|dolly\w*|zoom\w*|truck(?:s|ing)? (?:left|right|in|out)|(?:tracking|crane|aerial|drone) shot|"
    r"crane (?:up|down)|pedestal (?:up|down)|orbit\w*|pull(?:s|ing)? back|push(?:es|ing)? in|"
    r"view (?:moves|shifts|drifts)"
)
_CAMERA: Final = re.compile(rf"\b(?:camera\w*|{_CAMERA_MOVE}|pov|viewpoint|point of view|perspective)\b")
_MOVED_CAMERA: Final = re.compile(
    rf"\b(?:{_CAMERA_MOVE})\b(?! (?:her|his|its|their)\b)|\bhand ?held\b"
    rf"|\bcamera\w* (?:\w+ ){{0,3}}?(?:{_FLOATING}|{_WALKING}|{_RISING}|{_FALLING}|"
    r"follow\w*|track\w*|turn\w*|rotat\w*|circl\w*|spin\w*|shak\w*|approach\w*|mov\w*)\b"
    r"|\bcamera (?:movements?|motion|shake|pan|push|pull|roll)\b"
)
_STEADY: Final = re.compile(
    r"\b(?:static|fixed|still|locked|stationary|steady|unmoving|motionless|tripod|no|not|never|without|"
    r"does ?n['’]?t|angle|lens|quality)\b"
)
_IGNORED: Final = re.compile(r"\[\[.*?\]\]|\"[^\"]*\"|“[^”]*”", re.DOTALL)


def heading_of(prompt: str) -> Vector | None:
    """Read the direction in which a prompt wants things to move.

    Parameters
    ----------
    prompt
        Text of a request.

    Returns
    -------
    (float, float) or None
        Unit vector (x, y) of the picture as seen, y downward; None when no direction is named, when several
        are that differ, or when the camera moves as well.
    """
    named: list[Vector] = []
    for clause in _clauses(_plain(prompt)):
        if _CAMERA.search(clause):
            if not _STEADY.search(clause):
                return None
            continue
        if _SWINGS.search(clause) and _VERB.search(clause):
            return None
        for vector in _directions(clause):
            if vector == (0, 0):
                return None
            named.append(vector)
    return _agreed(named)


def moves_camera(prompt: str) -> bool:
    """Whether a prompt wants the camera to move, in whatever way.

    Parameters
    ----------
    prompt
        Text of a request.
    """
    clauses = list(_clauses(_plain(prompt)))
    return any(_MOVED_CAMERA.search(clause) and not _STEADY.search(clause) for clause in clauses)


def _plain(prompt: str) -> str:
    """Return a prompt as one line of small letters, without what is quoted or no word."""
    text = re.sub(r"(?<=\w)-(?=\w)", " ", _IGNORED.sub(" ", prompt.lower()))
    return " ".join(text.replace("'", "’").split(" "))


def _agreed(named: list[Vector]) -> Vector | None:
    """Mean of directions that differ little."""
    if not named:
        return None
    units = [_unit(vector) for vector in named]
    total = (sum(x for x, _ in units), sum(y for _, y in units))
    if math.hypot(*total) < 1e-9:
        return None
    mean = _unit(total)
    return mean if all(mean[0] * x + mean[1] * y >= _SAME for x, y in units) else None


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector)
    return vector[0] / length, vector[1] / length


def _clauses(text: str) -> Iterator[str]:
    """Pieces of a text with one statement each; a direction after a comma stays with its verb."""
    verb = "moves"
    position = 0
    for found in [*_BREAKS.finditer(text), None]:
        piece = " ".join(_AT_CAMERA.sub(" ", text[position : found.start() if found else None]).split())
        own = _VERB.search(piece)
        if own is None and _CONTINUES.match(piece):
            yield f"{verb} {piece}"
        elif piece:
            yield piece
            verb = own.group() if own else ""
        if found:
            position = found.end()
            if found.group() not in {",", "then"}:
                verb = ""


def _directions(clause: str) -> Iterator[Vector]:
    """One vector for each verb of motion that is said to go somewhere; (0, 0) for a contradiction."""
    verbs = [verb for verb in _VERB.finditer(clause) if not _NOT.search(clause[: verb.end()])]
    joined: Vector | None = None
    for verb, following in zip_longest(verbs, verbs[1:]):
        until = following.start() if following else len(clause)
        vectors = list(_phrases(clause, verb, until))
        vectors += [(0.0, -1.0)] if verb["rise"] else [(0.0, 1.0)] if verb["fall"] else []
        if not vectors:
            continue
        total = (sum(x for x, _ in vectors), sum(y for _, y in vectors))
        if joined is not None and _same_subject(clause[: verb.start()]):
            total = (total[0] + joined[0], total[1] + joined[1])
        elif joined is not None:
            yield joined
        joined = _signs(total)
    if joined is not None:
        yield joined


def _signs(vector: Vector) -> Vector:
    """One of the eight directions: what is said twice is not said more."""
    return tuple((value > 0) - (value < 0) for value in vector)  # type: ignore[return-value]


def _same_subject(before: str) -> bool:
    """Whether a verb follows "and" at once, perhaps with an adverb: the same thing does both."""
    return bool(re.search(r"\band(?: \w+ly)? $", before))


def _phrases(clause: str, verb: re.Match[str], until: int) -> Iterator[Vector]:
    """Directions that belong to a verb."""
    for found in _PHRASES.finditer(clause, verb.end()):
        between = clause[verb.end() : found.start()]
        if found.start() >= until or _ELSEWHERE.search(between) or _NOT.search(between):
            return
        if found["from_"]:
            yield _difference(found["to_"], found["from_"])
        elif found["origin"]:
            yield _difference("center", found["origin"])
        elif found["bare"] is None:
            yield _vector(found["goal"] or found["word"] or found["sky"])
        elif _is_adverb(clause, verb, found):
            yield _vector(found["bare"])


def _is_adverb(clause: str, verb: re.Match[str], found: re.Match[str]) -> bool:
    """Whether a bare "left" or "up" says where to: not "her left", "runs up the stairs", "right behind"."""
    if not _BEFORE_BARE.search(clause[: found.start()]):
        return False
    rest = clause[found.end() :]
    if found["bare"] in {"up", "down"}:
        floats = verb["rise"] or verb["fall"] or re.fullmatch(_FLOATING, verb.group())
        return bool(floats) and not _NO_LIFT.match(rest)
    return not (found["bare"] == "right" and _ODD_RIGHT.match(rest))


def _vector(words: str) -> Vector:
    parts = [_SIDES[word] for word in words.split()]
    return sum(x for x, _ in parts), sum(y for _, y in parts)


def _difference(to: str, origin: str) -> Vector:
    (x, y), (from_x, from_y) = _vector(to), _vector(origin)
    return _signs((x - from_x, y - from_y))
