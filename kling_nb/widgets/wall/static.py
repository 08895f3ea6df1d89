"""The wall without a kernel: counts, posters and links that stay in the saved notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.session.clips import small_picture
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets import places
from kling_nb.widgets.scorestate import MEASURING
from kling_nb.widgets.static import data_uri

if TYPE_CHECKING:
    from kling_nb.session.sweep import Sweep

PICTURES: Final = 48
SIDE: Final = 160
STYLE: Final = (
    "display:inline-block;vertical-align:top;width:160px;margin:0 8px 12px 0;"
    "font:12px/1.4 system-ui,sans-serif;overflow-wrap:anywhere"
)


def static_wall(sweep: Sweep, cards: Sequence[Mapping[str, Any]], folder: Path, root: Path | None) -> str:
    """Return the wall as HTML; every text is escaped.

    Parameters
    ----------
    sweep
        The sweep.
    cards
        From :func:`kling_nb.widgets.wall.state.card_of`.
    folder
        Folder relative links start from.
    root
        Folder that the server shows.
    """
    parts = [f'<div class="{NO_MATH}">']
    parts += [f"<div>{html_text(line)}</div>" for line in repr(sweep).split("\n")]
    shown = list(zip(sweep.pairs, cards, strict=True))[:PICTURES]
    for (_, run), card in shown:
        picture, link = "", ""
        if run is not None and (poster := run.poster) is not None:
            data = small_picture(poster, SIDE)
            picture = f'<img alt="" style="width:100%" src="{data_uri(data)}">' if data else ""
        if run is not None and (video := run.video) is not None:
            url = places.beside(video, folder, root)
            link = f'<br><a href="{html_text(url)}">video file</a>' if url else ""
        again = f" #{card['repeat']}" if card["repeat"] else ""
        status = html_text(card.get("status") or card["kind"])
        parts.append(
            f'<div style="{STYLE}">{picture}<b>{status}</b> {html_text(card["label"])}{again}'
            f"<br>{html_text(card['id'])}{_scores(card)}{link}</div>"
        )
    rest = len(cards) - len(shown)
    parts += [f"<div>… and {rest} more</div>"] if rest else []
    return "".join([*parts, "</div>"])


def _scores(card: Mapping[str, Any]) -> str:
    scores = card.get("scores")
    if not scores or scores["line"] == MEASURING:
        # What is saved must not say for ever that something is going on.
        return ""
    flags = "".join(f"⚠ {html_text(word)} · " for word, _ in scores["flags"])
    return f"<br>{flags}{html_text(scores['line'])}"
