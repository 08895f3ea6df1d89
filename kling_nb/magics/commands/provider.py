"""``%kling provider``: every door, and which of them the next run goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb import settings
from kling_nb.errors import SettingsError, UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.magics.suggest import did_you_mean
from kling_nb.session import provider_names

if TYPE_CHECKING:
    import pandas as pd


def run(context: Context, arguments: Arguments) -> pd.DataFrame | None:
    """Show all doors, or choose one; ``-`` goes back to choosing by credentials.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Nothing, a provider, or ``-``.
    """
    refuse_words(arguments, "%kling provider [NAME]", allowed=1)
    if arguments.positional:
        name = arguments.positional[0].text.lower()
        if name != "-" and name not in provider_names():
            raise UsageError(
                f"There is no provider {name!r}.",
                f"Providers: {', '.join(provider_names())}.",
                did_you_mean(name, provider_names(), "%kling provider - chooses by credentials."),
            )
        before = settings.configured().get("provider")
        settings.configure("provider", None if name == "-" else name)
        try:
            context.session.choose_provider()
        except SettingsError:
            settings.configure("provider", before)
            raise
    provider, reason = context.session.choose_provider()
    context.say(f"provider {provider} ({reason})")
    if arguments.positional:
        return None
    from kling_nb.magics.doortable import door_frame  # noqa: PLC0415 - needed for the table only

    return door_frame(context.session)
