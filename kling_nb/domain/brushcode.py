"""A motion brush as the Python code that rebuilds it, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kling_nb.domain.runs import Runs
from kling_nb.domain.shapes import Bitmap
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused

if TYPE_CHECKING:
    from kling_nb.domain.brush import MotionBrush
    from kling_nb.domain.mask import Mask

LINE = 96


def python_of(brush: MotionBrush, picture: str) -> str:
    """Return code that builds an equal brush: the same masks, paths and labels.

    Parameters
    ----------
    brush
        The brush.
    picture
        Arguments of ``kn.MotionBrush``: the literal of a path, or ``size=(W, H)``.
    """
    lines = [f"kn.MotionBrush({picture})"]
    for group in brush.dynamic_masks:
        arguments = [_mask_code(group.mask), *_path_code(group.trajectory)]
        lines.append(_call(".dynamic", [*arguments, *_label(group.label)]))
    if brush.static_mask is not None:
        label = brush.static_mask.label
        if not label and brush.static_mask == brush.freeze_rest().static_mask:
            lines.append(".freeze_rest()")
        else:
            lines.append(_call(".static", [_mask_code(brush.static_mask), *_label(label)]))
    body = "\n".join(lines).replace("\n", "\n    ")
    return f"import kling_nb as kn\n\nbrush = (\n    {body}\n)\n"


def _label(label: str) -> list[str]:
    return [f"label={label!r}"] if label else []


def _call(name: str, arguments: list[str]) -> str:
    joined = ", ".join(arguments)
    if "\n" not in joined and len(joined) < LINE:
        return f"{name}({joined})"
    lines = "".join(f"\n{argument},".replace("\n", "\n    ") for argument in arguments)
    return f"{name}({lines}\n)"


def _mask_code(mask: Mask) -> str:
    if mask.url is not None:
        return repr(mask.url)
    assert isinstance(mask.runs, Runs)
    return (Bitmap(mask.runs) if mask.shape is None else mask.shape).to_python()


def _path_code(path: Trajectory) -> list[str]:
    """Return the points and the words that say how they are meant; else the exact values."""
    for points, options in _candidates(path):
        try:
            again = Trajectory.from_points(points, size=path.size, **options)
        except RequestRefused:
            continue
        if again == path and _same(again.times, path.times) and _same(again.wire, path.wire):
            words = [f"{name}={value!r}" for name, value in options.items()]
            return [_points_code(points), *words]
    # Points that cleaning would change once more, such as 77 points on a very short path.
    return [f"kn.Trajectory.from_json({path.to_json()!r})"]


def _candidates(path: Trajectory) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    if path.wire is not None:
        points = [_plain(point) for point in path.wire.tolist()]
        yield points, {"units": "wire"}
        yield points, {"units": "wire", "y_origin": "top"}
    elif path.times is not None:
        rows = zip(path.pixels.tolist(), path.times.tolist(), strict=True)
        yield [dict(zip("xyt", _plain((*point, time)), strict=True)) for point, time in rows], {}
    else:
        yield [_plain(point) for point in path.pixels.tolist()], {}


def _same(one: Any, other: Any) -> bool:
    return (one is None) == (other is None) and (one is None or np.array_equal(one, other))


def _plain(values: Any) -> tuple[float, ...]:
    return tuple(int(value) if float(value).is_integer() else value for value in values)


def _points_code(points: list[Any]) -> str:
    lines, line = [], ""
    for point in points:
        text = repr(point) if isinstance(point, Mapping) else f"({', '.join(map(repr, point))})"
        if line and len(line) + len(text) > LINE:
            lines.append(line)
            line = ""
        line += f"{text}, "
    joined = "\n ".join([*(part.rstrip() for part in lines), line.rstrip(", ")])
    return f"[{joined}]"
