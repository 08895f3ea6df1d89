"""Every door under a few faults and a kill each; the long drill has them all."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from door_books import Books, Zygote, asked_for
from door_lanes import LANES
from door_table import KEYLESS, TABLE

from kling_nb.domain.task import RunStatus

SPECS = ("code:1201", "drop-after", "code-after:5002", "async:risk")


@pytest.fixture
def zygote(sandbox: Any, tmp_path: Path) -> Any:
    sandbox.config(quota=5000, workers=8, total_quantity=1_000_000)
    with Zygote(tmp_path / "runs", sandbox) as started:
        yield started


def test_faults_and_a_kill(zygote: Zygote, sandbox: Any) -> None:
    stated, jobs, doomed = {}, [], []
    for lane, about in LANES.items():
        rows = [row for row in TABLE[about.provider] if row.spec in SPECS]
        orders = [asked_for(lane, number, row) for number, row in enumerate(rows)]
        stated |= {order["name"]: row for order, row in zip(orders, rows, strict=True)}
        jobs.append({"do": "table", "lane": lane, "orders": orders})
        plain = [{"number": number, "prompt": f"{lane} plain {number}"} for number in range(2)]
        doomed.append(
            {"do": "storm", "calm": True, "lane": lane, "orders": plain, "killed_after": 1, "seed": lane}
        )
    assert zygote.wave(*jobs) == [0] * len(jobs)
    books = Books(zygote.home, sandbox)
    assert set(books.rows_of) == set(stated)
    assert not [told for name, row in stated.items() if (told := books.check(name, row))]
    books.balance()
    # Killed while its first create is on its way, then the same cells again.
    assert zygote.wave(*doomed) == [signal.SIGKILL] * len(doomed)
    again = [{name: value for name, value in job.items() if name != "killed_after"} for job in doomed]
    assert zygote.wave(*again) == [0] * len(again)
    books = Books(zygote.home, sandbox)
    books.balance()
    plain = [row for row in books.rows if "plain" in (row.prompt or "")]
    assert {row.status for row in plain if row.provider not in KEYLESS} == {RunStatus.SUCCEEDED}
    assert {row.status for row in plain} <= {RunStatus.SUCCEEDED, RunStatus.UNCERTAIN}
