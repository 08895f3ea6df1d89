"""What is drawn on a motion pad, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from kling_nb.domain.brush import MAX_DYNAMIC_MASKS
from kling_nb.domain.coordinates import Size
from kling_nb.domain.palette import COLORS
from kling_nb.domain.paths import EASES, Ease
from kling_nb.domain.runs import Runs
from kling_nb.domain.shapes import Composite, Operation, Shape, shape_from_json
from kling_nb.errors import InputError

Point = tuple[float, float]
Kind = Literal["dynamic", "static"]

STATIC_ID: Final = "static"
STATIC_COLOR: Final = ("still", "#9aa3ad")
SURPLUS_COLOR: Final = ("surplus", "#5f6670")
"""Colour of masks beyond the sixth, which a loaded drawing may have."""


@dataclass(frozen=True)
class Layer:
    """One mask with its path.

    Parameters
    ----------
    slot
        Place among the colours, 0 to 5; -1 is the region that stays still.
    label
        The user's name of the object; empty when not named.
    drawn
        What was painted and erased, in order.
    path
        Points of the path in picture pixels.
    ease
        Where the motion is meant to be slow: a hint.
    visible
        Whether it is shown; hidden masks are sent all the same.
    """

    slot: int
    label: str = ""
    drawn: Composite = field(default_factory=Composite)
    path: tuple[Point, ...] = ()
    ease: Ease = "none"
    visible: bool = True

    @property
    def id(self) -> str:
        """Name of the layer in commands."""
        return STATIC_ID if self.slot < 0 else f"mask-{self.slot + 1}"

    @property
    def kind(self) -> Kind:
        """Whether it moves or stays still."""
        return "static" if self.slot < 0 else "dynamic"

    @property
    def number(self) -> int:
        """Number people see: 1 to 6, 7 for the region that stays still."""
        return MAX_DYNAMIC_MASKS + 1 if self.slot < 0 else self.slot + 1

    @property
    def color(self) -> str:
        """``#rrggbb``."""
        return self._color[1]

    @property
    def name(self) -> str:
        """The user's name, or that of the colour."""
        return self.label or self._color[0]

    @property
    def _color(self) -> tuple[str, str]:
        if self.slot < 0:
            return STATIC_COLOR
        return COLORS[self.slot] if self.slot < len(COLORS) else SURPLUS_COLOR

    @property
    def is_blank(self) -> bool:
        """Whether nothing was drawn on it: it is then not sent."""
        return not self.drawn.steps and not self.path

    def runs(self, size: Size) -> Runs:
        """Return the selected pixels; drawn once and kept."""
        return self.drawn.runs(size)

    def painted(self, operation: Operation, shape: Shape) -> Layer:
        """Return the layer with one more stroke."""
        return replace(self, drawn=self.drawn.then(operation, shape))

    def to_json(self) -> dict[str, Any]:
        """Return the layer as plain values."""
        return {
            "slot": self.slot,
            "label": self.label,
            "drawn": self.drawn.to_json(),
            "path": [list(point) for point in self.path],
            "ease": self.ease,
            "visible": self.visible,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Layer:
        """Rebuild a layer from :meth:`to_json`."""
        return cls(
            int(row["slot"]),
            str(row["label"]),
            Composite.of(shape_from_json(row["drawn"])),
            tuple((float(x), float(y)) for x, y in row["path"]),
            EASES[EASES.index(row["ease"])],
            bool(row["visible"]),
        )


@dataclass(frozen=True)
class PadState:
    """The whole drawing: what undo brings back.

    Parameters
    ----------
    layers
        Moving masks, in the order they are sent.
    still
        The region that stays still.
    freeze_rest
        Whether everything stays still that nothing moves over; ``still`` then waits unused.
    """

    layers: tuple[Layer, ...] = (Layer(0),)
    still: Layer = Layer(-1)
    freeze_rest: bool = False

    @property
    def used(self) -> tuple[Layer, ...]:
        """Moving masks that something was drawn on."""
        return tuple(layer for layer in self.layers if not layer.is_blank)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing worth keeping."""
        named = any(layer.label for layer in self.layers)
        return not self.used and self.still.is_blank and not self.freeze_rest and not named

    def layer(self, key: str) -> Layer:
        """Return a layer by its id.

        Raises
        ------
        InputError
            There is none.
        """
        for layer in (*self.layers, self.still):
            if layer.id == key:
                return layer
        known = ", ".join(layer.id for layer in (*self.layers, self.still))
        raise InputError(
            f"There is no mask {key!r}.", f"There are: {known}.", "Add a mask, or undo its removal."
        )

    def with_layer(self, changed: Layer) -> PadState:
        """Return the state with one layer replaced."""
        if changed.slot < 0:
            return replace(self, still=changed)
        layers = tuple(changed if layer.slot == changed.slot else layer for layer in self.layers)
        return replace(self, layers=layers)

    def to_json(self) -> dict[str, Any]:
        """Return the drawing as plain values."""
        return {
            "layers": [layer.to_json() for layer in self.layers],
            "still": self.still.to_json(),
            "freeze_rest": self.freeze_rest,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> PadState:
        """Rebuild a drawing from :meth:`to_json`.

        Raises
        ------
        ValueError, KeyError, TypeError
            Not a drawing.
        """
        layers = tuple(Layer.from_json(layer) for layer in row["layers"])
        slots = [layer.slot for layer in layers]
        if not layers or min(slots) < 0 or len(set(slots)) != len(slots):
            raise ValueError("layers")
        still = replace(Layer.from_json(row["still"]), slot=-1, path=())
        return cls(layers, still, bool(row["freeze_rest"]))
