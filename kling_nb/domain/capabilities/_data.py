"""Reads the packaged tables once."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """Return one packaged table.

    Parameters
    ----------
    name
        File name without ``.json``, e.g. ``"image2video"``.

    Returns
    -------
    dict
        The parsed table; callers must not change it.
    """
    text = files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
