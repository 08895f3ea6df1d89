"""Everything that can be done to a drawing, one command each: from a state to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from kling_nb.domain.brush import MAX_DYNAMIC_MASKS
from kling_nb.domain.paths import Ease
from kling_nb.domain.shapes import Composite, Operation, Shape
from kling_nb.errors import InputError
from kling_nb.widgets.pad.state import Layer, PadState, Point


class Command(Protocol):
    """One step of the history."""

    @property
    def title(self) -> str:
        """Words for "Undo ...": a noun."""

    def apply(self, state: PadState) -> PadState:
        """Return the state after the command; :class:`InputError` when it cannot be done."""


@dataclass(frozen=True)
class Draw:
    """Add a shape to a mask, or take it away."""

    layer: str
    operation: Operation
    shape: Shape
    title: str = "stroke"

    def apply(self, state: PadState) -> PadState:
        """Return the state with one more stroke."""
        layer = state.layer(self.layer)
        if self.operation == "erase" and not layer.drawn.steps:
            return state
        changed = state.with_layer(layer.painted(self.operation, self.shape))
        # Painting what stays still by hand ends "freeze the rest", or the stroke would have no effect.
        return replace(changed, freeze_rest=False) if layer.kind == "static" else changed


@dataclass(frozen=True)
class ReplaceMask:
    """Put another region in the place of a mask; None empties it."""

    layer: str
    shape: Shape | None
    title: str = "mask"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the mask replaced."""
        layer = state.layer(self.layer)
        drawn = Composite() if self.shape is None else Composite.of(self.shape)
        changed = state.with_layer(replace(layer, drawn=drawn))
        return replace(changed, freeze_rest=False) if layer.kind == "static" else changed


@dataclass(frozen=True)
class SetPath:
    """Give a mask a path; no points take it away."""

    layer: str
    points: tuple[Point, ...]
    title: str = "path"
    ease: Ease | None = None

    def apply(self, state: PadState) -> PadState:
        """Return the state with the path replaced."""
        layer = _moving(state, self.layer)
        return state.with_layer(replace(layer, path=self.points, ease=self.ease or layer.ease))


@dataclass(frozen=True)
class InsertPoint:
    """Put a point into a path; at its length the point is appended."""

    layer: str
    index: int
    point: Point
    title: str = "new point"

    def apply(self, state: PadState) -> PadState:
        """Return the state with one more point."""
        layer = _moving(state, self.layer)
        at = _index(layer, self.index, len(layer.path))
        return state.with_layer(replace(layer, path=(*layer.path[:at], self.point, *layer.path[at:])))


@dataclass(frozen=True)
class MovePoint:
    """Put a point of a path elsewhere."""

    layer: str
    index: int
    point: Point
    title: str = "moved point"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the point moved."""
        layer = _moving(state, self.layer)
        at = _index(layer, self.index, len(layer.path) - 1)
        return state.with_layer(replace(layer, path=(*layer.path[:at], self.point, *layer.path[at + 1 :])))


@dataclass(frozen=True)
class DeletePoint:
    """Take a point out of a path."""

    layer: str
    index: int
    title: str = "deleted point"

    def apply(self, state: PadState) -> PadState:
        """Return the state without the point."""
        layer = _moving(state, self.layer)
        at = _index(layer, self.index, len(layer.path) - 1)
        return state.with_layer(replace(layer, path=(*layer.path[:at], *layer.path[at + 1 :])))


@dataclass(frozen=True)
class SetEase:
    """Say where the motion is meant to be slow."""

    layer: str
    ease: Ease
    title: str = "timing hint"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the hint."""
        return state.with_layer(replace(_moving(state, self.layer), ease=self.ease))


@dataclass(frozen=True)
class AddLayer:
    """Begin another moving mask."""

    label: str = ""
    title: str = "new mask"

    def apply(self, state: PadState) -> PadState:
        """Return the state with one more mask, in the first free colour."""
        if len(state.layers) >= MAX_DYNAMIC_MASKS:
            raise InputError(
                f"There are {len(state.layers)} masks already.",
                f"Kling takes at most {MAX_DYNAMIC_MASKS} moving masks with one path each (L06).",
                "Remove a mask, or paint objects that move alike into one mask.",
            )
        slot = free_slot(state)
        layers = sorted((*state.layers, Layer(slot, self.label)), key=lambda layer: layer.slot)
        return replace(state, layers=tuple(layers))


@dataclass(frozen=True)
class RemoveLayer:
    """Remove a moving mask with its path; what stays still is emptied instead."""

    layer: str
    title: str = "removed mask"

    def apply(self, state: PadState) -> PadState:
        """Return the state without the mask; one empty mask always remains."""
        layer = state.layer(self.layer)
        if layer.kind == "static":
            return replace(state, still=Layer(-1), freeze_rest=False)
        rest = tuple(other for other in state.layers if other is not layer)
        return replace(state, layers=rest or (Layer(0),))


@dataclass(frozen=True)
class Rename:
    """Name the object below a mask."""

    layer: str
    label: str
    title: str = "new name"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the name."""
        return state.with_layer(replace(state.layer(self.layer), label=" ".join(self.label.split())))


@dataclass(frozen=True)
class Show:
    """Show or hide a mask and its path."""

    layer: str
    visible: bool
    title: str = "visibility"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the mask shown or hidden."""
        return state.with_layer(replace(state.layer(self.layer), visible=self.visible))


@dataclass(frozen=True)
class FreezeRest:
    """Keep everything still that does not move, whatever is painted later; or not."""

    on: bool
    title: str = "freeze the rest"

    def apply(self, state: PadState) -> PadState:
        """Return the state with the switch set."""
        return replace(state, freeze_rest=self.on)


@dataclass(frozen=True)
class Replace:
    """Put another drawing in the place of this one: cleared, loaded, restored."""

    state: PadState
    title: str = "drawing"

    def apply(self, state: PadState) -> PadState:  # noqa: ARG002 - the earlier drawing is in the history
        """Return the other drawing."""
        return self.state


def free_slot(state: PadState) -> int:
    """Return the first colour that no mask has."""
    taken = {layer.slot for layer in state.layers}
    return next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _moving(state: PadState, key: str) -> Layer:
    layer = state.layer(key)
    if layer.kind == "static":
        raise InputError(
            "What stays still has no path.",
            "The static mask is chosen.",
            "Choose one of the moving masks first.",
        )
    return layer


def _index(layer: Layer, index: int, last: int) -> int:
    if not 0 <= index <= last:
        raise InputError(
            f"There is no point {index + 1} on the path of {layer.name}.",
            f"It has {len(layer.path)} point(s).",
            "Click on the path to add points.",
        )
    return index
