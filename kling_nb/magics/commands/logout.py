"""``%kling logout``: forget a key that was typed."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.widgets.login import logout


def run(context: Context, arguments: Arguments) -> None:  # noqa: ARG001 - every subcommand takes both
    """Forget a key, here and in the keyring.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Whose key.
    """
    refuse_words(arguments, "%kling logout [PROVIDER]", allowed=1)
    logout(arguments.positional[0].text.lower() if arguments.positional else None)
