"""The part of a run's handle that is measured: its scores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from kling_nb.domain.scores import Scores
    from kling_nb.runlog import RunRecord

LOOK_AGAIN_S: Final = 2.0
"""How long nothing is taken for nothing: views ask at every change, and another kernel may be measuring."""


class Meter(Protocol):
    """What measures clips: the session."""

    def scores_of(self, record: RunRecord) -> Scores | None:
        """Return what the log knows about a clip."""

    def measure(self, run: Any, *, again: bool = False) -> Scores:
        """Measure the clip of a run; waits."""


class Known:
    """Scores as last read."""

    def __init__(self) -> None:
        self.scores: Scores | None = None
        self._asked = float("-inf")

    def set(self, scores: Scores) -> None:
        """Take over scores."""
        self.scores = scores

    @property
    def is_stale(self) -> bool:
        """Whether it is worth asking the log; then it counts as asked."""
        now = time.monotonic()
        if self.scores is not None or now - self._asked < LOOK_AGAIN_S:
            return False
        self._asked = now
        return True


class Measured:
    """A run whose clip is measured."""

    _record: RunRecord
    _scores: Known

    @property
    def _meter(self) -> Meter:
        raise NotImplementedError

    @property
    def scores(self) -> Scores | None:
        """What was measured of the clip; None until it was. ``on_change`` tells when it is there."""
        if self._record.video_path is not None and self._scores.is_stale:
            self._scores.scores = self._meter.scores_of(self._record)
        return self._scores.scores

    def score(self, *, again: bool = False) -> Scores:
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
        return self._meter.measure(self, again=again)
