"""What a value is called in a table: plain JSON for whatever a sweep varies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

LONGEST = 200
"""Characters of a label that is no plain text of a person."""


def label_of(value: Any, otherwise: str) -> Any:
    """Return a plain JSON value that stands for a value.

    Parameters
    ----------
    value
        Number, text, path, picture, brush …
    otherwise
        What it is called when it has no name of its own.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    if _is_json(value):
        text = str(value)
        return text if len(text) <= LONGEST else otherwise
    # A picture that knows its file, a run that knows its id, a brush that was named.
    for name in ("label", "name", "filename", "id"):
        own = getattr(value, name, None)
        if isinstance(own, str) and own:
            return own
    return otherwise


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, bool, int, float))
