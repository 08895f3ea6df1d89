"""``--dry-run``: problems, cost and the request as JSON; nothing leaves this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kling_nb.domain.door import FORM_WORDS
from kling_nb.domain.problems import Problem, Severity
from kling_nb.magics.context import Context
from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest
    from kling_nb.session import Prepared

_WORDS = {Severity.ERROR: "blocks", Severity.WARNING: "warning", Severity.INFO: "note"}


def show(context: Context, request: Mapping[str, Any]) -> None:
    """Check one request and show what would be sent.

    Parameters
    ----------
    context
        Shell and session.
    request
        Keywords of ``kn.submit``.
    """
    prepared = context.session.build(**request)
    text = as_text(prepared)
    if context.has_page:
        context.display({"text/plain": text, "text/html": _as_html(prepared)})
    else:
        context.say(text)


def _heading(prepared: Prepared) -> str:
    verdict = "cannot be sent as it is" if prepared.blocking else "nothing was sent"
    return f"Dry run: {verdict} · {form_text(prepared.request)} · {prepared.provider} ({prepared.reason})"


def form_text(request: VideoRequest) -> str:
    """Return what is made, so that a forgotten picture is noticed."""
    words = FORM_WORDS[request.form]
    return f"{words}, no picture" if request.form == "text2video" else words


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """Return one line a problem: rule, weight, what is wrong, what to do."""
    return [
        f"{problem.id} {_WORDS[problem.severity]}: {problem.message}"
        + (f" → {problem.fix}" if problem.fix else "")
        for problem in problems
    ]


def as_text(prepared: Prepared) -> str:
    """Return the dry run as text: heading, cost, problems, request."""
    return "\n".join(
        [
            _heading(prepared),
            f"Cost: {prepared.cost}",
            *(problem_lines(prepared.problems) or ["Problems: none"]),
            "Request:",
            _body(prepared),
        ]
    )


def _body(prepared: Prepared) -> str:
    return json.dumps(prepared.body(), indent=2, ensure_ascii=False, default=str)


def _as_html(prepared: Prepared) -> str:
    items = "".join(f"<li>{html_text(line)}</li>" for line in problem_lines(prepared.problems))
    problems = f"<ul>{items}</ul>" if items else "<p>No problems found.</p>"
    return (
        f'<div class="kn-dry-run {NO_MATH}"><strong>{html_text(_heading(prepared))}</strong>'
        f"<p>Cost: {html_text(str(prepared.cost))}</p>{problems}"
        f"<details><summary>Request as JSON</summary><pre>{html_text(_body(prepared))}</pre></details></div>"
    )
