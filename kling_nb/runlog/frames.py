"""Runs as DataFrame columns with real dtypes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from kling_nb.runlog.schema import COLUMNS, MEASURED, SCORE_COLUMNS, field_kinds

_FIRST = (
    *(
        "id",
        "created_at",
        "status",
        "provider",
        "model_name",
        "mode",
        "duration",
        "prompt",
        "negative_prompt",
    ),
    *("cfg_scale", "camera_control", "dynamic_mask_count", "brush_way", "sound", "aspect_ratio"),
    *(
        "estimate_units",
        "actual_units",
        "estimate_usd",
        "rating",
        "kept",
        *SCORE_COLUMNS,
        "name",
        "tags",
        "note",
    ),
    *("video_path", "error_code", "error_message", "image_source", "image_tail_source"),
)
"""What people look at first; the other columns follow in the table's order."""

_LEFT_OUT = frozenset({"request", "wire", "answers", "owner", "lease_until"})

FRAME_COLUMNS = (*_FIRST, *(name for name in COLUMNS if name not in _LEFT_OUT and name not in _FIRST))
"""Columns of the frame, in its order."""

CATEGORIES = ("status", "provider", "model_name", "mode")
"""Few values, many rows: grouped and filtered by."""

Convert = Callable[[Sequence[Any]], Any]


def build(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return the driver's rows (columns as ``FRAME_COLUMNS``) as a frame.

    Parameters
    ----------
    rows
        Values as the driver returns them: texts and numbers, moments as ISO texts or microseconds of 1970.
    """
    columns = zip(*rows, strict=True) if rows else ((),) * len(FRAME_COLUMNS)
    data = {name: _converter(name)(values) for name, values in zip(FRAME_COLUMNS, columns, strict=True)}
    return pd.DataFrame(data, copy=False)


def _strings(values: Sequence[Any]) -> Any:
    return pd.array(np.array(values, dtype=object), dtype="string")


def _categories(values: Sequence[Any]) -> Any:
    return pd.Categorical(values)


def _integers(values: Sequence[Any]) -> Any:
    return pd.arrays.IntegerArray(*_split(values, np.int64))


def _versions(values: Sequence[Any]) -> Any:
    return _integers([value if isinstance(value, int) else None for value in values])


def _booleans(values: Sequence[Any]) -> Any:
    return pd.arrays.BooleanArray(*_split(values, np.bool_))


def _split(values: Sequence[Any], dtype: type[np.generic]) -> tuple[Any, Any]:
    """Return the values with zeros where they are missing, and where that is."""
    cells = np.array(values, dtype=object)
    missing = pd.isna(cells)
    cells[missing] = 0
    return cells.astype(dtype), missing


def _floats(values: Sequence[Any]) -> Any:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        # SQLite keeps a word in a column of numbers, and others may write to the log.
        return pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(np.float64)


def _times(values: Sequence[Any]) -> Any:
    if any(isinstance(value, int) for value in values):
        microseconds, missing = _split(values, np.int64)
        microseconds[missing] = np.iinfo(np.int64).min  # what numpy calls "not a time"
        return pd.DatetimeIndex(microseconds.astype("datetime64[us]")).tz_localize("UTC").array
    moments = pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601")
    return moments.astype("datetime64[us, UTC]")


def _json_text(values: Sequence[Any]) -> Any:
    return _strings(
        [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    )


def _rendered(values: Sequence[Any], render: Callable[[Any], Any], empty: Any) -> list[Any]:
    """Return ``render`` of every cell's JSON; equal texts, of which there are many, are read once."""
    of_text = lru_cache(maxsize=4096)(lambda text: render(json.loads(text)))
    return [
        empty
        if value is None or value == "[]"
        else of_text(value)
        if isinstance(value, str)
        else render(value)
        for value in values
    ]


def _tags(values: Sequence[Any]) -> Any:
    # Tuples, because the cells are shared with the kept frame.
    cells = np.empty(len(values), dtype=object)
    cells[:] = _rendered(values, lambda items: tuple(items) if isinstance(items, list) else (), ())
    return cells


def _sentences(values: Sequence[Any]) -> Any:
    return _strings(_rendered(values, lambda items: "; ".join(map(str, items)), None))


def _cameras(values: Sequence[Any]) -> Any:
    return _strings(_rendered(values, camera_text, None))


def camera_text(camera: Mapping[str, Any]) -> str:
    """Return a camera control in the words a person types: ``zoom=5`` or ``forward_up``.

    Parameters
    ----------
    camera
        ``{"type": …, "config": {…}}`` (``spec/official-api.md`` §6).
    """
    config = camera.get("config") or {}
    moves = [f"{axis}={value:g}" for axis, value in config.items() if value]
    return " ".join(moves) or str(camera.get("type", ""))


_BY_NAME: dict[str, Convert] = {
    "tags": _tags,
    "flags": _tags,
    "score_version": _versions,
    **dict.fromkeys(("score_confidence", *MEASURED), _floats),
    "notices": _sentences,
    "camera_control": _cameras,
    **dict.fromkeys(CATEGORIES, _categories),
}
_BY_KIND: dict[type, Convert] = {
    str: _strings,
    int: _integers,
    float: _floats,
    bool: _booleans,
    datetime: _times,
    Decimal: _floats,
    dict: _json_text,
}


def _converter(name: str) -> Convert:
    return _BY_NAME.get(name) or _BY_KIND[field_kinds()[name]]
