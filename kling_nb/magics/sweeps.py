"""``%%kling … --set key=v1,v2 --repeat N``: a cell that makes a sweep."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kling_nb.domain.aliases import KNOWN_NAMES, canonical_name
from kling_nb.domain.sweep_plan import Vary, vary
from kling_nb.domain.sweep_until import read_rule
from kling_nb.errors import UsageError
from kling_nb.magics.params import TEXTS, literal, parse
from kling_nb.magics.pictures import find_brush, find_picture
from kling_nb.magics.tokens import Token

if TYPE_CHECKING:
    from kling_nb.magics.call import RunCall
    from kling_nb.magics.context import Context
    from kling_nb.magics.waiting import Waiting

PICTURES = ("image", "image_tail", "static_mask")


def make(context: Context, call: RunCall, request: dict[str, Any]) -> Waiting | None:
    """Plan a sweep and, unless it is a dry run, begin it.

    Parameters
    ----------
    context
        Shell, variables, session.
    call
        The parsed call.
    request
        Keywords that all combinations share.

    Returns
    -------
    Waiting or None
        What to wait for, when ``--wait`` was given.

    Raises
    ------
    KlingError
        Nothing was sent.
    """
    _refuse_unfit(call)
    session = context.session
    given = {**request, **_prompts(call), **_varied(context, call, request)}
    given |= {
        "repeat": 1 if call.repeat is None else _whole(call.repeat, "--repeat"),
        "zip": [group.split(",") for group in call.groups],
        "sample": _whole(call.sample, "--sample"),
        "seed": _whole(call.seed, "--seed"),
        "variables": context.variables,
        "again": call.again,
        "force": call.force,
        "assume_units": call.assume_units,
    }
    if call.until is not None:
        read_rule(call.until)
    if call.dry_run:
        context.say(f"Dry run: nothing was sent\n{session.plan_sweep(**given)!r}")
        return None
    sweep = session.sweep(
        **given,
        budget=call.budget,
        until=call.until,
        name=call.name,
        tags=call.tags,
        note=call.note,
        notebook=None if context.notebook is None else str(context.notebook),
        yes=call.yes,
        ask=context.ask,
        told=lambda planned: context.say(repr(planned)),
    )
    context.assign(call.out, sweep)
    context.show_sweep(sweep)
    return context.waiting_for_sweeps([sweep], call.timeout) if call.wait else None


def _refuse_unfit(call: RunCall) -> None:
    if call.preview:
        raise UsageError(
            "A sweep has no preview.", "--preview renders one clip.", "Leave out --set and --repeat for it."
        )
    if call.sweep is not None:
        raise UsageError(
            "--sweep names a group of single runs.",
            "With --set or --repeat the cell is a sweep and has a group of its own.",
            "Write --name for its name; --budget holds for all of it.",
        )


def _prompts(call: RunCall) -> dict[str, Any]:
    if len(call.prompts) > 1:
        return {"prompt": list(call.prompts)}
    return {"prompt": call.prompts[0]} if call.prompts[0] else {}


def _varied(context: Context, call: RunCall, request: Mapping[str, Any]) -> dict[str, Vary]:
    """Return the values of each ``--set``; what stands elsewhere in the cell as well is refused."""
    taken = {canonical_name(name) for name in request} | set(_prompts(call))
    found: dict[str, Vary] = {}
    for key, text in call.vary.items():
        name = canonical_name(key)
        if name in taken:
            raise UsageError(
                f"{name} is given twice.", f"By --set {key} and elsewhere in the cell.", "Remove one."
            )
        # Under the name that was written: so it stands in {{name}} as well.
        found[key] = read_values(name, text, context.variables)
    return found


def read_values(name: str, text: str, variables: Mapping[str, Any]) -> Vary:
    """Read what stands after ``--set name=``.

    Parameters
    ----------
    name
        Canonical field, or template name.
    text
        ``a,b,"c, d"``, a JSON list, or the name of a variable that holds a list.
    variables
        The notebook's variables.

    Raises
    ------
    UsageError
        No value, or one that cannot be read.
    """
    held = variables.get(text) if text.isidentifier() else None
    if isinstance(held, (list, tuple, Vary)):
        return held if isinstance(held, Vary) else vary(held)
    if text.startswith("["):
        values = parse(text, f"--set {name}")
        return vary(values)
    words = [word.strip() for word in next(csv.reader([text], skipinitialspace=True), [])]
    if not any(words):
        raise UsageError(
            f"--set {name} has no value.", "Nothing stands after the equals sign.", f"Write --set {name}=a,b"
        )
    if name in PICTURES:
        return vary({word: find_picture(Token(word), variables, f"--set {name}") for word in words})
    if name == "brush":
        return vary({word: find_brush(word, variables) for word in words})
    plain = name in TEXTS or name not in KNOWN_NAMES
    return vary([word if plain else literal(word) for word in words])


def _whole(value: float | None, said_as: str) -> int | None:
    if value is None:
        return None
    if not value.is_integer():
        raise UsageError(
            f"{said_as} {value:g} is no whole number.", "It counts runs.", f"Write e.g. {said_as} 3."
        )
    return int(value)
