"""The session behind the functions of ``kling_nb`` and the magics."""

from __future__ import annotations

import threading

from kling_nb.session.facade import Session

_lock = threading.Lock()
_current: list[Session] = []


def default_session() -> Session:
    """Return the default session, made when first needed.

    It follows the settings: after ``%kling config home …`` or a change of the working directory the next call
    returns a session on the new folder. Runs of the former one are followed to their end.
    """
    with _lock:
        if _current and not _current[0].is_current():
            _current.clear()
        if not _current:
            _current.append(Session())
        return _current[0]


def set_default_session(session: Session | None) -> None:
    """Use another session from now on; None goes back to one made from the settings."""
    with _lock:
        _current[:] = [] if session is None else [session]
