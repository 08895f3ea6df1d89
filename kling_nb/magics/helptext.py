"""Help screens, written from the tables of options and subcommands."""

from __future__ import annotations

from textwrap import wrap

from kling_nb.magics.commands import COMMANDS
from kling_nb.magics.options import GROUPS, RUN_OPTIONS, SWEEP, Kind, Option
from kling_nb.magics.pages import PAGES

_RUN_HEAD = """\
%%kling [IMAGE] [options]      path ("quotes for spaces"), URL or variable; without: text-to-video
prompt                         {{name}} takes a variable; a line --- separates prompts (a run each)
--- negative                   what follows must not appear
%kling IMAGE [options] prompt  the same on one line
Options may also stand as `key: value` lines above the prompt, before a blank line."""


def run_options() -> str:
    """Return the help screen of ``%%kling``."""
    parts = [_RUN_HEAD]
    for title, options in GROUPS:
        if title == SWEEP:
            # On a page of their own: the screen would not hold them.
            spellings = " ".join(option.flags[-1] for option in options)
            parts.append(f"{title}   {spellings}: %kling help sweep")
            continue
        parts.append(title)
        parts += _table(options)
    return "\n".join(parts)


def overview() -> str:
    """Return the help screen of ``%kling``."""
    lines = ["%%kling IMAGE [options] + prompt below: make a video (%%kling --help lists the options)", ""]
    lines += [f"  %kling {f'{name} {entry.usage}':<34} {entry.summary}" for name, entry in COMMANDS.items()]
    lines += [
        "",
        *wrap(f"Pages, %kling help PAGE: {', '.join(PAGES)}.", 100),
        "%kling help COMMAND shows its options; Tab completes options, values, variables and run ids.",
    ]
    return "\n".join(lines)


def page(name: str) -> str:
    """Return one of the pages; the options on it are those of the parser."""
    entry = PAGES[name]
    by_dest = {option.dest: option for option in RUN_OPTIONS}
    parts = [entry.title, "", entry.text]
    parts += [entry.table()] if entry.table is not None else []
    if entry.options:
        parts += ["", *_table(tuple(by_dest[dest] for dest in entry.options))]
    return "\n".join(parts)


def command(name: str) -> str:
    """Return the help screen of a subcommand."""
    entry = COMMANDS[name]
    lines = [f"%kling {name} {entry.usage}".rstrip(), f"  {entry.summary}"]
    return "\n".join([*lines, *_table(entry.options)])


def _table(options: tuple[Option, ...]) -> list[str]:
    return [f"  {_signature(option):<28} {option.help}" for option in options]


def _signature(option: Option) -> str:
    flags = ", ".join(option.flags)
    return flags if option.kind is Kind.FLAG else f"{flags} {option.metavar}"
