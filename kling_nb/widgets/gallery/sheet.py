"""The gallery without a kernel: a contact sheet of posters that stays in the saved notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.errors import printable
from kling_nb.session.clips import small_picture
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets import places
from kling_nb.widgets.static import data_uri

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.widgets.gallery.items import Surroundings

SIDE: Final = 200
"""Longest side of a poster in the saved notebook, in pixels."""

TOTAL_BYTES: Final = 400_000
"""Most bytes of pictures in the saved notebook."""

PICTURES: Final = 48
"""Most pictures in the saved notebook; the other runs are told by number."""

STYLE: Final = (
    "display:inline-block;vertical-align:top;width:200px;margin:0 8px 12px 0;"
    "font:12px/1.4 system-ui,sans-serif;overflow-wrap:anywhere"
)


def sheet_text(records: Sequence[RunRecord], most: int = 12) -> str:
    """Return the gallery as lines for terminals, one a run."""
    lines = [f"{len(records)} run{'' if len(records) == 1 else 's'}"]
    for record in records[:most]:
        rated = "" if record.rating is None else f"rated {record.rating}"
        parts = (record.id, record.status.value, record.model_name, record.mode, rated, record.prompt)
        lines.append(printable(" · ".join(str(part) for part in parts if part))[:160])
    lines += [f"… and {len(records) - most} more"] if len(records) > most else []
    return "\n".join(lines)


def sheet_html(
    items: Sequence[Mapping[str, Any]],
    records: Mapping[str, RunRecord],
    around: Surroundings,
    folder: Path,
    plan: Mapping[str, Any],
) -> str:
    """Return posters with their words and links as HTML; every text is escaped.

    Parameters
    ----------
    items, records
        What the page shows, and the rows.
    around
        Where the files lie.
    folder
        Folder relative links start from.
    plan
        As of the gallery; the cells of a grid are told in words.
    """
    figures, used = [], 0
    for item in items[:PICTURES]:
        record = records[item["id"]]
        poster = around.file(record.poster_path)
        picture = b"" if poster is None else small_picture(poster, SIDE)
        if used + len(picture) > TOTAL_BYTES:
            break
        used += len(picture)
        video = around.file(record.video_path)
        url = None if video is None else places.beside(video, folder, around.root)
        figures.append(_figure(item, picture, url, _cell(item["id"], plan)))
    rest = len(items) - len(figures)
    more = f"<p>… and {rest} more</p>" if rest else ""
    return f'<div class="kn-sheet {NO_MATH}">{"".join(figures)}{more}</div>'


def _figure(item: Mapping[str, Any], picture: bytes, url: str | None, cell: str) -> str:
    alt = html_text(f"Poster of run {item['id']}")
    image = f'<img src="{data_uri(picture)}" alt="{alt}" style="max-width:200px">' if picture else ""
    if url is not None:
        image = f'<a href="{html_text(url)}">{image or "video file"}</a>'
    rated = "" if item["rating"] is None else f"rated {item['rating']} of 5"
    scores = item.get("scores") or {"flags": (), "line": ""}
    flags = " ".join(f"⚠ {word}" for word, _ in scores["flags"])
    words = (item["id"], item["status"], item["model"], rated, cell, flags, scores["line"])
    # What makes the cells of a grid has been said with them.
    told = "" if item["prompt"] and item["prompt"] in cell else item["prompt"]
    prompt = told if len(told) <= 120 else told[:119] + "…"
    return (
        f'<div style="{STYLE}">{image}<div>{html_text(" · ".join(word for word in words if word))}</div>'
        f"<div>{html_text(prompt)}</div></div>"
    )


def _cell(run_id: str, plan: Mapping[str, Any]) -> str:
    pivot = plan.get("pivot")
    if not pivot or run_id not in pivot["cells"]:
        return ""
    row, column = pivot["cells"][run_id]
    named = ((pivot["rows"], pivot["row_labels"][row]), (pivot["cols"], pivot["col_labels"][column]))
    return ", ".join(f"{name}: {label}" for name, label in named if name)
