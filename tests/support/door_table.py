"""What every fault of the sandbox ends in, fault by fault and dialect by dialect (``spec/sandbox.md`` §8).

Two facts decide (``spec/official-api.md`` §11, ``spec/gateways.md`` §2.4): whether a task may exist after
what the caller saw, and whether the door knows an id of the caller's to look it up by. With such an id a lost
answer is recovered under one charge; without one the run ends ``uncertain`` and nothing is sent again.
"""

from __future__ import annotations

from dataclasses import replace

from fault_table import ENDINGS, FAILED, PERSISTENT, Ending, recovered, refused

from kling_nb import errors
from kling_nb.domain.task import RunStatus

UNCERTAIN = RunStatus.UNCERTAIN


def lost(spec: str, tasks: int, in_prompt: bool = False) -> Ending:
    """The answer was lost and no id of ours exists; ``tasks`` were created, the caller cannot know."""
    return Ending(
        spec, UNCERTAIN, errors.SubmitUncertain, charged=tasks == 1, tasks=tasks, in_prompt=in_prompt
    )


# Tasks: what becomes of them is the same at every door, for the prompt carries the fault into the task.
TASK_ENDINGS = tuple(ending for ending in ENDINGS if ending.in_prompt)

# One call is spoiled. Whether the service holds a task afterwards: 0 or 1.
UNCLEAR = {
    "code:5000": 0,
    "code:5001": 0,
    "code:5002": 0,
    "http:502": 0,
    "http:503": 0,
    "http:504": 0,
    "drop-before": 0,
    "drop-after": 1,
    "truncate": 1,
    "code-after:5002": 1,
    "code-after:5000": 1,
    "delay:20": 1,
}
NOT_NOW = ("code:1302", "code:1303")
"""Certainly not created, and worth another try at every door."""

# Code -> the error of AceData (spec/gateways.md §2.4) and of the AI/ML API (§3.4).
GATEWAY_REFUSALS = {
    1000: (errors.AuthError, errors.AuthError),
    1001: (errors.AuthError, errors.AuthError),
    1002: (errors.AuthError, errors.AuthError),
    1003: (errors.AuthError, errors.AuthError),
    1004: (errors.AuthError, errors.AuthError),
    1100: (errors.AuthError, errors.AuthError),
    1101: (errors.MoneyError, errors.MoneyError),
    1102: (errors.MoneyError, errors.MoneyError),
    1103: (errors.ContentError, errors.AuthError),
    1200: (errors.ParameterError, errors.ParameterError),
    1201: (errors.ParameterError, errors.ParameterError),
    1202: (errors.ParameterError, errors.ParameterError),
    1203: (errors.ParameterError, errors.ParameterError),
    1300: (errors.ContentError, errors.AuthError),
    1301: (errors.ContentError, errors.AuthError),
    1304: (errors.ContentError, errors.AuthError),
}


def _with_key(*, renewable: bool) -> tuple[Ending, ...]:
    """Doors that know the external id. An API key cannot be signed anew, a pair of keys can."""
    rows = []
    for ending in ENDINGS:
        if ending.in_prompt or ending.spec.partition(":")[0] == "delay":
            continue
        if ending.spec in ("code:1003", "code:1004") and not renewable:
            rows.append(refused(ending.spec, errors.ClockSkewError))
        else:
            rows.append(ending)
        if ending.status is FAILED:
            rows.append(replace(ending, in_prompt=True))
    for spec, tasks in UNCLEAR.items():
        rows.append(recovered(spec))
        # Every attempt is spoiled: what was created once is found, what never was stays uncertain.
        rows.append(recovered(spec, in_prompt=True) if tasks else lost(spec, 0, in_prompt=True))
    rows += [ending for ending in PERSISTENT if ending.spec == "code:1003"]
    rows = [*{(row.spec, row.in_prompt): row for row in rows}.values()]
    return (*rows, *TASK_ENDINGS)


def _without_key(column: int) -> tuple[Ending, ...]:
    rows = [
        replace(refused(f"code:{code}", kinds[column]), in_prompt=in_prompt)
        for code, kinds in GATEWAY_REFUSALS.items()
        for in_prompt in (False, True)
    ]
    rows += [recovered(spec) for spec in NOT_NOW]
    rows += [lost(spec, tasks, in_prompt) for spec, tasks in UNCLEAR.items() for in_prompt in (False, True)]
    return (*rows, *TASK_ENDINGS)


TABLE: dict[str, tuple[Ending, ...]] = {
    "sandbox": _with_key(renewable=True),
    "sandbox-official-new": _with_key(renewable=False),
    "sandbox-acedata": _without_key(0),
    "sandbox-aimlapi": _without_key(1),
}
"""Provider -> the stated end of every fault, by the prompt and by the queue where both say something."""

KEYLESS = ("sandbox-acedata", "sandbox-aimlapi")
