"""``%kling score``: how far clips did what was asked of them."""

from __future__ import annotations

from typing import Any, Protocol

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import latest_run
from kling_nb.magics.context import Context
from kling_nb.magics.selecting import ALL_FILTERS, meant
from kling_nb.session.chosen import ids_of
from kling_nb.session.scoreside import is_clip
from kling_nb.session.scoretable import ScoreTable


class View(Protocol):
    """What reads as text and as a table."""

    def _repr_html_(self) -> str: ...


def run(context: Context, arguments: Arguments) -> None:
    """Measure clips now and show their scores; what is known is not measured again without ``--again``.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs, sweeps, variables that hold them, or one video file; or filters; without any the latest run.
        ``-o NAME`` assigns scores or table.

    Raises
    ------
    RunNotFound
        A word names no run.
    InputError
        There is no clip.
    """
    session, again = context.session, arguments.flag("again")
    words = arguments.positional
    if len(words) == 1 and words[0].text not in context.variables and is_clip(words[0].text):
        found: Any = session.score(words[0].text, again=again)
        _show(context, found)
    else:
        filtered = any(name in arguments.values for name in ALL_FILTERS)
        named = meant(context, arguments, words, "%kling score") if words or filtered else latest_run(context)
        ids = ids_of(named, session)
        if len(ids) == 1:
            found = session.run(ids[0]).score(again=again)
            _show(context, found)
        else:
            found = session.score(ids, again=again)
            _show(context, ScoreTable(found))
    context.assign(arguments.values.get("out"), found)


def _show(context: Context, view: View) -> None:
    if context.has_page:
        context.display({"text/plain": repr(view), "text/html": view._repr_html_()})
    else:
        context.say(repr(view))
