"""Ratings, keeping, tags and notes: checked, written at once, and taken back."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import InputError, printable
from kling_nb.runlog import Judgement

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.core import SessionCore

BEST: Final = 5
"""Ratings go from 0 to this."""

TAG_LENGTH: Final = 80
UNDOS: Final = 100
"""How many judgements of this kernel can be taken back."""


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take a judgement back.

    Parameters
    ----------
    words
        What was said.
    judgements
        What restores the earlier state, where nobody has changed it since.
    """

    words: str
    judgements: tuple[Judgement, ...]


def rating_of(value: Any) -> int | None:
    """Return a rating from 0 to 5; None takes it away.

    Raises
    ------
    InputError
        It is none.
    """
    if value is None:
        return None
    try:
        rating = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        rating = None
    if rating is None or not 0 <= rating <= BEST:
        raise InputError(
            f"{value!r} is no rating.",
            f"Ratings are whole numbers from 0 (useless) to {BEST} (perfect).",
            "Write e.g. run.rate(4), or run.rate(None) to take the rating away.",
        )
    return rating


def kept_of(value: Any) -> bool | None:
    """Return whether a clip is kept; None while undecided.

    Raises
    ------
    InputError
        It is something else.
    """
    if value is None or isinstance(value, bool):
        return value
    raise InputError(
        f"kept={value!r} is no decision.", "A clip is kept (True), discarded (False) or undecided (None).",
        "Write run.keep() or run.discard().",
    )  # fmt: skip


def tags_given(value: Any) -> tuple[str, ...]:
    """Return the tags of a new run: one text, or several.

    Raises
    ------
    InputError
        One of them is no tag.
    """
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return tuple(map(tag_of, value if several else [value]))


def tag_of(value: Any) -> str:
    """Return a tag without space around it.

    Raises
    ------
    InputError
        It is empty, too long, or no text.
    """
    tag = value.strip() if isinstance(value, str) else ""
    if not tag or len(tag) > TAG_LENGTH or tag != printable(tag) or "\n" in tag:
        raise InputError(
            f"{value!r:.100} is no tag.",
            f"A tag is one line of text, at most {TAG_LENGTH} characters.",
            'Write e.g. run.tag("keeper", "week 12").',
        )
    return tag


def note_of(value: Any) -> str | None:
    """Return a note; None and empty texts take it away.

    Raises
    ------
    InputError
        It is no text.
    """
    if value is None or isinstance(value, str):
        return value or None
    raise InputError(
        f"{value!r:.100} is no note.", "A note is a text.", 'Write e.g. run.note("the mast bends").'
    )


def _name_of(value: Any) -> str | None:
    return note_of(value)


def _tags_of(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InputError(f"{value!r:.100} are no tags.", "Several texts are needed.", 'Write ["a", "b"].')
    return list(dict.fromkeys(tag_of(tag) for tag in value))


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "rating": rating_of,
    "kept": kept_of,
    "tags": _tags_of,
    "note": note_of,
    "name": _name_of,
}
"""A person's own columns."""


def checked(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return a person's own columns as the log takes them.

    Raises
    ------
    TypeError
        Another column.
    InputError
        A value that cannot be meant.
    """
    if unknown := set(columns) - set(_CHECKS):
        raise TypeError(
            f"not columns of your own: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_CHECKS))}"
        )
    return {name: _CHECKS[name](value) for name, value in columns.items()}


def judge(
    session: SessionCore,
    ids: Sequence[str],
    words: str,
    columns: Mapping[str, Any] | None = None,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> int:
    """Write the same judgement about runs, in one transaction, so that it can be taken back.

    Parameters
    ----------
    session
        Whose log.
    ids
        Complete ids.
    words
        What was said, for taking it back.
    columns
        New values of :func:`checked`.
    add, remove
        Tags.

    Returns
    -------
    int
        How many runs it changed.

    Raises
    ------
    RunLogError
        The log cannot be written; nothing was changed.
    """
    wanted = [Judgement(run_id, columns or {}, add=tuple(add), remove=tuple(remove)) for run_id in ids]
    changed = _write(session, wanted)
    if changed:
        session.judged.append(Undo(words, tuple(_backwards(*pair, columns or {}) for pair in changed)))
    return len(changed)


def take_back(session: SessionCore) -> str:
    """Take back the latest judgement of this kernel; what somebody has changed since stays.

    Returns
    -------
    str
        What was taken back, and from how many runs.
    """
    if not session.judged:
        return "Nothing to take back: this kernel has judged nothing yet."
    undo = session.judged[-1]
    changed = len(_write(session, undo.judgements))
    session.judged.pop()
    left = len(undo.judgements) - changed
    others = f"; {left} changed meanwhile and left as they are" if left else ""
    return f"Taken back: {undo.words}, {changed} run{'' if changed == 1 else 's'}{others}."


def _write(session: SessionCore, judgements: Sequence[Judgement]) -> list[tuple[RunRecord, RunRecord]]:
    with session.turn:
        pairs = session.log.judgements.make(judgements)
    changed = [(before, after) for before, after in pairs if before != after]
    for before, after in changed:
        session.told(after, [name for name in _CHECKS if getattr(before, name) != getattr(after, name)])
    return changed


def _backwards(before: RunRecord, after: RunRecord, columns: Mapping[str, Any]) -> Judgement:
    names = [name for name in _CHECKS if getattr(before, name) != getattr(after, name)]
    whole = [name for name in names if name != "tags" or "tags" in columns]
    tags = [] if "tags" in whole else names
    return Judgement(
        after.id,
        {name: getattr(before, name) for name in whole},
        only_if={name: getattr(after, name) for name in whole},
        add=tuple(tag for tag in before.tags if tags and tag not in after.tags),
        remove=tuple(tag for tag in after.tags if tags and tag not in before.tags),
    )
