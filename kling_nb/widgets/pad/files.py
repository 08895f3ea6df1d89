"""Drawings as files: as drawn, and as the motion brush that would be sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kling_nb.errors import InputError, RequestRefused
from kling_nb.session import MotionBrush
from kling_nb.widgets.pad.drafts import write_atomically
from kling_nb.widgets.pad.model import PadModel
from kling_nb.widgets.pad.padfiles import FORMAT

DRAWING: Final = "drawing.json"
BRUSH: Final = "brush.json"
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_BYTES: Final = 64_000_000


def save_drawing(model: PadModel, folder: Path) -> Path:
    """Write the drawing into a folder, and beside it the motion brush when it can be sent.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / DRAWING, json.dumps(model.to_json(), indent=1) + "\n")
        try:
            brush = model.brush
        except RequestRefused:
            # Unfinished: there is nothing that could be sent, and the drawing itself is kept.
            return folder
        brush.save(folder)
    except OSError as error:
        raise InputError(
            f"The drawing could not be saved in {folder}.",
            f"{error.strerror or error}.",
            "Save it elsewhere.",
        ) from error
    return folder


def load_drawing(model: PadModel, source: Path, read_mask: Callable[[Any], Any]) -> None:
    """Load a drawing, a motion brush, or a picture of a mask; undo brings the earlier drawing back.

    Parameters
    ----------
    model
        What it is loaded into.
    source
        Folder, JSON or zip file; or a picture, which becomes the chosen mask.
    read_mask
        Reads a picture as booleans.

    Raises
    ------
    InputError
        Nothing usable there, or of a picture of another ratio. The drawing stays as it is.
    """
    if not source.exists():
        raise InputError(
            f"There is nothing at {source}.", "Neither a file nor a folder has that name.", "Check the path."
        )
    if source.suffix.lower() in PICTURES:
        brush = MotionBrush(size=model.size).static(read_mask(source))
        assert brush.static_mask is not None
        assert brush.static_mask.array is not None
        model.replace_mask(brush.static_mask.array, title="loaded mask")
        return
    drawing = source / DRAWING if source.is_dir() else source
    if drawing.is_file() and (data := _drawing(drawing)) is not None:
        model.restore(data)
    else:
        model.load_brush(MotionBrush.load(source))


def _drawing(path: Path) -> dict[str, Any] | None:
    """Return the values of a drawing; None when the file holds something else."""
    if path.suffix.lower() != ".json" or path.stat().st_size > MAX_BYTES:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} cannot be read.", f"{error}.", "Save it again, or take an older copy."
        ) from error
    return data if isinstance(data, dict) and data.get("format") == FORMAT else None
