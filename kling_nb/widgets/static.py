"""The card without a kernel: HTML that stays in the saved notebook (GitHub, nbviewer, nbconvert)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets.overlay import overlay_svg
from kling_nb.widgets.state import clock

POSTER_LIMIT = 200_000
"""Largest picture, in bytes, that is put into the notebook file."""


@lru_cache(maxsize=1)
def card_css() -> str:
    """Return the style sheet shared by the live and the static card."""
    return files("kling_nb.widgets").joinpath("card.css").read_text(encoding="utf-8")


def static_card(
    state: Mapping[str, Any], *, poster: bytes = b"", video_url: str | None = None, scores: str = ""
) -> str:
    """Return the card as HTML; every text is escaped.

    Parameters
    ----------
    state
        From :func:`kling_nb.widgets.state.state_of`.
    poster
        JPEG or PNG; left out when it is larger than ``POSTER_LIMIT``.
    video_url
        Relative URL of the video as seen from the notebook; None without one.
    scores
        The table of the scores as HTML; empty without one.
    """
    status, run_id = html_text(state["status"]), html_text(state["id"])
    parts = [
        f'<div class="kn-card kn-static {NO_MATH}" data-status="{status}" data-run="{run_id}">',
        f"<style>{card_css()}</style>",
        _head(state),
        _media(state, poster, video_url),
        _scores(state["scores"], scores, unfolded=bool(state.get("open_scores"))),
        _paragraph("kn-message", state["message"]),
        *(_paragraph("kn-error", line) for line in state["error"]),
        _check(state["check"]),
        *(_paragraph("kn-notice", line) for line in state["notices"]),
        _paragraph("kn-prompt", state["prompt"]),
        f'<div class="kn-cost">{html_text(state["cost"])}</div>' if state["cost"] else "",
        _details("kn-params", "Parameters", _rows(state)),
        _details("kn-code", "Show as Python", _code(state["code"])),
        _details("kn-code kn-cell", "Show as cell", _code(state["cell"])),
        "</div>",
    ]
    return "".join(parts)


def static_form(picture: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a form without a kernel: what was chosen and typed.

    Parameters
    ----------
    picture
        HTML of the picture, empty without one.
    rows
        Label and value; every text is escaped.
    """
    table = "".join(f"<dt>{html_text(label)}</dt><dd>{html_text(value)}</dd>" for label, value in rows)
    return (
        f'<div class="kn-card kn-static {NO_MATH}"><style>{card_css()}</style>'
        f'{picture}<div class="kn-params"><dl>{table}</dl></div></div>'
    )


def _head(state: Mapping[str, Any]) -> str:
    time = ""
    if state["started_ms"] is not None and state["finished_ms"] is not None:
        seconds = max(0.0, (state["finished_ms"] - state["started_ms"]) / 1000)
        time = f'<span class="kn-time">{clock(seconds)}</span>'
    reused = '<span class="kn-reused">reused, no charge</span>' if state["reused"] else ""
    return (
        '<div class="kn-head">'
        f'<span class="kn-status" title="{html_text(state["explained"])}">{html_text(state["status"])}</span>'
        f'<span class="kn-model">{html_text(state["model"])}</span>'
        f'<span class="kn-form">{html_text(state["form"])}</span>{_parent(state["parent"])}'
        f'<span class="kn-provider">{html_text(state["provider"])}</span>'
        f'<span class="kn-id">{html_text(state["id"])}</span>{reused}{time}</div>'
    )


def _parent(parent: str) -> str:
    return f'<span class="kn-parent">goes on from {html_text(parent)}</span>' if parent else ""


def _check(check: Mapping[str, str] | None) -> str:
    """Return where to look for the task of a lost answer, and the line that gives it to its run."""
    if check is None:
        return ""
    words = f"Look for the task at {html_text(check['title'])}"
    console = html_text(check["console"])
    link = f'<a href="{console}" target="_blank" rel="noopener noreferrer">{words}</a>' if console else words
    return f'<div class="kn-check">{link}<code>{html_text(check["command"])}</code></div>'


def _media(state: Mapping[str, Any], poster: bytes, video_url: str | None) -> str:
    picture = data_uri(poster) if 0 < len(poster) <= POSTER_LIMIT else ""
    alt = html_text(f"Poster of run {state['id']}")
    image = f'<img class="kn-poster" src="{picture}" alt="{alt}">' if picture else ""
    if video_url is None:
        return f'<div class="kn-media">{image}</div>' if image else ""
    url = html_text(video_url)
    poster_attribute = f' poster="{picture}"' if picture else ""
    # The picture inside is what remains where a viewer strips the video element.
    return (
        f'<div class="kn-media"><div class="kn-film-box"><video class="kn-video" controls loop muted '
        f'playsinline preload="metadata" src="{url}"{poster_attribute}>{image}</video>'
        f"{_paths(state['scores'])}</div></div>"
        f'<div class="kn-file"><a href="{url}">video file</a></div>'
    )


def _paths(scores: Mapping[str, Any] | None) -> str:
    """Return asked and measured paths for the place over the player; without a kernel they do not move."""
    return overlay_svg(scores["paths"]) if scores is not None and scores.get("paths") else ""


def _scores(scores: Mapping[str, Any] | None, table: str, *, unfolded: bool) -> str:
    if scores is None or scores["state"] != "done":
        # What is saved must not say for ever that something is going on.
        return ""
    opened = " open" if unfolded else ""
    flags = "".join(
        f'<span class="kn-flag" title="{html_text(reason)}">⚠ {html_text(word)}</span>'
        for word, reason in scores["flags"]
    )
    line = f"<span>Scores </span>{flags}<span>{html_text(scores['line'])}</span>"
    return (
        f'<details class="kn-scores" data-state="done"{opened}><summary>{line}</summary>'
        f'<div class="kn-score-body">{table}</div></details>'
    )


def data_uri(data: bytes) -> str:
    """Return a JPEG or PNG as a ``data:`` address."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _paragraph(name: str, text: str) -> str:
    return f'<p class="{name}">{html_text(text)}</p>' if text else ""


def _rows(state: Mapping[str, Any]) -> str:
    rows = [*state["params"]]
    rows += [[key, state[key]] for key in ("name", "note") if state[key]]
    rows += [["tags", ", ".join(state["tags"])]] if state["tags"] else []
    return (
        "<dl>" + "".join(f"<dt>{html_text(k)}</dt><dd>{html_text(v)}</dd>" for k, v in rows) + "</dl>"
        if rows
        else ""
    )


def _code(text: str) -> str:
    return f"<pre><code>{html_text(text)}</code></pre>" if text else ""


def _details(name: str, title: str, content: str) -> str:
    return f'<details class="{name}"><summary>{title}</summary>{content}</details>' if content else ""
