"""Scores of one clip in words: rows in groups, flags, what could not be measured, one line for cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from kling_nb.domain.objectnames import object_names
from kling_nb.domain.scores import BY_NAME, MEASURES, SCORE_VERSION, About, Better, Flag, Measure, Scores

MARKS: Final[Mapping[Better, tuple[str, str]]] = {
    "lower": ("↓", "lower is better"),
    "higher": ("↑", "higher is better"),
    "near 0": ("→0", "near 0 is best"),
    "near 1": ("→1", "near 1 is best"),
    "as asked": ("=", "neither high nor low is good by itself"),
}
"""How views mark which values are good, and what the mark means."""

HEADS: Final = (
    ("score", "What was measured; what it means is told when the pointer rests on a row."),
    ("value", "The number with its unit; % is percent of the frame's diagonal where nothing else is said."),
    ("good", "Which values are good: ↓ low, ↑ high, →0 near 0, →1 near 1, = as asked."),
    ("confidence", "How far the measurement agrees with itself, 0 to 1."),
)
"""Columns of the table of one clip, with what they mean."""

GROUPS: Final[tuple[tuple[str, tuple[About, ...]], ...]] = (
    ("Path", ("path", "own path")),
    ("Camera", ("camera",)),
    ("Static part", ("static",)),
    ("First and last picture", ("ends",)),
    ("Words of the prompt", ("words",)),
    ("Whole clip", ("clip",)),
)
"""Titles of the table in order, and what stands below each."""

FLAG_WORDS: Final[Mapping[Flag, tuple[str, str]]] = {
    "frozen": ("frozen", "hardly anything moves; low flicker, warp error and leak are no merit then"),
    "reversed": ("wrong way", "an object moved against the asked direction"),
    "short": ("too short", "less than the asked travel happened"),
    "long": ("too far", "more than the asked travel happened"),
    "late": ("late", "the motion happened later than asked"),
    "leak": ("leak", "what should stay as it is changes"),
    "camera": ("camera", "the camera did not move as asked"),
    "blurred": ("blurred", "sharpness is lost; low flicker and warp error are no merit then"),
    "flickering": ("flickers", "the light is unsteady from frame to frame"),
    "first frame": ("other start", "the first frame is not the start picture"),
    "end frame": ("other end", "the last frame is not the asked end picture"),
    "untracked": ("not followed", "an object could not be followed: the path scores do not speak of it"),
}
"""Each flag as a short word and as a reason to look."""

TWINS: Final = "_px"
"""End of the names whose value stands beside that of the same name without it."""

LEVELS: Final = ((0.8, "sure"), (0.5, "fairly sure"), (0.0, "unsure"))
"""Least confidence, and how it is said."""

NONE: Final = "—"
_DOTS: Final = 5


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of the table.

    Parameters
    ----------
    name, label, meaning
        As in :data:`kling_nb.domain.scores.MEASURES`.
    value
        The number with its unit; a dash where there is none.
    mark, good, better
        Which values are good: as a sign, in a word, in a sentence.
    confidence
        0 to 1; None where nothing is said.
    sure
        The confidence in words, empty without one.
    """

    name: str
    label: str
    value: str
    mark: str
    good: str
    better: str
    meaning: str
    confidence: float | None
    sure: str


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One painted object of the table.

    Parameters
    ----------
    label
        Its name, or its number.
    cells
        Values in the order of :data:`OBJECT_COLUMNS`.
    confidence, sure
        As in :class:`ScoreRow`.
    why
        Why it could not be followed; empty when it could.
    """

    label: str
    cells: tuple[str, ...]
    confidence: float | None
    sure: str
    why: str = ""


OBJECT_COLUMNS: Final = ("path_error", "end_error", "direction", "gain", "lag")
"""What is told of each object."""


@dataclass(frozen=True, slots=True)
class ScoreTexts:
    """Everything a view shows of the scores of one clip; plain texts, to be escaped by the view.

    Parameters
    ----------
    line
        What matters most, on one line without the flags.
    flags
        Short word and reason of each flag.
    groups
        Title and rows.
    missing
        Reason, and what could not be measured for it.
    objects
        The painted objects.
    advice
        What could be done about it.
    notes
        About the measurement.
    clip
        What was measured.
    """

    line: str
    flags: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[ScoreRow, ...]], ...]
    missing: tuple[tuple[str, str], ...]
    objects: tuple[ObjectRow, ...]
    advice: tuple[str, ...]
    notes: tuple[str, ...]
    clip: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a page."""
        return asdict(self)


def texts_of(scores: Scores, advice: Sequence[str] = ()) -> ScoreTexts:
    """Return what a view shows.

    Parameters
    ----------
    scores
        Of one clip.
    advice
        What could be done about it.
    """
    groups = []
    for title, about in GROUPS:
        rows = tuple(_row(scores, measure) for measure in MEASURES if _has_row(scores, measure, about))
        groups += [(title, rows)] if rows else []
    return ScoreTexts(
        line=line_of(scores.values, scores.flags, asked=bool(scores.objects)),
        flags=flags_of(scores.flags),
        groups=tuple(groups),
        missing=_missing(scores),
        objects=tuple(_object(scores, number) for number in range(len(scores.objects))),
        advice=tuple(advice),
        notes=_notes(scores),
        clip=_clip(scores),
    )


