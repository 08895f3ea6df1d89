"""Two runs beside each other: what was asked differently, and what came of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import printable
from kling_nb.session.clips import small_picture
from kling_nb.session.money import cost_of
from kling_nb.session.scorediff import score_changes
from kling_nb.session.views import FIELDS, NO_MATH, html_text, is_set
from kling_nb.session.worddiff import Piece, word_diff

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.run import Run

TEXTS: Final = ("prompt", "negative_prompt")
"""Shown word by word."""

_ASKED: Final = ("provider", "form", *(name for name in FIELDS if name not in TEXTS), "brush_way")
_THUMB: Final = 96
UNSET: Final = "(not set)"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Parameters
    ----------
    name
        Field of the request, or what came of it.
    before, after
        Of the first and of the second run, as text.
    pieces
        The same word by word, for prompts.
    pictures
        Files of pictures, where those differ.
    mark
        How the second compares with the first, where that can be said.
    """

    name: str
    before: str
    after: str
    pieces: tuple[Piece, ...] = ()
    pictures: tuple[Path | None, Path | None] | None = None
    mark: str = ""

    def __str__(self) -> str:
        words = "".join(map(str, self.pieces)) if self.pieces else f"{self.before} → {self.after}"
        return printable(f"{words}  ({self.mark})" if self.mark else words)


