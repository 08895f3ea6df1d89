"""Runs grouped by what was varied, and the numbers that are compared."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.scores import BY_NAME
from kling_nb.domain.task import RunStatus
from kling_nb.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_CONDITIONS: Final = (
    *("model_name", "mode", "duration", "prompt", "negative_prompt", "cfg_scale", "camera_control"),
    *("brush_way", "dynamic_mask_count", "sound", "aspect_ratio", "provider", "form"),
    *("image_sha256", "image_tail_sha256", "static_mask_sha256"),
)
"""What decides a clip: groups that differ in two of these do not tell which of them made the difference."""

_NUMBERS: Final = (
    "Name a score (path_error, gain, leak …), rating, kept, seconds, or another column of numbers."
)

_TEMPLATES: Final = ("prompt", "negative_prompt")
"""Filled with the variables of a sweep."""

UNSET: Final = "(not set)"

_SHORT: Final = 32
"""Longer names of groups are called A, B, C."""


def numbers_of(frame: pd.DataFrame, metric: str) -> list[float]:
    """Return a column of numbers by its name, as :func:`values_of` takes it; NaN where there is none.

    Parameters
    ----------
    frame
        Of runs.
    metric
        ``rating``, ``seconds``, a score …; a yes is 1.

    Raises
    ------
    UsageError
        There is no such column, or there are no numbers in it.
    """
    if not isinstance(metric, str):
        raise UsageError(f"{metric!r} is no metric.", "It is the name of a number.", _NUMBERS)
    column = values_of(frame, metric)
    try:
        numbers: list[float] = column.astype("Float64").to_numpy(dtype=float, na_value=math.nan).tolist()
    except (TypeError, ValueError):
        raise UsageError(f"{metric} is no number.", "Only numbers can be compared.", _NUMBERS) from None
    return numbers


def values_of(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a column by its name; also ``seconds``, ``succeeded``, ``day`` and variables of a sweep.

    Parameters
    ----------
    frame
        Of runs.
    name
        A sweep's own label (``prompt_variant``) goes before the column it stands for.

    Raises
    ------
    UsageError
        There is no such column.
    """
    for column in (f"{name}_variant", name):
        if column in frame.columns:
            found: pd.Series[Any] = frame[column]
            return found
    if name == "seconds":
        return (frame["finished_at"] - frame["submitted_at"].fillna(frame["sending_at"])).dt.total_seconds()
    if name == "succeeded":
        ended = frame["status"].isin([RunStatus.SUCCEEDED.value, RunStatus.FAILED.value])
        return (frame["status"] == RunStatus.SUCCEEDED.value).astype("boolean").where(ended)
    if name == "day":
        moments = frame["sending_at"].fillna(frame["created_at"]).astype(object)
        days: pd.Series[Any] = moments.map(
            lambda moment: moment.to_pydatetime().astimezone().date(), na_action="ignore"
        )
        return days
    variables = [_variables(cell) for cell in frame["variables"]] if "variables" in frame.columns else []
    if any(name in each for each in variables):
        return frame["variables"].astype(object).mask(frame["id"].notna(), [v.get(name) for v in variables])
    known = [*frame.columns, "seconds", "succeeded", "day", *dict.fromkeys(k for v in variables for k in v)]
    close = get_close_matches(name, known, n=3)
    raise UsageError(
        f"There is no column {name!r} in the table of runs.",
        f"Did you mean {', '.join(close)}?" if close else "No column and no variable is called like that.",
        "Name a column of kn.runs(), or a variable of a sweep.",
    )


def _variables(cell: Any) -> dict[str, Any]:
    found = json.loads(cell) if isinstance(cell, str) else {}
    return found if isinstance(found, dict) else {}


def names_of(by: str | Sequence[str]) -> tuple[str, ...]:
    """Return one or several column names as a tuple."""
    names = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, Sequence) else (by,)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise UsageError(
            f"{wrong[0]!r:.60} is no name of a column.",
            "Runs are grouped by columns of kn.runs(), or by variables of a sweep.",
            'Write e.g. "prompt", or ("model", "mode") for two of them.',
        )
    return names


