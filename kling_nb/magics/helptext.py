"""Help screens, written from the tables of options and subcommands."""

from __future__ import annotations

from kling_nb.magics.commands import COMMANDS
from kling_nb.magics.options import GROUPS, Kind, Option

_RUN_HEAD = """\
%%kling IMAGE [options]        IMAGE: path ("quotes for spaces"), URL or variable
prompt                         {{name}} takes a variable; a line --- separates prompts (a run each)
--- negative                   what follows must not appear
%kling IMAGE [options] prompt  the same on one line
Options may also stand as `key: value` lines above the prompt, before a blank line."""


def run_options() -> str:
    """Return the help screen of ``%%kling``."""
    parts = [_RUN_HEAD]
    for title, options in GROUPS:
        parts.append(title)
        parts += [f"  {_signature(option):<28} {option.help}" for option in options]
    return "\n".join(parts)


def overview() -> str:
    """Return the help screen of ``%kling``."""
    lines = ["%%kling IMAGE [options] + prompt below: make a video (%%kling --help lists the options)", ""]
    lines += [
        f"  %kling {f'{name} {command.usage}':<34} {command.summary}" for name, command in COMMANDS.items()
    ]
    lines += [
        "",
        "%kling help COMMAND shows its options; Tab completes options, values, variables and run ids.",
    ]
    return "\n".join(lines)


def command(name: str) -> str:
    """Return the help screen of a subcommand."""
    entry = COMMANDS[name]
    lines = [f"%kling {name} {entry.usage}".rstrip(), f"  {entry.summary}"]
    lines += [f"  {_signature(option):<28} {option.help}" for option in entry.options]
    return "\n".join(lines)


def _signature(option: Option) -> str:
    flags = ", ".join(option.flags)
    return flags if option.kind is Kind.FLAG else f"{flags} {option.metavar}"
