"""A sweep as text and as HTML for places without the wall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kling_nb.session.sweep_build import words_of
from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_build import Draft, Dropped
    from kling_nb.session.sweep_price import Total

SHOWN = 10
"""Reasons that are listed one by one."""


def plan_lines(draft: Draft, total: Total) -> list[str]:
    """Return what is said before anything is sent: size, what is left out and why, price.

    Parameters
    ----------
    draft
        The checked requests.
    total
        Their price.
    """
    wish, count = draft.wish, len(draft.cells)
    size = f"{count} {'combination' if count == 1 else 'combinations'}"
    repeats = f" × {wish.repeat}" if wish.repeat > 1 else ""
    drawn = f" (a random sample, seed {wish.seed})" if wish.sample is not None else ""
    runs = "run" if total.runs == 1 else "runs"
    lines = [f"Sweep: {size}{repeats}{drawn} = {total.runs} {runs}, {total}"]
    lines += (
        [f"varies: {'; '.join(_axis(axis.name, axis.labels) for axis in draft.axes)}"] if draft.axes else []
    )
    lines += [f"left out by where=: {draft.excluded}"] if draft.excluded else []
    if draft.dropped:
        lines.append(f"not possible, dropped: {len(draft.dropped)}")
        told = _grouped(draft.dropped)
        lines += [f"  {line}" for line in told[:SHOWN]]
        lines += [f"  … and {len(told) - SHOWN} more reasons: sweep.dropped"] if len(told) > SHOWN else []
    return lines


def _grouped(dropped: Sequence[Dropped]) -> list[str]:
    """Return one line a reason, with what all combinations that it concerns have in common."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in dropped:
        groups.setdefault((each.rule, each.reason), []).append(each.variables)
    lines = []
    for (rule, reason), concerned in groups.items():
        first, count = concerned[0], len(concerned)
        common = {
            name: value for name, value in first.items() if all(other[name] == value for other in concerned)
        }
        many = f" ({count} of them)" if count > 1 else ""
        lines.append(f"{words_of(common)}{many}: {' '.join(part for part in (rule, reason) if part)}")
    return lines


def _axis(name: str, labels: Any) -> str:
    shown = [str(label) if len(str(label)) <= 24 else f"{str(label)[:23]}…" for label in labels[:6]]
    more = f", … {len(labels)} values" if len(labels) > 6 else ""
    return f"{name} = {', '.join(shown)}{more}"


def text_of(sweep: Sweep) -> str:
    """Return two or three lines."""
    named = f" {sweep.name!r}" if sweep.name else ""
    reason = f": {sweep.reason}" if sweep.reason else ""
    lines = [f"Sweep {sweep.id}{named} · {sweep.state}{reason} · {sweep.progress}"]
    if sweep.state == "stopped":
        lines.append(f"go on: %kling resume {sweep.id}")
    return "\n".join(lines)


def html_of(sweep: Sweep) -> str:
    """Return a table of the runs; everything in it is escaped."""
    names = list(sweep.plan.axes)
    head = "".join(f"<th>{html_text(name)}</th>" for name in (*names, "repeat", "status", "run"))
    rows = "".join(
        f"<tr>{_cells(sweep.plan.variables[entry.cell], names)}<td>{entry.repeat}</td>"
        f"<td>{html_text('waiting' if run is None else run.status.value)}</td>"
        f"<td>{html_text('' if run is None else run.id)}</td></tr>"
        for entry, run in sweep.pairs
    )
    title = "<br>".join(html_text(line) for line in text_of(sweep).split("\n"))
    return (
        f'<table class="{NO_MATH}"><caption style="text-align:left">{title}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _cells(variables: Mapping[str, Any], names: list[str]) -> str:
    return "".join(f"<td>{html_text(str(variables.get(name, '')))}</td>" for name in names)
