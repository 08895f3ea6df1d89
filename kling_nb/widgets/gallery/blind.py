"""Blind comparison: two clips at a time without a word about them, and which one is better."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import traitlets

from kling_nb.errors import InputError
from kling_nb.session.clips import cast_vote
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets.gallery.pairs import schedule
from kling_nb.widgets.gallery.widget import Gallery

if TYPE_CHECKING:
    from kling_nb.session import Session

OUTCOMES: Final = ("left", "right", "tie", "skip")


@dataclass(frozen=True, slots=True)
class Answer:
    """One vote.

    Parameters
    ----------
    left, right
        Run ids, as they were shown.
    outcome
        ``left``, ``right``, ``tie`` or ``skip``.
    number
        Its number in the log.
    """

    left: str
    right: str
    outcome: str
    number: int


class BlindComparison(Gallery):
    """Asks which of two clips is better until all planned pairs are voted on; then it shows what they were.

    Made by :func:`kling_nb.compare` with ``blind=True``.

    Parameters
    ----------
    session
        Whose runs.
    condition_of
        What is compared: the condition of every clip, by run id.
    question
        What is asked.
    votes
        Most pairs.
    seed
        Fixes the order of pairs and sides; None is by chance.
    """

    pair = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        session: Session,
        condition_of: Mapping[str, Hashable],
        *,
        question: str,
        votes: int,
        seed: int | None = None,
    ) -> None:
        self._pairs = schedule(condition_of, votes, seed=seed)
        if not self._pairs:
            raise InputError(
                "There are no two conditions to compare.",
                "Clips of one condition are not compared with each other.",
                "Choose by= so that at least two of its values have clips.",
            )
        self.condition_of = dict(condition_of)
        self.question = question
        self.answers: list[Answer] = []
        super().__init__(session, list(condition_of), {"mode": "blind", "question": question})
        self._show()

    @property
    def votes(self) -> list[Answer]:
        """The votes given here, the first first, without skipped pairs."""
        return [answer for answer in self.answers if answer.outcome != "skip"]

    def __repr__(self) -> str:
        of = len(self._pairs)
        return f"Blind comparison of {len(self)} clips: {len(self.answers)} of {of} votes. {self.question}"

    def _picture(self) -> str:
        # A picture of all clips with their words would give the answers away.
        return f'<p class="{NO_MATH}">{html_text(repr(self))}</p>'

    def _show(self) -> None:
        done, of = len(self.answers), len(self._pairs)
        if done == of:
            labels = {run_id: str(condition) for run_id, condition in self.condition_of.items()}
            self.pair = {"done": done, "of": of, "labels": labels}
            return
        left, right = self._pairs[done]
        self.pair = {"done": done, "of": of, "left": left, "right": right}

    def _do(self, content: Mapping[str, Any]) -> None:
        match content.get("kind"):
            case "vote":
                self._vote(content)
            case "unvote" if self.answers:
                self._session.log.judgements.unvote(self.answers.pop().number)
                self._show()
            case _:
                super()._do(content)

    def _vote(self, content: Mapping[str, Any]) -> None:
        outcome = content.get("outcome")
        # A second press while the first was on its way is about a pair that has not been seen.
        if content.get("done") != len(self.answers) or len(self.answers) == len(self._pairs):
            return
        if outcome not in OUTCOMES:
            raise InputError(f"{outcome!r} is no vote.", "", f"Votes are {', '.join(OUTCOMES)}.")
        left, right = self._pairs[len(self.answers)]
        number = cast_vote(self._session.log, left, right, outcome, self.question)
        self.answers.append(Answer(left, right, outcome, number))
        self._show()
