"""From the keywords of a sweep to checked requests: nothing is sent, and nothing is written down yet."""

from __future__ import annotations

import random
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.aliases import KNOWN_NAMES, canonical_name, unknown_name_fix
from kling_nb.domain.nearest import closest
from kling_nb.domain.sweep_plan import MOST_REPEATS, MOST_RUNS, Axis, Cell, Groups, combine, split
from kling_nb.domain.task import RunStatus
from kling_nb.errors import RequestRefused, UsageError
from kling_nb.media import load_image
from kling_nb.session.template import fill, names_in

if TYPE_CHECKING:
    from kling_nb.domain.problems import Problem
    from kling_nb.session.build import Prepared
    from kling_nb.session.facade import Session

OWN_FIELDS: Final = ("brush", "way", "brush_names", "provider")
"""What may vary besides request fields and their options."""

PICTURES: Final = ("image", "image_tail")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks a sweep for.

    Parameters
    ----------
    params
        Request fields and template variables; lists vary.
    repeat
        Runs of each combination.
    groups
        Names that vary together.
    sample, seed
        So many combinations drawn at random, and the seed of the draw.
    where
        Told the variables of a combination; False leaves it out.
    again
        Make runs although identical ones exist.
    force
        Send in spite of findings that can be forced.
    variables
        Further values for templates.
    """

    params: Mapping[str, Any]
    repeat: int = 1
    groups: Groups = ()
    sample: int | None = None
    seed: int | None = None
    where: Callable[[Mapping[str, Any]], object] | None = None
    again: bool = False
    force: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A combination that is not made, and why.

    Parameters
    ----------
    variables
        Its labels.
    rule
        Rule of the linter; empty for a repetition of another combination.
    reason
        One sentence.
    """

    variables: Mapping[str, Any]
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A sweep before its first run.

    Parameters
    ----------
    wish
        What was asked for, the seed drawn where none was given.
    axes
        What varies.
    cells
        What will be made: variables and request.
    dropped
        What will not, with the reason.
    excluded
        How many combinations ``where=`` left out.
    cached
        (Identity, repeat) that the log has already.
    """

    wish: Wish
    axes: tuple[Axis, ...]
    cells: tuple[tuple[Mapping[str, Any], Prepared], ...]
    dropped: tuple[Dropped, ...]
    excluded: int
    cached: frozenset[tuple[str, int]]

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Cell and repeat of each run, in order: all combinations once, then all once more."""
        return [(cell, repeat + 1) for repeat in range(self.wish.repeat) for cell in range(len(self.cells))]

    @property
    def new(self) -> list[Prepared]:
        """The request of each run that will be paid for."""
        chosen = [(self.cells[cell][1], repeat) for cell, repeat in self.runs]
        if self.wish.again:
            return [prepared for prepared, _ in chosen]
        return [prepared for prepared, repeat in chosen if (prepared.identity, repeat) not in self.cached]


def draft(session: Session, wish: Wish) -> Draft:
    """Build and check every combination.

    Parameters
    ----------
    session
        Settings, log, providers.
    wish
        What is asked for.

    Raises
    ------
    UsageError
        Names, lists or numbers that cannot be used.
    RequestRefused
        Not a single combination can be made; with the findings of the first.
    MediaError
        A picture cannot be read.
    """
    check_numbers(wish)
    wish = replace(wish, seed=_seed(wish))
    axes, fixed = split(wish.params)
    _check(axes, fixed)
    combined = combine(axes, wish.groups, sample=wish.sample, seed=wish.seed or 0)
    kept = [cell for cell in combined if wish.where is None or wish.where(cell.variables)]
    if not kept:
        raise UsageError(
            "The sweep is empty.",
            f"where= leaves out all {len(combined)} combinations.",
            "It is told the variables of one combination and says whether to make it.",
        )
    if len(kept) * wish.repeat > MOST_RUNS:
        raise UsageError(
            f"The sweep has {len(kept) * wish.repeat} runs.",
            f"At most {MOST_RUNS} are made at once.",
            "Give fewer values or repeats, or sample=100 for a random part.",
        )
    found = _Pictures()
    cells, dropped, seen = [], [], {}  # type: list[Any], list[Dropped], dict[str, Mapping[str, Any]]
    refused = []
    for cell in kept:
        prepared = session.prepare(found.loaded(_given(cell, fixed, wish)))
        blocking = [p for p in prepared.blocking if not (wish.force and p.forceable)]
        if blocking:
            refused.append(prepared)
            fix = f" → {blocking[0].fix}" if blocking[0].fix else ""
            dropped.append(Dropped(cell.variables, blocking[0].id, f"{blocking[0].message}{fix}"))
        elif prepared.identity in seen:
            same = words_of(seen[prepared.identity])
            dropped.append(Dropped(cell.variables, "", f"the same request as {same}"))
        else:
            seen[prepared.identity] = cell.variables
            cells.append((cell.variables, prepared))
    if not cells:
        raise RequestRefused([_as_word(problem, wish) for problem in refused[0].problems])
    cached = _cached(session, list(seen))
    return Draft(wish, tuple(axes), tuple(cells), tuple(dropped), len(combined) - len(kept), cached)


