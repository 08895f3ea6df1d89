"""``%kling config``: defaults of this kernel, above the environment and below arguments."""

from __future__ import annotations

from kling_nb import keys, settings
from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context

RESET = "-"


def run(context: Context, arguments: Arguments) -> None:
    """Show settings, or set one for this kernel.

    Parameters
    ----------
    context
        Where it is shown.
    arguments
        Nothing, a name, or a name and its value; ``-`` resets it. Several words are one value.
    """
    words = [token.text for token in arguments.positional]
    if len(words) == 1 and "=" in words[0]:
        words = [word.strip() for word in words[0].split("=", 1)]
    if len(words) > 1:
        _refuse_secret(words[0])
        value = " ".join(words[1:])
        settings.configure(words[0], None if value == RESET else value)
    shown = settings.load()
    chosen = settings.configured()
    names = [settings.field_name(words[0])] if words else settings.names()
    context.say("\n".join(_line(name, shown, chosen) for name in names))


def _refuse_secret(name: str) -> None:
    if keys.looks_secret(name) or settings.field_name(name) not in settings.names():
        raise UsageError(
            f"{name} is a secret and is not set in a notebook.",
            "What a cell says is saved with the notebook.",
            "%kling login asks for it in a field that leaves no trace.",
        )


def _line(name: str, shown: settings.Settings, chosen: dict[str, object]) -> str:
    mark = " (set by %kling config)" if name in chosen else ""
    return f"{name} = {settings.displayed(shown, name)}{mark}"
