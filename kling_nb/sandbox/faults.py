"""Fault injection (``spec/sandbox.md`` §8): what can go wrong and where it was asked for."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from kling_nb.sandbox.config import Distortion

HEADER = "x-sandbox-fault"
DIRECTIVE = re.compile(r"\s*\[\[sandbox:(.*?)\]\]", re.DOTALL)

# A call fault spoils one HTTP exchange of any kind; a task fault belongs to the task a create makes.
CALL_FAULTS = {"code": int, "http": int, "delay": float, "drop-before": None, "drop-after": None}
CALL_FAULTS |= {"truncate": None, "code-after": int}
TASK_FAULTS = {
    **{"async": str, "slow": float, "flap": int, "status": str},
    **dict.fromkeys(("stuck", "lost-create", "url-expired", "url-404", "url-slow", "url-short")),
    **dict.fromkeys(("wrong-duration", "callback-lost", "callback-twice", "callback-bad-sign")),
}


class UnknownFault(ValueError):
    """A fault specification that names no fault of the sandbox."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind and argument, as in ``kind:argument``."""

    kind: str
    argument: str = ""

    @property
    def on_task(self) -> bool:
        """Whether it belongs to a task and not to one HTTP exchange."""
        return self.kind in TASK_FAULTS

    @property
    def spec(self) -> str:
        """The fault as it is written."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse(spec: str, codes: frozenset[int] | None = None) -> Fault:
    """Read one fault specification.

    Parameters
    ----------
    spec
        For example ``code:1303``, ``drop-after`` or ``async:risk``.
    codes
        The service codes that may be asked for; any when ``None``.

    Raises
    ------
    UnknownFault
        No such fault, or an argument it cannot have. Faults are asked for by tests: silence would hide a typo.
    """
    kind, _, argument = spec.strip().partition(":")
    known = CALL_FAULTS | TASK_FAULTS
    if kind not in known:
        raise UnknownFault(f"unknown sandbox fault: {spec}")
    wanted = known[kind]
    if wanted is None:
        if argument:
            raise UnknownFault(f"sandbox fault takes no argument: {spec}")
        return Fault(kind)
    try:
        number = wanted(argument)
    except ValueError:
        raise UnknownFault(f"sandbox fault needs a number: {spec}") from None
    if not argument or (isinstance(number, float | int) and not (math.isfinite(number) and number >= 0)):
        raise UnknownFault(f"sandbox fault needs an argument: {spec}")
    if kind == "http" and not 500 <= int(number) <= 599:
        raise UnknownFault(f"sandbox fault http takes 500 to 599: {spec}")
    if kind in {"code", "code-after"} and codes is not None and number not in codes:
        raise UnknownFault(f"unknown service code: {spec}")
    return Fault(kind, argument)


@dataclass(frozen=True, slots=True)
class Directives:
    """What a prompt asked the sandbox for, and the prompt without it."""

    prompt: str
    faults: tuple[Fault, ...] = ()
    distort: Distortion | None = None


def read_directives(prompt: str) -> Directives:
    """Split ``[[sandbox:…]]`` directives off a prompt.

    Raises
    ------
    UnknownFault
        A directive that names no fault or no distortion.
    """
    specs = DIRECTIVE.findall(prompt)
    if not specs:
        return Directives(prompt)
    distort = None
    faults = []
    for spec in specs:
        if spec.strip().startswith("distort"):
            distort = _read_distortion(spec)
        else:
            faults.append(parse(spec))
    return Directives(DIRECTIVE.sub("", prompt).strip(), tuple(faults), distort)


def _read_distortion(spec: str) -> Distortion:
    try:
        return Distortion.model_validate(json.loads(spec.strip().removeprefix("distort")))
    except (ValueError, ValidationError):
        raise UnknownFault(f"unknown sandbox distortion: {spec}") from None


@dataclass(slots=True)
class Queued:
    """A fault waiting for the next ``times`` calls that match ``method`` and ``path`` (shell pattern)."""

    fault: Fault
    method: str
    path: str
    times: int

    def to_json(self) -> dict[str, Any]:
        """Return the form ``GET /sandbox/faults`` shows."""
        match = {key: value for key, value in (("method", self.method), ("path", self.path)) if value}
        return {"spec": self.fault.spec, "match": match, "times": self.times}


@dataclass(slots=True)
class FaultQueue:
    """Faults asked for through ``POST /sandbox/faults``, oldest first."""

    waiting: list[Queued] = field(default_factory=list)

    def add(self, entry: dict[str, Any]) -> Queued:
        """Queue ``{"spec", "match"?: {"method"?, "path"?}, "times"?}``.

        Raises
        ------
        UnknownFault
            The entry is not of that form or names no fault.
        """
        match = entry.get("match") or {}
        times = entry.get("times", 1)
        if (
            set(entry) - {"spec", "match", "times"}
            or not isinstance(match, dict)
            or set(match) - {"method", "path"}
        ):
            raise UnknownFault("a fault is {spec, match: {method, path}, times}")
        if (
            not isinstance(entry.get("spec"), str)
            or isinstance(times, bool)
            or not isinstance(times, int)
            or times < 1
        ):
            raise UnknownFault("a fault needs a spec (text) and times (1 or more)")
        fault = parse(entry["spec"])
        queued = Queued(fault, str(match.get("method", "")).upper(), str(match.get("path", "")), times)
        self.waiting.append(queued)
        return queued

    def take(self, method: str, path: str, *, creates: bool) -> tuple[Fault, ...]:
        """Use up the oldest fault that matches a call; task faults only match calls that create a task."""
        for queued in self.waiting:
            if queued.fault.on_task and not creates:
                continue
            if queued.method in ("", method) and (not queued.path or fnmatchcase(path, queued.path)):
                queued.times -= 1
                if queued.times == 0:
                    self.waiting.remove(queued)
                return (queued.fault,)
        return ()
