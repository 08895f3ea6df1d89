"""Blind comparison on a page: two clips at a time without a word about them, and which one is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from kling_nb.errors import InputError
from kling_nb.session.groups import labels_of, text_of
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets.gallery.widget import Gallery

if TYPE_CHECKING:
    from kling_nb.session import Session
    from kling_nb.session.blind import Blind
    from kling_nb.session.rankings import VoteRanking


class BlindComparison(Gallery):
    """Shows pair after pair until all planned ones are voted on; then what the clips were, and the ranking.

    Made by :func:`kling_nb.compare` with ``blind=True``.

    Parameters
    ----------
    session
        Whose runs.
    blind
        Chooses the pairs and keeps the votes.
    votes
        Most pairs.
    """

    pair = traitlets.Dict().tag(sync=True)

    def __init__(self, session: Session, blind: Blind, *, votes: int) -> None:
        self.blind = blind
        self._planned = min(votes, len(blind))
        if not self._planned:
            raise InputError(
                "Every pair has been voted on.",
                "A pair that you have voted on under the same question does not come again.",
                "kn.ranking(…) shows what the votes say; add repeats, or ask another question.",
            )
        self._done = 0
        ids = [str(run_id) for run_id in blind.frame["id"]]
        super().__init__(session, ids, {"mode": "blind", "question": blind.question})
        self._show()

    @property
    def ranking(self) -> VoteRanking:
        """The ranking by all votes on the question, also those of other people and earlier days."""
        return self.blind.ranking

    def __repr__(self) -> str:
        told = f"{self._done} of {self._planned} votes"
        return f"Blind comparison of {len(self)} clips: {told}. {self.blind.question}"

    def _picture(self) -> str:
        # A picture of all clips with their words would give the answers away.
        return f'<p class="{NO_MATH}">{html_text(repr(self))}</p>'

    def _show(self) -> None:
        progress = {"done": self._done, "of": self._planned}
        if self._done == self._planned:
            frame, by = self.blind.frame, self.blind.by
            labels = {str(i): text_of(g) for i, g in zip(frame["id"], labels_of(frame, by), strict=True)}
            self.pair = {**progress, "labels": labels, "ranking": str(self.ranking)}
            return
        pair = self.blind.next()
        self.pair = {**progress, "left": pair.left.id, "right": pair.right.id}

    def _do(self, content: Mapping[str, Any]) -> None:
        match content.get("kind"):
            # A second press while the first was on its way is about a pair that has not been seen.
            case "vote" if content.get("done") == self._done < self._planned:
                self.blind.vote(str(content.get("outcome")))
                self._done += 1
                self._show()
            case "unvote" if self._done and self.blind.undo():
                self._done -= 1
                self._show()
            case "vote" | "unvote":
                pass
            case _:
                super()._do(content)
