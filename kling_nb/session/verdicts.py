"""Which is better? An answer in plain words, with how sure it is and what would make it surer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_nb.domain.task import RunStatus
from kling_nb.errors import printable
from kling_nb.session.faults import Clip, Reasons, clips_of, notes_of, notes_of_missing, why_out
from kling_nb.session.groups import confounded, is_letter, labels_of, names_for, names_of, numbers_of, text_of
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.session.yardstick import Yardstick, yardstick_of
from kling_nb.stats import Difference, Spread, repeats_needed, spread_of

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.svg import Plot


@dataclass(frozen=True, slots=True)
class Group:
    """Clips of one condition.

    Parameters
    ----------
    name
        How it is called in the answer.
    label
        Its value of each column grouped by.
    values
        The numbers; a yes is 1.
    open
        Clips without a number, still to be judged.
    out
        Why it cannot be the best, however good its numbers are; empty when it can.
    raw
        Mean of the numbers themselves, where their distance from the best value is compared.
    """

    name: str
    label: tuple[Hashable, ...]
    values: tuple[float, ...]
    open: int
    out: str = ""
    raw: float = math.nan

    @property
    def can_win(self) -> bool:
        """Whether it has values and may be the best."""
        return bool(self.values) and not self.out

    @property
    def spread(self) -> Spread:
        """Number, mean and spread of the values."""
        return spread_of(self.values)


@dataclass(frozen=True, slots=True)
class Rival:
    """How far the best group is ahead of another one.

    Parameters
    ----------
    group
        The other one.
    ahead
        How much better the best one is, positive in whichever direction is better.
    needed
        Repeats of each, in all, that would tell them apart if they differ as it seems; None for too many.
    """

    group: Group
    ahead: Difference
    needed: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "which is better?".

    Parameters
    ----------
    metric, by
        What was compared, and what makes the groups.
    groups
        The best first; groups that cannot be the best and those without values come last.
    rivals
        The other groups that could be the best, compared with it, closest first.
    notes
        What else one should know.
    smaller
        Whether less is better, where a person has said so.
    """

    metric: str
    by: tuple[str, ...]
    groups: tuple[Group, ...]
    rivals: tuple[Rival, ...]
    notes: tuple[str, ...]
    smaller: bool | None = None

    @property
    def best(self) -> Group | None:
        """The group in front; None when no group has values, or none may win."""
        return self.groups[0] if self.groups and self.groups[0].can_win else None

    @property
    def _yardstick(self) -> Yardstick:
        return yardstick_of(self.metric, self.smaller)

    @property
    def told_apart(self) -> bool:
        """Whether the best is better than every other one beyond reasonable doubt.

        Comparing the best of several with the runner-up needs no correction for choosing it (Gutmann & Maymin
        1987, Ann. Stat. 15:456).
        """
        return bool(self.rivals) and all(rival.ahead.low > 0 for rival in self.rivals)

    @property
    def more(self) -> int | None:
        """How many more repeats the group with the fewest needs to be told apart; None when unknown."""
        needed = [rival.needed for rival in self.rivals if rival.ahead.low <= 0]
        if self.best is None or not needed or any(number is None for number in needed):
            return None
        fewest = min(len(group.values) for group in (self.best, *self._level))
        return max(1, max(number or 0 for number in needed) - fewest)

    @property
    def _level(self) -> list[Group]:
        return [rival.group for rival in self.rivals if rival.ahead.low <= 0]

    @property
    def text(self) -> str:
        """The answer in words."""
        return "\n".join([self._answer(), *self.notes])

    def _answer(self) -> str:
        told, best = self._yardstick, self.best
        if best is None or not self.rivals:
            return self._without_rivals(best)
        first = self.rivals[0]
        lead = told.lead(first.ahead)
        if self.told_apart:
            than = f" than {first.group.name}: {lead} ahead"
            among = f"the best: {lead} ahead of {first.group.name}"
            return f"{best.name} is {f'better{than}' if len(self.rivals) == 1 else among}. {self._numbers()}."
        level = ", ".join(group.name for group in self._level)
        return (
            f"Not told apart yet: {best.name} and {level}. {self._numbers()}; "
            f"{best.name} is {lead} ahead of {first.group.name}. {self._advice()}"
        )

    def _without_rivals(self, best: Group | None) -> str:
        out = " and ".join(group.name for group in self.groups if group.out)
        title = self._yardstick.named
        if out:
            begin = "Nothing wins" if best is None else f"{best.name} is the only one that can win"
            return f"{begin}: {out} cannot be the best. {self._numbers()}."
        if best is None:
            return f"Nothing to compare: no clip has {title} yet."
        return f"Only {best.name} has {title} yet; there is nothing to compare it with."

    def _numbers(self) -> str:
        told = self._yardstick
        numbers = [f"{group.name} {told.told(group.spread)}" for group in self.groups if group.values]
        return f"{told.title}: {', '.join(numbers) or 'no numbers that count'}"

    def _advice(self) -> str:
        if self.more is None:
            if self.best is not None and min(len(group.values) for group in (self.best, *self._level)) < 2:
                return "So far they look as good as equal, and one clip says little: make some repeats."
            return "They look as good as equal: more repeats are unlikely to tell them apart."
        if len(self._level) > 1:
            return f"About {self.more} more of each would tell them, if they differ as it seems."
        assert self.best is not None
        needed = max(rival.needed or 0 for rival in self.rivals if rival.ahead.low <= 0)
        lack = [(group, max(0, needed - len(group.values))) for group in (self.best, self._level[0])]
        if lack[0][1] == lack[1][1]:
            return f"{max(1, lack[0][1])} more repeats of each would tell, if they differ as it seems."
        parts = " and ".join(f"{count} more of {group.name}" for group, count in lack if count)
        return f"{parts} would tell, if they differ as it seems."

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group: name, condition, number, mean, spread, and how far it is behind the best."""
        import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

        behind = {rival.group.name: rival.ahead for rival in self.rivals}
        told = self._yardstick
        rows = []
        for group in self.groups:
            spread, ahead = group.spread, behind.get(group.name)
            rows.append(
                {
                    "group": group.name,
                    **dict(zip(self.by, group.label, strict=True)),
                    "n": spread.n,
                    "mean": spread.mean,
                    "sd": spread.sd,
                    **({} if told.target is None else {f"mean_{self.metric}": group.raw}),
                    "open": group.open,
                    "behind": math.nan if ahead is None else ahead.estimate,
                    "behind_low": math.nan if ahead is None else ahead.low,
                    "behind_high": math.nan if ahead is None else ahead.high,
                    "needed": None if ahead is None else _needed(self.rivals, group),
                    **({} if told.measure is None else {"cannot_win": group.out}),
                }
            )
        return pd.DataFrame(rows).astype({"needed": "Int64"}) if rows else pd.DataFrame()

    @property
    def plot(self) -> Plot:
        """Every value as a dot, the mean and its interval as a line; the best group on top."""
        from kling_nb.session.plots import dots  # noqa: PLC0415 - only for those who look

        told = self._yardstick
        expected = told.expected([group.spread for group in self.groups])
        rows = [
            (
                f"{group.name} (cannot win)" if group.out else group.name,
                group.values,
                group.spread.mean,
                told.interval(group.values, expected),
            )
            for group in self.groups
        ]
        empty = "nothing judged yet" if told.measure is None else "no number that counts"
        return dots(rows, told.title, told.axis, empty=empty)

    def __str__(self) -> str:
        legend = [f"{group.name}: {text_of(group.label)}" for group in self.groups if is_letter(group.name)]
        return printable("\n".join([self.text, *legend]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        paragraphs = "".join(f"<p>{html_text(line)}</p>" for line in self.text.split("\n"))
        legend = "".join(
            f"<li><b>{html_text(group.name)}</b> {html_text(text_of(group.label))}</li>"
            for group in self.groups
            if is_letter(group.name)
        )
        listed = f'<ul style="list-style:none;padding:0">{legend}</ul>' if legend else ""
        return f'<div class="{NO_MATH}">{paragraphs}{listed}{self.plot.svg if self.groups else ""}</div>'


def verdict_of(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    metric: str,
    *,
    smaller: bool | None = None,
    reasons: Reasons = lambda _: {},
) -> Verdict:
    """Compare groups of runs.

    Parameters
    ----------
    frame
        Of runs.
    by
        Column, or several, whose values make the groups.
    metric
        ``rating``, ``kept``, ``succeeded``, ``seconds``, a score or another column of numbers.
    smaller
        Whether less is better; None knows it of scores, seconds and costs.
    reasons
        Says of runs, by their ids, why they have no number.

    Raises
    ------
    UsageError
        No such column, one without numbers, or a score of which neither much nor little is good.
    """
    labels = labels_of(frame, by)
    told = yardstick_of(metric, smaller)
    raw = numbers_of(frame, metric)
    values = [told.compared(value) for value in raw]
    is_score = told.measure is not None
    clips = clips_of(frame, values, raw) if is_score else [Clip(value) for value in values]
    failed = (frame["status"] == RunStatus.FAILED.value).tolist()
    held = _held(labels, clips, failed)
    groups = _groups(held, told)
    winners = [group for group in groups if group.can_win]
    expected = told.expected([group.spread for group in winners])
    rivals = [_rival(winners[0], other, told, expected) for other in winners[1:]]
    rivals.sort(key=lambda rival: rival.ahead.estimate)
    notes = _to_judge(groups)
    if is_score:
        out = [f"{group.name} cannot be the best: {group.out}." for group in groups if group.out]
        called = [(group.name, held[group.label]) for group in groups]
        notes = [told.rule, *out, *notes_of(metric, called), *notes_of_missing(metric, called, reasons)]
    if others := confounded(frame, labels, by):
        notes.append(f"The groups also differ in {', '.join(others)}: the difference may come from there.")
    return Verdict(metric, names_of(by), tuple(groups), tuple(rivals), tuple(notes), smaller)


_Held = dict[tuple[Hashable, ...], list[Clip]]


def _held(labels: Sequence[tuple[Hashable, ...]], clips: Sequence[Clip], failed: Sequence[bool]) -> _Held:
    found: _Held = {}
    for label, clip, dead in zip(labels, clips, failed, strict=True):
        held = found.setdefault(label, [])
        # What failed has no clip and will never be judged.
        held += [] if dead and not clip.has_number else [clip]
    return found


def _groups(held: _Held, told: Yardstick) -> list[Group]:
    # Sorted, so that a clip more or less does not turn A into B.
    names = names_for(sorted(held, key=text_of))
    groups = []
    for label, clips in held.items():
        counted = [clip for clip in clips if clip.counts(told.metric)]
        missing = sum(not clip.has_number for clip in clips)
        out = "" if told.measure is None else why_out(told.metric, clips)
        raw = spread_of([clip.raw for clip in counted]).mean
        groups.append(Group(names[label], label, tuple(clip.value for clip in counted), missing, out, raw))

    def place(group: Group) -> tuple[bool, float, str]:
        mean = told.order(group.spread.mean) if group.values else math.inf
        return not group.can_win, mean, text_of(group.label)

    return sorted(groups, key=place)


def _to_judge(groups: Sequence[Group]) -> list[str]:
    left = ", ".join(f"{group.open} of {group.name}" for group in groups if group.open)
    return [f"Still to be judged: {left}."] if left else []


def _rival(best: Group, other: Group, told: Yardstick, expected: float) -> Rival:
    ahead = told.ahead(best.values, other.values, expected)
    return Rival(other, ahead, repeats_needed(other.spread, best.spread, expected))


def _needed(rivals: Sequence[Rival], group: Group) -> int | None:
    return next(rival.needed for rival in rivals if rival.group is group)