def labels_of(frame: pd.DataFrame, by: str | Sequence[str]) -> list[tuple[Hashable, ...]]:
    """Return the group of every row: a tuple with a value for each name."""
    columns = [_plain_column(_conditions_of(frame, name)) for name in names_of(by)]
    return list(zip(*columns, strict=True))


def _conditions_of(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return what groups are made by: a sweep's own variable ``motion`` goes before the score ``motion``."""
    if name in BY_NAME and f"{name}_variant" not in frame.columns and _is_variable(frame, name):
        return values_of(frame.drop(columns=name), name)
    return values_of(frame, name)


def is_score(frame: pd.DataFrame, name: str) -> bool:
    """Whether a name means what was measured, and not a variable of a sweep that is called like it."""
    measured = name in BY_NAME and name in frame.columns and f"{name}_variant" not in frame.columns
    return measured and not _is_variable(frame, name)


def _is_variable(frame: pd.DataFrame, name: str) -> bool:
    return "variables" in frame.columns and any(name in _variables(cell) for cell in frame["variables"])


def _plain_column(column: Iterable[Any]) -> list[Hashable]:
    """Return a column's values as they can be grouped by and read; each different one is converted once."""
    import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

    cells = [
        json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in column
    ]
    codes, values = pd.factorize(pd.Series(cells, dtype=object))
    plain: list[Hashable] = [value.item() if hasattr(value, "item") else value for value in values]
    return [plain[code] if code >= 0 else UNSET for code in codes.tolist()]


def confounded(frame: pd.DataFrame, labels: Sequence[Hashable], by: str | Sequence[str]) -> list[str]:
    """Return other conditions in which the groups differ, so that they may be what made the difference.

    Parameters
    ----------
    frame
        Of runs.
    labels
        Group of every row.
    by
        What the groups are made by.
    """
    found = []
    for name in _CONDITIONS:
        if name not in frame.columns or name in names_of(by):
            continue
        values: dict[Hashable, set[Hashable]] = {}
        for label, value in set(
            zip(labels, _plain_column(_as_asked(frame, name, names_of(by))), strict=True)
        ):
            values.setdefault(label, set()).add(value)
        if len({frozenset(each) for each in values.values()}) > 1:
            found.append(name)
    return found


def _as_asked(frame: pd.DataFrame, name: str, by: Sequence[str]) -> pd.Series[Any]:
    """Return a condition of every row; a text in which ``by`` was filled in counts as its template.

    Prompts that differ by nothing but the variable that is compared are no second difference.
    """
    column: pd.Series[Any] = frame[name]
    if name not in _TEMPLATES or "variables" not in frame.columns or frame["variables"].isna().all():
        return column
    filled = [_variables(cell) for cell in frame["variables"]]
    asked = [
        own.get(name, UNSET if own.keys() & set(by) else text)
        for text, own in zip(column, filled, strict=True)
    ]
    return column.astype(object).mask(frame["id"].notna(), asked)


def text_of(label: Sequence[Hashable]) -> str:
    """Return a group's name in words."""
    return " · ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in label)


def order_of(label: Sequence[Hashable]) -> tuple[tuple[bool, float, str], ...]:
    """Return what sorts groups: numbers as numbers and everything else by its text."""
    return tuple(
        (False, float(part), "") if isinstance(part, int | float) else (True, 0.0, str(part))
        for part in label
    )


def names_for(labels: Sequence[tuple[Hashable, ...]]) -> dict[tuple[Hashable, ...], str]:
    """Return what to call groups in a sentence: their values when short, else A, B, C."""
    texts = [text_of(label) for label in labels]
    if all(len(text) <= _SHORT and "\n" not in text for text in texts) and len(set(texts)) == len(texts):
        return {label: f"“{text}”" for label, text in zip(labels, texts, strict=True)}
    return {label: letter(number) for number, label in enumerate(labels)}


def letter(number: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    before, last = divmod(number, 26)
    return (letter(before - 1) if before else "") + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[last]


def is_letter(name: str) -> bool:
    """Whether a group is called by a letter, which needs a legend."""
    return not name.startswith("“")
