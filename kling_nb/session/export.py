"""Tables of runs as files: CSV that a spreadsheet can open without harm, Parquet with types, JSON."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.nearest import closest
from kling_nb.errors import InputError
from kling_nb.session.wholefile import replacing

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.facade import Session
    from kling_nb.session.tables import View

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet read a text as a formula (their full-width forms, too)."""

_JSON_COLUMNS: Final = frozenset(
    {"multi_prompt", "element_list", "voice_list", "balance_deduction", "brush", "versions", "options"}
)
"""Columns that hold JSON as text in a frame; in a JSON file it is JSON again."""


def export(
    path: str | os.PathLike[str],
    runs: Any = None,
    *,
    view: View = "wide",
    metadata: bool = True,
    session: Session | None = None,
) -> Path:
    """Write runs into a file; its ending says which kind.

    Parameters
    ----------
    path
        ``.csv``, ``.parquet``, ``.json`` (a list of objects) or ``.jsonl`` (an object a line). An existing
        file is replaced, whole or not at all.
    runs, view, metadata
        As for :func:`kling_nb.table`.
    session
        Whose runs; default the session of the module functions.

    Returns
    -------
    Path
        The file. Texts that a spreadsheet would take for formulas begin with an apostrophe in CSV; the
        other kinds hold them as they are. Missing values are empty in CSV and null elsewhere, times are UTC
        in ISO form, ids are texts.

    Raises
    ------
    InputError
        Another ending, no runs are named, pyarrow is missing, or the file cannot be written.
    """
    target = Path(path).expanduser()
    write = _writer(target)
    from kling_nb.session.tables import table  # noqa: PLC0415 - pandas takes half a second to load

    frame = table(runs, view=view, metadata=metadata, session=session)
    with replacing(target) as part:
        write(frame, part)
    return target


def _writer(target: Path) -> Callable[[pd.DataFrame, Path], None]:
    ending = target.suffix.lower()
    if ending == ".parquet":
        _check_pyarrow()
    if ending in _WRITERS:
        return _WRITERS[ending]
    near = closest(ending, _WRITERS)
    raise InputError(
        f"Runs cannot be written to {target.name!r}.",
        f"Its ending says which kind of file it is: {', '.join(_WRITERS)}.",
        f"Did you mean {target.with_suffix(near).name}?" if near else "Write e.g. runs.csv.",
    )


def _check_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        raise InputError(
            "Parquet files are written by pyarrow, which is not installed.",
            "It is large, so it is an extra.",
            "pip install 'kling-nb[export]', or write runs.csv or runs.json.",
        ) from error


# --- CSV ----------------------------------------------------------------------------------------------------


def _write_csv(frame: pd.DataFrame, part: Path) -> None:
    with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([harmless(str(name)) for name in frame.columns])
        for row in _rows(frame):
            writer.writerow([_csv_cell(value) for value in row.values()])


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if isinstance(value, Mapping):
        value = json.dumps(value, ensure_ascii=False)
    return harmless(str(value))


def harmless(text: str) -> str:
    """Return a text that a spreadsheet shows and never computes.

    Parameters
    ----------
    text
        Somebody's words; a NUL, which ends a cell in some readers, is left out.
    """
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text


# --- Parquet ------------------------------------------------------------------------------------------------


def _write_parquet(frame: pd.DataFrame, part: Path) -> None:
    made = frame.rename(columns=str)
    for name in ("tags", "flags"):
        if name in made.columns:
            made[name] = [list(several) for several in made[name]]
    made.to_parquet(part, engine="pyarrow", index=False)


# --- JSON ---------------------------------------------------------------------------------------------------


def _write_json(frame: pd.DataFrame, part: Path) -> None:
    with part.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, text in enumerate(_objects(frame)):
            file.write(f"{',' if number else ''}\n{text}")
        file.write("\n]\n")


def _write_lines(frame: pd.DataFrame, part: Path) -> None:
    with part.open("w", encoding="utf-8") as file:
        file.writelines(f"{text}\n" for text in _objects(frame))


def _objects(frame: pd.DataFrame) -> Iterator[str]:
    for row in _rows(frame):
        found = {name: _json_value(name, value) for name, value in row.items()}
        # Escaped, so that halves of characters and separators of lines survive every reader.
        yield json.dumps(found, ensure_ascii=True, allow_nan=False, default=str)


def _json_value(name: str, value: Any) -> Any:
    if name in _JSON_COLUMNS and isinstance(value, str):
        return json.loads(value)
    return list(value) if isinstance(value, tuple) else value


# --- rows ---------------------------------------------------------------------------------------------------


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Return the rows as plain values: what is missing is None, times are texts."""
    names = [str(name) for name in frame.columns]
    columns = [_plain_column(frame.iloc[:, place]) for place in range(len(names))]
    for cells in zip(*columns, strict=True):
        yield dict(zip(names, cells, strict=True))


def _plain_column(column: pd.Series[Any]) -> list[Any]:
    missing = column.isna()
    return [None if gone else _plain(value) for value, gone in zip(column.tolist(), missing, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


_WRITERS: Final[Mapping[str, Callable[[pd.DataFrame, Path], None]]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".jsonl": _write_lines,
}