def check_numbers(wish: Wish) -> None:
    """Refuse counts that are none, and a condition that cannot be asked.

    Raises
    ------
    UsageError
        With what can be written.
    """
    if not (_is_whole(wish.repeat) and 1 <= wish.repeat <= MOST_REPEATS):
        raise UsageError(
            f"repeat={wish.repeat!r:.60} cannot be used.",
            "It is how many runs are made of each combination.",
            f"Write a whole number from 1 to {MOST_REPEATS}.",
        )
    if wish.sample is not None and not (_is_whole(wish.sample) and wish.sample >= 1):
        raise UsageError(
            f"sample={wish.sample!r:.60} cannot be used.",
            "It is how many combinations are drawn at random.",
            "Write a whole number from 1, or leave it out for all of them.",
        )
    if wish.seed is not None and not _is_whole(wish.seed):
        raise UsageError(
            f"seed={wish.seed!r:.60} cannot be used.",
            "It fixes which combinations sample= draws; Kling itself has no seed.",
            "Write a whole number, or leave it out.",
        )
    if wish.where is not None and not callable(wish.where):
        raise UsageError(
            f"where={wish.where!r:.60} cannot be used.",
            "It is a function that is told the variables of one combination.",
            'Write e.g. where=lambda cell: cell["mode"] == "pro".',
        )


def _as_word(problem: Problem, wish: Wish) -> Problem:
    """Add the way out where a name was meant for the prompt only, and is the name of a field as well."""
    used = frozenset().union(*map(_names, wish.params.values()))
    meant = [name for name in wish.params if name in used and canonical_name(name) == problem.field]
    if not meant:
        return problem
    free = "{{" + f"{meant[0]}_words" + "}}"
    return replace(problem, fix=f"{problem.fix}; as words of the prompt only, call it otherwise: {free}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def words_of(variables: Mapping[str, Any]) -> str:
    """Return variables as words: ``cfg_scale=0.5, mode=pro``."""
    return ", ".join(f"{name}={_short(value)}" for name, value in variables.items())


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _seed(wish: Wish) -> int | None:
    if wish.sample is None:
        if wish.seed is not None:
            raise UsageError(
                "seed= is for sample= only.",
                "Kling has no seed; repeat= shows how much chance matters.",
                "Leave it out.",
            )
        return None
    return random.randrange(2**31) if wish.seed is None else wish.seed  # noqa: S311 - no secret


def _check(axes: Sequence[Axis], fixed: Mapping[str, Any]) -> None:
    if "external_task_id" in {*fixed, *(axis.name for axis in axes)}:
        raise UsageError(
            "A sweep takes no external_task_id.",
            "It names one task; every run of a sweep gets its own.",
            "Leave it out.",
        )
    values = [*fixed.values(), *(value for axis in axes for value in axis.values)]
    used = frozenset().union(*map(_names, values))
    for name in [*fixed, *(axis.name for axis in axes)]:
        if name not in KNOWN_NAMES and name not in OWN_FIELDS and name not in used:
            raise UsageError(
                f"Nothing in the sweep is called {name}.",
                "It is no request field, and no {{" + name + "}} stands in the prompt.",
                f"Did you mean {near}?" if (near := closest(name, used)) else unknown_name_fix(name),
            )


def _names(value: Any) -> frozenset[str]:
    """Return the template names in a value, lists and mappings included."""
    if isinstance(value, str):
        return names_in(value)
    parts = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    )
    return frozenset().union(*map(_names, parts))


def _given(cell: Cell, fixed: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """Return the keywords of one run, templates filled."""
    values = {**fixed, **cell.values}
    # A name in a prompt stands for what was given, not for what tables call it: vary({"calm": "slowly"}).
    texts = {name: value for name, value in cell.values.items() if isinstance(value, (str, int, float))}
    plain = {**fixed, **cell.variables, **texts}
    # {{model}} is what was written as model=, whatever the field is called.
    plain |= {name: plain[canonical_name(name)] for name in wish.params}
    shown: ChainMap[str, Any] = ChainMap(plain, dict(wish.variables))
    fields = {name: value for name, value in values.items() if name in KNOWN_NAMES or name in OWN_FIELDS}
    return {name: _filled(value, shown) for name, value in fields.items()}


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return fill(value, variables)
    if isinstance(value, dict):
        return {name: _filled(item, variables) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(item, variables) for item in value)
    return value


class _Pictures:
    """Reads each picture once, however many combinations use it."""

    def __init__(self) -> None:
        self._read: dict[str, Any] = {}

    def loaded(self, given: dict[str, Any]) -> dict[str, Any]:
        for name in PICTURES:
            value = given.get(name)
            # A pad or a brush is taken apart later.
            if value is None or hasattr(value, "brush") or hasattr(value, "dynamic_masks"):
                continue
            # Values that are no paths are held by the wish, so that their identity stays theirs.
            key = value if isinstance(value, str) else str(id(value))
            if key not in self._read:
                self._read[key] = load_image(value)
            given[name] = self._read[key]
        return given


def _cached(session: Session, identities: Sequence[str]) -> frozenset[tuple[str, int]]:
    alive = [status for status in RunStatus if status is not RunStatus.FAILED]
    rows = session.log.records({"identity": list(identities), "status": alive})
    return frozenset((row.identity or "", row.repeat) for row in rows)
