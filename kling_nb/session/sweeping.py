"""Starting, finding and making sweeps for a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kling_nb.domain.budget import Scope
from kling_nb.domain.nearest import closest
from kling_nb.domain.sweep_until import read_rule
from kling_nb.errors import RunNotFound, UsageError
from kling_nb.runlog.records import utc_now
from kling_nb.runlog.sweeps import SweepRecord, new_sweep_id
from kling_nb.session.budget import check_label, read_amount
from kling_nb.session.sweep import Sweep
from kling_nb.session.sweep_driver import readable_rule
from kling_nb.session.sweep_notes import plan_of
from kling_nb.session.sweep_price import check_affordable, confirm
from kling_nb.session.sweep_rules import check_asked

if TYPE_CHECKING:
    from kling_nb.session.facade import Session
    from kling_nb.session.records import Label
    from kling_nb.session.sweep_driver import Until
    from kling_nb.session.sweep_price import Planned


def check_words(label: Label, until: Until | None) -> None:
    """Refuse a budget or a stop rule that cannot be read, before anything else is done.

    Raises
    ------
    UsageError
        With what can be written.
    """
    check_label(label)
    if isinstance(until, str):
        read_rule(until)
    elif until is not None and not callable(until):
        raise UsageError(
            f"until={until!r:.60} is no stop rule.",
            "A rule is text, or a function that is told the table of the sweep's runs.",
            'Write e.g. until="kept >= 3".',
        )


def start_sweep(
    session: Session,
    planned: Planned,
    label: Label,
    *,
    until: Until | None = None,
    yes: bool = False,
    ask: Callable[[str], Any] | None = None,
) -> Sweep:
    """Ask where it is expensive, write the plan down, begin; see :meth:`Session.sweep`."""
    drafted, settings = planned.draft, session.settings
    if isinstance(until, str):
        check_asked(readable_rule(until, session), until, [prepared for _, prepared in drafted.cells])
    budget = None if label.budget is None else read_amount(label.budget)
    sweep_id, assumed = new_sweep_id(), label.assume_units
    if until is None:
        # With a stop rule it may well end earlier; then the budget itself is the end.
        check_affordable(session.log, settings, drafted.new, sweep_id, budget=budget, assume_units=assumed)
    if not yes:
        confirm(planned.total, settings, ask)
    notes = {
        "until": until if isinstance(until, str) else None,
        "budget": None if budget is None else str(budget),
    }
    own = replace(label, budget=None, again=drafted.wish.again, force=drafted.wish.force)
    record = SweepRecord(sweep_id, label.name, utc_now(), plan_of(session, drafted, own, notes))
    with session.turn:
        if budget is not None:
            # In the log, not in this kernel: whoever goes on with the sweep is held to it.
            session.log.budgets.set(Scope.SWEEP, budget, sweep_id)
        session.log.sweeps.insert(record)
    return session.keep_sweep(Sweep(record, session)).resume(until=until)


def find_sweep(session: Session, word: str) -> Sweep:
    """Return a sweep by its id, its name, or the beginning of its id.

    Raises
    ------
    RunNotFound
        There is none, or several ids begin so.
    """
    found = session.log.sweeps.find(word)
    if len(found) == 1 or (found and found[0].name == word):
        return session.known_sweep(found[0].id) or session.keep_sweep(Sweep(found[0], session))
    known = [record.id for record in (found or session.log.sweeps.all())]
    near = closest(word, known)
    raise RunNotFound(
        f"There {'are several sweeps' if found else 'is no sweep'} {word!r}.",
        f"Known are {', '.join(known[:5])}." if known else "The log has no sweep yet.",
        f"Did you mean {near}?" if near else "kn.sweeps() lists them.",
    )
