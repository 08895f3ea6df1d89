"""What a ``%%kling`` cell asks for, as one typed value apart from the magic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kling_nb.domain.aliases import KNOWN_NAMES, canonical_name
from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments, literal, parse_arguments, store
from kling_nb.magics.body import read_body
from kling_nb.magics.options import RUN_OPTIONS, by_header_key
from kling_nb.magics.template import fill
from kling_nb.magics.tokens import Token, split_line

_HEADER = by_header_key(RUN_OPTIONS)

MOVING = frozenset({"camera_control", "multi_prompt", "dynamic_masks", "static_mask", "image_tail"})
"""Request fields that say what moves, without a word."""


@dataclass(frozen=True, slots=True)
class RunCall:
    """One ``%%kling`` cell or ``%kling IMAGE`` line, parsed, templates filled, nothing looked up.

    Parameters
    ----------
    image
        The first word, None without one.
    prompts
        One run each.
    fields
        Request fields by canonical name or as written after ``--param``; values as typed.
    pictures
        Words that name pictures (``image_tail``, ``static_mask``), by request field.
    brush
        Name of the variable that holds the motion brush.
    way
        How the brush reaches the model.
    provider, timeout, out, name, tags, note, sweep, budget, assume_units
        Values of the options of the same name.
    dry_run, preview, yes, force, again, wait, traceback, help
        Flags of the same name.
    """

    image: Token | None = None
    prompts: tuple[str, ...] = ("",)
    fields: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Token] = field(default_factory=dict)
    brush: str | None = None
    way: str | None = None
    provider: str | None = None
    timeout: float | None = None
    out: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    sweep: str | None = None
    budget: str | None = None
    assume_units: float | None = None
    dry_run: bool = False
    preview: bool = False
    yes: bool = False
    force: bool = False
    again: bool = False
    wait: bool = False
    traceback: bool = False
    help: bool = False


def read_call(line: str, cell: str | None, variables: Mapping[str, Any]) -> RunCall:
    """Parse a cell or line into a call.

    Parameters
    ----------
    line
        What follows ``%%kling`` or ``%kling`` on its line.
    cell
        The body, None for a line magic: then the words after IMAGE are the prompt.
    variables
        The notebook's variables, for ``{{name}}``.

    Raises
    ------
    UsageError
        Anything that was written wrongly; nothing has been looked up or sent.
    """
    magic = "%kling" if cell is None else "%%kling"
    tokens = read_tokens(line, variables)
    arguments = parse_arguments(tokens, RUN_OPTIONS, magic)
    if arguments.flag("help"):
        return RunCall(help=True)
    if cell is None:
        return call_of(arguments)
    _refuse_words_after_image(arguments.positional)
    body = read_body(cell, _HEADER.keys() | set(KNOWN_NAMES))
    for key, value in body.headers:
        _store_header(arguments, key, fill(value, variables))
    prompts = tuple(fill(prompt, variables) for prompt in body.prompts)
    negative = None if body.negative is None else fill(body.negative, variables)
    call = _assemble(arguments, prompts, negative)
    _refuse_wordless(call, line)
    return call


def call_of(arguments: Arguments) -> RunCall:
    """Return the call of a line whose words have been read already; words after IMAGE are the prompt."""
    return _assemble(arguments, (" ".join(token.text for token in arguments.positional[1:]),), None)


def read_tokens(line: str, variables: Mapping[str, Any]) -> list[Token]:
    """Split a line into words and fill their templates."""
    return [_fill_token(token, variables) for token in split_line(line)]


def _fill_token(token: Token, variables: Mapping[str, Any]) -> Token:
    if "{{" not in token.text:
        return token
    return Token(fill(token.text, variables), quoted=token.quoted or token.text.startswith("{{"))


def _refuse_words_after_image(positional: list[Token]) -> None:
    if len(positional) > 1:
        joined = " ".join(token.text for token in positional)
        raise UsageError(
            f"Unexpected word {positional[1].text!r} after the image.",
            "The line of a %%kling cell holds one IMAGE and options; the prompt stands below it.",
            f'Quote a path with spaces: %%kling "{joined}"',
        )


def _refuse_wordless(call: RunCall, line: str) -> None:
    """Refuse a cell that says nothing of what shall move: a forgotten prompt must not cost money."""
    said = any(call.prompts) or call.brush is not None or call.pictures or MOVING & set(call.fields)
    if not (said or call.dry_run or call.preview or call.force):
        raise UsageError(
            "The cell has no prompt.",
            "Nothing stands below the %%kling line that says what moves; nothing was sent.",
            f"Write it there. Without any words: %kling {line.strip()}",
        )


def _store_header(arguments: Arguments, key: str, value: str) -> None:
    token = (
        Token(value[1:-1], quoted=True) if len(value) > 1 and value[0] == value[-1] in "\"'" else Token(value)
    )
    if canonical_name(key) == "image":
        if arguments.positional:
            raise UsageError(
                "Two images are given.", f"{arguments.positional[0].text!r} on the line, {value!r} below it.",
                "Remove one.",
            )  # fmt: skip
        arguments.positional.append(token)
    elif key in _HEADER:
        store(arguments, _HEADER[key], token, key)
    else:
        pairs = arguments.values.setdefault("param", {})
        if key in pairs:
            raise UsageError(f"{key} is given twice.", "Only one of them can be meant.", "Remove one.")
        pairs[key] = literal(value)


def _assemble(arguments: Arguments, prompts: tuple[str, ...], negative: str | None) -> RunCall:
    values = dict(arguments.values)
    if negative is not None:
        if values.get("negative_prompt", negative) != negative:
            raise UsageError(
                "Two negative prompts are given.", "One as an option, another in the section '--- negative'.",
                "Remove one.",
            )  # fmt: skip
        values["negative_prompt"] = negative
    fields = {
        option.dest: values.pop(option.dest)
        for option in RUN_OPTIONS
        if option.is_field and option.dest in values
    }
    pictures = {name: arguments.pictures[name] for name in fields if name in arguments.pictures}
    fields = {name: value for name, value in fields.items() if name not in pictures}
    for key, value in values.pop("param", {}).items():
        _add_param(fields, pictures, key, value)
    prompts = _prompt_from_fields(fields, prompts)
    image = arguments.positional[0] if arguments.positional else None
    return RunCall(image=image, prompts=prompts, fields=fields, pictures=pictures, **values)


def _add_param(fields: dict[str, Any], pictures: Mapping[str, Token], key: str, value: Any) -> None:
    """Add a ``--param``; the same field under two names may only stand there with one value."""
    for name in (*fields, *pictures):
        if canonical_name(name) == canonical_name(key):
            said = fields.get(name, pictures.get(name))
            if said != value:
                raise UsageError(
                    f"{canonical_name(key)} is given twice.",
                    f"As {name} and as --param {key}, with different values.",
                    "Remove one.",
                )
            return
    fields[key] = value


def _prompt_from_fields(fields: dict[str, Any], prompts: tuple[str, ...]) -> tuple[str, ...]:
    """Accept ``--param prompt=…`` in a line magic; with a body it would be a second prompt."""
    if "prompt" not in fields:
        return prompts
    text = str(fields.pop("prompt"))
    if any(prompts) and prompts != (text,):
        raise UsageError(
            "Two prompts are given.", "One in the cell, another as --param prompt.", "Remove one."
        )
    return (text,)
