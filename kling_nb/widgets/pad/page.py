"""The drawing as the page takes it: plain values, and what the painter shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from kling_nb.domain.problems import Severity
from kling_nb.domain.trajectory import MIN_POINTS
from kling_nb.widgets.pad.model import Layer, PadModel
from kling_nb.widgets.pad.overlay import Window
from kling_nb.widgets.pad.painter import ShownLayer

ECHO_DECIMALS: Final = 1
"""Tenths of a pixel are enough for the page: it only echoes paths, the model keeps them."""

NEXT_STEP: Final = "Draw where it goes: P for clicks, F by hand."

LEVELS: Final = {Severity.ERROR: "E", Severity.WARNING: "W", Severity.INFO: "I"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown below the button.

    Parameters
    ----------
    status
        ``none``, ``working``, ``ready``, ``stale`` or ``failed``.
    text
        Below the film.
    price
        What the real video costs, and how the brush is sent.
    """

    status: str = "none"
    text: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The status line: text and level (``E``, ``W``, ``I`` or empty)."""

    text: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the page shows beside the drawing itself.

    Parameters
    ----------
    said
        Status line.
    preview
        The local preview.
    done
        Number of the last message handled, by page.
    y_origin
        Where the sent y is counted from.
    """

    said: Said = Said()
    preview: Preview = Preview()
    done: Mapping[str, int] = field(default_factory=dict)
    y_origin: str = "bottom"


def page_state(model: PadModel, around: Surroundings) -> dict[str, Any]:
    """Return everything the page shows except pictures.

    Parameters
    ----------
    model
        The drawing.
    around
        What stands beside it.
    """
    view = model.view
    x, y = view.offset
    return {
        "tool": model.tool,
        "size": round(model.radius, 2),
        "sizes": list(model.radius_range),
        "layer": model.layer,
        "point": model.point,
        "stage": [round(side) for side in view.display],
        "size_px": list(model.size),
        "y_origin": around.y_origin,
        "view": {"scale": view.scale, "x": x, "y": y, "zoom": view.zoom},
        "layers": [_layer(model, layer) for layer in (*model.layers, model.still)],
        "frozen": model.state.freeze_rest,
        "undo": model.undo_title,
        "redo": model.redo_title,
        "message": {"text": around.said.text, "level": around.said.level},
        "problems": _problems(model),
        "preview": {
            "status": around.preview.status,
            "text": around.preview.text,
            "price": around.preview.price,
        },
        "done": dict(around.done),
    }


def _problems(model: PadModel) -> list[dict[str, str]]:
    unfinished = {layer.id: layer for layer in model.state.used if len(layer.path) < MIN_POINTS}
    rows = [
        {
            "level": LEVELS[found.problem.severity],
            "text": found.problem.message,
            "fix": found.problem.fix,
            "layer": found.layer,
        }
        for found in model.findings
        if not (found.layer in unfinished and found.problem.id == "L06")
    ]
    if not unfinished:
        return rows
    # Painted a moment ago and not drawn yet where it goes: the next step, not a mistake.
    names = [layer.name for layer in unfinished.values()]
    listed = " and ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])
    verb = "have" if len(names) > 1 else "has"
    first = next(iter(unfinished))
    return [*rows, {"level": "T", "text": f"{listed} {verb} no path yet.", "fix": NEXT_STEP, "layer": first}]


def _layer(model: PadModel, layer: Layer) -> dict[str, Any]:
    width, height = model.size
    share = model.runs(layer.id).count / (width * height)
    about = [f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"] if share else []
    about += [f"{len(layer.path)} point{'s' if len(layer.path) > 1 else ''}"] if layer.path else []
    return {
        "id": layer.id,
        "number": layer.number,
        "name": layer.name,
        "label": layer.label,
        "color": layer.color,
        "kind": layer.kind,
        "visible": layer.visible,
        "ease": layer.ease,
        "points": len(layer.path),
        "path": np.round(np.array(layer.path).reshape(-1, 2), ECHO_DECIMALS).tolist(),
        "about": " · ".join(about) or "empty",
    }


def shown_layers(model: PadModel) -> list[ShownLayer]:
    """Return what the painter shows, lowest first: what stays, the masks, the chosen one on top."""
    chosen = model.layer
    layers = sorted((model.still, *model.layers), key=lambda layer: (layer.slot >= 0, layer.id == chosen))
    return [
        ShownLayer(
            layer.id,
            f"{layer.number} {layer.label}".strip() if layer.kind == "dynamic" else "",
            layer.color,
            model.runs(layer.id),
            np.array(layer.path, dtype=np.float64).reshape(-1, 2),
            still=layer.kind == "static",
            chosen=layer.id == chosen,
            point=model.point if layer.id == chosen else None,
        )
        for layer in layers
        if layer.visible
    ]


def window_of(model: PadModel, unit: float) -> Window:
    """Return the part of the picture that is shown, in canvas pixels."""
    view = model.view
    x, y = view.offset
    width, height = (round(side * unit) for side in view.display)
    return Window(width, height, view.scale * unit, (x * unit, y * unit))
