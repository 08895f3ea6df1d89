"""Names of models and modes in the legacy API, the new API and a gateway (``spec/capabilities.md`` §4)."""

from __future__ import annotations

from functools import cache
from typing import Final

from kling_nb.domain.capabilities._data import load

NEW_ONLY: Final[frozenset[str]] = frozenset(load("names")["new_only"])
"""Models the legacy API does not know."""


@cache
def _new_to_legacy() -> dict[str, str]:
    return {new: legacy for legacy, new in load("names")["legacy_to_new"].items()}


def canonical_model(name: str) -> tuple[str, str | None]:
    """Return the legacy name of a model, and the mode when the given name implies one.

    Dotted names, new-API ids and AI/ML API ids are looked up in lower case; anything else is
    returned in lower case as it is.
    """
    word = name.strip().lower()
    tables = load("names")
    # The ids of one model differ in the form's name only (spec/gateways.md §3.3).
    twin = word.replace("text-to-video", "image-to-video")
    if twin in tables["aimlapi"]:
        model, mode = tables["aimlapi"][twin]
        return model, mode
    word = tables["dotted"].get(word, word)
    return _new_to_legacy().get(word, word), None


def canonical_mode(name: str) -> str:
    """Return ``std``, ``pro`` or ``4k`` for any accepted word; unknown words come back in lower case."""
    word = name.strip().lower()
    mode: str = load("names")["modes"].get(word, word)
    return mode


def new_api_name(model: str) -> str | None:
    """Return the new API's id of a legacy model, None when the new API does not offer it."""
    if model in NEW_ONLY:
        return model
    name: str | None = load("names")["legacy_to_new"].get(model)
    return name


def known_model_names() -> tuple[str, ...]:
    """Return every accepted spelling, for suggestions and completion."""
    tables = load("names")
    return tuple(
        dict.fromkeys(
            [
                *load("image2video")["models"],
                *tables["dotted"],
                *tables["legacy_to_new"],
                *_new_to_legacy(),
                *NEW_ONLY,
                *tables["aimlapi"],
            ]
        )
    )
