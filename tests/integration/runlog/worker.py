"""What another kernel does with the log; started as a program of its own."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

from kling_nb.errors import BudgetError
from kling_nb.runlog import Admission, Change, Judgement, RunLog, RunRecord, Vote, Wish


def rows(log: RunLog, name: str, count: str) -> None:
    """Write rows and say each id once it is acknowledged."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        print(log.insert(RunRecord(name=name, note=str(number))).id, flush=True)


def updates(log: RunLog, run_id: str, column: str, count: str) -> None:
    """Change one column of one run again and again."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        log.update(run_id, **{column: str(number)})
    print("done", flush=True)


def claim(log: RunLog, identities: str) -> None:
    """Claim the same identities as the other kernel, at the same time."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(identities)):
        record = RunRecord(identity=f"identity {number}")
        held = log.claim(record)
        print("mine" if held.id == record.id else "theirs", held.id, flush=True)


def spend(log: RunLog, claims: str, price: str) -> None:
    """Claim runs under a budget, send every second one, and tell which were made."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(claims)):
        wanted = RunRecord(estimate_units=Decimal(price), identity=f"{number % 7}")
        try:
            run = log.claim(wanted, again=True)
        except BudgetError:
            print("refused", flush=True)
            continue
        print("made", flush=True)
        if number % 2:
            moment = datetime.now(UTC)
            wish = Wish("a slot", 10_000, "worker")
            log.apply([Change(run.id, {"sending_at": moment}, admission=Admission(wish))])
            log.update(run.id, status="uncertain" if number % 4 == 1 else "processing")


def slots(log: RunLog, runs: str, quota: str) -> None:
    """Send runs as fast as slots allow, and tell the most that any look at the log has shown in use."""
    me = f"worker {os.getpid()}"
    wish = Wish("a slot", int(quota), me)
    print("ready", flush=True)
    sys.stdin.readline()
    most = 0
    for _ in range(int(runs)):
        run = log.insert(RunRecord())
        while log.slots.reserve(run.id, wish) is not None:
            time.sleep(0.01)
        admitted = Change(run.id, {"sending_at": datetime.now(UTC)}, admission=Admission(wish))
        assert log.apply([admitted]) == [None]
        most = max(most, len(log.slots.holders(wish.slot)))
        log.update(run.id, task_id=f"task of {run.id}", status="submitted")
        log.update(run.id, status="succeeded")
    print(most, flush=True)


def judge(log: RunLog, voter: str, *run_ids: str) -> None:
    """Rate, tag and vote on runs that the other kernel judges too."""
    print("ready", flush=True)
    sys.stdin.readline()
    for number, run_id in enumerate(run_ids):
        rated = Judgement(run_id, {"rating": number % 6}, add=(voter,))
        log.judgements.make([rated])
        vote = Vote(left=run_id, right=run_ids[0], outcome="left", question="which?", voter=voter)
        print(log.judgements.vote(vote), flush=True)


def lease(log: RunLog, owner: str, *run_ids: str) -> None:
    """Try to lease runs that the other kernel wants too."""
    print("ready", flush=True)
    sys.stdin.readline()
    for run_id in run_ids:
        print(log.lease(run_id, owner, 60), flush=True)


def hold(log: RunLog) -> None:
    """Hold the write lock until told to stop, as a stuck program would."""
    with log._database.writing(durable=False):
        print("ready", flush=True)
        sys.stdin.readline()


def endless(log: RunLog) -> None:
    """Write money's rows until killed, saying what was acknowledged."""
    print("ready", flush=True)
    while True:
        run = log.claim(RunRecord(identity=str(time.time_ns())))
        print("claimed", run.id, flush=True)
        log.update(run.id, task_id=f"task-{run.id}", status="submitted")
        print("task", run.id, flush=True)
        log.update(run.id, status="processing")
        print("processing", run.id, flush=True)


COMMANDS = {f.__name__: f for f in (rows, updates, claim, spend, slots, judge, lease, hold, endless)}


def main(command: str, place: str, *arguments: str) -> None:
    """Do what is asked with a log that is opened for it."""
    with RunLog(place, busy_timeout=60) as opened:
        COMMANDS[command](opened, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
