"""Words of a magic line to values by option: table-driven, with suggestions for slips."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError
from kling_nb.magics.options import Kind, Option, by_spelling
from kling_nb.magics.params import read_param
from kling_nb.magics.tokens import Token

_LOOKS_LIKE_OPTION = re.compile(r"--?[A-Za-z]")
_PAIR = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)
_SECONDS = re.compile(r"([0-9]+)s?")


@dataclass(slots=True)
class Arguments:
    """What a line said.

    Parameters
    ----------
    positional
        Words that belong to no option, in order.
    values
        Value by ``Option.dest``; options that were not given are absent.
    pictures
        Words of picture options as written, so that quotes (never a variable) are not forgotten.
    """

    positional: list[Token] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Token] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a flag was given."""
        return bool(self.values.get(name, False))


def parse_arguments(tokens: Sequence[Token], options: tuple[Option, ...], magic: str) -> Arguments:
    """Read options and positional words.

    Parameters
    ----------
    tokens
        Words of the line.
    options
        Options that are accepted.
    magic
        How the magic is called, for messages: ``%%kling`` or ``%kling runs``.

    Raises
    ------
    UsageError
        Unknown option (with the nearest known one), missing or wrong value, option given twice.
    """
    known = by_spelling(options)
    arguments = Arguments()
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if token.quoted or not _LOOKS_LIKE_OPTION.match(token.text):
            arguments.positional.append(token)
            continue
        spelling, inline = _spelling(token.text, known)
        option = known.get(spelling)
        if option is None:
            raise _unknown_option(spelling, known, magic)
        if option.kind is Kind.FLAG:
            if inline is not None:
                raise UsageError(
                    f"{spelling} takes no value.", f"It was given {inline!r}.", f"Write {spelling}."
                )
            store(arguments, option, Token("true"), spelling)
            continue
        value = Token(inline) if inline is not None else _next_value(rest, option, spelling, known)
        if option.kind is Kind.SHOT and _SECONDS.fullmatch(value.text):
            words = _next_value(rest, option, spelling, known)
            value = Token(f"{value.text} {words.text}")
        elif option.kind is Kind.SHOT:
            # Words alone: a number among them is no length.
            value = Token(value.text, quoted=True)
        store(arguments, option, value, spelling)
    return arguments


def _spelling(text: str, known: Mapping[str, Option]) -> tuple[str, str | None]:
    """Split ``--opt=value`` and ``-d5`` into option and value."""
    if text.startswith("--"):
        name, equals, value = text.partition("=")
        return name, value if equals else None
    if text not in known and text[:2] in known and known[text[:2]].kind is not Kind.FLAG:
        return text[:2], text[2:].removeprefix("=")
    return text, None


def _next_value(rest: list[Token], option: Option, spelling: str, known: Mapping[str, Option]) -> Token:
    if rest and (rest[0].quoted or rest[0].text.partition("=")[0] not in known):
        return rest.pop(0)
    found = f"The next word is the option {rest[0].text}." if rest else "The line ends there."
    raise UsageError(
        f"{spelling} needs a value.", found, f"Write {spelling} {option.metavar}: {option.help}."
    )


def _unknown_option(spelling: str, known: Mapping[str, Option], magic: str) -> UsageError:
    # Without the dashes: they would make every short word look like every other one, --set like --yes.
    words = {name.lstrip("-"): name for name in known if name.startswith("--")}
    near = closest(spelling.lstrip("-"), words)
    others = "; other request fields: --param KEY=VALUE" if "--param" in known else ""
    return UsageError(
        f"Unknown option {spelling}.",
        f"{magic} has no such option{'; nothing was sent' if others else ''}.",
        f"Did you mean {words[near]}?" if near else f"{magic} --help lists all options{others}.",
    )


def store(arguments: Arguments, option: Option, token: Token, said_as: str) -> None:
    """Convert one value and keep it.

    Parameters
    ----------
    arguments
        Where it is kept.
    option
        Whose value it is.
    token
        The value as written.
    said_as
        How the option was written, for messages.

    Raises
    ------
    UsageError
        The value does not fit, or the option stands there twice.
    """
    values = arguments.values
    if option.kind in (Kind.PAIR, Kind.VALUES):
        key, value = _pair(token.text, said_as, raw=option.kind is Kind.VALUES)
        pairs = values.setdefault(option.dest, {})
        if key in pairs:
            raise UsageError(
                f"{said_as} {key} is given twice.", "Only one of them can be meant.", "Remove one."
            )
        pairs[key] = value
        return
    if option.kind is Kind.LIST:
        values[option.dest] = (*values.get(option.dest, ()), token.text)
        return
    if option.kind is Kind.SHOT:
        shots = values.get(option.dest, ())
        values[option.dest] = (*shots, _shot(token, len(shots) + 1))
        return
    if option.dest in values and option.kind is not Kind.FLAG:
        raise UsageError(
            f"{said_as} is given twice.",
            f"First as {values[option.dest]!r}, then as {token.text!r}.",
            "Remove one.",
        )
    if option.kind is Kind.PICTURE:
        arguments.pictures[option.dest] = token
    values[option.dest] = _convert(token, option, said_as)


def _convert(token: Token, option: Option, said_as: str) -> Any:
    if option.kind is Kind.FLAG:
        return _boolean(token.text, said_as)
    if option.kind is Kind.NUMBER:
        try:
            return float(token.text)
        except ValueError:
            raise UsageError(
                f"{said_as} needs a number.", f"It was given {token.text!r}.", f"Meaning: {option.help}."
            ) from None
    if option.kind is Kind.NEW_NAME and not token.text.isidentifier():
        raise UsageError(
            f"{said_as} needs the name of a variable.",
            f"{token.text!r} cannot be a name.",
            "Write e.g. -o run.",
        )
    return token.text


def _boolean(text: str, said_as: str) -> bool:
    if text.lower() in ("true", "yes", "on", "1"):
        return True
    if text.lower() in ("false", "no", "off", "0"):
        return False
    raise UsageError(
        f"{said_as} is either true or false.", f"It was given {text!r}.", f"Write {said_as}: true."
    )


def _pair(text: str, said_as: str, *, raw: bool = False) -> tuple[str, Any]:
    match = _PAIR.fullmatch(text)
    if match is None:
        example = "cfg_scale=0.3,0.7" if raw else "multi_shot=true"
        raise UsageError(
            f"{said_as} needs KEY=VALUE.", f"It was given {text!r}.", f"Write e.g. {said_as} {example}."
        )
    key = match[1].replace("-", "_")
    return key, match[2] if raw else read_param(key, match[2], said_as)


def _shot(token: Token, number: int) -> dict[str, Any]:
    """Read ``3 the boat leaves``; without a length in front it is the service that decides on one."""
    first, _, rest = token.text.strip().partition(" ")
    timed = None if token.quoted else _SECONDS.fullmatch(first)
    words = rest.strip() if timed else token.text.strip()
    if not words:
        raise UsageError(
            f"Shot {number} has no words.",
            f"It was given {token.text!r}.",
            'Write --shot 3 "the boat leaves".',
        )
    shot: dict[str, Any] = {"index": number, "prompt": words}
    return shot | {"duration": int(timed[1])} if timed else shot
