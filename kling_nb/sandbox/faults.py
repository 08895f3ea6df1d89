"""Fault injection (``spec/sandbox.md`` §8): what can go wrong and where it was asked for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ValidationError

from kling_nb.sandbox.config import Distortion

HEADER = "x-sandbox-fault"
DIRECTIVE = re.compile(r"\s*\[\[sandbox:(.*?)\]\]", re.DOTALL)

# What each fault takes as its argument. A call fault spoils one HTTP exchange of any kind; a task fault
# belongs to the task that a create makes.
CALL_FAULTS: dict[str, type | None] = {
    "code": int,
    "http": int,
    "delay": float,
    "code-after": int,
    "drop-before": None,
    "drop-after": None,
    "truncate": None,
}
TASK_FAULTS: dict[str, type | None] = {
    "async": str,
    "slow": float,
    "flap": int,
    "status": str,
    "stuck": None,
    "lost-create": None,
    "url-expired": None,
    "url-404": None,
    "url-slow": None,
    "url-short": None,
    "wrong-duration": None,
    "callback-lost": None,
    "callback-twice": None,
    "callback-bad-sign": None,
}


class UnknownFaultError(ValueError):
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
    UnknownFaultError
        No such fault, or an argument it cannot have. Faults are asked for by tests: silence hides a typo.
    """
    kind, _, argument = spec.strip().partition(":")
    known = CALL_FAULTS | TASK_FAULTS
    if kind not in known:
        raise UnknownFaultError(f"unknown sandbox fault: {spec}")
    wanted = known[kind]
    if wanted is None or not argument:
        if wanted is not None or argument:
            raise UnknownFaultError(f"sandbox fault with a wrong argument: {spec}")
        return Fault(kind)
    if not _fits(kind, argument, wanted, codes):
        raise UnknownFaultError(f"sandbox fault with a wrong argument: {spec}")
    return Fault(kind, argument)


def _fits(kind: str, argument: str, wanted: type, codes: frozenset[int] | None) -> bool:
    if wanted is str:
        return True
    try:
        number = float(wanted(argument))
    except ValueError:
        return False
    if kind == "http":
        return 500 <= number <= 599
    if kind in {"code", "code-after"} and codes is not None:
        return number in codes
    return math.isfinite(number) and number >= 0


@dataclass(frozen=True, slots=True)
class Directives:
    """What a prompt asked the sandbox for, and the prompt without it."""

    prompt: str
    faults: tuple[Fault, ...] = ()
    distort: Distortion | None = None


def read_directives(prompt: str, codes: frozenset[int] | None = None) -> Directives:
    """Split ``[[sandbox:…]]`` directives off a prompt.

    Raises
    ------
    UnknownFaultError
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
            faults.append(parse(spec, codes))
    return Directives(DIRECTIVE.sub("", prompt).strip(), tuple(faults), distort)


def _read_distortion(spec: str) -> Distortion:
    try:
        return Distortion.model_validate(json.loads(spec.strip().removeprefix("distort")))
    except (ValueError, ValidationError):
        raise UnknownFaultError(f"unknown sandbox distortion: {spec}") from None


def without_place(faults: tuple[Fault, ...], why: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note for each fault that nothing in a dialect can show, with the reason from ``why``."""
    return tuple(f"{fault.kind} has no effect: {why[fault.kind]}" for fault in faults if fault.kind in why)


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

    def add(self, entry: dict[str, Any], codes: frozenset[int] | None = None) -> Queued:
        """Queue ``{"spec", "match"?: {"method"?, "path"?}, "times"?}``.

        Raises
        ------
        UnknownFaultError
            The entry is not of that form or names no fault.
        """
        match, times = entry.get("match") or {}, entry.get("times", 1)
        if set(entry) - {"spec", "match", "times"} or not isinstance(entry.get("spec"), str):
            raise UnknownFaultError("a fault is {spec, match: {method, path}, times}")
        if not isinstance(match, dict) or set(match) - {"method", "path"}:
            raise UnknownFaultError("a fault matches by method and path")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise UnknownFaultError("times is 1 or more")
        fault = parse(entry["spec"], codes)
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
