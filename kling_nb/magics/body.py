"""The body of a ``%%kling`` cell: ``key: value`` lines, prompts, the negative prompt."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError

_KEY_VALUE = re.compile(r"\s*([A-Za-z][\w-]*)\s*:(?:\s+(.*?)|\s*)\s*")
_SEPARATOR = re.compile(r"\s*---+\s*")
_NEGATIVE = re.compile(r"\s*---+\s*negative\s*:?\s*", re.IGNORECASE)
_ALMOST_SEPARATOR = re.compile(r"\s*---\s*([A-Za-z]+)\s*:?\s*")


@dataclass(frozen=True, slots=True)
class Body:
    """What the body of the cell says.

    Parameters
    ----------
    headers
        (key, value) pairs in order; keys with underscores.
    prompts
        One prompt a run; several when separated by ``---``.
    negative
        Text of the ``--- negative`` section, None without one.
    """

    headers: tuple[tuple[str, str], ...]
    prompts: tuple[str, ...]
    negative: str | None


def read_body(text: str, known_keys: Collection[str]) -> Body:
    """Read the body of a cell.

    Parameters
    ----------
    text
        Everything below the ``%%kling`` line, as typed.
    known_keys
        Names of options and request fields, with underscores.

    Raises
    ------
    UsageError
        Misspelt header key, header lines without the blank line below them, two negative sections,
        a section of an unknown name.
    """
    lines = text.splitlines()
    headers, lines = _split_headers(lines, known_keys)
    prompts: list[list[str]] = [[]]
    negative: list[str] | None = None
    target = prompts[0]
    for line in lines:
        if _NEGATIVE.fullmatch(line):
            if negative is not None:
                raise UsageError(
                    "The cell has two negative sections.",
                    "A line '--- negative' stands there twice.",
                    "Keep one; it holds for every prompt of the cell.",
                )
            target = negative = []
        elif _SEPARATOR.fullmatch(line):
            target = []
            prompts.append(target)
        else:
            _refuse_unknown_section(line)
            target.append(line)
    texts = tuple(_clean(prompt) for prompt in prompts)
    kept = tuple(prompt for prompt in texts if prompt) or ("",)
    return Body(headers, kept, None if negative is None else _clean(negative))


def read_key(line: str) -> str | None:
    """Return the key of a ``key: value`` line, with underscores and in lower case; None for other lines."""
    match = _KEY_VALUE.fullmatch(line)
    return None if match is None else match[1].replace("-", "_").lower()


def _clean(lines: list[str]) -> str:
    """Join the lines of a prompt; only blank space around it is dropped."""
    return "\n".join(line.rstrip() for line in lines).strip()


def _refuse_unknown_section(line: str) -> None:
    match = _ALMOST_SEPARATOR.fullmatch(line)
    if match and closest(match[1], ["negative"]):
        raise UsageError(
            f"The cell has no section '--- {match[1]}'.", "Sections are '---' and '--- negative'.",
            "Did you mean '--- negative'?",
        )  # fmt: skip


def _split_headers(lines: list[str], known: Collection[str]) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Separate ``key: value`` lines from the prompt.

    They are headers only when every line up to the first blank one has that form and at least one key is
    known: a prompt may well begin with ``Scene: a harbour``. Without a blank line all is prompt, except when
    it cannot be one (``mode: pro`` alone): sending that would cost money for a slip.
    """
    end = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    pairs = [_KEY_VALUE.fullmatch(line) for line in lines[:end]]
    found = [(m[1].replace("-", "_").lower(), (m[2] or "").strip()) for m in pairs if m is not None]
    if not found or len(found) < end:
        return (), lines
    unknown = [key for key, _ in found if key not in known]
    near = {key: closest(key, known, cutoff=0.8) for key in unknown}
    if len(unknown) == len(found) and not any(near.values()):
        return (), lines
    if end == len(lines) and (unknown or any(len(value.split()) > 2 for _, value in found)):
        return (), lines
    if unknown:
        raise _unknown_key(unknown[0], near[unknown[0]])
    if end == len(lines):
        raise UsageError(
            "The body looks like options, not like a prompt.",
            f"Every line has the form 'key: value' ({found[0][0]}: …) and no blank line follows.",
            "Add a blank line below them, or one above them if they are the prompt.",
        )
    return tuple(found), lines[end + 1 :]


def _unknown_key(key: str, near: str | None) -> UsageError:
    return UsageError(
        f"Unknown option {key!r} in the lines above the prompt.",
        "Lines before the first blank line are read as 'key: value' options.",
        (f"Did you mean {near}? " if near else "")
        + "If it belongs to the prompt, start the body with a blank line.",
    )
