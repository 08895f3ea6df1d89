"""What is measured of a clip: names, units and meaning of the scores, and the values of one clip.

The names follow the published measures where there are any: trajectory error is the ObjMC of DragAnything
(Wu et al. 2024), warp error that of Lai et al. (2018), flicker is like VBench's temporal flickering (Huang et
al. 2023). No network weights are used, so the last two say "like" in the documentation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Final, Literal, Self, get_args

SCORE_VERSION: Final = 3
"""Grows whenever a number can come out differently; older scores are measured again on demand."""

UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What :meth:`Scores.from_json` raises for what are no scores."""

Better = Literal["lower", "higher", "near 0", "near 1", "as asked"]
"""Which values are good ones. ``as asked``: neither high nor low is good by itself."""

About = Literal["path", "own path", "static", "camera", "ends", "words", "clip"]
"""What a score belongs to."""

MOST_SIDE: Final = 100_000
"""Largest side of a clip in pixels, and what a place in it may be away from its corner."""

Flag = Literal[
    "frozen", "reversed", "short", "long", "late", "leak", "camera", "blurred", "flickering", "first frame",
    "end frame", "untracked",
]  # fmt: skip
"""What a person should look at."""

FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)


@dataclass(frozen=True, slots=True)
class Measure:
    """One score.

    Parameters
    ----------
    name
        Column of the table of runs.
    label
        What views call it.
    unit
        ``%`` is percent of the frame's diagonal unless the meaning says otherwise; empty for a plain number.
    better
        Which values are good.
    about
        What it belongs to.
    decimals
        Digits after the point that mean something.
    meaning
        One sentence for people.
    """

    name: str
    label: str
    unit: str
    better: Better
    about: About
    decimals: int
    meaning: str


MEASURES: Final[tuple[Measure, ...]] = (
    Measure("path_error", "path error", "%", "lower", "path", 2,
            "How far the painted objects were from their asked place, on average over the clip."),
    Measure("path_error_px", "path error", "px", "lower", "path", 1,
            "The same in pixels of the video."),
    Measure("end_error", "end error", "%", "lower", "path", 2,
            "How far the painted objects were from the end of their path in the last frame."),
    Measure("end_error_px", "end error", "px", "lower", "path", 1,
            "The same in pixels of the video."),
    Measure("direction", "direction", "", "higher", "path", 2,
            "Cosine between asked and measured motion: 1 the asked way, 0 across it, -1 the opposite way; "
            "none when hardly anything moved."),
    Measure("gain", "gain", "", "near 1", "path", 2,
            "Share of the asked travel that happened: 1 all of it, 0.5 half the way, 0 none."),
    Measure("lag", "lag", "s", "near 0", "path", 2,
            "How much later than asked the motion happened; negative when it came early."),
    Measure("own_path_error", "own path error", "%", "lower", "own path", 2,
            "Path error after the camera's motion was taken out."),
    Measure("own_end_error", "own end error", "%", "lower", "own path", 2,
            "End error after the camera's motion was taken out."),
    Measure("own_direction", "own direction", "", "higher", "own path", 2,
            "Direction after the camera's motion was taken out."),
    Measure("own_gain", "own gain", "", "near 1", "own path", 2,
            "Gain after the camera's motion was taken out."),
    Measure("own_lag", "own lag", "s", "near 0", "own path", 2,
            "Lag after the camera's motion was taken out."),
    Measure("tracked", "objects tracked", "", "higher", "path", 2,
            "Share of the painted objects that could be followed; the path scores speak of these only."),
    Measure("leak", "static leak", "levels", "lower", "static", 1,
            "Mean change inside the static mask in the clip's worst tenth, in gray levels of 255, after the "
            "light was matched; good coding alone makes 1 to 2."),
    Measure("leak_ssim", "static likeness", "", "higher", "static", 3,
            "Structural likeness (SSIM) of the static mask with its first frame: 1 is unchanged."),
    Measure("camera_shift", "camera shift", "%", "as asked", "camera", 2,
            "How far the picture's middle was carried by the camera from the first to the last frame."),
    Measure("camera_shift_px", "camera shift", "px", "as asked", "camera", 1,
            "The same in pixels of the video."),
    Measure("camera_scale", "camera scale", "", "as asked", "camera", 4,
            "How much larger things became by the camera: 1.1 is ten percent closer, 0.9 farther away."),
    Measure("camera_roll", "camera roll", "deg", "as asked", "camera", 2,
            "By how many degrees the picture turned, counter-clockwise."),
    Measure("camera_direction", "camera direction", "", "higher", "camera", 2,
            "Cosine between the asked and the measured camera move: 1 as asked, -1 the opposite."),
    Measure("camera_drift", "camera drift", "%", "lower", "camera", 2,
            "Camera motion that nobody asked for: how far it carried the frame's corners on average; none "
            "where the prompt moves the camera."),
    Measure("first_psnr", "first frame PSNR", "dB", "higher", "ends", 1,
            "Likeness of the first frame and the start picture: above 35 hardly visible differences."),
    Measure("first_ssim", "first frame SSIM", "", "higher", "ends", 3,
            "Structural likeness of the first frame and the start picture: 1 is the same."),
    Measure("first_match", "first frame match", "", "higher", "ends", 2,
            "Share of the start picture's details that are found at their place in the first frame."),
    Measure("end_psnr", "end frame PSNR", "dB", "higher", "ends", 1,
            "Likeness of the last frame and the asked end picture."),
    Measure("end_ssim", "end frame SSIM", "", "higher", "ends", 3,
            "Structural likeness of the last frame and the asked end picture; brittle under small shifts."),
    Measure("end_match", "end frame match", "", "higher", "ends", 2,
            "Share of the end picture's details that are found at their place in the last frame."),
    Measure("words_direction", "direction in words", "", "higher", "words", 2,
            "Cosine between the direction that the prompt names and the main motion of the picture."),
    Measure("motion", "motion", "%/s", "as asked", "clip", 2,
            "How fast the picture moves on average, in percent of the diagonal a second."),
    Measure("flicker", "flicker", "levels", "lower", "clip", 2,
            "How unsteady the light is from frame to frame; a frozen or blurred clip has little of it too."),
    Measure("warp_error", "warp error", "levels", "lower", "clip", 2,
            "What changes from frame to frame beyond motion; a frozen or blurred clip has little of it too."),
    Measure("sharpness_decay", "sharpness lost", "% of sharpness", "lower", "clip", 0,
            "How much of the first frame's sharpness is lost at the end."),
)  # fmt: skip
"""All scores in the order in which views show them."""

