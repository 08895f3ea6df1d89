"""``%kling provider``: every door, and which of them the next run goes through."""

from __future__ import annotations

from kling_nb import settings
from kling_nb.errors import SettingsError, UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.magics.suggest import did_you_mean
from kling_nb.session import provider_names
from kling_nb.session.doortable import DoorRow, door_rows
from kling_nb.session.views import NO_MATH, html_text

HEAD = ("", "door", "service", "key", "makes", "brush", "price of a clip", "to open it")


def run(context: Context, arguments: Arguments) -> None:
    """Show all doors, or choose one; ``-`` goes back to choosing by credentials.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Nothing, a provider, or ``-``.
    """
    refuse_words(arguments, "%kling provider [NAME]", allowed=1)
    if arguments.positional:
        name = arguments.positional[0].text.lower()
        if name != "-" and name not in provider_names():
            raise UsageError(
                f"There is no provider {name!r}.",
                f"Providers: {', '.join(provider_names())}.",
                did_you_mean(name, provider_names(), "%kling provider - chooses by credentials."),
            )
        before = settings.configured().get("provider")
        settings.configure("provider", None if name == "-" else name)
        try:
            context.session.choose_provider()
        except SettingsError:
            settings.configure("provider", before)
            raise
    provider, reason = context.session.choose_provider()
    context.say(f"provider {provider} ({reason})")
    if not arguments.positional:
        _show(context, door_rows(context.session))


def _show(context: Context, rows: list[DoorRow]) -> None:
    text = "\n".join(line for row in rows for line in _lines(row))
    if context.has_page:
        context.display({"text/plain": text, "text/html": as_html(rows)})
    else:
        context.say(text)


def as_html(rows: list[DoorRow]) -> str:
    """Return the doors as a table; every text is escaped."""
    head = "".join(f'<th style="text-align:left">{title}</th>' for title in HEAD)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align:left">{html_text(cell)}</td>' for cell in _cells(row))
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="kn-doors {NO_MATH}">{table}</div>'


def _cells(row: DoorRow) -> tuple[str, ...]:
    mark = "●" if row.chosen else ""
    return mark, row.name, row.service, row.key, row.makes, row.brush, row.price, row.advice


def _lines(row: DoorRow) -> list[str]:
    mark, name, *cells, advice = _cells(row)
    labels = ("", "key: ", "", "brush: ", "price: ")
    line = " · ".join(label + cell for label, cell in zip(labels, cells, strict=True))
    return [f"{mark or ' '} {name:<21} {line}", *([f"{'':<24}→ {advice}"] if advice else [])]
