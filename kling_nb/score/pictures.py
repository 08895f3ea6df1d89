"""Pictures of what was measured: frames with paths on them, and where the static part changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kling_nb.domain.objectnames import object_names
from kling_nb.domain.scores import Scores
from kling_nb.errors import MediaError, printable
from kling_nb.media.video import opened
from kling_nb.score.strokes import DARK, WHITE, Picture, color_of, draw_objects, draw_sign

WIDTH: Final = 1500
"""Of a sheet, in pixels."""

FLAGGED: Final = 4.0
"""Gray levels above which a change of the static part is told as a leak."""

_GAP: Final = 6
_LINE: Final = 30
_TEXT: Final = 17
_LEAST_TOP: Final = 8.0
_LONGEST: Final = 28


def stills(path: str | Path, wanted: Sequence[int]) -> list[tuple[int, float, Picture]]:
    """Read single frames as they are shown.

    Parameters
    ----------
    path
        The clip.
    wanted
        Numbers of frames, from 0; numbers beyond the end give the last frame.

    Returns
    -------
    list
        Number, seconds after the first frame, and (H, W, 3) uint8 RGB of each.

    Raises
    ------
    MediaError
        There is no such file, or it cannot be decoded.
    """
    left = sorted(set(wanted))
    found: list[tuple[int, float, Picture]] = []
    last: tuple[int, float, Any] | None = None
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        began = 0.0
        try:
            for index, frame in enumerate(container.decode(stream)):
                seconds = frame.time if frame.time is not None else 0.0
                began = seconds if index == 0 else began
                last = (index, seconds - began, frame)
                if left and index == left[0]:
                    left.pop(0)
                    found.append((index, seconds - began, _shown(frame)))
                if not left:
                    break
        except av.FFmpegError as error:
            raise _unreadable(path, str(error)) from error
    if last is None:
        raise _unreadable(path, "It holds no frames.")
    if left and (not found or found[-1][0] != last[0]):
        found.append((last[0], last[1], _shown(last[2])))
    return found


def _unreadable(path: str | Path, why: str) -> MediaError:
    return MediaError(f"No frames can be read from {Path(path).name}.", why, "Download it again.")


def _shown(frame: Any) -> Picture:
    """Return a frame in colours, turned as it is shown."""
    picture = frame.to_ndarray(format="rgb24")
    turns = round(float(frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns) if turns else picture, dtype=np.uint8)


def sheet(path: str | Path, scores: Scores, columns: int = 3, rows: int = 2) -> Image.Image:
    """Lay out evenly spaced frames with what was asked (solid) and what was measured (dashed).

    Parameters
    ----------
    path
        The clip.
    scores
        Of this clip.
    columns, rows
        Cells; the first and the last frame are among them.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    columns, rows = max(1, columns), max(1, rows)
    cells = columns * rows
    frames = stills(
        path, np.unique(np.linspace(0, max(0, scores.frames - 1), cells).round().astype(int)).tolist()
    )
    across = min(columns, len(frames))
    height, width = frames[0][2].shape[:2]
    wide = max(64, (WIDTH - _GAP * (across - 1)) // across)
    wide = min(wide, round(900 * width / height))
    high = max(1, round(wide * height / width))
    down = -(-len(frames) // across)
    made = Image.new("RGB", (across * (wide + _GAP) - _GAP, down * (high + _GAP)), WHITE)
    for place, (_, seconds, picture) in enumerate(frames):
        cell = _cell(picture, scores, (wide, high), seconds)
        row, column = divmod(place, across)
        made.paste(cell, (column * (wide + _GAP), row * (high + _GAP)))
    return _with_legend(made, _sheet_legend(scores))


def _cell(picture: Picture, scores: Scores, size: tuple[int, int], seconds: float) -> Image.Image:
    method = cv2.INTER_AREA if picture.shape[1] > size[0] else cv2.INTER_LINEAR
    small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)
    shown = scores.size if all(scores.size) else (picture.shape[1], picture.shape[0])
    draw_objects(small, scores.objects, (size[0] / shown[0], size[1] / shown[1]), seconds)
    cell = Image.fromarray(small)
    pen = ImageDraw.Draw(cell)
    text = f"{seconds:.2f} s"
    box = pen.textbbox((10, 8), text, font=_font(_TEXT))
    pen.rectangle((box[0] - 5, box[1] - 4, box[2] + 5, box[3] + 4), fill=DARK)
    pen.text((10, 8), text, font=_font(_TEXT), fill=WHITE)
    return cell


def _sheet_legend(scores: Scores) -> list[tuple[str, str, tuple[int, int, int]]]:
    """Return what stands below a sheet: kind of sign, text, colour."""
    if not scores.objects:
        return [("", "no painted object: nothing was asked to follow a path", DARK)]
    first = color_of(0)
    signs = [
        ("solid", "asked", first),
        ("dashed", "measured", WHITE),
        ("start", "start", WHITE),
        ("arrow", "asked end", first),
        ("square", "measured end", first),
        ("asked", "asked at this moment", first),
        ("measured", "measured at this moment", first),
    ]
    names = object_names([each.label for each in scores.objects])
    for number, (each, called) in enumerate(zip(scores.objects, names, strict=True)):
        name = printable(called).replace("\n", " ")
        name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        signs.append(("solid", name if each.measurable else f"{name}: not followed", color_of(number)))
    return signs


def _with_legend(picture: Image.Image, signs: Sequence[tuple[str, str, tuple[int, int, int]]]) -> Image.Image:
    """Return a picture with its legend below it, on white."""
    font = _font(_TEXT)
    pen = ImageDraw.Draw(picture)
    lines: list[list[tuple[float, str, str, tuple[int, int, int]]]] = [[]]
    x = 8.0
    for kind, text, color in signs:
        wide = 44 * bool(kind) + pen.textlength(text, font=font) + 26
        if lines[-1] and x + wide > picture.width:
            lines.append([])
            x = 8.0
        lines[-1].append((x, kind, text, color))
        x += wide
    made = Image.new("RGB", (picture.width, picture.height + _LINE * len(lines) + 8), WHITE)
    made.paste(picture, (0, 0))
    canvas = np.array(made)
    for row, line in enumerate(lines):
        y = picture.height + _LINE * (row + 0.5) + 4
        for left, kind, _, color in line:
            draw_sign(canvas, kind, (left + 20, y), color)
    made = Image.fromarray(canvas)
    pen = ImageDraw.Draw(made)
    for row, line in enumerate(lines):
        y = picture.height + _LINE * (row + 0.5) + 4
        for left, kind, text, _ in line:
            pen.text((left + 44 * bool(kind), y), text, font=font, fill=DARK, anchor="lm")
    return made


def leak_picture(path: str | Path, scores: Scores) -> Image.Image:
    """Show where the static part of a clip changed: its last frame in gray, changes in colours on top.

    Parameters
    ----------
    path
        The clip.
    scores
        Of this clip, with a leak map.

    Raises
    ------
    MediaError
        The clip cannot be read.
    """
    ((_, _, picture),) = stills(path, [max(0, scores.frames - 1)])
    width = min(1100, max(480, picture.shape[1]))
    size = (width, max(1, round(width * picture.shape[0] / picture.shape[1])))
    gray = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    frame = np.repeat((gray * 0.75 + 40)[:, :, None], 3, axis=2)
    levels = np.array(
        [[np.nan if cell is None else cell for cell in row] for row in scores.leak_map], dtype=float
    )
    top = max(_LEAST_TOP, float(np.nanmax(levels)) if np.isfinite(levels).any() else 0.0)
    inside = cv2.resize(np.isfinite(levels).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    large = cv2.resize(np.nan_to_num(levels), size, interpolation=cv2.INTER_NEAREST)
    share = np.clip(large / top, 0, 1)
    opacity = np.where(inside, 0.3 + 0.55 * share, 0.0)[:, :, None]
    mixed = np.asarray((1 - opacity) * frame + opacity * heat(share), dtype=np.uint8)
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for color, thick in ((DARK, 4), (WHITE, 2)):
        cv2.drawContours(mixed, outlines, -1, color, thick, cv2.LINE_AA)
    return _with_scale(Image.fromarray(mixed), top, scores.values.get("leak"))


def heat(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours from black over red to bright yellow, even for the colour-blind, as RGB of 255."""
    codes = np.asarray(np.round(np.clip(share, 0, 1) * 255), dtype=np.uint8)
    return np.asarray(cv2.applyColorMap(codes, cv2.COLORMAP_INFERNO)[:, :, ::-1], dtype=np.float64)


def _with_scale(picture: Image.Image, top: float, leak: float | None) -> Image.Image:
    """Return a heat map with its levels below it."""
    font = _font(_TEXT)
    made = Image.new("RGB", (picture.width, picture.height + 114), WHITE)
    made.paste(picture, (0, 0))
    wide, left, y = picture.width - 80, 20, picture.height + 60
    bar = heat(np.linspace(0, 1, wide)[None, :].repeat(18, axis=0))
    made.paste(Image.fromarray(bar.astype(np.uint8)), (left, y))
    pen = ImageDraw.Draw(made)
    titles = ["change of the static part, mean over the clip"]
    # The score looks at the worst moments: it may lie above everything on the map.
    titles += [f"gray levels of 255; the clip's worst frames: {leak:.1f}"] if leak is not None else []
    for line, title in enumerate(titles):
        pen.text((left, picture.height + 18 + 22 * line), title, font=font, fill=DARK, anchor="lm")
    # The most important words get their place first.
    known = {FLAGGED: f"{FLAGGED:.0f} flag", top: f"{top:.0f}", 0.0: "0", 2.0: "2 coding"}
    taken: list[tuple[float, float]] = []
    for level, text in known.items():
        x = left + wide * level / top
        half = pen.textlength(text, font=font) / 2
        middle = min(max(x, left + half), picture.width - half - 4)
        pen.line((x, y - 3, x, y + 22), fill=DARK, width=2)
        if all(middle + half + 8 < begin or middle - half - 8 > end for begin, end in taken):
            pen.text((middle, y + 34), text, font=font, fill=DARK, anchor="mm")
            taken.append((middle - half, middle + half))
    return made


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
