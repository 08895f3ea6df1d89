"""A person's judgement, given on the page, goes into the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.session import Session

BEST: Final = 5
"""Ratings go from 0 to this."""

WORDS: Final = 2000
"""Most characters of a note or a tag."""


def judge(session: Session, run_id: str, given: Mapping[str, Any]) -> None:
    """Write what a page says about a run into the log, at once.

    Parameters
    ----------
    session
        Whose log.
    run_id
        Complete id.
    given
        Any of ``rating`` (0 to 5, None for none), ``kept`` (True, False, None for undecided), ``tags``
        and ``note``.

    Raises
    ------
    InputError
        Something else was given: it came over a socket.
    RunLogError
        The log cannot be written.
    """
    for name, value in given.items():
        if name not in _CHECKS or not _CHECKS[name](value):
            raise InputError(
                f"{name}={value!r} is no judgement of a run.",
                "Ratings go from 0 to 5, kept is yes or no, tags and note are texts.",
                "Rate again.",
            )
    session.annotate(session.run(run_id), dict(given))


def _is_rating(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= BEST)


def _is_kept(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= WORDS


def _are_tags(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(tag) and tag for tag in value)


_CHECKS: Final = {"rating": _is_rating, "kept": _is_kept, "tags": _are_tags, "note": _is_text}
