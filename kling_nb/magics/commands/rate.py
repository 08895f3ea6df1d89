"""``%kling rate RUN 4``: how good clips are."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.judged import NOTHING, counted, one_word, runs_and_words


def run(context: Context, arguments: Arguments) -> None:
    """Rate the named runs, or the latest one, from 0 to 5; ``-`` takes the rating away.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Runs, then the rating.

    Raises
    ------
    UsageError
        No rating.
    InputError
        It is none from 0 to 5.
    """
    ids, words = runs_and_words(context, arguments)
    word = one_word(words, "%kling rate [RUN …] 0-5", "The rating")
    if word == NOTHING:
        context.session.rate(ids, None)
        context.say(f"{counted(ids)}: no rating.")
        return
    # What is no number is refused by the session, in its own words.
    context.session.rate(ids, int(word) if word.isdecimal() else word)  # type: ignore[arg-type]
    context.say(f"{counted(ids)}: rated {int(word)}.")
