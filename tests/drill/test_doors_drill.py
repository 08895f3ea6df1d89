"""A thousand submissions through every door, every fault, kills in between: the books must balance.

No charge without a run, no run lost, no second charge; where no id of ours exists, no second create after a
lost answer and a run that says ``uncertain``.
"""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest
from door_books import Books, Zygote, asked_for
from door_lanes import LANES
from door_table import KEYLESS, TABLE
from fault_table import Ending

from kling_nb.domain.task import RunStatus

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

ROUNDS = 2
STORM = 16
WAVES = 2


@pytest.fixture
def zygote(sandbox: Any, tmp_path: Path) -> Any:
    sandbox.config(quota=5000, workers=8, total_quantity=1_000_000)
    with Zygote(tmp_path / "runs", sandbox) as started:
        yield started


def test_every_fault_ends_as_stated_at_every_door(zygote: Zygote, sandbox: Any) -> None:
    stated: dict[str, Ending] = {}
    jobs = []
    for lane, about in LANES.items():
        rows = [
            (asked_for(lane, number, ending), ending)
            for number, ending in enumerate(ROUNDS * TABLE[about.provider])
        ]
        stated |= {asked["name"]: ending for asked, ending in rows}
        jobs.append({"do": "table", "lane": lane, "orders": [asked for asked, _ in rows]})
    assert zygote.wave(*jobs) == [0] * len(jobs)
    books = Books(zygote.home, sandbox)
    assert set(books.rows_of) == set(stated)
    wrong = [told for name, ending in stated.items() if (told := books.check(name, ending))]
    assert not wrong, "\n".join(wrong)
    books.balance(going=True)
    assert len(books.rows) >= 1000


@pytest.mark.parametrize("idempotency", ["reject", "ignore"])
def test_kills_and_faults_on_every_call(zygote: Zygote, sandbox: Any, idempotency: str) -> None:
    """Twin kernels on the same cells, killed again and again; what is left is resumed by a person."""
    sandbox.config(legacy_idempotency=idempotency)
    rng = random.Random(idempotency)
    orders: dict[str, list[dict[str, Any]]] = {}
    stated: dict[str, tuple[str, Ending | None]] = {}
    for lane, about in LANES.items():
        faults = [row for row in TABLE[about.provider] if row.in_prompt and row.spec != "stuck"]
        orders[lane] = []
        for number in range(STORM):
            ending = rng.choice(faults) if number % 2 else None
            asked = {"number": number, "name": f"{lane} {number}", "prompt": f"{lane} {number}"}
            if ending is not None:
                asked = asked_for(lane, number, ending)
            orders[lane].append(asked)
            stated[asked["name"]] = (about.provider, ending)
    signals = []
    for number in range(WAVES + 1):
        jobs = [
            {"do": "storm", "lane": lane, "orders": asked, "seed": f"{lane} {number} {twin}"}
            | ({"killed_after": rng.randint(STORM // 8, STORM // 2)} if number < WAVES else {})
            for lane, asked in orders.items()
            for twin in range(2)
        ]
        signals.append(zygote.wave(*jobs))
    killed = [ended for wave in signals[:-1] for ended in wave]
    assert killed.count(signal.SIGKILL) >= len(killed) // 3, signals
    assert set(signals[-1]) == {0}
    sandbox.control("DELETE", "faults")
    left = Books(zygote.home, sandbox)
    left.balance(going=True)
    # What loading the extension does, then what a person does.
    assert zygote.wave({"do": "resume", "send": False, "lane": "legacy-image"}) == [0]
    assert len(Books(zygote.home, sandbox).wire) == len(left.wire), "sent by itself"
    assert zygote.wave({"do": "resume", "send": True, "lane": "legacy-image"}) == [0]
    books = Books(zygote.home, sandbox)
    books.balance()
    assert set(books.rows_of) == set(stated)
    for each, (provider, ending) in stated.items():
        check_end(books, each, provider, ending)
    again = {line["name"] for line in books.wire[len(left.wire) :] if line.get("sent")}
    uncertain = {each for each, rows in left.rows_of.items() if rows[0].sending_at is not None}
    assert not [each for each in again & uncertain if stated[each][0] in KEYLESS]


def check_end(books: Books, each: str, provider: str, ending: Ending | None) -> None:
    """With a key every run is recovered and ends as its fault states; without one it may be uncertain.

    With a key, too, where no attempt was let through after the one that was killed: the refusals of later
    ones do not prove that the first did not arrive.
    """
    row = books.rows_of[each][0]
    if ending is not None and not ending.tasks and row.status is RunStatus.UNCERTAIN:
        assert each not in books.tasks_of
        return
    if provider in KEYLESS and row.status is RunStatus.UNCERTAIN:
        assert row.task_id is None
        assert row.error_kind == "SubmitUncertain"
    elif ending is None:
        assert (row.status, row.video_path is not None) == (RunStatus.SUCCEEDED, True), each
    else:
        assert not books.check(each, ending), books.check(each, ending)
