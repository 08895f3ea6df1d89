"""Money: one prepaid pack, reservations and bookings in exact decimals (``spec/sandbox.md`` §6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from kling_nb.sandbox.clock import Clock
from kling_nb.sandbox.config import MONTH_S, Config
from kling_nb.sandbox.store import TaskStore
from kling_nb.sandbox.tasks import Charge, Task

PACK_NAME = "Sandbox-Video-1000Units-5Con-1Months"
MONTH_MS = MONTH_S * 1000


def plain(value: Decimal) -> str:
    """Write a decimal with as few digits as it needs: ``2.5``, ``10``, ``0``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Ledger:
    """What is left of the pack. The charge of a task is kept with the task, so both change at once.

    A pack lives 30 days; when it ends the next one begins, full again.
    """

    def __init__(self, store: TaskStore, config: Callable[[], Config], clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._opened = int(store.meta("pack_since", str(clock.now_ms())))
        self._summed_from = -1
        self._held = Decimal(0)

    def period(self) -> tuple[int, int]:
        """Return start and end of the present pack in unix milliseconds."""
        passed = max(0, self._clock.now_ms() - self._opened) // MONTH_MS
        start = self._opened + passed * MONTH_MS
        return start, start + MONTH_MS

    def remaining(self) -> Decimal:
        """Return the units neither booked nor reserved."""
        start, _ = self.period()
        if start != self._summed_from:
            self._summed_from = start
            self._held = self._charges(None)
        return self._config().total_quantity - self._held

    def reserve(self, task: Task) -> None:
        """Hold the units of a task just accepted."""
        self._held += task.units

    def settle(self, task: Task, *, succeeded: bool) -> None:
        """Book the units of a task that ends, or give them back when it failed."""
        task.charge = Charge.BOOKED if succeeded else Charge.RELEASED
        if not succeeded and task.created >= self._summed_from:
            self._held -= task.units

    def recount(self) -> None:
        """Start over from what the store says."""
        self._summed_from = -1

    def _charges(self, until_ms: int | None) -> Decimal:
        start, _ = self.period()
        charged = (task for task in self._store.charged() if task.created >= start)
        return sum((t.units for t in charged if until_ms is None or t.created <= until_ms), Decimal(0))

    def deductions(self) -> list[tuple[Task, Decimal]]:
        """Return the tasks booked on the present pack, oldest booking first, with the units before each."""
        start, _ = self.period()
        booked = [t for t in self._store.charged() if t.charge is Charge.BOOKED and t.created >= start]
        left, told = self._config().total_quantity, []
        for task in sorted(booked, key=lambda t: (t.updated, int(t.id))):
            told.append((task, left))
            left -= task.units
        return told

    def covers(self, units: Decimal) -> bool:
        """Whether the pack pays for another ``units``."""
        return self.remaining() >= units

    def pack(self) -> dict[str, object]:
        """Return the pack as ``GET /account/costs`` lists it (``spec/official-api.md`` §14)."""
        config, now = self._config(), self._clock.now_ms()
        start, end = self.period()
        lag = int(config.balance_lag_s * 1000)
        remaining = config.total_quantity - self._charges(now - lag) if lag else self.remaining()
        return {
            "resource_pack_name": PACK_NAME,
            "resource_pack_id": f"{self._opened:x}",
            "resource_pack_type": "decreasing_total",
            "total_quantity": float(config.total_quantity),
            "remaining_quantity": float(remaining),
            "purchase_time": start,
            "effective_time": start,
            "invalid_time": end,
            "status": "online" if remaining > 0 else "runOut",
        }
