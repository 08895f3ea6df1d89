"""The HTML file: template, style and script in one, allowed to do nothing but what it was written to do."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from kling_nb import __version__
from kling_nb.errors import printable
from kling_nb.widgets.report.sums import COLUMNS
from kling_nb.widgets.scorestate import ORDERS

if TYPE_CHECKING:
    from jinja2 import Template

    from kling_nb.widgets.report.rows import Row
    from kling_nb.widgets.report.sums import Groups


def page(
    title: str,
    rows: Sequence[Row],
    totals: Sequence[tuple[str, str]],
    groups: Groups | None,
    notices: Sequence[str],
) -> str:
    """Return the whole file.

    Parameters
    ----------
    title
        Stands above it.
    rows
        The runs.
    totals, groups
        The summary.
    notices
        What is missing in it.
    """
    style, script = _style(), _script()
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "media-src data: file: 'self'; base-uri 'none'; form-action 'none'"
    )
    return _template().render(
        title=title,
        rows=rows,
        totals=totals,
        groups=groups,
        columns=COLUMNS,
        notices=notices,
        policy=policy,
        style=style,
        script=script,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        version=__version__,
        statuses=list(dict.fromkeys(row.status for row in rows)),
        models=list(dict.fromkeys(row.model for row in rows)),
        orders=[(name, label) for name, label in ORDERS.items() if any(name in row.goodness for row in rows)],
    )


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"sha256-{digest}"


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only reports need Jinja here

    def shown(value: Any) -> Any:
        # Control characters and changes of writing direction show as what they are. What the template marks
        # as safe, style and script, is ours.
        return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=shown, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("report", "report.html"))


def _style() -> str:
    return _file("report", "report.css")


def _script() -> str:
    """Return the clock of the gallery and what the report does with it, as one closed script."""
    return (
        f'"use strict";\n(() => {{\n{_file("gallery", "clock.js")}\n{_file("report", "report.js")}\n}})();\n'
    )


def _file(folder: str, name: str) -> str:
    return files("kling_nb.widgets").joinpath(folder, name).read_text(encoding="utf-8")
