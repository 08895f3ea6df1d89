"""The scores of one clip as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from kling_nb.domain.score_advice import advice_of
from kling_nb.domain.scores import BY_NAME, Scores
from kling_nb.errors import printable
from kling_nb.session.scoreplots import curves_plot
from kling_nb.session.scorerows import (
    HEADS,
    OBJECT_COLUMNS,
    OBJECT_HEADS,
    ObjectRow,
    ScoreRow,
    ScoreTexts,
    dots,
    texts_of,
)
from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.svg import Plot

_KEY: Final = "good is ↓ low, ↑ high, →1 near 1, →0 near 0, = neither by itself; % is of the diagonal"
_TABLE: Final = "border-collapse:collapse;color:inherit;font:inherit;"
_CELL: Final = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;"
_HEAD: Final = f"{_CELL}font-weight:600;border-bottom:1px solid #8886;"
_TITLE: Final = f"{_CELL}font-weight:600;padding-top:8px;"
_SOFT: Final = "opacity:.72;"
_NUMBER: Final = f"{_CELL}white-space:nowrap;font-variant-numeric:tabular-nums;"
_BADGE: Final = (
    "display:inline-block;margin:0 8px 2px 0;padding:0 7px;border:1px solid #c77700;border-radius:9px;"
    "font-weight:600;"
)


class ShownScores(Scores):
    """Scores that read as a table; otherwise the same."""

    __slots__ = ("_advice",)

    _advice: tuple[str, ...]

    @classmethod
    def of(cls, scores: Scores, record: RunRecord | None = None) -> Self:
        """Return the same scores as ones that read as a table.

        Parameters
        ----------
        scores
            Of one clip.
        record
            The run that made the clip: what was asked for decides what could be done.
        """
        shown = cls(**{name: getattr(scores, name) for name in Scores.__dataclass_fields__})
        object.__setattr__(shown, "_advice", advice_for(scores, record))
        return shown

    @property
    def advice(self) -> tuple[str, ...]:
        """What to try next, from these numbers."""
        return self._advice

    @property
    def plot(self) -> Plot:
        """Everything that was measured over time."""
        return curves_plot(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scores) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.version, self.clip_sha256, self.asked_digest))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.to_json(), self._advice)

    def __repr__(self) -> str:
        return text_of(self, self._advice)

    def _repr_html_(self) -> str:
        return html_of(self, self._advice)


def _rebuilt(row: dict[str, Any], advice: tuple[str, ...]) -> ShownScores:
    shown = ShownScores.from_json(row)
    object.__setattr__(shown, "_advice", advice)
    return shown


def advice_for(scores: Scores, record: RunRecord | None) -> tuple[str, ...]:
    """Return what to try next after a run.

    Parameters
    ----------
    scores
        Of its clip.
    record
        Its row; None where nothing is known of what was asked.
    """
    brush = record.brush if record is not None and isinstance(record.brush, dict) else {}
    return advice_of(
        scores,
        way=None if record is None else record.brush_way,
        has_static=bool(brush.get("static_mask")) or bool(scores.leak_map),
        has_camera="camera_direction" in scores.why or scores.values.get("camera_direction") is not None,
        asked_objects=len(scores.objects),
    )


def text_of(scores: Scores, advice: Sequence[str] = ()) -> str:
    """Return the scores as lines for terminals.

    Parameters
    ----------
    scores
        Of one clip.
    advice
        What could be done about it.
    """
    texts = texts_of(scores, advice)
    lines = [f"Scores of {texts.clip}"]
    lines += [f"  ! {word}: {reason}" if reason else f"  ! {word}" for word, reason in texts.flags]
    for title, rows in texts.groups:
        lines += ["", title, *(_text_row(row) for row in rows)]
    if texts.objects:
        lines += ["", "Objects", *_text_objects(texts.objects)]
    if texts.missing:
        lines += ["", "Not measurable", *(f"  {labels}: {why}" for why, labels in texts.missing)]
    for title, said in (("Advice", texts.advice), ("Notes", texts.notes)):
        lines += ["", title, *(f"  {each}" for each in said)] if said else []
    lines += ["", _KEY] if texts.groups else []
    return "\n".join(printable(line) for line in lines)


def _text_row(row: ScoreRow) -> str:
    sure = "" if row.confidence is None else f"{dots(row.confidence)} {row.sure} ({row.confidence:.2f})"
    return f"  {row.label:<21} {row.mark:<3} {row.value:<21} {sure}".rstrip()


def _text_objects(objects: Sequence[ObjectRow]) -> list[str]:
    wide = min(24, max(len(each.label) for each in objects))
    lines = []
    for each in objects:
        if each.why:
            lines.append(f"  {each.label:<{wide}}  not measurable: {each.why}")
            continue
        told = [
            f"{BY_NAME[name].label} {cell}" for name, cell in zip(OBJECT_COLUMNS, each.cells, strict=True)
        ]
        lines.append(f"  {each.label:<{wide}}  {', '.join(told)}, {each.sure}")
    return lines


def html_of(scores: Scores, advice: Sequence[str] = ()) -> str:
    """Return the scores as a table; every text is escaped.

    Parameters
    ----------
    scores
        Of one clip.
    advice
        What could be done about it.
    """
    texts = texts_of(scores, advice)
    return f'<div class="kn-scores {NO_MATH}">{flags_html(texts)}{table_html(texts)}</div>'


def flags_html(texts: ScoreTexts) -> str:
    """Return what to look at first, a line a flag."""
    return "".join(
        f'<div><span style="{_BADGE}">⚠ {html_text(word)}</span>{html_text(reason)}</div>'
        for word, reason in texts.flags
    )


def table_html(texts: ScoreTexts) -> str:
    """Return everything but the flags."""
    parts = [f'<table style="{_TABLE}margin:4px 0">{_heads()}<tbody>']
    for title, rows in texts.groups:
        parts.append(f'<tr><th colspan="4" scope="rowgroup" style="{_TITLE}">{html_text(title)}</th></tr>')
        parts += [_html_row(row) for row in rows]
    parts.append("</tbody></table>")
    if texts.objects:
        parts.append(_objects_html(texts.objects))
    parts += [_list("Not measurable", [f"{labels}: {why}" for why, labels in texts.missing])]
    parts += [_list("Advice", texts.advice), _list("Notes", texts.notes)]
    parts.append(f'<div style="{_SOFT}">measured of {html_text(texts.clip)}</div>')
    return "".join(parts)


def _heads() -> str:
    return "<thead><tr>" + "".join(_head(*each) for each in HEADS) + "</tr></thead>"


def _head(word: str, meaning: str) -> str:
    return f'<th scope="col" style="{_HEAD}" title="{html_text(meaning)}">{html_text(word)}</th>'


def _html_row(row: ScoreRow) -> str:
    return (
        f'<tr title="{html_text(row.meaning)}">'
        f'<th scope="row" style="{_CELL}font-weight:400">{html_text(row.label)}</th>'
        f'<td style="{_NUMBER}">{html_text(row.value)}</td>'
        f'<td style="{_CELL}white-space:nowrap" title="{html_text(row.better)}">{row.mark}'
        f'<span style="{_SOFT}"> {html_text(row.good)}</span></td>'
        f"{_confidence(row.confidence, row.sure)}</tr>"
    )


def _confidence(confidence: float | None, sure: str) -> str:
    if confidence is None:
        return f'<td style="{_CELL}"></td>'
    return (
        f'<td style="{_NUMBER}"><span aria-hidden="true">{dots(confidence)}</span> '
        f"{html_text(sure)} ({confidence:.2f})</td>"
    )


def _objects_html(objects: Sequence[ObjectRow]) -> str:
    heads = "".join(_head(*each) for each in OBJECT_HEADS)
    rows = []
    for each in objects:
        label = f'<th scope="row" style="{_CELL}font-weight:400">{html_text(each.label)}</th>'
        if each.why:
            span = len(OBJECT_HEADS) - 1
            told = f'<td colspan="{span}" style="{_CELL}">not measurable: {html_text(each.why)}</td>'
        else:
            told = "".join(f'<td style="{_NUMBER}">{html_text(cell)}</td>' for cell in each.cells)
            told += _confidence(each.confidence, each.sure)
        rows.append(f"<tr>{label}{told}</tr>")
    return (
        f'<table style="{_TABLE}margin:8px 0 4px"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{html_text(line)}</li>" for line in lines)
    return f'<div style="margin-top:6px"><b>{title}</b><ul style="margin:0 0 4px">{items}</ul></div>'
