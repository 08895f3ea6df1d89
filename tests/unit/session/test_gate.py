"""Slots: never more than allowed, first come first served, nobody forgotten."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from kling_nb.session.gate import ModelGate


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_next_run_waits_and_comes_in_order() -> None:
    gate, order = ModelGate(2), []

    async def run(name: int) -> None:
        await gate.acquire()
        order.append(name)

    tasks = [asyncio.create_task(run(name)) for name in range(5)]
    await settle()
    assert order == [0, 1]
    assert gate.waiting == 3
    gate.release()
    await settle()
    assert order == [0, 1, 2]
    for _ in range(4):
        gate.release()
    await asyncio.gather(*tasks)
    assert order == list(range(5))


async def test_a_stopped_waiter_gives_its_place_away() -> None:
    gate = ModelGate(1)
    await gate.acquire()
    first, second = asyncio.create_task(gate.acquire()), asyncio.create_task(gate.acquire())
    await settle()
    first.cancel()
    await settle()
    gate.release()
    await second
    assert (gate.held, gate.waiting) == (1, 0)


async def test_a_waiter_stopped_in_the_moment_of_its_turn_loses_no_slot() -> None:
    gate = ModelGate(1)
    await gate.acquire()
    first, second = asyncio.create_task(gate.acquire()), asyncio.create_task(gate.acquire())
    await settle()
    gate.release()
    first.cancel()
    await asyncio.wait_for(second, 60)
    assert gate.held == 1


async def test_after_a_refusal_one_run_asks_and_the_others_wait() -> None:
    """1303: somebody else uses slots of the account; this kernel does not hammer."""
    gate = ModelGate(5)
    await gate.acquire()
    gate.refused()
    waiting = asyncio.create_task(gate.acquire())
    await settle()
    assert not waiting.done()
    gate.accepted()
    await asyncio.wait_for(waiting, 60)


async def test_tasks_of_earlier_kernels_count() -> None:
    gate = ModelGate(1)
    gate.occupy()
    waiting = asyncio.create_task(gate.acquire())
    await settle()
    assert not waiting.done()
    gate.release()
    await asyncio.wait_for(waiting, 60)


@given(st.lists(st.sampled_from(["come", "go", "stop", "refuse"]), max_size=40), st.integers(1, 4))
def test_never_more_than_the_quota_and_never_stuck(steps: list[str], quota: int) -> None:
    async def play() -> None:
        gate, waiting = ModelGate(quota), []
        held = 0

        async def come() -> None:
            nonlocal held
            await gate.acquire()
            held += 1
            assert held <= quota

        for step in steps:
            if step == "come":
                waiting.append(asyncio.create_task(come()))
            elif step == "go" and held:
                held -= 1
                gate.release()
            elif step == "stop" and waiting:
                waiting.pop(0).cancel()
            elif step == "refuse" and held:
                gate.refused()
            await settle()
        while held:
            held -= 1
            gate.release()
            await settle()
        assert gate.waiting == 0
        assert gate.held == 0

    asyncio.run(play())
