"""Which runs the words of a subcommand mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.errors import RunNotFound, UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.tokens import Token

if TYPE_CHECKING:
    from kling_nb.session import Run
    from kling_nb.session.sweep import Sweep


def chosen_runs(context: Context, arguments: Arguments) -> list[Run]:
    """Return the runs named by id or by variable; an empty list without words.

    Raises
    ------
    RunNotFound
        A word is neither.
    """
    return [run for token in arguments.positional for run in _named(context, token)]


def chosen_sweeps(context: Context, arguments: Arguments) -> list[Sweep]:
    """Take the words that name sweeps, by id, name or variable, out of the line and return their sweeps.

    Raises
    ------
    RunNotFound
        There is no sweep of that id.
    """
    found = [(token, _sweep(context, token)) for token in arguments.positional]
    arguments.positional[:] = [token for token, sweep in found if sweep is None]
    return [sweep for _, sweep in found if sweep is not None]


def _sweep(context: Context, token: Token) -> Sweep | None:
    value = None if token.quoted else context.variables.get(token.text)
    if value is None:
        return context.session.sweep_of(token.text) if _names_sweep(context, token.text) else None
    from kling_nb.session.sweep import Sweep  # noqa: PLC0415 - a type at run time

    return value if isinstance(value, Sweep) else None


def _names_sweep(context: Context, word: str) -> bool:
    """Whether a word is an id of a sweep, or the name that one was given."""
    return word.lower().startswith("s-") or any(
        each.name == word for each in context.session.log.sweeps.find(word)
    )


def _named(context: Context, token: Token) -> list[Run]:
    from kling_nb.session import Run  # noqa: PLC0415 - a type at run time

    if (sweep := _sweep(context, token)) is not None:
        return sweep.runs
    value = None if token.quoted else context.variables.get(token.text)
    if isinstance(value, Run):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, Run) for item in value):
        return list(value)
    return [context.session.run(token.text)]


def one_run(context: Context, word: str) -> Run:
    """Return the one run a word of an option means: its id or its variable.

    Raises
    ------
    UsageError
        The variable holds several runs.
    RunNotFound
        It is neither.
    """
    runs = _named(context, Token(word))
    if len(runs) != 1:
        raise UsageError(
            f"{word} holds {len(runs)} runs.", "One is needed.", f"Give its id, for example {runs[0].id}."
        )
    return runs[0]


def clip_to_extend(context: Context, token: Token) -> Run | str:
    """Return the run, or the id of the video, whose clip shall go on.

    Raises
    ------
    UsageError
        The word is neither: a picture, or a name that nothing has.
    RunNotFound
        There is no run of that id.
    """
    from kling_nb.session import Run  # noqa: PLC0415 - a type at run time

    text = token.text
    value = None if token.quoted else context.variables.get(text)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Run):
        return value
    if isinstance(value, str) and value.strip():
        text = value.strip()
    elif value is None and text.lower().startswith("r-"):
        return context.session.run(text)
    elif value is not None or not any(letter.isdigit() for letter in text) or "." in text or "/" in text:
        what = f"a variable of type {type(value).__name__}" if value is not None else "no run and no video id"
        raise UsageError(
            f"{text!r} is no clip that could go on.",
            f"It is {what}.",
            'Give a run (r-… or its variable) or the id of a video: %kling extend r-… "what happens next".',
        )
    return context.session.run(text) if text.lower().startswith("r-") else text


def named_provider(arguments: Arguments, usage: str) -> str | None:
    """Return the door that the only word or ``-p`` names, None without either."""
    refuse_words(arguments, usage, allowed=1)
    said = arguments.values.get("provider")
    if not arguments.positional:
        return said if said is None else str(said)
    word = arguments.positional[0].text
    if said not in (None, word):
        raise UsageError(f"Two doors are named: {word} and {said}.", "Only one can be meant.", "Remove one.")
    return word


def latest_run(context: Context) -> Run:
    """Return the newest run of the log.

    Raises
    ------
    RunNotFound
        The log is empty.
    """
    frame = context.session.runs(limit=1)
    if frame.empty:
        raise RunNotFound(
            "There is no run yet.", f"The log in {context.session.home} is empty.",
            "Make one: %%kling boat.jpg with a prompt below.",
        )  # fmt: skip
    return context.session.run(str(frame["id"].iloc[0]))


def refuse_words(arguments: Arguments, usage: str, allowed: int = 0) -> None:
    """Refuse words beyond the first ``allowed`` ones."""
    if len(arguments.positional) > allowed:
        raise UsageError(
            f"Unexpected word {arguments.positional[allowed].text!r}.", "The subcommand takes no such word.",
            f"Usage: {usage}",
        )  # fmt: skip
