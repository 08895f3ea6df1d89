"""How far a sweep is: counts, money, and when it will probably end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from kling_nb.domain.moneytext import dollars_text, plain_decimal
from kling_nb.domain.task import RunStatus

if TYPE_CHECKING:
    from kling_nb.session.run import Run


@dataclass(frozen=True, slots=True)
class Progress:
    """A sweep at one moment.

    Parameters
    ----------
    total
        Runs it has.
    done, failed, uncertain, running, waiting
        They add up to it: with a clip on this machine; refused or failed; answer lost; at the service or
        being fetched; not sent yet.
    reused
        How many of those done or under way the log had already.
    units, usd
        Taken by the service, or expected as long as it has not said, for what was sent.
    measuring
        Whether the next run, or the end, waits for the scores of clips that are there.
    seconds_left
        Until all are there, judged by how long like runs took; None without any history.
    """

    total: int
    done: int = 0
    failed: int = 0
    uncertain: int = 0
    running: int = 0
    waiting: int = 0
    reused: int = 0
    units: Decimal = Decimal(0)
    usd: Decimal = Decimal(0)
    measuring: bool = False
    seconds_left: float | None = None

    @property
    def complete(self) -> bool:
        """Whether every run is at its end."""
        return self.done + self.failed + self.uncertain == self.total

    @property
    def expected_end(self) -> datetime | None:
        """When all will be there, timezone-aware; None without any history, or at the end."""
        if self.seconds_left is None or self.complete:
            return None
        return datetime.now(UTC) + timedelta(seconds=self.seconds_left)

    @property
    def spent(self) -> str:
        """The money in words."""
        if not (self.units or self.usd):
            return "nothing spent"
        dollars = dollars_text(round(self.usd, 2))
        if not self.units:
            return dollars
        return f"{plain_decimal(self.units)} {'unit' if self.units == 1 else 'units'} ({dollars} list)"

    def __str__(self) -> str:
        counts = [
            f"{self.done} of {self.total} done",
            *(
                f"{count} {word}"
                for word, count in (
                    ("running", self.running),
                    ("waiting", self.waiting),
                    ("failed", self.failed),
                    ("uncertain", self.uncertain),
                    ("reused", self.reused),
                )
                if count
            ),
        ]
        waiting = f", the {'end' if self.complete else 'next'} waits for scores" * self.measuring
        return ", ".join(counts) + f"{waiting} · {self.spent}"


def progress_of(total: int, runs: Iterable[tuple[Run, bool]], lanes: int) -> Progress:
    """Count.

    Parameters
    ----------
    total
        Runs of the sweep, made or not.
    runs
        Those that exist, and whether each was there before the sweep.
    lanes
        How many run at the same time.
    """
    held = list(runs)
    kinds = [kind_of(run) for run, _ in held]
    made = [run for run, reused in held if not reused]
    costs = [run.cost for run in made if was_sent(run)]
    count = {kind: kinds.count(kind) for kind in ("done", "failed", "uncertain", "running")}
    ended = count["done"] + count["failed"] + count["uncertain"]
    return Progress(
        total,
        done=count["done"],
        failed=count["failed"],
        uncertain=count["uncertain"],
        running=count["running"],
        waiting=total - ended - count["running"],
        reused=sum(reused for _, reused in held),
        units=sum((cost.units or Decimal(0) for cost in costs), Decimal(0)),
        usd=sum((cost.usd or Decimal(0) for cost in costs), Decimal(0)),
        seconds_left=_seconds_left([run for run, _ in held], total - ended, max(1, lanes)),
    )


def kind_of(run: Run) -> str:
    """Return ``done``, ``failed``, ``uncertain``, ``running`` or ``waiting``."""
    status = run.status
    if status is RunStatus.FAILED:
        return "failed"
    if run.complete:
        return "done"
    if status is RunStatus.UNCERTAIN and run.done:
        return "uncertain"
    return "running" if was_sent(run) else "waiting"


def was_sent(run: Run) -> bool:
    """Whether the service has the run, or may have it."""
    record = run.record
    return record.task_id is not None or record.sending_at is not None


def _seconds_left(runs: list[Run], left: int, lanes: int) -> float | None:
    usual = next((seconds for run in reversed(runs) if (seconds := run.expected)), None)
    if usual is None or not left:
        return None
    open_runs = [run for run in runs if kind_of(run) == "running"]
    # What runs already has a part of its time behind it.
    behind = sum(min(run.elapsed or 0.0, usual) for run in open_runs)
    return max(0.0, left * usual - behind) / min(lanes, left)
