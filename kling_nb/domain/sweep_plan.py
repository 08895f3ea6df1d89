"""Which combinations a sweep makes, and in which order: lists vary, everything else stays."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from kling_nb.domain.aliases import canonical_name
from kling_nb.domain.labels import label_of
from kling_nb.errors import UsageError

MOST_CELLS: Final = 1000
"""Combinations of one sweep at most, before repeats: beyond it a random sample says as much."""

MOST_REPEATS: Final = 100
MOST_RUNS: Final = 5000

LISTS: Final = frozenset(
    {
        "multi_prompt",
        "dynamic_masks",
        "element_list",
        "elements",
        "voice_list",
        "image_list",
        "video_list",
        "brush_names",
        "tags",
    }
)
"""Fields whose value is itself a list: they vary only inside :func:`vary`."""

Groups = str | Sequence[str] | Sequence[Sequence[str]]
"""Names that vary together: one group (``"model,mode"`` or a sequence), or several."""


@dataclass(frozen=True, slots=True, init=False)
class Vary:
    """Values that a sweep tries one after another; made by :func:`vary`.

    Parameters
    ----------
    values
        What is tried.
    labels
        How each is called in tables; None for values that are their own name.
    """

    values: tuple[Any, ...]
    labels: tuple[Any, ...]

    def __init__(self, values: Iterable[Any] | Mapping[str, Any]) -> None:
        named = isinstance(values, Mapping)
        found = tuple(values.values()) if isinstance(values, Mapping) else tuple(values)
        object.__setattr__(self, "values", found)
        object.__setattr__(self, "labels", tuple(values) if named else (None,) * len(found))


def vary(values: Iterable[Any] | Mapping[str, Any]) -> Vary:
    """Mark values as tried one after another, also where a plain list would be one value.

    Parameters
    ----------
    values
        The values, or a mapping from the name of each to the value: ``vary({"calm": one, "wild": other})``.
    """
    return Vary(values)


@dataclass(frozen=True, slots=True)
class Axis:
    """Something that varies.

    Parameters
    ----------
    name
        Request field (canonical) or template name.
    values, labels
        What is tried, and how each is called in tables.
    """

    name: str
    values: tuple[Any, ...]
    labels: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination.

    Parameters
    ----------
    values
        Value of each axis by name.
    variables
        Its label by name: plain JSON.
    """

    values: Mapping[str, Any]
    variables: Mapping[str, Any]


def split(params: Mapping[str, Any]) -> tuple[list[Axis], dict[str, Any]]:
    """Tell what varies from what stays.

    Parameters
    ----------
    params
        Keywords of a sweep.

    Returns
    -------
    list of Axis, dict
        What varies, in the order given; everything else under its own name.

    Raises
    ------
    UsageError
        An empty list, or a field given under two names.
    """
    axes: list[Axis] = []
    fixed: dict[str, Any] = {}
    for written, value in params.items():
        name = canonical_name(written)
        if any(axis.name == name for axis in axes) or (name in fixed):
            raise UsageError(f"{name} is given twice.", f"The second time as {written}.", "Give it once.")
        found = _varying(name, value)
        if found is None:
            fixed[name] = value
            continue
        if not found.values:
            raise UsageError(f"{written} has no value.", "Its list is empty.", "Leave it out, or fill it.")
        axes.append(Axis(name, found.values, _labels(name, found)))
    return axes, fixed


def _varying(name: str, value: Any) -> Vary | None:
    if isinstance(value, Vary):
        return value
    if name in LISTS:
        return None
    if isinstance(value, (list, tuple, range)):
        return Vary(value)
    if isinstance(value, np.ndarray):
        return Vary(value.tolist()) if value.ndim == 1 else None
    # A column of a table.
    if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
        return Vary(value.tolist())
    return None


def _labels(name: str, found: Vary) -> tuple[Any, ...]:
    labels = [
        label_of(value, f"{name} {number}") if label is None else label
        for number, (value, label) in enumerate(zip(found.values, found.labels, strict=True), start=1)
    ]
    seen: dict[str, int] = {}
    unique = []
    for label in labels:
        key = repr(label)
        seen[key] = seen.get(key, 0) + 1
        unique.append(label if seen[key] == 1 else f"{label} ({seen[key]})")
    return tuple(unique)


