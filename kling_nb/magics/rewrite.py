"""What happens to a cell before IPython reads it.

``--wait`` without a blocked kernel: the cell is rewritten to ``await …``. IPython has no asynchronous magics;
a cell that waits synchronously holds up every click and Interrupt of the kernel, an awaited one does not.

A cell without a body gets an empty line: IPython would refuse it in words of its own,
even ``%%kling --help``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kling_nb.magics.tokens import split_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CELL = re.compile(r"%%kling(?=\s|$)[ \t]*(.*)")
_LINE = re.compile(r"%kling(?=\s|$)[ \t]*(.*)")
_WAIT_HEADER = re.compile(r"\s*wait\s*:\s*(true|yes|on|1)\s*", re.IGNORECASE)
_CALL = "await __import__('kling_nb.magics.awaited', fromlist=['awaited'])"


def make_transformer(shell: InteractiveShell) -> Callable[[list[str]], list[str]]:
    """Return the hook for ``shell.input_transformers_cleanup``.

    Parameters
    ----------
    shell
        With ``%autoawait off`` nothing is rewritten: the magic then waits synchronously.
    """

    def rewrite_kling_wait(lines: list[str]) -> list[str]:
        lines = with_body(lines)
        return rewrite(lines) if shell.autoawait else lines

    return rewrite_kling_wait


def with_body(lines: list[str]) -> list[str]:
    """Return the cell with a body; one that has a body, or is no ``%%kling`` cell, as it is.

    Parameters
    ----------
    lines
        The cell, each line with its line end.
    """
    if len(lines) == 1 and _CELL.match(lines[0]):
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


def rewrite(lines: list[str]) -> list[str]:
    """Rewrite a cell that waits; every other cell is returned as it is.

    Parameters
    ----------
    lines
        The cell, each line with its line end.
    """
    if not lines or "%kling" not in lines[0]:
        return lines
    if match := _CELL.match(lines[0]):
        line, body = match[1].rstrip("\n"), "".join(lines[1:])
        return [f"{_CALL}.run_cell({line!r}, {body!r})\n"] if _cell_waits(line, lines[1:]) else lines
    # A line magic is rewritten only when it is the whole cell: anywhere else it might stand inside a text.
    if (match := _LINE.match(lines[0])) and not any(line.strip() for line in lines[1:]):
        line = match[1].rstrip("\n")
        return [f"{_CALL}.run_line({line!r})\n"] if _line_waits(line) else lines
    return lines


def _has_wait_option(line: str) -> bool:
    return any(token.text == "--wait" and not token.quoted for token in split_line(line))


def _cell_waits(line: str, body: list[str]) -> bool:
    if _has_wait_option(line):
        return True
    for text in body:
        if not text.strip():
            return False
        if _WAIT_HEADER.fullmatch(text.rstrip("\n")):
            return True
    return False


def _line_waits(line: str) -> bool:
    tokens = split_line(line)
    return _has_wait_option(line) or (bool(tokens) and tokens[0].text == "wait")
