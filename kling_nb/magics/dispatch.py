"""From a magic's text to the subcommand or the run it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError
from kling_nb.magics import commands, helptext
from kling_nb.magics.arguments import parse_arguments
from kling_nb.magics.call import RunCall, read_call, read_tokens
from kling_nb.magics.context import Context
from kling_nb.magics.failure import three_lines
from kling_nb.magics.generate import generate
from kling_nb.magics.tokens import Token, split_line
from kling_nb.magics.waiting import Waiting

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


EXTEND = "extend"
"""The subcommand that may also head a cell: what happens next stands below it."""


def traceback_wanted(line: str) -> bool:
    """Whether the line asks for whole tracebacks."""
    return any(token.text == "--traceback" and not token.quoted for token in split_line(line))


def run_magic(
    shell: InteractiveShell,
    line: str,
    cell: str | None,
    local_ns: Mapping[str, Any] | None = None,
    *,
    wait: bool = True,
) -> Any:
    """Run ``%kling`` or ``%%kling``.

    Parameters
    ----------
    shell
        The shell.
    line
        What follows the magic's name.
    cell
        The body; None for a line magic.
    local_ns
        Variables of the calling function.
    wait
        Wait here for runs that are to be waited for; False returns the :class:`Waiting` instead.

    Returns
    -------
    object
        What the subcommand returns; None for runs, which are shown and assigned with ``-o``.
    """
    with three_lines(traceback=traceback_wanted(line)):
        result = _run(Context(shell, local_ns), line, cell)
        if isinstance(result, Waiting) and wait:
            return result.block()
        return result


def _run(context: Context, line: str, cell: str | None) -> Any:
    tokens = split_line(line)
    first = tokens[0].text if tokens and not tokens[0].quoted else ""
    if cell is None:
        if not tokens:
            return context.say(helptext.overview())
        if first in commands.COMMANDS:
            return _run_command(context, first, read_tokens(line, context.variables)[1:])
        _refuse_misspelt_command(context, tokens)
    elif first == EXTEND and first not in context.variables:
        rest = line.lstrip()[len(EXTEND) :]
        return _generate(context, read_call(rest, cell, context.variables, extend=True), EXTEND)
    elif first in commands.COMMANDS and first not in context.variables:
        raise UsageError(
            f"%%kling {first} is no cell magic.", f"{first} is a subcommand of the line magic.",
            f"Write %kling {first} with one percent sign.",
        )  # fmt: skip
    return _generate(context, read_call(line, cell, context.variables))


def _generate(context: Context, call: RunCall, command: str | None = None) -> Any:
    if call.help:
        return context.say(helptext.run_options() if command is None else helptext.command(command))
    return generate(context, call)


def _run_command(context: Context, name: str, tokens: list[Token]) -> Any:
    arguments = parse_arguments(tokens, commands.options_of(name), f"%kling {name}")
    if arguments.flag("help"):
        return context.say(helptext.command(name))
    return commands.load(name)(context, arguments)


def _refuse_misspelt_command(context: Context, tokens: list[Token]) -> None:
    """Tell ``%kling stauts`` from ``%kling boat.jpg``: a bare word that names nothing is no picture."""
    word = tokens[0].text
    if tokens[0].quoted or not word.isalpha() or word in context.variables or Path(word).exists():
        return
    near = closest(word, commands.COMMANDS)
    raise UsageError(
        f"%kling has no subcommand {word!r}.",
        "It is neither a subcommand nor the name of a variable or file.",
        f"Did you mean %kling {near}?" if near else "%kling help lists the subcommands.",
    )
