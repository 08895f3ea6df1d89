"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from kling_nb.session.views import html_text

_WITHOUT_SPACES: Final = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"
"""Scripts that put no spaces between words: there each character counts as one."""

_TOKEN: Final = re.compile(rf"[{_WITHOUT_SPACES}]|[^\W{_WITHOUT_SPACES}]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of two texts.

    Parameters
    ----------
    before, after
        What stands there in the first and the second; equal where nothing changed.
    """

    before: str
    after: str

    @property
    def same(self) -> bool:
        """Whether nothing changed here."""
        return self.before == self.after

    def __str__(self) -> str:
        if self.same:
            return self.before
        removed = f"[-{self.before}-]" if self.before else ""
        return removed + (f"{{+{self.after}+}}" if self.after else "")

    @property
    def html(self) -> str:
        """The same as HTML, escaped."""
        if self.same:
            return html_text(self.before)
        removed = f'<del style="{_REMOVED}">{html_text(self.before)}</del>' if self.before else ""
        added = f'<ins style="{_ADDED}">{html_text(self.after)}</ins>' if self.after else ""
        return removed + added


_REMOVED: Final = "background:rgba(220,60,40,.25);color:inherit"
_ADDED: Final = "background:rgba(40,160,70,.28);color:inherit;text-decoration:none;font-weight:600"


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Return two texts as stretches that are the same and stretches that differ, in order.

    Parameters
    ----------
    before, after
        The texts; joined, the pieces give each of them back.
    """
    first, second = _TOKEN.findall(before), _TOKEN.findall(after)
    # Common words are no junk here: a prompt is all common words.
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    found = [
        Piece("".join(first[a:b]), "".join(second[c:d]))
        for _, a, b, c, d in matcher.get_opcodes()
        if b > a or d > c
    ]
    return tuple(_joined(found))


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Join changes with nothing but space between them: two words replaced by two are one change."""
    held: Piece | None = None
    for number, piece in enumerate(pieces):
        between = (
            piece.same and not piece.before.strip() and held is not None and not held.same
            and number + 1 < len(pieces) and not pieces[number + 1].same
        )  # fmt: skip
        if held is not None and (between or not (piece.same or held.same)):
            held = Piece(held.before + piece.before, held.after + piece.after)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held