def combine(
    axes: Sequence[Axis], groups: Groups = (), *, sample: int | None = None, seed: int = 0
) -> list[Cell]:
    """Return the combinations in an order that may be broken off at any point.

    In a full grid, whatever has been made so far, each value of each axis has been used equally often, give
    or take one.

    Parameters
    ----------
    axes
        What varies.
    groups
        Names of axes that vary together (``("model_name", "mode")``), or several such groups.
    sample
        So many combinations, drawn at random without repetition; None makes all.
    seed
        Of the draw.

    Raises
    ------
    UsageError
        Unknown or unequal axes in a group, or too many combinations.
    """
    bundles = _bundles(axes, groups)
    sizes = [len(bundle[0].values) for bundle in bundles]
    total = math.prod(sizes)
    count = total if sample is None else min(sample, total)
    if count > MOST_CELLS:
        raise UsageError(
            f"The sweep has {count} combinations.",
            f"At most {MOST_CELLS} are made at once, before repeats.",
            "Give fewer values, or sample=100 for a random part of them.",
        )
    if sample is None or sample >= total:
        places: Iterable[Sequence[int]] = balanced(sizes)
    else:
        places = [_digits(number, sizes) for number in _drawn(total, count, seed)]
    return [_cell(bundles, place) for place in places]


def balanced(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield every combination of levels once, every beginning of it balanced.

    Axis by axis: after the combinations of the axes so far, counted around and around, the next axis goes
    round as well, and is shifted by one whenever both would be back where they began.

    Parameters
    ----------
    sizes
        Number of levels of each axis.
    """
    order: list[tuple[int, ...]] = [()]
    for size in sizes:
        before, period = len(order), math.lcm(len(order), size)
        order = [(*order[step % before], (step + step // period) % size) for step in range(before * size)]
    yield from order


def _drawn(total: int, count: int, seed: int) -> Iterable[int]:
    """Return different numbers below a total; ``random.sample`` takes no total beyond 2**63."""
    source = random.Random(seed)  # noqa: S311 - no secret
    found: dict[int, None] = {}
    while len(found) < count:
        found[source.randrange(total)] = None
    return found


def _digits(number: int, sizes: Sequence[int]) -> list[int]:
    found = []
    for size in sizes:
        number, place = divmod(number, size)
        found.append(place)
    return found


def _cell(bundles: Sequence[Sequence[Axis]], place: Sequence[int]) -> Cell:
    pairs = [(axis, level) for bundle, level in zip(bundles, place, strict=True) for axis in bundle]
    return Cell(
        {axis.name: axis.values[level] for axis, level in pairs},
        {axis.name: axis.labels[level] for axis, level in pairs},
    )


def _bundles(axes: Sequence[Axis], groups: Groups) -> list[list[Axis]]:
    """Return the axes, those that vary together in one bundle, at the place of the first of them."""
    named = _named_groups(groups)
    by_name = {axis.name: axis for axis in axes}
    for group in named:
        for name in group:
            if name not in by_name:
                raise UsageError(
                    f"zip names {name}, which does not vary.",
                    f"These vary: {', '.join(by_name) or 'nothing'}.",
                    "Give it a list of values, or leave it out of zip.",
                )
        _refuse_unequal([by_name[name] for name in group])
    owner = {name: index for index, group in enumerate(named) for name in group}
    if len(owner) < sum(map(len, named)):
        twice = [name for name, many in _counts(itertools.chain(*named)).items() if many > 1]
        raise UsageError(
            f"zip names {', '.join(twice)} twice.", "An axis belongs to one group.", "Name it once."
        )
    bundles: dict[Any, list[Axis]] = {}
    for axis in axes:
        bundles.setdefault(owner.get(axis.name, axis.name), []).append(axis)
    return list(bundles.values())


def _named_groups(groups: Groups) -> list[list[str]]:
    if not isinstance(groups, str | Sequence):
        raise UsageError(
            f"zip={groups!r:.60} cannot be used.",
            "It names what varies together.",
            'Write e.g. zip="model,mode".',
        )
    if isinstance(groups, str):
        groups = [part.strip() for part in groups.split(",")]
    alone = [item for item in groups if isinstance(item, str)]
    listed = [alone] if alone else [list(group) for group in groups]
    return [[canonical_name(name) for name in group] for group in listed]


def _refuse_unequal(axes: Sequence[Axis]) -> None:
    lengths = {axis.name: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UsageError(
            f"{' and '.join(lengths)} cannot vary together.",
            f"They have different numbers of values: {told}.",
            "Give lists of equal length, or leave zip out for every combination.",
        )


def _counts(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