@dataclass(frozen=True, slots=True)
class RunDiff:
    """What differs between two runs; shown as a table in a notebook and as text elsewhere.

    Parameters
    ----------
    first, second
        Run ids.
    asked
        Differences of the requests: fields, prompts, pictures, brushes.
    outcome
        Differences of what came of them: status, cost, time, judgement.
    scores
        Differences of what was measured of the clips, each with whether the second is better or worse.
    """

    first: str
    second: str
    asked: tuple[Change, ...]
    outcome: tuple[Change, ...]
    scores: tuple[Change, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the same was asked: the runs are repeats."""
        return not self.asked

    @property
    def _results(self) -> list[tuple[str, tuple[Change, ...]]]:
        """What came of the runs: headings, and the differences below them."""
        results = (("what came of it", self.outcome), ("what was measured", self.scores))
        return [(heading, found) for heading, found in results if found]

    @property
    def _nothing(self) -> str:
        return _ITSELF if self.first == self.second else _REPEATS

    def __str__(self) -> str:
        changes = (*self.asked, *self.outcome, *self.scores)
        width = max((len(change.name) for change in changes), default=0)
        lines = [f"{self.first} → {self.second}"]
        lines += [f"  {change.name:<{width}}  {change}" for change in self.asked] or [f"  {self._nothing}"]
        for heading, found in self._results:
            lines += [heading, *(f"  {change.name:<{width}}  {change}" for change in found)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [_row(change) for change in self.asked]
        rows = rows or [f'<tr><td colspan="3" style="text-align:left">{self._nothing}</td></tr>']
        for heading, found in self._results:
            head = f'<tr><th colspan="3" style="text-align:left;opacity:.7">{heading}</th></tr>'
            rows += [head, *map(_row, found)]
        head = "".join(
            f'<th style="text-align:left">{html_text(x)}</th>' for x in ("", self.first, self.second)
        )
        return (
            f'<table class="{NO_MATH}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        )


_REPEATS: Final = "The same was asked: these are repeats of one request."
_ITSELF: Final = "This is one and the same run."
_LONGEST: Final = 400
"""Characters of a value that are shown; prompts are shown whole."""


def diff_of(first: Run, second: Run) -> RunDiff:
    """Compare two runs.

    Parameters
    ----------
    first, second
        The runs; what only the second has counts as added.
    """
    a, b = first.record, second.record
    asked = [_texts(name, a, b) for name in TEXTS]
    asked += [_plain(name, getattr(a, name), getattr(b, name)) for name in _ASKED]
    asked += [
        _picture("picture", a, b, "image", (first.image, second.image)),
        _picture("end picture", a, b, "image_tail", (first.image_tail, second.image_tail)),
        _plain("static mask", _short(a.static_mask_sha256), _short(b.static_mask_sha256)),
        _brush(a.brush, b.brush),
        _plain("goes on from", a.parent_run, b.parent_run),
    ]  # fmt: skip
    outcome = [
        _plain("status", a.status.value, b.status.value),
        _plain("cost", str(cost_of(a)), str(cost_of(b))),
        _plain("seconds", _seconds(a), _seconds(b)),
        _plain("error", a.error_message, b.error_message),
        _plain("rating", a.rating, b.rating),
        _plain("kept", _decision(a.kept), _decision(b.kept)),
        _plain("tags", ", ".join(a.tags) or None, ", ".join(b.tags) or None),
        _plain("note", a.note, b.note),
    ]
    scores = tuple(
        Change(label, before, after, mark=mark)
        for label, before, after, mark in score_changes(first.scores, second.scores)
    )
    return RunDiff(first.id, second.id, _found(asked), _found(outcome), scores)


def _found(changes: list[Change | None]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change is not None)


def _plain(name: str, before: Any, after: Any) -> Change | None:
    # False and empty are defaults like None: not a difference a person made.
    before, after = (value if is_set(value) else None for value in (before, after))
    return None if before == after else Change(name, _words(before), _words(after))


def _words(value: Any) -> str:
    if value is None:
        return UNSET
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _texts(name: str, a: RunRecord, b: RunRecord) -> Change | None:
    before, after = getattr(a, name) or "", getattr(b, name) or ""
    if before == after:
        return None
    return Change(name, before or UNSET, after or UNSET, word_diff(before, after))


def _input(record: RunRecord, name: str) -> tuple[str | None, str | None]:
    """Return what tells a picture from another, and its words."""
    sha, source = getattr(record, f"{name}_sha256"), getattr(record, f"{name}_source")
    width, height = getattr(record, f"{name}_width"), getattr(record, f"{name}_height")
    size = f"{width}×{height}" if width and height else None
    words = " · ".join(part for part in (source, size, _short(sha)) if part)
    return sha or source, words or None


def _picture(
    name: str, a: RunRecord, b: RunRecord, field: str, files: tuple[Path | None, Path | None]
) -> Change | None:
    before, after = _input(a, field), _input(b, field)
    if before[0] == after[0]:
        return None
    return Change(name, _words(before[1]), _words(after[1]), pictures=files)


def _brush(before: Any, after: Any) -> Change | None:
    if before == after:
        return None
    first, second = _brush_words(before), _brush_words(after)
    return Change("brush", first, second if second != first else f"{second}, other masks or paths")


def _brush_words(brush: Any) -> str:
    if not isinstance(brush, dict):
        return UNSET
    groups = brush.get("dynamic_masks") or ()
    return f"{len(groups)} moving mask{'' if len(groups) == 1 else 's'}"


def _short(sha: str | None) -> str | None:
    return None if sha is None else f"sha256 {sha[:8]}…"


def _seconds(record: RunRecord) -> str | None:
    begin = record.submitted_at or record.sending_at
    if begin is None or record.finished_at is None:
        return None
    return f"{(record.finished_at - begin).total_seconds():.0f}"


def _decision(kept: bool | None) -> str | None:
    return None if kept is None else ("kept" if kept else "discarded")


def _row(change: Change) -> str:
    label = f'<th style="text-align:left;vertical-align:top">{html_text(change.name)}</th>'
    style = "text-align:left;vertical-align:top;white-space:pre-wrap"
    if change.pieces:
        words = "".join(piece.html for piece in change.pieces)
        return f'<tr>{label}<td colspan="2" style="{style};max-width:60em">{words}</td></tr>'
    files = change.pictures or (None, None)
    cells = "".join(
        f'<td style="{style}">{_thumb(file)}{html_text(words)}</td>'
        for file, words in zip(files, (change.before, _marked(change)), strict=True)
    )
    return f"<tr>{label}{cells}</tr>"


def _marked(change: Change) -> str:
    """Return the second value with its mark: signs as well as words, for those who only skim."""
    sign = {"better": "▲ ", "worse": "▼ "}.get(change.mark, "")
    return f"{change.after} ({sign}{change.mark})" if change.mark else change.after


def _thumb(file: Path | None) -> str:
    picture = b"" if file is None else small_picture(file, _THUMB)
    if not picture:
        return ""
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}"><br>'
