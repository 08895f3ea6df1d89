"""What Tab offers after ``%kling`` and inside a ``%%kling`` cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from kling_nb.magics import candidates
from kling_nb.magics.body import read_key
from kling_nb.magics.call import names_set
from kling_nb.magics.commands import COMMANDS, options_of
from kling_nb.magics.options import EXTEND_OPTIONS, RUN_OPTIONS, Kind, Option, by_header_key, by_spelling
from kling_nb.magics.pictures import is_brush, is_picture, picture_files

if TYPE_CHECKING:
    from IPython.core.completer import SimpleMatcherResult

EXTEND = "extend"
PICTURE_COMMANDS = frozenset({"pad", "preview", "masks"})
_CELL_LINE = re.compile(r"%%kling\s+(.*)")
_LINE_MAGIC = re.compile(r"(?:\s*[A-Za-z_][\w.]*\s*=)?\s*%kling\s+(.*)")
_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_]\w*)?$")
_SECTION = re.compile(r"\s*---\s*\w*")


def complete(text: str, line_number: int, column: int, variables: Mapping[str, Any]) -> SimpleMatcherResult:
    """Complete at a place of the cell.

    Parameters
    ----------
    text
        The whole cell.
    line_number, column
        Where the cursor stands, from 0.
    variables
        The notebook's variables.

    Returns
    -------
    SimpleMatcherResult
        What IPython expects of a matcher; no completions where nothing of ours stands.
    """
    lines = text.split("\n")
    before = lines[line_number][:column]
    inside_cell = lines[0].startswith("%%kling") and line_number > 0
    if template := _TEMPLATE.search(before) if inside_cell or "kling" in before else None:
        names = [*sorted(names_set(lines[0])), *(name for name in variables if name[0] != "_")]
        return _offer(template[1] or "", names, "variable")
    if inside_cell:
        options = EXTEND_OPTIONS if lines[0].split()[1:2] == [EXTEND] else RUN_OPTIONS
        return _in_body(lines[1:line_number], before, variables, options)
    if match := _CELL_LINE.fullmatch(before):
        return _on_line(match[1], RUN_OPTIONS, variables, commands=False)
    if match := _LINE_MAGIC.fullmatch(before):
        return _on_line(match[1], RUN_OPTIONS, variables, commands=True)
    return {"completions": []}


def _offer(fragment: str, words: Iterable[str], kind: str) -> SimpleMatcherResult:
    found = [word for word in dict.fromkeys(words) if word.startswith(fragment)]
    return {
        "completions": [SimpleCompletion(text=word, type=kind) for word in found],
        "matched_fragment": fragment,
        "suppress": bool(found),
    }


def _on_line(
    typed: str, options: tuple[Option, ...], variables: Mapping[str, Any], *, commands: bool
) -> SimpleMatcherResult:
    """Complete the line of a magic; ``typed`` is what stands between the magic's name and the cursor."""
    words = typed.split()
    fragment = "" if not words or typed[-1].isspace() else words.pop()
    if commands and words and words[0] in COMMANDS:
        options = options_of(words[0])
        first_words: list[str] = candidates.for_command(words[0], variables)
        first_words += _pictures(fragment, variables) if words[0] in PICTURE_COMMANDS else []
    elif words[:1] == [EXTEND] and not commands:
        options = EXTEND_OPTIONS
        first_words = candidates.run_ids() if len(words) == 1 else []
    else:
        first_words = [] if words else _pictures(fragment, variables) + (list(COMMANDS) if commands else [])
    known = by_spelling(options)
    if words and (option := known.get(words[-1])) is not None and option.kind is not Kind.FLAG:
        return _offer(fragment, _values(option, fragment, variables), "value")
    name, equals, value = fragment.partition("=")
    if equals and name in known:
        return _offer(value, _values(known[name], value, variables), "value")
    if fragment.startswith("-") or not first_words:
        given = set(words)
        offered = [
            option.flags[-1]
            for option in options
            if not given & set(option.spellings) or option.kind in (Kind.LIST, Kind.PAIR, Kind.VALUES)
        ]
        return _offer(fragment, offered, "option")
    return _offer(fragment, first_words, "value")


def _in_body(
    above: list[str], before: str, variables: Mapping[str, Any], options: tuple[Option, ...]
) -> SimpleMatcherResult:
    """Complete in the body: keys and values of the header lines, the name of a section."""
    if _SECTION.fullmatch(before):
        return _offer(before.lstrip(), ["---", "--- negative"], "section")
    if any(read_key(line) is None for line in above):
        return {"completions": []}
    keys = by_header_key(options)
    if (found := read_key(before)) is None:
        fragment = before.lstrip()
        taken = {key for line in above if (key := read_key(line)) is not None}
        offered = [f"{key}: " for key in candidates.header_keys(options) if key not in taken]
        return _offer(fragment, offered, "option") if fragment else {"completions": []}
    option = keys.get(found)
    fragment = before.partition(":")[2].lstrip()
    return _offer(fragment, _values(option, fragment, variables), "value") if option else {"completions": []}


def _values(option: Option, fragment: str, variables: Mapping[str, Any]) -> list[str]:
    if option.kind is Kind.PICTURE:
        return _pictures(fragment, variables)
    if option.kind is Kind.VARIABLE:
        return [name for name, value in variables.items() if name[0] != "_" and is_brush(value)]
    if option.kind in (Kind.PAIR, Kind.VALUES):
        return candidates.request_fields(fragment, listed=option.kind is Kind.VALUES)
    if option.kind is Kind.RUN:
        return candidates.run_ids()
    if option.kind is Kind.FLAG:
        return ["true", "false"]
    return candidates.for_values(option.values)


def _pictures(fragment: str, variables: Mapping[str, Any]) -> list[str]:
    folder = Path(fragment).expanduser().parent if "/" in fragment else Path()
    prefix = fragment[: fragment.rfind("/") + 1]
    files = [prefix + path.name for path in picture_files(folder) if " " not in path.name]
    named = [
        name
        for name, value in variables.items()
        # Every text could be a path: only those that end like a picture are worth offering.
        if name[0] != "_" and is_picture(value) and (not isinstance(value, str) or _is_picture_path(value))
    ]
    return named + files


def _is_picture_path(text: str) -> bool:
    return text.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
