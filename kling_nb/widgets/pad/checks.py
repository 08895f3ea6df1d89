"""From a drawing to a motion brush, and what the linter says about it while it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kling_nb.domain.brush import DynamicMask, Mask, still_around, ways_of
from kling_nb.domain.coordinates import Size
from kling_nb.domain.lint import brush as rules
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest
from kling_nb.domain.shapes import Bitmap, Composite
from kling_nb.domain.trajectory import Trajectory
from kling_nb.errors import RequestRefused
from kling_nb.widgets.pad.state import STATIC_ID, Layer, PadState

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True)
class Finding:
    """A problem and the layer it is about; empty for the drawing as a whole."""

    problem: Problem
    layer: str = ""


def groups(state: PadState, size: Size) -> tuple[DynamicMask, ...]:
    """Return the moving masks as they would be sent; a path of too few points is kept as it is."""
    return tuple(
        DynamicMask(Mask.drawn(layer.drawn, size, layer.label), trajectory(layer, size), layer.label)
        for layer in state.used
    )


def static_mask(state: PadState, size: Size) -> Mask | None:
    """Return what stays still; None when nothing was said about it."""
    if state.freeze_rest:
        if not any(layer.drawn.steps for layer in state.used):
            return None
        return Mask.drawn(still_around(ways_of(groups(state, size))), size)
    return Mask.drawn(state.still.drawn, size, state.still.label) if state.still.drawn.steps else None


def trajectory(layer: Layer, size: Size) -> Trajectory:
    """Return a layer's path cleaned as it would be sent, or as drawn when it is too short to be sent."""
    try:
        return Trajectory.from_points(layer.path, size=size, ease=layer.ease)
    except RequestRefused:
        return Trajectory(np.array(layer.path, dtype=np.float64).reshape(-1, 2), size)


def findings(state: PadState, size: Size) -> tuple[Finding, ...]:
    """Return what rules L06 to L14 say about the drawing, errors first.

    Parameters
    ----------
    state
        The drawing.
    size
        (width, height) of the picture as sent.
    """
    named = tuple(
        DynamicMask(group.mask, group.trajectory, layer.name)
        for group, layer in zip(groups(state, size), state.used, strict=True)
    )
    request = VideoRequest(model_name="kling-v1", dynamic_masks=named, static_mask=static_mask(state, size))
    found = sorted(rules.findings(request), key=lambda problem: _ORDER.index(problem.severity))
    return tuple(Finding(problem, _layer_of(problem, state.used)) for problem in found)


def _layer_of(problem: Problem, used: Sequence[Layer]) -> str:
    if problem.field == "static_mask":
        return STATIC_ID
    head, _, rest = problem.field.partition("[")
    return used[int(rest.partition("]")[0])].id if head == "dynamic_masks" and rest else ""


def region_of(mask: Mask) -> Composite:
    """Return a finished mask as something to go on painting on."""
    if mask.shape is not None:
        return Composite.of(mask.shape)
    assert mask.runs is not None
    return Composite.of(Bitmap(mask.runs))
