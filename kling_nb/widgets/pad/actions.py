"""What the buttons of the page do to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from kling_nb.errors import InputError
from kling_nb.widgets.pad.gestures import HIT_REACH, hit
from kling_nb.widgets.pad.model import Hit, PadModel

Values = Mapping[str, Any]
Action = Callable[[PadModel, Values], object]

POINT_BYTES: Final = 12
"""Three 32-bit floats a point: x, y, pressure."""


def draw(model: PadModel, values: Values, data: memoryview) -> None:
    """Do what a stroke means.

    Parameters
    ----------
    model
        The drawing.
    values
        ``tool``, ``layer``, ``size``, ``moved``, ``picked``, ``scale``, ``alt`` as when it was drawn.
    data
        32-bit floats x, y, pressure of each point, in picture pixels.
    """
    if len(data) % POINT_BYTES:
        raise InputError("A stroke arrived damaged.", f"It has {len(data)} bytes.", "Draw it again.")
    rows = np.frombuffer(data, dtype="<f4").reshape(-1, 3).astype(np.float64)
    picked = values.get("picked")
    model.stroke(
        str(values["tool"]),
        rows[:, :2],
        layer=str(values["layer"]),
        radius=float(values["size"]),
        pressures=rows[:, 2] if np.any(rows[:, 2] != 1) else None,
        take_away=bool(values.get("alt")),
        moved=bool(values["moved"]),
        picked=None if picked is None else Hit(picked["kind"], int(picked["index"]), str(values["layer"])),
        scale=float(values["scale"]),
    )


def use(model: PadModel, values: Values) -> None:
    """Take a tool, brush size or layer in the hand."""
    radius = values.get("size")
    model.choose(
        tool=values.get("tool"),
        radius=None if radius is None else float(radius),
        layer=values.get("layer"),
    )


def _delete_point(model: PadModel, values: Values) -> object:
    index, at = values.get("index"), values.get("at")
    if at is not None:
        # Pressed while something else was on its way: the page did not know the numbers of the points.
        reach = HIT_REACH / float(values["scale"])
        found = hit((float(at[0]), float(at[1])), model.state.layer(values["layer"]), reach)
        if found.kind != "point":
            return False
        index = found.index
    return model.delete_point(None if index is None else int(index), layer=values["layer"])


ACTIONS: Final[dict[str, Action]] = {
    "undo": lambda model, _: model.undo(),
    "redo": lambda model, _: model.redo(),
    "clear": lambda model, _: model.clear(),
    "snap": lambda model, values: model.snap(values["layer"]),
    "invert": lambda model, values: model.invert(values["layer"]),
    "zoom_in": lambda model, _: model.zoom_in(),
    "zoom_out": lambda model, _: model.zoom_out(),
    "zoom_fit": lambda model, _: model.zoom_fit(),
    "pan": lambda model, values: model.pan(float(values["dx"]), float(values["dy"])),
    "add_layer": lambda model, _: model.add_layer(),
    "remove_layer": lambda model, values: model.remove_layer(values["layer"]),
    "rename": lambda model, values: model.rename(str(values["label"]), layer=values["layer"]),
    "visible": lambda model, values: model.show(bool(values["value"]), layer=values["layer"]),
    "freeze_rest": lambda model, _: model.freeze_rest(),
    "preset": lambda model, values: model.preset(str(values["preset"]), layer=values["layer"]),
    "smooth": lambda model, values: model.smooth(layer=values["layer"]),
    "ease": lambda model, values: model.set_ease(str(values["ease"]), layer=values["layer"]),
    "copy_path": lambda model, values: model.copy_path(str(values["to"]), layer=values["layer"]),
    "clear_path": lambda model, values: model.clear_path(values["layer"]),
    "delete_point": _delete_point,
}
"""Commands of the page that change the drawing, the choice or the view."""
