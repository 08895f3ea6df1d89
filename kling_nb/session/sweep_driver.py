"""Makes the runs of a sweep one by one, as slots become free, on a thread of its own.

A run is made only when it can be sent: what a stop leaves behind is not a heap of rows that hold a budget.
Whether a run was made stands in the log under the id that the plan gave it, so that a killed kernel's
successor neither repeats nor skips one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.sweep_until import Rule, read_rule
from kling_nb.domain.task import RunStatus
from kling_nb.errors import BudgetError, KlingError, UsageError
from kling_nb.session.sweep_frame import facts_of
from kling_nb.session.sweep_making import make_planned
from kling_nb.session.sweep_state import DONE, STOPPED

if TYPE_CHECKING:
    from kling_nb.session.facade import Session
    from kling_nb.session.run import Run
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_notes import Entry

    Until = str | Callable[[Any], object]

logger = logging.getLogger("kling_nb")

LOOK_S: Final = 1.0
"""Longest pause between two looks at the stop rule: ratings may come from another kernel."""

SCORES_S: Final = 120.0
"""How long the next run waits for the scores of a clip that a stop rule asks about. A clip that has none by
then counts as one that does not fulfil it."""

REFUSED_IN_A_ROW: Final = 3
"""So many refusals without a single acceptance between them stop a sweep: the next would be refused, too."""


class Driver:
    """One thread that makes the runs of a sweep.

    Parameters
    ----------
    sweep
        The sweep.
    until
        Its stop rule: a text for :func:`kling_nb.domain.sweep_until.read_rule`, or a function of the frame,
        which is called when the clips that are there are measured.

    Raises
    ------
    UsageError
        The rule cannot be read, or asks for scores where nothing is measured.
    """

    def __init__(self, sweep: Sweep, until: Until | None) -> None:
        self._sweep = sweep
        self._rule = readable_rule(until, sweep.session) if isinstance(until, str) else until
        self._known: set[str] = set()
        self._unscored: dict[str, float] = {}
        self.measuring = False
        """Whether the next run, or the end, waits for scores."""
        self._words = until if isinstance(until, str) else "until="
        self._wake = threading.Event()
        self._halted: str | None = None
        self.is_ending = False
        """Whether it was told to stop, or writes its end down: who wants to go on needs another one."""
        self._abandoned = False
        self._poor_beside = 0
        self._tried: set[str] = set()
        self._thread = threading.Thread(target=self._run, name=f"kling-{sweep.id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something changed."""
        self._wake.set()

    def halt(self, reason: str) -> None:
        """Make no more runs; wait until the thread has seen it."""
        self._halted = reason
        self.is_ending = True
        self._wake.set()
        self.join()

    def join(self) -> None:
        """Wait for the end of the thread."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def abandon(self) -> None:
        """End the thread without writing anything."""
        self._abandoned = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        sweep = self._sweep
        try:
            while not self._abandoned and not self._step():
                self._wake.wait(LOOK_S)
                self._wake.clear()
        except KlingError as error:
            self._end(STOPPED, error.what, error)
        except Exception as error:
            logger.exception("sweep %s failed", sweep.id)
            what = KlingError(
                f"Sweep {sweep.id} stopped.", f"{type(error).__name__}: {error}", "sweep.resume() goes on."
            )
            self._end(STOPPED, f"{type(error).__name__}: {error}", what)
        finally:
            sweep.ended(self)

    def _end(self, state: str, reason: str = "", error: KlingError | None = None) -> None:
        if self._abandoned:
            return
        self.is_ending = True
        if state == STOPPED:
            self._sweep.stop_unsent()
        try:
            self._sweep.note(state, reason, error)
        except KlingError:
            logger.warning("the end of sweep %s could not be written down", self._sweep.id)

    def _step(self) -> bool:
        """Make what can be made now; whether the sweep is at its end."""
        sweep = self._sweep
        while True:
            # In this order: the refusal or the clip that leaves a slot is seen before the slot is used.
            pair = self._next()
            self._raise_trouble()
            if self._halted is not None:
                self._end(STOPPED, self._halted)
                return True
            self.measuring = self._awaits_scores()
            if self._holds():
                self._end(STOPPED, f"{self._words} holds")
                return True
            if self.measuring or pair is None or self._abandoned or not self._make(pair):
                break
        if not all(run is not None and run.done for _, run in sweep.pairs):
            return False
        # The last clip came after the rule was asked.
        self.measuring = self._awaits_scores()
        holds = sweep.progress.complete and self._holds()
        if self.measuring:
            return False
        if holds:
            self._end(STOPPED, f"{self._words} holds")
        elif sweep.progress.complete:
            self._end(DONE)
        else:
            self._end(STOPPED, "some runs are not followed any more")
        return True

    def _holds(self) -> bool:
        """Whether the stop rule holds."""
        sweep, rule = self._sweep, self._rule
        if isinstance(rule, Rule):
            return rule(facts_of(sweep.session.log, sweep.runs, sweep.progress, rule.scores))
        # A function reads what it likes: it sees the scores of every clip that is there, or does not look.
        if rule is None or self.measuring:
            return False
        known, frame = self._known, sweep.frame
        # A clip, or its scores, may have come after they were looked for.
        self.measuring = self._awaits_scores() or self._known != known
        return not self.measuring and bool(rule(frame))

    def _asks_scores(self) -> bool:
        """Whether the rule looks at scores; a function may."""
        rule = self._rule
        if isinstance(rule, Rule):
            return bool(rule.scores)
        return rule is not None and self._sweep.session.settings.scores != "off"

    def _awaits_scores(self) -> bool:
        """Whether the rule asks for scores of a clip that is there and still to be measured."""
        session = self._sweep.session
        if not self._asks_scores():
            return False
        known = self._known = set(session.log.scores.measured(run.id for run in self._sweep.runs))
        now, waiting = time.monotonic(), False
        for run in self._sweep.runs:
            if run.status is not RunStatus.SUCCEEDED or run.id in known:
                continue
            if not run.complete:
                waiting |= run.following  # being fetched
                continue
            if run.id not in self._unscored:
                # Also a clip of earlier days, which nobody would measure by itself.
                self._unscored[run.id] = now
                session.filed(run)
            waiting |= now - self._unscored[run.id] < SCORES_S and not session.scores_ready(run)
        return waiting

    def _next(self) -> tuple[Entry, Run | None] | None:
        """Return the first run that has a free slot and is not under way."""
        sweep = self._sweep
        quota = sweep.session.settings.quota
        busy: Counter[Any] = Counter()
        untried = 0
        idle: list[tuple[Entry, Run | None]] = []
        for entry, run in sweep.pairs:
            if run is None or not (run.following or run.complete or run.id in self._tried):
                idle.append((entry, run))
            elif run.following and not run.status.is_final:
                busy[self._lane(entry)] += 1
                untried += run.task_id is None
        if untried >= REFUSED_IN_A_ROW:
            # What is wrong with all of them is learnt from the first ones.
            return None
        return next((pair for pair in idle if busy[self._lane(pair[0])] < quota), None)

    def _lane(self, entry: Entry) -> tuple[Any, Any]:
        row = self._sweep.plan.rows[entry.cell]
        return row.get("provider"), row.get("model_name")

    def _make(self, pair: tuple[Entry, Run | None]) -> bool:
        """Make a run or go on with it; False while a budget waits for what runs under way will have cost."""
        entry, run = pair
        session, sweep = self._sweep.session, self._sweep
        if run is None:
            under_way = sum(each.following for each in sweep.runs)
            if self._poor_beside and under_way >= self._poor_beside:
                return False
            try:
                run = make_planned(session, sweep.plan, entry, sweep.id)
            except BudgetError:
                # A clip that fails costs nothing: only when nothing is under way is the budget used up.
                if not under_way:
                    raise
                self._poor_beside = under_way
                return False
            self._poor_beside = 0
            sweep.hold(entry, run)
        elif run.id != entry.id:
            session.reuse(run)
        else:
            session.resume(run)
        self._tried.add(run.id)
        return True

    def _raise_trouble(self) -> None:
        """Raise what would befall every further run, too."""
        refused = 0
        for run in self._sweep.runs:
            if run.id not in self._tried:
                # What went wrong before may have been mended.
                continue
            error = run.error
            unsent = run.status is RunStatus.CREATED and run.record.sending_at is None
            if error is not None and unsent and not run.following:
                raise error
            if run.status is RunStatus.FAILED and run.task_id is None:
                refused += 1
            elif run.task_id is not None:
                refused = 0
            if refused >= REFUSED_IN_A_ROW and error is not None:
                raise KlingError(
                    f"{refused} runs in a row were refused; the sweep stopped.",
                    f"{error.what} {error.why}".strip(),
                    "Mend it; sweep.resume(failed=True) makes them and the others.",
                )


def readable_rule(text: str, session: Session) -> Rule:
    """Return a stop rule that can come true.

    Parameters
    ----------
    text
        As for :func:`kling_nb.domain.sweep_until.read_rule`.
    session
        Who makes the runs, and measures them.

    Raises
    ------
    UsageError
        It cannot be read, or asks for scores where nothing is measured.
    """
    rule = read_rule(text)
    if rule.scores and session.settings.scores == "off":
        raise UsageError(
            f"until={text!r} can never hold: clips are not measured.",
            f"It asks for {', '.join(sorted(rule.scores))}, and scores are switched off here.",
            "Switch them on: kn.configure(scores='auto'), or KLING_NB_SCORES=auto.",
        )
    return rule
