"""The books of a drill through every door: what the service holds against what the run log says.

The service's side is the sandbox's own record of its tasks and charges; the prompt, which is different for
each submission, says whose task it is where no id of the caller's exists.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from door_lanes import LANES, lines, name_of
from door_table import KEYLESS
from fault_table import Ending

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session import Session

ENDS = {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.UNCERTAIN}
SOURCE = "the clip that is made longer"


def asked_for(lane: str, number: int, ending: Ending) -> dict[str, Any]:
    """Return what a child needs to submit one row of the table; ``name`` tells the order from all others."""
    name = f"{lane} {number} {ending.spec.replace(':', ' ')}"
    if ending.in_prompt:
        return {"number": number, "name": name, "prompt": f"[[sandbox:{ending.spec}]] {name}"}
    return {"number": number, "name": name, "prompt": name, "queue": ending.spec}


class Zygote:
    """The program of ``door_lanes``: waves of children that share one home and one sandbox.

    Parameters
    ----------
    home
        Home of the run log.
    sandbox
        The sandbox; two clips are made there whose continuations are ordered later.
    """

    def __init__(self, home: Path, sandbox: Any) -> None:
        self.home = home
        self.sandbox = sandbox
        self.common = {
            "home": str(home),
            "sandbox_home": str(sandbox.home),
            "sources": self._sources(),
        }
        program = Path(__file__).with_name("door_lanes.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait(60)

    def _sources(self) -> dict[str, str]:
        with Session(
            provider="sandbox", home=self.home, sandbox_home=self.sandbox.home, posters=False
        ) as session:
            providers = {lane.provider for lane in LANES.values() if "extend" in lane.forms}
            runs = {
                name: session.submit(prompt=f"{SOURCE} at {name}", provider=name, model="kling-v1-6")
                for name in sorted(providers)
            }
            assert all(run.wait(60).status is RunStatus.SUCCEEDED for run in runs.values())
            return {name: run.id for name, run in runs.items()}

    def wave(self, *jobs: dict[str, Any]) -> list[int]:
        """Have jobs carried out at the same time; return how each child ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([{**self.common, **job} for job in jobs]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the program of the lanes died"
        return list(json.loads(answer))


class Books:
    """What both sides hold now.

    Parameters
    ----------
    home
        Home of the run log.
    sandbox
        The sandbox.
    """

    def __init__(self, home: Path, sandbox: Any) -> None:
        with Session(provider="sandbox", home=home, sandbox_home=sandbox.home) as session:
            self.rows = [row for row in session.log.records() if SOURCE not in (row.prompt or "")]
            self.errors = {row.id: session.run(row.id).error for row in self.rows}
        self.tasks = [task for task in sandbox.tasks() if SOURCE not in task["prompt"]]
        self.acks = lines(home / "acks.jsonl")
        self.wire = lines(home / "wire.jsonl")
        self.rows_of: dict[str, list[RunRecord]] = {}
        for row in self.rows:
            self.rows_of.setdefault(name_of(row.prompt or ""), []).append(row)
        self.tasks_of: dict[str, list[dict[str, Any]]] = {}
        for task in self.tasks:
            self.tasks_of.setdefault(task["prompt"], []).append(task)

    def balance(self, *, going: bool = False) -> None:
        """Hold one side against the other, run by run.

        Parameters
        ----------
        going
            Whether some runs may still be followed.
        """
        unknown = set(self.tasks_of) - set(self.rows_of)
        assert not unknown, f"charges without a run: {sorted(unknown)[:5]}"
        acknowledged = {(ack["name"], ack["run"]) for ack in self.acks}
        lost = acknowledged - {(name, row.id) for name, rows in self.rows_of.items() for row in rows}
        assert not lost, f"runs lost: {sorted(lost)[:5]}"
        keys = Counter(task["external_id"] for task in self.tasks if task["external_id"])
        assert not [key for key, count in keys.items() if count > 1], "two tasks under one id"
        for name, rows in self.rows_of.items():
            self._check_order(name, rows, going)
        self._check_wire()

    def _check_order(self, name: str, rows: list[RunRecord], going: bool) -> None:
        """One cell: a failed run may have been made anew, every other one is the only one."""
        seen = f"{name}: {[(row.id, row.status, self.errors[row.id]) for row in rows]}"
        assert len([row for row in rows if row.status is not RunStatus.FAILED]) <= 1, f"two runs: {seen}"
        assert going or {row.status for row in rows} <= ENDS, f"no definite state: {seen}"
        tasks = {task["public_id"] or task["id"]: task for task in self.tasks_of.get(name, [])}
        held = [task for task in tasks.values() if task["charge"] != "released"]
        assert len(held) <= 1, f"charged twice: {seen}"
        for row in rows:
            assert (row.external_task_id is None) == (row.provider in KEYLESS)
            if row.task_id is not None:
                task = tasks.pop(row.task_id, None)
                assert task is not None, f"a task of nobody or of another run: {seen}"
                assert row.external_task_id == task["external_id"], seen
        for task in tasks.values():
            # Nobody has its id: the run that is told to be uncertain, and no other, accounts for it.
            unsure = [row for row in rows if row.task_id is None and row.sending_at is not None]
            assert [row.external_task_id for row in unsure] == [task["external_id"]], f"untold charge: {seen}"
            assert going or unsure[0].status is RunStatus.UNCERTAIN, f"untold charge: {seen}"

    def _check_wire(self) -> None:
        """Without a key no create leaves after one whose outcome is open; with one only under a run's own."""
        unseen = set(self.tasks_of) - {line["name"] for line in self.wire if line.get("sent")}
        assert not unseen, f"made by no create that was written down: {sorted(unseen)[:5]}"
        open_ended: set[str] = set()
        accepted: Counter[str] = Counter()
        for line in self.wire:
            name, keyless = line["name"], LANES[line["lane"]].provider in KEYLESS
            if line.get("sent"):
                keys = {row.external_task_id for row in self.rows_of[name]}
                assert line["key"] in keys, f"sent under an id that no run has: {name}"
                assert not (keyless and name in open_ended), f"sent again: {name}"
                open_ended.add(name)
            elif line["whole"] and line["status"] < 500:
                open_ended.discard(name)
                accepted[name] += keyless and line["status"] < 300
        assert not {name for name, count in accepted.items() if count > len(self.rows_of[name])}

    def check(self, name: str, ending: Ending) -> str:
        """Return how the newest run of an order differs from its stated end; empty when it does not."""
        row, tasks = self.rows_of[name][0], self.tasks_of.get(name, [])
        if row.external_task_id is not None:
            tasks = [task for task in tasks if task["external_id"] == row.external_task_id]
        elif row.task_id is not None:
            tasks = [task for task in tasks if task["public_id"] == row.task_id]
        held = [task for task in tasks if task["charge"] != "released"]
        error = self.errors[row.id]
        found = (row.status, type(error), len(tasks), len(held), row.video_path is not None)
        stated = (
            ending.status,
            ending.error or type(None),
            ending.tasks,
            int(ending.charged),
            ending.video,
        )
        told = error is None or 1 <= len(error.lines()) <= 3
        if found == stated and told:
            return ""
        service = [(task["state"], task["message"], task["notes"]) for task in tasks]
        return f"{name}: {found} instead of {stated} {error!r}, the service says {service}"