_MOST_COUNT: Final = 10**9

BY_NAME: Final[Mapping[str, Measure]] = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """How one painted object moved.

    Parameters
    ----------
    label
        The mask's name.
    values
        Scores of :data:`MEASURES` about ``path`` and ``own path``; None where there is none.
    confidence
        0 to 1: how far the tracking agrees with itself.
    why
        Why it could not be followed, for people; empty when it could.
    method
        ``template``, ``points`` or empty.
    asked, measured
        Places of the object's middle, (x, y) pixels of the video, at the same moments; ``measured`` is empty
        when it could not be followed. Kept to a hundredth of a pixel.
    times
        Those moments in seconds, kept to a tenth of a millisecond.

    Raises
    ------
    ValueError
        A number that is none (NaN, infinity), or a name that is not in the catalogue.
    """

    label: str
    values: dict[str, float | None]
    confidence: float
    why: str = ""
    method: str = ""
    asked: tuple[tuple[float, float], ...] = ()
    measured: tuple[tuple[float, float], ...] = ()
    times: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be no number in the log, where it is made; leave out digits that mean nothing."""
        object.__setattr__(self, "values", _numbers(self.values, "object score"))
        object.__setattr__(self, "confidence", _finite(self.confidence, "confidence"))
        for name in ("label", "why", "method"):
            _text(getattr(self, name), name)
        for name in ("asked", "measured"):
            places = tuple((_place(x, name), _place(y, name)) for x, y in getattr(self, name))
            object.__setattr__(self, name, places)
        object.__setattr__(self, "times", tuple(round(_finite(time, "times"), 4) for time in self.times))

    @property
    def measurable(self) -> bool:
        """Whether it could be followed."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Scores:
    """What was measured of one clip.

    Parameters
    ----------
    version
        :data:`SCORE_VERSION` when it was measured.
    clip_sha256, asked_digest
        The file, and what was asked of it: together with the version they say whether scores are still valid.
    values
        One number for each of :data:`MEASURES`; None where there is none, also for those left out.
    confidence
        0 to 1 by name, for those that have a number.
    why
        Why there is no number, by name, for those where a person would expect one.
    flags
        What to look at.
    objects
        How each painted object moved.
    size, fps, frames, duration_s
        The clip: (width, height) as shown, frames a second, number of frames, seconds.
    curves
        Numbers over time for plots: ``times`` and, of the same length, ``path_error``, ``camera_shift``,
        ``flicker``, ``motion``, ``sharpness``, ``leak``; those that were measured. Kept to six digits.
    leak_map
        Mean change in gray levels inside the static mask on a coarse grid, rows from the top; None outside
        the mask. Empty without a static mask.
    notes
        What else a person should know about the measurement.

    Raises
    ------
    ValueError
        A number that is none (NaN, infinity), a score that is not in the catalogue, or an unknown flag.
    """

    version: int
    clip_sha256: str
    asked_digest: str
    values: dict[str, float | None]
    confidence: dict[str, float] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    objects: tuple[ObjectScores, ...] = ()
    size: tuple[int, int] = (0, 0)
    fps: float = 0.0
    frames: int = 0
    duration_s: float = 0.0
    curves: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    leak_map: tuple[tuple[float | None, ...], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be no number in the log, where it is made; leave out digits that mean nothing."""
        every: dict[str, Any] = dict.fromkeys(BY_NAME)
        object.__setattr__(self, "values", every | _numbers(self.values, "score"))
        found = {name: _finite(value, name) for name, value in self.confidence.items()}
        object.__setattr__(self, "confidence", found)
        object.__setattr__(self, "curves", {name: _row(each, name) for name, each in self.curves.items()})
        object.__setattr__(self, "leak_map", tuple(_row(each, "leak_map") for each in self.leak_map))
        for name in ("fps", "duration_s"):
            object.__setattr__(self, name, _finite(getattr(self, name), name))
        self._check()
        if unknown := set(self.flags) - set(FLAGS):
            raise ValueError(f"{sorted(unknown)} are no flags; known: {', '.join(FLAGS)}")

    def _check(self) -> None:
        """Refuse what is no clip, no picture or no text: logs and capsules come from others, too."""
        width, height = self.size
        for side in (width, height):
            if not (isinstance(side, int) and 0 <= side <= MOST_SIDE):
                raise ValueError(f"size is {self.size}")
        for name in ("version", "frames"):
            if not (isinstance(getattr(self, name), int) and abs(getattr(self, name)) <= _MOST_COUNT):
                raise ValueError(f"{name} is no number of such")
        if len({len(row) for row in self.leak_map}) > 1:
            raise ValueError("leak_map has rows of several lengths")
        for text in (self.clip_sha256, self.asked_digest, *self.notes, *self.why, *self.why.values()):
            _text(text, "a text")

    @property
    def least_confidence(self) -> float | None:
        """Confidence of the least sure of the numbers, 0 to 1; None without any."""
        found = [self.confidence[name] for name, value in self.values.items()
                 if value is not None and name in self.confidence]  # fmt: skip
        return min(found, default=None)

    def __getattr__(self, name: str) -> float | None:
        """Return a score by its name."""
        if name in BY_NAME:
            return self.values.get(name)
        close = get_close_matches(name, BY_NAME, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise AttributeError(f"there is no score {name!r}{hint}", name=name)

    def __dir__(self) -> list[str]:
        """Return the names of the scores, too, for completion."""
        return [*object.__dir__(self), *BY_NAME]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Rebuild scores from :meth:`to_json`.

        Keys, scores and flags that are not known are left out: another version has written them.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError
            It is not what :meth:`to_json` gives; :data:`UNREADABLE` for those who catch them.
        """
        values = _known(cls, row)
        values["objects"] = tuple(
            ObjectScores(**_known(ObjectScores, each)) for each in row.get("objects", ())
        )
        values["flags"] = tuple(flag for flag in row.get("flags", ()) if flag in FLAGS)
        return cls(**values)


def _known(kind: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    found = {key: _frozen(value) for key, value in row.items() if key in names}
    found["values"] = {name: value for name, value in row["values"].items() if name in BY_NAME}
    return found


def _numbers(values: Mapping[str, Any], what: str) -> dict[str, float | None]:
    if unknown := [name for name in values if name not in BY_NAME]:
        raise ValueError(f"there is no {what} {unknown[0]!r}")
    return {name: None if value is None else _finite(value, name) for name, value in values.items()}


def _row(values: Iterable[Any], what: str) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(f"{_finite(value, what):.6g}") for value in values)


def _finite(value: Any, what: str) -> float:
    """Return a number of any library as Python's."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{what} is {number}: what was not measured is None, with a reason")
    return number


def _place(value: Any, what: str) -> float:
    number = _finite(value, what)
    if abs(number) > MOST_SIDE:
        raise ValueError(f"{what} is {number:g}: that is in no clip")
    return round(number, 2)


def _text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{what} is no text")


def _frozen(value: Any) -> Any:
    """Return lists as tuples, however deep, as the fields have them."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return value
