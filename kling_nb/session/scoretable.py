"""Scores of many runs as a table whose headers say what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from kling_nb.domain.scores import BY_NAME, MEASURES
from kling_nb.errors import printable
from kling_nb.session.scorerows import MARKS, flags_of, header, number
from kling_nb.session.sweep_build import words_of
from kling_nb.session.toldframe import FLAGS, HEADS, WHY
from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from kling_nb.session.facade import Session

ALWAYS: Final = ("path_error", "gain", "leak", "motion", "flicker", "sharpness_decay")
"""Shown even where no run has them: an empty column is an answer, too."""

_BRIEF: Final = frozenset(
    {
        *("path_error", "end_error", "direction", "gain", "lag", "tracked", "leak", "leak_ssim"),
        *("camera_shift", "camera_scale", "camera_direction", "camera_drift", "first_ssim", "end_match"),
        *("words_direction", "motion", "flicker", "warp_error", "sharpness_decay"),
    }
)
_ROWS: Final = 60
_ABOUT: Final = ("id", "name", "model_name", "mode", "prompt")
_CELL: Final = "text-align:left;vertical-align:top;padding:2px 10px 2px 0;white-space:nowrap;"


class ScoreTable:
    """Runs with their scores; resting the pointer on a header tells what the score means.

    Parameters
    ----------
    frame
        Rows of :func:`kling_nb.runs` or of :func:`kling_nb.score`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        # The table of a measurement is found by run id, that of the log has a column of them.
        self.frame = frame.reset_index() if frame.index.name == "id" and "id" not in frame.columns else frame
        self._names = [
            measure.name
            for measure in MEASURES
            if measure.name in frame.columns
            and measure.name in _BRIEF
            and (measure.name in ALWAYS or frame[measure.name].notna().any())
        ]

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        rows = [_text_row(row, self._names) for row in self._rows()]
        heads = ["run", "flags", *(f"{BY_NAME[name].label} {_unit(name)}".strip() for name in self._names)]
        widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
        lines = [
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in [heads, *rows]
        ]
        return "\n".join([*(line.rstrip() for line in lines), *self._rest()])

    def _repr_html_(self) -> str:
        heads = _head("run", "Run id or name.") + _head("flags", HEADS[FLAGS])
        heads += "".join(
            _head(
                f"{BY_NAME[name].label} {MARKS[BY_NAME[name].better][0]}", header(BY_NAME[name]), _unit(name)
            )
            for name in self._names
        )
        rows = "".join(_html_row(row, self._names) for row in self._rows())
        rest = "".join(f"<div>{html_text(line)}</div>" for line in self._rest())
        return (
            f'<div class="{NO_MATH}" style="overflow-x:auto"><table style="border-collapse:collapse;'
            f'color:inherit;font:inherit"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{rest}</div>'
        )

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {str(key): value for key, value in row.items()}
            for row in self.frame.head(_ROWS).to_dict("records")
        ]

    def _rest(self) -> list[str]:
        left = len(self.frame) - _ROWS
        return [f"… and {left} more"] if left > 0 else []


def score_table(runs: Any = None, *, session: Session | None = None) -> ScoreTable:
    """Return runs with their scores as a table whose headers say what they mean.

    Parameters
    ----------
    runs
        :func:`kling_nb.runs` or a part of it, what :func:`kling_nb.score` returned, runs, ids, a sweep; None
        is every run.
    session
        Whose runs; default the session of the module functions.
    """
    from kling_nb.session.default import default_session  # noqa: PLC0415 - the default is made on first use

    return ScoreTable((session or default_session()).table(runs))


def _unit(name: str) -> str:
    return BY_NAME[name].unit.split(" ", 1)[0]


def _head(word: str, meaning: str, unit: str = "") -> str:
    below = f'<br><span style="opacity:.72;font-weight:400">{html_text(unit)}</span>' if unit else ""
    style = f"{_CELL}font-weight:600;border-bottom:1px solid #8886"
    return f'<th scope="col" style="{style}" title="{html_text(meaning)}">{html_text(word)}{below}</th>'


def _told(row: dict[str, Any]) -> str:
    """Return what a person calls the run."""
    called = next((str(row[name]) for name in ("name", "id") if _known(row.get(name))), "")
    # Runs of a sweep may share their name: what varies tells them apart. It stands in front of a sweep's own
    # table; a run that was made before and is used again does not know of it.
    front = list(row)[: list(row).index("id")] if "id" in row else []
    own = {"repeat", *BY_NAME, *HEADS}
    variables = {name: row[name] for name in front if name not in own} or row.get("variables")
    return f"{called}, {words_of(variables)}" if isinstance(variables, dict) and variables else called


def _known(value: Any) -> bool:
    return not (pd.api.types.is_scalar(value) and (pd.isna(value) or value == ""))


def _flags(row: dict[str, Any]) -> list[tuple[str, str]]:
    found: Any = row.get(FLAGS)
    return [] if pd.api.types.is_scalar(found) else list(flags_of([str(flag) for flag in found]))


def _cell(row: dict[str, Any], name: str) -> str:
    value: Any = row.get(name)
    return number(float(value) if _known(value) else None, BY_NAME[name], unit=False)


def _text_row(row: dict[str, Any], names: Sequence[str]) -> list[str]:
    flags = ", ".join(word for word, _ in _flags(row))
    why = printable(str(row[WHY])) if _known(row.get(WHY)) else ""
    return [printable(_told(row)), flags or why, *(_cell(row, name) for name in names)]


def _html_row(row: dict[str, Any], names: Sequence[str]) -> str:
    about = "\n".join(str(row[name]) for name in _ABOUT if _known(row.get(name)))
    flags = ", ".join(
        f'<span title="{html_text(why)}">⚠ {html_text(word)}</span>' for word, why in _flags(row)
    )
    if not flags and _known(row.get(WHY)):
        flags = html_text(str(row[WHY]))
    cells = "".join(
        f'<td style="{_CELL}font-variant-numeric:tabular-nums">{_cell(row, name)}</td>' for name in names
    )
    return (
        f'<tr><th scope="row" style="{_CELL}font-weight:400" title="{html_text(about)}">'
        f'{html_text(_told(row))}</th><td style="{_CELL}">{flags}</td>{cells}</tr>'
    )
