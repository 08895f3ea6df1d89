"""Split a magic line into words the way people write prompts, not the way shells do.

``shlex`` refuses ``it's`` and eats backslashes of Windows paths. Here a quote opens a quoted word only at
the start of a word or right after ``=``, and only when a closing quote follows; brackets keep JSON and
``{{ name }}`` together.
"""

from __future__ import annotations

from dataclasses import dataclass

_QUOTES = "\"'"
_BRACKETS = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the line.

    Parameters
    ----------
    text
        The word without its quotes.
    quoted
        Whether the whole word stood in quotes: then it is never an option and never a variable name.
    """

    text: str
    quoted: bool = False


def split_line(line: str) -> list[Token]:
    """Split a line into words.

    Parameters
    ----------
    line
        What stands after ``%kling``.

    Returns
    -------
    list of Token
        In order; an empty line gives an empty list.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(line):
        if line[position].isspace():
            position += 1
            continue
        token, position = _read_word(line, position)
        tokens.append(token)
    return tokens


def _read_word(line: str, start: int) -> tuple[Token, int]:
    position = start
    parts: list[str] = []
    while position < len(line) and not line[position].isspace():
        character = line[position]
        opens = position == start or line[position - 1] == "="
        if opens and character in _QUOTES and (end := _closing_quote(line, position)) is not None:
            parts.append(line[position + 1 : end].replace("\\" + character, character))
            if position == start and _ends_word(line, end):
                return Token(parts[0], quoted=True), end + 1
            position = end + 1
        elif opens and character in _BRACKETS and (end := _closing_bracket(line, position)) is not None:
            parts.append(line[position : end + 1])
            position = end + 1
        else:
            parts.append(character)
            position += 1
    return Token("".join(parts)), position


def _ends_word(line: str, position: int) -> bool:
    return position + 1 >= len(line) or line[position + 1].isspace()


def _closing_quote(line: str, start: int) -> int | None:
    """Find the quote that closes the one at ``start``: unescaped and at the end of a word."""
    quote = line[start]
    for position in range(start + 1, len(line)):
        if line[position] == quote and line[position - 1] != "\\" and _ends_word(line, position):
            return position
    return None


def _closing_bracket(line: str, start: int) -> int | None:
    """Find the bracket that closes the one at ``start``; brackets inside double quotes do not count."""
    expected: list[str] = []
    in_string = False
    for position in range(start, len(line)):
        character = line[position]
        if character == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif character in _BRACKETS:
            expected.append(_BRACKETS[character])
        elif expected and character == expected[-1]:
            expected.pop()
            if not expected:
                return position
    return None
