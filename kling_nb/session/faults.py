"""Clips that look better in a score than they are: still ones cannot win, blurred ones are told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kling_nb.domain.scoreorder import FLATTERS, STILL_GAIN, is_still
from kling_nb.domain.scores import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

Reasons = Callable[[Sequence[str]], Mapping[str, str]]
"""Says of runs, by their ids, why they have no number."""

_NOT_MEASURED: Final = "not measured yet, kn.score() measures"

_TOLD_BESIDE: Final = ("motion", "sharpness_decay")
"""Never is a score that rewards stillness or blur shown without these."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip as a comparison sees it.

    Parameters
    ----------
    value
        What is compared; NaN without a number.
    flags
        Of the clip.
    still
        Whether it stands still, or moved hardly any of what it was asked to.
    beside
        Motion and lost sharpness; NaN where nothing is known.
    run
        Its id.
    raw
        The number itself.
    """

    value: float
    flags: tuple[str, ...] = ()
    still: bool = False
    beside: tuple[float, ...] = ()
    run: str = ""
    raw: float = math.nan

    @property
    def has_number(self) -> bool:
        """Whether there is anything to compare."""
        return not math.isnan(self.value)

    def counts(self, metric: str) -> bool:
        """Whether its number is compared: standing still is no merit where it is rewarded."""
        return self.has_number and not (self.still and metric in FLATTERS["frozen"])


def flags_and_stillness(frame: pd.DataFrame) -> list[tuple[tuple[str, ...], bool]]:
    """Return the flags of every row, and whether its clip stands still."""
    flags = frame["flags"].tolist() if "flags" in frame.columns else [()] * len(frame)
    gains = frame["gain"].tolist() if "gain" in frame.columns else [math.nan] * len(frame)
    found = []
    for each, gain in zip(flags, gains, strict=True):
        known = tuple(each) if isinstance(each, tuple | list) else ()
        found.append((known, is_still(known, None if math.isnan(gain) else gain)))
    return found


def faults_of(frame: pd.DataFrame) -> list[str]:
    """Return what makes the numbers of each row's clip look too good; empty where nothing does."""
    return [
        "stands still" if still else "blurred" if "blurred" in flags else ""
        for flags, still in flags_and_stillness(frame)
    ]


def clips_of(frame: pd.DataFrame, values: Sequence[float], raw: Sequence[float]) -> list[Clip]:
    """Return the rows as clips to compare by a score.

    Parameters
    ----------
    frame
        Of runs.
    values, raw
        What is compared, and the numbers themselves, of each row.
    """
    rows = zip(*(frame[n].tolist() if n in frame.columns else [math.nan] * len(frame) for n in _TOLD_BESIDE),
               strict=True)  # fmt: skip
    return [
        Clip(value, flags, still, beside, str(run), number)
        for value, number, (flags, still), beside, run in zip(
            values, raw, flags_and_stillness(frame), rows, frame["id"], strict=True
        )
    ]


def why_out(metric: str, clips: Sequence[Clip]) -> str:
    """Return why a group cannot be the best by a score; empty when it can.

    Parameters
    ----------
    metric
        The score.
    clips
        Of the group.
    """
    measured = [clip for clip in clips if clip.has_number]
    still = sum(clip.still for clip in measured)
    if not still or 2 * still < len(measured):
        return ""
    count = "its clip stands" if len(measured) == 1 else f"{still} of {len(measured)} clips stand"
    moved = f" still (nothing moves, or less than {100 * STILL_GAIN:.0f} % of what was asked)"
    label = BY_NAME[metric].label
    return f"{count}{moved}" + (f", which {label} rewards" if metric in FLATTERS["frozen"] else "")


def notes_of(metric: str, groups: Sequence[tuple[str, Sequence[Clip]]]) -> list[str]:
    """Return what one should know about the clips before a score is believed.

    Parameters
    ----------
    metric
        The score.
    groups
        Name and clips of each, in the order of the answer.
    """
    label = BY_NAME[metric].label
    notes = []
    left = [(name, sum(c.has_number and not c.counts(metric) for c in clips)) for name, clips in groups]
    if any(count for _, count in left):
        named = ", ".join(f"{count} of {name}" for name, count in left if count)
        notes.append(f"Left out of {label}, because they stand still: {named}.")
    flags = [(name, Counter(flag for clip in clips for flag in clip.flags)) for name, clips in groups]
    if any(counter for _, counter in flags):
        parts = [
            f"{name} {', '.join(f'{n} × {flag}' for flag, n in counter.items())}"
            for name, counter in flags
            if counter
        ]
        notes.append(f"Flagged clips: {'; '.join(parts)}.")
    if metric in FLATTERS["blurred"] and (blurred := [name for name, counter in flags if counter["blurred"]]):
        notes.append(f"Little {label} is no merit of blurred clips: look at {', '.join(blurred)} first.")
    if metric in FLATTERS["frozen"] or metric in FLATTERS["blurred"]:
        notes += [f"Beside it: {'; '.join(parts)}."] if (parts := _beside(groups)) else []
    return notes


def notes_of_missing(
    metric: str, groups: Sequence[tuple[str, Sequence[Clip]]], reasons: Reasons
) -> list[str]:
    """Return which clips have no number, and why.

    Parameters
    ----------
    metric, groups
        As for :func:`notes_of`.
    reasons
        Knows of those that were measured.
    """
    missing = [(name, [clip.run for clip in clips if not clip.has_number]) for name, clips in groups]
    why = reasons([run for _, runs in missing for run in runs])
    counts = [(name, Counter(why.get(run, _NOT_MEASURED) for run in runs)) for name, runs in missing if runs]
    begin = f"Without {BY_NAME[metric].label}"
    if len(counts) > 1 and len({reason for _, counter in counts for reason in counter}) == 1:
        named = ", ".join(f"{counter.total()} of {name}" for name, counter in counts)
        return [f"{begin}: {named} ({next(iter(counts[0][1]))})."]
    return [
        f"{begin}: {counter.total()} of {name} "
        f"({'; '.join(f'{count} × {reason}' for reason, count in counter.items())})."
        for name, counter in counts
    ]


def _beside(groups: Sequence[tuple[str, Sequence[Clip]]]) -> list[str]:
    found = []
    for name, clips in groups:
        told = []
        for place, which in enumerate(_TOLD_BESIDE):
            known = [
                clip.beside[place] for clip in clips if clip.has_number and not math.isnan(clip.beside[place])
            ]
            if known:
                measure = BY_NAME[which]
                unit = measure.unit.partition(" ")[0]
                told.append(f"{measure.label} {sum(known) / len(known):.{measure.decimals}f} {unit}")
        found += [f"{name} {', '.join(told)}"] if told else []
    return found
