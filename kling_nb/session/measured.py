"""The part of a run's handle that is measured: its scores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from kling_nb.session.scorepictures import Pictured

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord
    from kling_nb.session.scoreviews import ShownScores

LOOK_AGAIN_S: Final = 2.0
"""How long nothing is taken for nothing: views ask at every change, and another kernel may be measuring."""


class Meter(Protocol):
    """What measures clips: the session."""

    def scores_of(self, record: RunRecord) -> Scores | None:
        """Return what the log knows about a clip."""

    def measure(self, run: Any, *, again: bool = False) -> Scores:
        """Measure the clip of a run; waits."""

    def is_measuring(self, run_id: str) -> bool:
        """Whether the clip of a run waits or is being measured in this kernel."""


class Known:
    """Scores as last read."""

    def __init__(self) -> None:
        self.scores: Scores | None = None
        self._shown: tuple[Scores, ShownScores] | None = None
        self._asked = float("-inf")

    def set(self, scores: Scores) -> None:
        """Take over scores."""
        self.scores = scores

    def shown(self, record: RunRecord) -> ShownScores | None:
        """Return them as they are shown, with what could be done about them."""
        from kling_nb.session.scoreviews import ShownScores  # noqa: PLC0415 - only for those who look

        scores = self.scores
        if scores is None:
            return None
        if self._shown is None or self._shown[0] is not scores:
            self._shown = (scores, ShownScores.of(scores, record))
        return self._shown[1]

    @property
    def is_stale(self) -> bool:
        """Whether it is worth asking the log; then it counts as asked."""
        now = time.monotonic()
        if self.scores is not None or now - self._asked < LOOK_AGAIN_S:
            return False
        self._asked = now
        return True


class Measured(Pictured):
    """A run whose clip is measured."""

    _record: RunRecord
    _scores: Known

    @property
    def _meter(self) -> Meter:
        raise NotImplementedError

    @property
    def scores(self) -> ShownScores | None:
        """What was measured of the clip; None until it was. ``on_change`` tells when it is there."""
        if self._record.video_path is not None and self._scores.is_stale:
            self._scores.scores = self._meter.scores_of(self._record)
        return self._scores.shown(self._record)

    @property
    def measuring(self) -> bool:
        """Whether this kernel is about to measure the clip, or does so right now."""
        return self._meter.is_measuring(self._record.id)

    def score(self, *, again: bool = False) -> ShownScores:
        """Measure the clip, or return valid scores that are known; waits.

        Parameters
        ----------
        again
            Measure it although it was measured before.

        Raises
        ------
        InputError
            There is no clip.
        """
        self._scores.set(self._meter.measure(self, again=again))
        shown = self._scores.shown(self._record)
        assert shown is not None
        return shown
