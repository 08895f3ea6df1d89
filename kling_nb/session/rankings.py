"""The ranking that blind votes give, in words, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from kling_nb.errors import InputError, printable
from kling_nb.session.groups import is_letter, labels_of, names_for, names_of, text_of
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.stats import Ranking, rank
from kling_nb.stats.votes import SURE, Outcome

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.runlog import RunLog
    from kling_nb.session.svg import Plot

_COUNTED: Final = ("left", "right", "tie")


@dataclass(frozen=True, slots=True)
class VoteRanking:
    """What blind votes say.

    Parameters
    ----------
    question
        What was asked.
    by
        What was compared.
    names
        How each condition is called.
    ranking
        The numbers.
    votes, voters
        How many there were.
    """

    question: str
    by: tuple[str, ...]
    names: dict[tuple[Hashable, ...], str]
    ranking: Ranking
    votes: int
    voters: int

    @property
    def told_apart(self) -> bool:
        """Whether the first is better than the second beyond reasonable doubt."""
        return self.ranking.told_apart

    @property
    def text(self) -> str:
        """The answer in words."""
        standings = self.ranking.standings
        if not self.votes:
            return f"{self.question} No votes yet."
        people = f" of {self.voters} people" if self.voters > 1 else ""
        begin = f"{self.question} By {self.votes} vote{'' if self.votes == 1 else 's'}{people}: "
        lead = standings[0]
        share = f"{lead.share:.0%} of votes (95 %: {lead.low:.0%} to {lead.high:.0%})"
        name = self.names[lead.condition]
        if self.told_apart:
            return f"{begin}{name}, which would win {share}.{self._islands()}"
        near = [
            self.names[other.condition]
            for other, better in zip(standings[1:], self.ranking.better[0][1:], strict=True)
            if better < SURE
        ]
        return (
            f"{begin}not told apart yet. {name} is in front with {share}, but may not be better than "
            f"{', '.join(near)}.{self._islands()}"
        )

    def _islands(self) -> str:
        if len(self.ranking.islands) < 2:
            return ""
        groups = " | ".join(
            ", ".join(self.names[condition] for condition in island) for island in self.ranking.islands
        )
        return f" Never compared with each other: {groups}."

    @property
    def frame(self) -> pd.DataFrame:
        """One row a condition, the best first: votes won and those it would win, chance to be best."""
        import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

        return pd.DataFrame(
            [
                {
                    "place": place,
                    "group": self.names[each.condition],
                    **dict(zip(self.by, each.condition, strict=True)),
                    "share": each.share,
                    "low": each.low,
                    "high": each.high,
                    "best": each.best,
                    "wins": each.wins,
                    "losses": each.losses,
                    "ties": each.ties,
                }
                for place, each in enumerate(self.ranking.standings, 1)
            ]
        )

    @property
    def plot(self) -> Plot:
        """The share of votes each would win against the others, with its interval."""
        from kling_nb.session.plots import spans  # noqa: PLC0415 - only for those who look

        rows = [
            (self.names[each.condition], each.share, (each.low, each.high), f"{each.share:.0%}")
            for each in self.ranking.standings
        ]
        return spans(rows, "share of votes it would win", (0.0, 1.0))

    def __str__(self) -> str:
        legend = [f"{name}: {text_of(label)}" for label, name in self.names.items() if is_letter(name)]
        return printable("\n".join([self.text, *legend]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        legend = "".join(
            f"<li><b>{html_text(name)}</b> {html_text(text_of(label))}</li>"
            for label, name in self.names.items()
            if is_letter(name)
        )
        listed = f'<ul style="list-style:none;padding:0">{legend}</ul>' if legend else ""
        return f'<div class="{NO_MATH}"><p>{html_text(self.text)}</p>{listed}{self.plot.svg}</div>'


def ranking_of(log: RunLog, frame: pd.DataFrame, by: str | Sequence[str], question: str) -> VoteRanking:
    """Rank groups of runs by the votes on a question.

    Parameters
    ----------
    log
        Where the votes are.
    frame
        Of runs; votes on other runs do not count.
    by
        Column, or several, whose values are ranked.
    question
        What was asked.

    Raises
    ------
    InputError
        No runs.
    """
    if frame.empty:
        raise InputError("There are no runs to rank.", "The table is empty.", "Choose other runs.")
    condition_of = dict(zip(frame["id"], labels_of(frame, by), strict=True))
    counted = [
        vote
        for vote in log.judgements.votes(question=question)
        if vote.outcome in _COUNTED and {vote.left, vote.right} <= condition_of.keys()
        and condition_of[vote.left] != condition_of[vote.right]
    ]  # fmt: skip
    ranking = rank([(vote.left, vote.right, cast("Outcome", vote.outcome)) for vote in counted], condition_of)
    # In the order of the verdict, so that A is the same prompt in both.
    names = names_for(sorted(set(condition_of.values()), key=text_of))
    return VoteRanking(
        question, names_of(by), names, ranking, len(counted), len({vote.voter for vote in counted})
    )
