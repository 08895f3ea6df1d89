"""A person's judgement, given on the page, goes into the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.session import Session


def judge(session: Session, run_id: str, given: Mapping[str, Any]) -> None:
    """Write what a page says about a run into the log, at once; :meth:`Session.undo_judgement` takes it back.

    Parameters
    ----------
    session
        Whose log.
    run_id
        Complete id.
    given
        One of ``rating`` (0 to 5, None for none), ``kept`` (True, False, None for undecided), ``tags`` (all
        that the run shall have) and ``note``.

    Raises
    ------
    InputError
        Something else was given: it came over a socket.
    RunLogError
        The log cannot be written.
    """
    match dict(given):
        case {"rating": rating, **rest} if not rest:
            session.rate(run_id, rating)
        case {"kept": None, **rest} if not rest:
            session.undecide(run_id)
        case {"kept": bool(kept), **rest} if not rest:
            (session.keep if kept else session.discard)(run_id)
        case {"note": note, **rest} if not rest:
            session.note(run_id, note)
        case {"tags": [*tags], **rest} if not rest:
            _retag(session, run_id, tags)
        case _:
            raise InputError(
                f"{dict(given)!r:.200} is no judgement.",
                "A page gives a rating, keeps or discards, or writes tags or a note.",
                "Load the page again.",
            )


def _retag(session: Session, run_id: str, tags: list[Any]) -> None:
    # Only what this page has changed: tags given by others at the same moment stay.
    had = session.log.get(run_id).tags
    if new := [tag for tag in tags if tag not in had]:
        session.tag(run_id, *new)
    if gone := [tag for tag in had if tag not in tags]:
        session.untag(run_id, *gone)
