"""``%kling help``: the screens, one subcommand, and every code of the service."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics import helptext
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.commands import COMMANDS
from kling_nb.magics.context import Context
from kling_nb.magics.pages import PAGES
from kling_nb.magics.suggest import did_you_mean
from kling_nb.session import explain, explanations

_EXTRA = ("errors", "options")


def run(context: Context, arguments: Arguments) -> None:
    """Show a help screen.

    Parameters
    ----------
    context
        Where it is shown.
    arguments
        Nothing, a subcommand, ``options``, or ``errors`` with a code, a text id or the service's words.
    """
    words = [token.text for token in arguments.positional]
    if not words:
        context.say(helptext.overview())
    elif words[0] == "errors":
        context.say(_errors(" ".join(words[1:])))
    elif words[0].isdigit():
        context.say(_errors(words[0]))
    elif words[0] == "options":
        context.say(helptext.run_options())
    elif words[0] in PAGES:
        context.say(_page(words[0]))
    elif words[0] in COMMANDS:
        context.say(helptext.command(words[0]))
    else:
        raise UsageError(
            f"There is no help on {words[0]!r}.",
            f"Pages are {', '.join(PAGES)}, {', '.join(_EXTRA)}; every subcommand has one, too.",
            did_you_mean(words[0], (*PAGES, *COMMANDS, *_EXTRA), "%kling help lists the subcommands."),
        )


def _page(name: str) -> str:
    """Return a page, and below it the options of the subcommand of the same name."""
    text = helptext.page(name)
    return f"{text}\n\n{helptext.command(name)}" if name in COMMANDS else text


def _errors(what: str) -> str:
    if what:
        found = explain(what)
        if found is None:
            raise UsageError(
                f"Nothing is known about {what!r}.",
                "It is neither a code nor a text of the service that is on record.",
                "%kling help errors lists all of them.",
            )
        return f"{found.key} · {found.title}\n  cause: {found.cause}\n  fix:   {found.fix}"
    lines = ["Codes and texts of the service, why they come and what to do", ""]
    for entry in explanations():
        lines += [f"{entry.key:<5} {entry.title}", f"      cause: {entry.cause}", f"      fix:   {entry.fix}"]
    return "\n".join(lines)
