"""Motion brushes as files: ``brush.json`` beside one PNG a mask, in a folder or a zip file."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.brush import DynamicMask, Mask, MotionBrush
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.shapes import shape_from_json
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import InputError
from kling_nb.media import load_mask, mask_to_png

FORMAT: Final = "kling_nb motion brush"
VERSION: Final = 1
JSON_NAME: Final = "brush.json"
MAX_FILE_BYTES: Final = 64_000_000
"""No mask and no description is larger; keeps a hostile zip file from filling the memory."""

ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""One time for every member, so that equal brushes are equal files."""

Read = Callable[[str], bytes]


def save_brush(brush: MotionBrush, target: Path) -> Path:
    """Write a brush; see :meth:`kling_nb.session.MotionBrush.save`."""
    files = files_of(brush)
    if target.suffix.lower() == ".zip":
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.part")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), data)
        partial.replace(target)
        return target
    target.mkdir(parents=True, exist_ok=True)
    # The description comes last: until it is there, the earlier drawing is still what is read.
    for name, data in files.items():
        partial = target / f"{name}.part"
        partial.write_bytes(data)
        partial.replace(target / name)
    return target


def load_brush(source: Path) -> MotionBrush:
    """Read a brush as it was drawn; see :meth:`kling_nb.session.MotionBrush.load`.

    Raises
    ------
    InputError
        No brush there, or damaged.
    """
    if source.is_dir():
        return _read(_folder_reader(source), str(source))
    if source.name == JSON_NAME:
        return _read(_folder_reader(source.parent), str(source))
    try:
        with zipfile.ZipFile(source) as archive:
            return _read(_zip_reader(archive), str(source))
    except (OSError, zipfile.BadZipFile) as error:
        advice = "Give the folder or the zip file that brush.save() wrote."
        raise InputError(f"No motion brush at {source}.", _reason(error), advice) from error


def files_of(brush: MotionBrush) -> dict[str, bytes]:
    """Return the files of a saved brush, by name."""
    files: dict[str, bytes] = {}
    groups = []
    for number, group in enumerate(brush.dynamic_masks, 1):
        notes = [
            [note.id, str(note.severity), note.field, note.message, note.fix]
            for note in group.trajectory.notes
        ]
        groups.append(
            {
                "label": group.label,
                "mask": _mask_row(group.mask, f"mask-{number}.png", files),
                "trajectory": group.trajectory.to_json() | {"notes": notes},
            }
        )
    static = None if brush.static_mask is None else _mask_row(brush.static_mask, "static.png", files)
    row = {
        "format": FORMAT,
        "version": VERSION,
        "size": list(brush.size),
        "static_mask": static,
        "dynamic_masks": groups,
    }
    files[JSON_NAME] = (json.dumps(row, indent=1, ensure_ascii=False) + "\n").encode()
    return files


def _mask_row(mask: Mask, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    if mask.runs is None:
        return {"label": mask.label, "url": mask.url}
    files[name] = mask_to_png(mask.runs)
    drawn = {} if mask.shape is None else {"shape": mask.shape.to_json()}
    return {"label": mask.label, "file": name} | drawn


def _folder_reader(folder: Path) -> Read:
    def read(name: str) -> bytes:
        path = folder / name
        if path.stat().st_size > MAX_FILE_BYTES:
            raise OSError(f"{name} is too large")
        return path.read_bytes()

    return read


def _zip_reader(archive: zipfile.ZipFile) -> Read:
    def read(name: str) -> bytes:
        # KeyError of a missing member means the same as a missing file.
        try:
            info = archive.getinfo(name)
        except KeyError as error:
            raise FileNotFoundError(f"there is no {name} in it") from error
        if info.file_size > MAX_FILE_BYTES:
            raise OSError(f"{name} is too large")
        return archive.read(info)

    return read


def _read(read: Read, where: str) -> MotionBrush:
    row = _description(read, where)
    try:
        width, height = (int(side) for side in row["size"])
        groups = tuple(_group(item, read, (width, height)) for item in row["dynamic_masks"])
        static = row["static_mask"]
        still = None if static is None else _mask(static, read, (width, height))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(where, f"{JSON_NAME} lacks a value or holds a wrong one: {error!r}") from error
    except OSError as error:
        raise _damaged(where, f"A mask cannot be read: {_reason(error)}") from error
    return MotionBrush((width, height), groups, still)


def _description(read: Read, where: str) -> Mapping[str, Any]:
    try:
        text = read(JSON_NAME).decode()
    except OSError as error:
        advice = "Give the folder or the zip file that brush.save() wrote."
        raise InputError(f"No motion brush at {where}.", _reason(error), advice) from error
    except UnicodeDecodeError as error:
        raise _damaged(where, f"{JSON_NAME} is no text.") from error
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"{JSON_NAME} is no JSON: {error}.") from error
    if not isinstance(row, dict) or row.get("format") != FORMAT:
        raise _damaged(where, f"{JSON_NAME} does not describe a motion brush.")
    if not isinstance(row.get("version"), int) or row["version"] > VERSION:
        raise _damaged(where, f"It has version {row.get('version')!r}; this kling_nb reads {VERSION}.")
    return row


def _group(row: Mapping[str, Any], read: Read, size: tuple[int, int]) -> DynamicMask:
    path = row["trajectory"]
    notes = tuple(
        Problem(rule, Severity(severity), field, message, fix)
        for rule, severity, field, message, fix in path.get("notes", ())
    )
    plain = Trajectory.from_json(path)
    if plain.pixels.ndim != 2 or plain.pixels.shape[1] != 2 or not np.all(np.isfinite(plain.pixels)):
        raise ValueError("trajectory")
    trajectory = Trajectory(plain.pixels, plain.size, plain.times, plain.units, plain.wire, notes)
    return DynamicMask(_mask(row["mask"], read, size), trajectory, str(row.get("label", "")))


def _mask(row: Mapping[str, Any], read: Read, size: tuple[int, int]) -> Mask:
    label = str(row.get("label", ""))
    if "url" in row:
        return Mask(url=str(row["url"]), label=label)
    name = row["file"]
    if not isinstance(name, str) or Path(name).name != name or os.sep in name:
        raise ValueError(f"mask file {name!r}")
    bits: NDArray[np.bool_] = load_mask(read(name))
    mask = Mask.read(bits, size=size, label=label)
    if "shape" not in row:
        return mask
    # The PNG decides: it may have been edited by hand since.
    drawn = Mask.drawn(shape_from_json(row["shape"]), size, label)
    return drawn if drawn.runs == mask.runs else mask


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"There is no {Path(error.filename).name}."
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _damaged(where: str, why: str) -> InputError:
    return InputError(
        f"The motion brush at {where} cannot be read.", why, "Save it again, or take an older copy."
    )
