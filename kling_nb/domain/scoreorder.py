"""Which of two scores is the better one, and what makes a bad clip look good in it.

A frozen clip leaks nothing, does not flicker and loses no sharpness; a blurred one hardly flickers. Wherever
a score decides something, the clips that stand still do not count in the scores that reward it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

from kling_nb.domain.scores import BY_NAME, MEASURES, Flag, Scores

STILL_GAIN: Final = 0.2
"""Below this share of the asked travel, forwards or backwards, an object stands still."""

_ENDS: Final = tuple(measure.name for measure in MEASURES if measure.about == "ends")

FLATTERS: Final[Mapping[Flag, frozenset[str]]] = {
    "frozen": frozenset(
        {
            *("leak", "leak_ssim", "camera_drift", "flicker", "warp_error", "sharpness_decay"),
            *("tracked", "lag", "own_lag", *_ENDS),
        }
    ),
    "blurred": frozenset({"flicker", "warp_error"}),
}
"""Scores that a fault makes better."""

_COSINES: Final = ("direction", "own_direction", "camera_direction", "words_direction")
_SHARES: Final = ("tracked", "leak_ssim", "first_ssim", "first_match", "end_ssim", "end_match")

NOISE: Final[Mapping[str, float]] = {
    **dict.fromkeys(("path_error", "own_path_error"), 0.1),
    **dict.fromkeys(("end_error", "own_end_error"), 0.2),
    **dict.fromkeys(("gain", "own_gain", *_COSINES), 0.02),
    **dict.fromkeys(("lag", "own_lag", "camera_drift"), 0.05),
    "leak": 1.0,
    **dict.fromkeys(("first_psnr", "end_psnr"), 0.5),
    **dict.fromkeys(("leak_ssim", "first_ssim", "end_ssim"), 0.01),
    **dict.fromkeys(("first_match", "end_match", "flicker"), 0.02),
    "warp_error": 0.1,
    "sharpness_decay": 3.0,
}
"""Differences that coding alone makes between two clips of one motion: neither clip is better by them."""

INSTEAD: Final[Mapping[str, str]] = {
    "motion": "gain says how much of the asked motion happened, path_error how well it was followed",
    **dict.fromkeys(
        ("camera_shift", "camera_shift_px", "camera_scale", "camera_roll"),
        "camera_direction says whether the camera moved as asked, camera_drift what it did unasked",
    ),
}
"""Scores of which neither much nor little is good, and what to compare instead."""


def distance(name: str, value: float) -> float:
    """Return what is compared of a score: its distance from the best value where there is one.

    Parameters
    ----------
    name
        Of the catalogue.
    value
        The score.
    """
    if name == "sharpness_decay":
        # Edges that appear where none were, by a leak or by coding, make no clip better.
        return max(0.0, value)
    target = target_of(name)
    return value if target is None else abs(value - target)


def target_of(name: str) -> float | None:
    """Return the best value of a score that should be near one: 0 or 1."""
    return {"near 0": 0.0, "near 1": 1.0}.get(BY_NAME[name].better)


def smaller_is_better(name: str) -> bool:
    """Whether less of what :func:`distance` gives is better; not meant for scores "as asked"."""
    return BY_NAME[name].better != "higher"


def goodness(name: str, value: float) -> float:
    """Return a number that is larger the better a score is."""
    return -distance(name, value) if smaller_is_better(name) else value


def bounds_of(name: str) -> tuple[float, float]:
    """Return the least and the largest value that :func:`distance` can give."""
    if name in _COSINES:
        return -1.0, 1.0
    if name in _SHARES:
        return 0.0, 1.0
    return (0.0, math.inf) if smaller_is_better(name) else (-math.inf, math.inf)


def is_still(flags: Collection[str], gain: float | None) -> bool:
    """Whether a clip stands still, or moved hardly any of what it was asked to.

    Parameters
    ----------
    flags
        Of the clip.
    gain
        Its gain; None without painted objects.
    """
    return "frozen" in flags or (gain is not None and abs(gain) < STILL_GAIN)


def is_flattered(name: str, flags: Collection[str], gain: float | None) -> bool:
    """Whether a clip's score is better than it deserves, by a fault of the clip.

    Parameters
    ----------
    name
        Of the catalogue.
    flags, gain
        Of the clip.
    """
    still = is_still(flags, gain) and name in FLATTERS["frozen"]
    return still or any(flag in flags and name in flattered for flag, flattered in FLATTERS.items())


def why_none(scores: Scores, name: str) -> str:
    """Return why a measured clip has no number, for people.

    Parameters
    ----------
    scores
        Of the clip.
    name
        Of the catalogue.
    """
    return (
        scores.why.get(name)
        or scores.why.get("clip")
        or f"nothing was asked that {BY_NAME[name].label} measures"
    )