def number(value: float | None, measure: Measure, *, unit: bool = True) -> str:
    """Return a value as people read it.

    Parameters
    ----------
    value
        None gives a dash.
    measure
        What it is a value of.
    unit
        Whether its unit stands behind it.
    """
    if value is None:
        return NONE
    text = f"{value:.{measure.decimals}f}"
    # What is rounded to nought has no sign.
    text = text.removeprefix("-") if float(text) == 0 else text
    short = measure.unit.split(" ", 1)[0]
    return f"{text} {short}" if unit and short else text


def flags_of(flags: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the short word and the reason of each flag; one of a later version is its own word."""
    known: Mapping[Any, tuple[str, str]] = FLAG_WORDS
    return tuple(known.get(flag, (flag, "")) for flag in flags)


def sureness(confidence: float | None) -> str:
    """Return a confidence in words."""
    if confidence is None:
        return ""
    return next(word for least, word in LEVELS if confidence >= least or not least)


def dots(confidence: float) -> str:
    """Return a confidence as five dots."""
    full = min(_DOTS, max(0, round(confidence * _DOTS)))
    return "●" * full + "○" * (_DOTS - full)


def header(measure: Measure) -> str:
    """Return what stands at the head of a column when the pointer rests on it."""
    unit = f" In {measure.unit}." if measure.unit else ""
    words = MARKS[measure.better][1]
    return f"{measure.meaning}{unit} {words[0].upper()}{words[1:]}."


OBJECT_HEADS: Final = (
    ("object", "A painted object by the name of its mask."),
    *((BY_NAME[name].label, header(BY_NAME[name])) for name in OBJECT_COLUMNS),
    ("confidence", "How far the tracking agrees with itself, 0 to 1."),
)
"""Columns of the table of objects, with what they mean."""


def line_of(values: Mapping[str, float | None], flags: Sequence[str], *, asked: bool = False) -> str:
    """Return what matters most on one line, without the flags.

    Parameters
    ----------
    values
        Scores of a clip by name.
    flags
        Its flags.
    asked
        Whether there are painted objects; where some could be followed the scores themselves say so.
    """
    parts = _told(values, ("path_error", "gain"))
    asked = asked or values.get("tracked") is not None
    parts += ["path not measurable"] if asked and not parts else []
    if values.get("leak") is not None:
        parts += _told(values, ("leak",)) if "leak" in flags else ["leak none"]
    if "camera" in flags or (not asked and values.get("camera_direction") is not None):
        parts += _told(values, ("camera_direction", "camera_drift"))[:1]
    if not asked:
        parts += _told(values, ("words_direction", "motion", "sharpness_decay"))
    return " · ".join(parts) if parts else "nothing could be measured"


def _told(values: Mapping[str, float | None], names: Sequence[str]) -> list[str]:
    found = [(BY_NAME[name], values.get(name)) for name in names]
    return [f"{measure.label} {number(value, measure)}" for measure, value in found if value is not None]


def _has_row(scores: Scores, measure: Measure, about: tuple[About, ...]) -> bool:
    if measure.about not in about or scores.values.get(measure.name) is None:
        return False
    # Pixels stand beside the percentage.
    twin = measure.name.removesuffix(TWINS)
    return twin == measure.name or scores.values.get(twin) is None


def _row(scores: Scores, measure: Measure) -> ScoreRow:
    value = number(scores.values.get(measure.name), measure)
    twin = BY_NAME.get(measure.name + TWINS)
    if twin is not None and scores.values.get(twin.name) is not None:
        value += f" ({number(scores.values[twin.name], twin)})"
    mark, words = MARKS[measure.better]
    confidence = scores.confidence.get(measure.name)
    return ScoreRow(
        name=measure.name,
        label=measure.label,
        value=value,
        mark=mark,
        good=measure.better,
        better=words,
        meaning=measure.meaning,
        confidence=confidence,
        sure=sureness(confidence),
    )


def _missing(scores: Scores) -> tuple[tuple[str, str], ...]:
    """Return each reason once, with everything that could not be measured for it."""
    reasons: dict[str, list[str]] = {}
    for measure in MEASURES:
        why = scores.why.get(measure.name)
        if why and scores.values.get(measure.name) is None and not measure.name.endswith(TWINS):
            reasons.setdefault(why, []).append(measure.label)
    if len(reasons) == 1 and all(value is None for value in scores.values.values()):
        return ((next(iter(reasons)), "the whole clip"),)
    return tuple((why, ", ".join(labels)) for why, labels in reasons.items())


def _object(scores: Scores, place: int) -> ObjectRow:
    each = scores.objects[place]
    name = object_names([other.label for other in scores.objects])[place]
    cells = tuple(number(each.values.get(name), BY_NAME[name]) for name in OBJECT_COLUMNS)
    confidence = each.confidence if each.measurable else None
    return ObjectRow(name, cells, confidence, sureness(confidence), each.why)


def _notes(scores: Scores) -> tuple[str, ...]:
    if scores.version == SCORE_VERSION:
        return scores.notes
    old = "Measured by another version of the scores; run.score(again=True) measures again."
    return (*scores.notes, old)


def _clip(scores: Scores) -> str:
    width, height = scores.size
    parts = [f"{width}×{height}" if width and height else "", f"{scores.frames} frames"]
    parts += [f"{scores.duration_s:.1f} s"] if scores.duration_s else []
    return ", ".join(part for part in parts if part)
