"""What is kept of a card in the notebook's file, without a notebook."""

from __future__ import annotations

from typing import Any


class Output:
    """The place of the card."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundles = [bundle]

    def replace(self, bundle: dict[str, Any]) -> None:
        self.bundles.append(bundle)
