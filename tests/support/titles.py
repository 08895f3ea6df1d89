"""What a table tells where the pointer rests on it."""

from __future__ import annotations

from html.parser import HTMLParser


class Titles(HTMLParser):
    """Words of the cells of a table with what is told when the pointer rests on them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.titles: dict[str, str] = {}
        self._open: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        title = dict(attrs).get("title")
        self._open = title if tag in ("th", "tr") and title is not None else self._open

    def handle_data(self, data: str) -> None:
        if self._open is not None and data.strip():
            self.titles.setdefault(data.strip(), self._open)
            self._open = None
