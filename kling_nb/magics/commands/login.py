"""``%kling login``: a key for this kernel, typed where the notebook does not keep it."""

from __future__ import annotations

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.widgets.login import login


def run(context: Context, arguments: Arguments) -> None:  # noqa: ARG001 - every subcommand takes both
    """Ask for a key.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Whose key; ``--remember`` keeps it in the keyring, ``--prompt`` asks below the cell.
    """
    refuse_words(arguments, "%kling login [PROVIDER] [--remember]", allowed=1)
    provider = arguments.positional[0].text.lower() if arguments.positional else None
    login(provider, remember=arguments.flag("remember"), prompt=arguments.flag("prompt"))
