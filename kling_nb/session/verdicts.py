"""Which is better? An answer in plain words, with how sure it is and what would make it surer."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kling_nb.domain.task import RunStatus
from kling_nb.errors import printable
from kling_nb.session.groups import confounded, labels_of, names_of, text_of, values_of
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.stats import (
    RATING_SPREAD,
    Difference,
    Spread,
    common_spread,
    compare_means,
    compare_rates,
    mean_interval,
    repeats_needed,
    spread_of,
    success_rate,
)

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.svg import Plot

RATING_BOUNDS: Final = (0.0, 5.0)
SHARES: Final = ("kept", "succeeded")
"""Metrics that are yes or no."""

SMALLER_IS_BETTER: Final = frozenset(
    {"seconds", "estimate_units", "actual_units", "estimate_usd", "actual_usd", "video_bytes"}
)
_SHORT: Final = 32
"""Longer names of groups are called A, B, C."""

_YES_OR_NO_SPREAD: Final = 0.4


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
    """

    name: str
    label: tuple[Hashable, ...]
    values: tuple[float, ...]
    open: int

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
        The best first; groups without values come last.
    rivals
        The other groups with values, compared with the best, closest first.
    notes
        What else one should know.
    """

    metric: str
    by: tuple[str, ...]
    groups: tuple[Group, ...]
    rivals: tuple[Rival, ...]
    notes: tuple[str, ...]

    @property
    def best(self) -> Group | None:
        """The group in front; None without values."""
        return self.groups[0] if self.groups and self.groups[0].values else None

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
        if self.best is None:
            return f"Nothing to compare: no clip has a {self.metric} yet."
        if not self.rivals:
            return f"Only {self.best.name} has a {self.metric} yet; there is nothing to compare it with."
        first = self.rivals[0]
        lead = f"{_shown(first.ahead, self.metric)} ahead of {first.group.name}"
        numbers = ", ".join(
            f"{group.name} {_spread(group.spread, self.metric)}" for group in self.groups if group.values
        )
        if self.told_apart:
            if len(self.rivals) > 1:
                return f"{self.best.name} is the best: {lead}. {self.metric}: {numbers}."
            by = _shown(first.ahead, self.metric)
            return (
                f"{self.best.name} is better than {first.group.name}: {by} ahead. {self.metric}: {numbers}."
            )
        level = ", ".join(group.name for group in self._level)
        return (
            f"Not told apart yet: {self.best.name} and {level}. {self.metric}: {numbers}; "
            f"{self.best.name} is {lead}. {self._advice()}"
        )

    def _advice(self) -> str:
        if self.more is None:
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
                    "open": group.open,
                    "behind": math.nan if ahead is None else ahead.estimate,
                    "behind_low": math.nan if ahead is None else ahead.low,
                    "behind_high": math.nan if ahead is None else ahead.high,
                    "needed": None if ahead is None else _needed(self.rivals, group),
                }
            )
        return pd.DataFrame(rows).astype({"needed": "Int64"}) if rows else pd.DataFrame()

    @property
    def plot(self) -> Plot:
        """Every value as a dot, the mean and its interval as a line; the best group on top."""
        from kling_nb.session.plots import dots  # noqa: PLC0415 - only for those who look

        share = self.metric in SHARES
        bounds = RATING_BOUNDS if self.metric == "rating" else (0.0, 1.0) if share else None
        expected = _expected(self.metric, [group.spread for group in self.groups])
        rows = []
        for group in self.groups:
            if share:
                rate = success_rate(int(sum(group.values)), len(group.values))
                span = (rate.low, rate.high)
            else:
                span = mean_interval(group.spread, expected, bounds)
            rows.append((group.name, group.values, group.spread.mean, span))
        return dots(rows, self.metric, bounds)

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
    frame: pd.DataFrame, by: str | Sequence[str], metric: str, *, smaller: bool | None = None
) -> Verdict:
    """Compare groups of runs.

    Parameters
    ----------
    frame
        Of runs.
    by
        Column, or several, whose values make the groups.
    metric
        ``rating``, ``kept``, ``succeeded``, ``seconds`` or a column of numbers.
    smaller
        Whether less is better; None knows it of seconds and costs.

    Raises
    ------
    UsageError
        No such column, or one without numbers.
    """
    labels = labels_of(frame, by)
    numbers = values_of(frame, metric).astype("Float64").to_numpy(dtype=float, na_value=math.nan)
    smaller = metric in SMALLER_IS_BETTER if smaller is None else smaller
    failed = (frame["status"] == RunStatus.FAILED.value).tolist()
    groups = _groups(labels, numbers.tolist(), failed, smaller)
    held = [group for group in groups if group.values]
    expected = _expected(metric, [group.spread for group in held])
    rivals = [_rival(held[0], other, metric, expected, smaller) for other in held[1:]]
    rivals.sort(key=lambda rival: rival.ahead.estimate)
    notes = [
        f"Still to be judged: {', '.join(f'{group.open} of {group.name}' for group in groups if group.open)}."
    ] * any(group.open for group in groups)
    if others := confounded(frame, labels, by):
        notes.append(f"The groups also differ in {', '.join(others)}: the difference may come from there.")
    return Verdict(metric, names_of(by), tuple(groups), tuple(rivals), tuple(notes))


def _groups(
    labels: Sequence[tuple[Hashable, ...]], numbers: Sequence[float], failed: Sequence[bool], smaller: bool
) -> list[Group]:
    values: dict[tuple[Hashable, ...], list[float]] = {}
    for label, number, dead in zip(labels, numbers, failed, strict=True):
        held = values.setdefault(label, [])
        # What failed has no clip and will never be judged.
        held += [] if dead and math.isnan(number) else [number]
    # Sorted, so that a clip more or less does not turn A into B.
    names = names_for(sorted(values, key=text_of))
    groups = [
        Group(names[label], label, tuple(x for x in given if not math.isnan(x)), sum(map(math.isnan, given)))
        for label, given in values.items()
    ]
    sign = 1 if smaller else -1
    return sorted(groups, key=lambda group: sign * group.spread.mean if group.values else math.inf)


def names_for(labels: Sequence[tuple[Hashable, ...]]) -> dict[tuple[Hashable, ...], str]:
    """Return what to call groups in a sentence: their values when short, else A, B, C."""
    texts = [text_of(label) for label in labels]
    if all(len(text) <= _SHORT and "\n" not in text for text in texts) and len(set(texts)) == len(texts):
        return {label: f"“{text}”" for label, text in zip(labels, texts, strict=True)}
    return {label: letter(number) for number, label in enumerate(labels)}


def letter(number: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    before, last = divmod(number, 26)
    return (letter(before - 1) if before else "") + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[last]


def is_letter(name: str) -> bool:
    """Whether a group is called by a letter, which needs a legend."""
    return not name.startswith("“")


def _expected(metric: str, spreads: Sequence[Spread]) -> float:
    """Return the standard deviation to expect within a group."""
    if metric == "rating":
        return RATING_SPREAD
    if metric in SHARES:
        return _YES_OR_NO_SPREAD
    known = common_spread(spreads)
    if known is not None:
        return known
    # One value each: how far apart they lie is the only hint at their spread there is.
    among = spread_of([spread.mean for spread in spreads])
    return 0.0 if math.isnan(among.sd) else among.sd


def _rival(best: Group, other: Group, metric: str, expected: float, smaller: bool) -> Rival:
    a, b = other.spread, best.spread
    if metric in SHARES:
        counts = (int(sum(other.values)), a.n, int(sum(best.values)), b.n)
        ahead = compare_rates(*counts)
    else:
        ahead = compare_means(a, b, expected, RATING_BOUNDS if metric == "rating" else None)
    if smaller:
        # Plus zero: -0.0 reads as if something were behind.
        ahead = Difference(0.0 - ahead.estimate, 0.0 - ahead.high, 0.0 - ahead.low)
    return Rival(other, ahead, repeats_needed(a, b, expected))


def _needed(rivals: Sequence[Rival], group: Group) -> int | None:
    return next(rival.needed for rival in rivals if rival.group is group)


def _spread(spread: Spread, metric: str) -> str:
    if metric in SHARES:
        return f"{spread.mean:.0%} ({spread.n})"
    return str(spread)


def _shown(ahead: Difference, metric: str) -> str:
    if metric in SHARES:
        points = [f"{100 * value:+.0f}" for value in (ahead.estimate, ahead.low, ahead.high)]
        return f"{points[0].lstrip('+')} points (95 %: {points[1]} to {points[2]})"
    return f"{ahead.estimate:.1f} (95 %: {ahead.low:+.1f} to {ahead.high:+.1f})"
