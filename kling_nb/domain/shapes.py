"""Regions to draw a mask with: polygons, ellipses, rectangles, strokes, bitmaps, and what joins them.

Coordinates are float pixels from the top-left corner, y downward; whole numbers are the middles of pixels.

>>> boat = polygon([(10, 10), (60, 10), (35, 40)]) - circle((35, 20), 5)
>>> boat.runs((64, 48)).count
694
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt

from kling_nb.domain import scanlines
from kling_nb.domain.bitpacking import pack, unpack, wrapped
from kling_nb.domain.coordinates import Size
from kling_nb.domain.runs import Bits, Runs
from kling_nb.errors import InputError

__all__ = [
    "Bitmap",
    "Composite",
    "Ellipse",
    "Polygon",
    "Shape",
    "Stroke",
    "bitmap",
    "circle",
    "compose",
    "ellipse",
    "everything",
    "packed",
    "polygon",
    "rectangle",
    "shape_from_json",
    "stroke",
]

Point = tuple[float, float]
Operation = Literal["add", "erase", "keep"]
"""How a step of a :class:`Composite` changes what was there: union, difference, intersection."""


class Shape:
    """A region that can be drawn into a picture of any size. Immutable.

    Join shapes with ``|``, ``-``, ``&`` and ``~``.
    """

    kind: ClassVar[str]

    def runs(self, size: Size) -> Runs:
        """Return the selected pixels of a picture of ``size`` (width, height)."""
        raise NotImplementedError

    def bits(self, size: Size) -> Bits:
        """Return the selected pixels as a boolean array of shape (H, W)."""
        return self.runs(size).bits()

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Shape:
        """Return the region of the points ``scale * p + shift``; bitmaps cannot be (:class:`InputError`)."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the shape as plain values; :func:`shape_from_json` reads them."""
        raise NotImplementedError

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the expression that builds an equal shape."""
        raise NotImplementedError

    def __or__(self, other: Shape) -> Composite:
        return Composite.of(self).then("add", other)

    def __sub__(self, other: Shape) -> Composite:
        return Composite.of(self).then("erase", other)

    def __and__(self, other: Shape) -> Composite:
        return Composite.of(self).then("keep", other)

    def __invert__(self) -> Composite:
        return Composite.of(everything()).then("erase", self)


@dataclass(frozen=True)
class Polygon(Shape):
    """A filled outline (non-zero rule)."""

    points: tuple[Point, ...]
    kind: ClassVar[str] = "polygon"

    def runs(self, size: Size) -> Runs:
        """Fill the outline; left and upper borders belong to it."""
        return scanlines.polygon_runs(np.array(self.points), size)

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Polygon:
        """Scale, then shift."""
        return Polygon(_moved(self.points, scale, shift))

    def to_json(self) -> dict[str, Any]:
        """Return kind and corners."""
        return {"kind": self.kind, "points": [list(point) for point in self.points]}

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the call of :func:`polygon`."""
        return f"{module}.polygon({_points_code(self.points)})"


@dataclass(frozen=True)
class Ellipse(Shape):
    """A filled ellipse; ``angle`` in degrees, clockwise on the picture."""

    center: Point
    radii: Point
    angle: float = 0.0
    kind: ClassVar[str] = "ellipse"

    def runs(self, size: Size) -> Runs:
        """Fill the ellipse, border included."""
        return scanlines.ellipse_runs(self.center, self.radii, self.angle, size)

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Ellipse:
        """Scale, then shift."""
        return Ellipse(
            _moved([self.center], scale, shift)[0],
            (self.radii[0] * scale, self.radii[1] * scale),
            self.angle,
        )

    def to_json(self) -> dict[str, Any]:
        """Return kind, centre, radii, angle."""
        return {
            "kind": self.kind,
            "center": list(self.center),
            "radii": list(self.radii),
            "angle": self.angle,
        }

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the call of :func:`ellipse` or :func:`circle`."""
        if self.radii[0] == self.radii[1] and not self.angle:
            return f"{module}.circle({_point_code(self.center)}, {_number(self.radii[0])})"
        turned = f", angle={_number(self.angle)}" if self.angle else ""
        return f"{module}.ellipse({_point_code(self.center)}, {_point_code(self.radii)}{turned})"


@dataclass(frozen=True)
class Stroke(Shape):
    """A line with round ends and a radius: one, or one a point (a pen's pressure)."""

    points: tuple[Point, ...]
    radius: float | tuple[float, ...]
    kind: ClassVar[str] = "stroke"

    def runs(self, size: Size) -> Runs:
        """Fill discs along the points and what lies between neighbours."""
        radii = np.broadcast_to(np.array(self.radius, dtype=np.float64), len(self.points))
        return scanlines.stroke_runs(np.array(self.points), radii, size)

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Stroke:
        """Scale, then shift; the radius is scaled too."""
        one = isinstance(self.radius, float)
        radius: Any = self.radius * scale if one else tuple(r * scale for r in self.radius)  # type: ignore[union-attr,operator]  # told apart by `one`
        return Stroke(_moved(self.points, scale, shift), radius)

    def to_json(self) -> dict[str, Any]:
        """Return kind, points, radius."""
        radius = list(self.radius) if isinstance(self.radius, tuple) else self.radius
        return {"kind": self.kind, "points": [list(point) for point in self.points], "radius": radius}

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the call of :func:`stroke`."""
        many = isinstance(self.radius, tuple)
        radius = _list_code(self.radius) if many else _number(self.radius)  # type: ignore[arg-type]  # told apart
        return f"{module}.stroke({_points_code(self.points)}, {radius})"


@dataclass(frozen=True)
class Bitmap(Shape):
    """Pixels of one picture size, for what has no outline: an imported mask, a snapped edge."""

    region: Runs
    kind: ClassVar[str] = "bitmap"

    def runs(self, size: Size) -> Runs:
        """Return the pixels; another size takes the nearest ones."""
        if size == self.region.size:
            return self.region
        width, height = self.region.size
        rows = (np.arange(size[1]) * 2 + 1) * height // (2 * size[1])
        columns = (np.arange(size[0]) * 2 + 1) * width // (2 * size[0])
        return Runs.from_bits(self.region.bits()[np.ix_(rows, columns)])

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Shape:
        """Refuse: pixels cannot be moved without a size."""
        if scale == 1.0 and shift == (0.0, 0.0):
            return self
        raise InputError(
            "A bitmap cannot be scaled as a shape.",
            "It has pixels, not an outline.",
            "Scale the mask of the brush instead: brush.refit(image).",
        )

    def to_json(self) -> dict[str, Any]:
        """Return kind, size and packed pixels."""
        return {"kind": self.kind, "size": list(self.region.size), "data": pack(self.region)}

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the call of :func:`packed`."""
        width, height = self.region.size
        return f"{module}.packed({width}, {height}, {wrapped(pack(self.region))})"


@dataclass(frozen=True)
class _Everything(Shape):
    kind: ClassVar[str] = "everything"

    def runs(self, size: Size) -> Runs:
        return Runs.full(size)

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Shape:  # noqa: ARG002 - nothing to move
        return self

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def to_python(self, module: str = "kn.shapes") -> str:
        return f"{module}.everything()"


@dataclass(frozen=True)
class Composite(Shape):
    """Shapes applied one after the other, as strokes of brush and eraser are.

    Parameters
    ----------
    steps
        Operation and shape each, from the first to the last; the first starts from nothing.
    """

    steps: tuple[tuple[Operation, Shape], ...] = ()
    kind: ClassVar[str] = "composite"

    @classmethod
    def of(cls, shape: Shape) -> Composite:
        """Return the shape as a composite; one is returned as it is."""
        return shape if isinstance(shape, Composite) else cls((("add", shape),))

    def then(self, operation: Operation, shape: Shape) -> Composite:
        """Return the region with one more step; what was drawn before is not drawn again.

        Parameters
        ----------
        operation
            ``"add"``, ``"erase"`` or ``"keep"`` (only what lies in both).
        shape
            What to add, erase or keep.
        """
        longer = Composite((*self.steps, (operation, shape)))
        object.__setattr__(longer, "_before", self)
        return longer

    def runs(self, size: Size) -> Runs:
        """Apply the steps; the result is kept, and :meth:`then` goes on from it."""
        known: Runs | None = self.__dict__.get("_runs")
        if known is None or known.size != size:
            done, steps = self._start(size)
            for operation, shape in steps:
                done = _apply(done, operation, shape.runs(size))
            known = done
            object.__setattr__(self, "_runs", known)
            self._forget_old()
        return known

    def _start(self, size: Size) -> tuple[Runs, Sequence[tuple[Operation, Shape]]]:
        for earlier in self._earlier():
            found = earlier.__dict__.get("_runs")
            if found is not None and found.size == size:
                return found, self.steps[len(earlier.steps) :]
        return Runs.empty(size), self.steps

    def _earlier(self) -> Iterator[Composite]:
        earlier = self.__dict__.get("_before")
        while earlier is not None:
            yield earlier
            earlier = earlier.__dict__.get("_before")

    def _forget_old(self) -> None:
        # The newest results make undo immediate; of the older ones some are enough, to start from.
        old = next(islice(self._earlier(), KEPT, None), None)
        if old is not None:
            old.__dict__.pop("_runs" if len(old.steps) % KEPT else "_before", None)

    def __getstate__(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def transformed(self, scale: float, shift: Point = (0.0, 0.0)) -> Composite:
        """Scale, then shift every step."""
        return Composite(
            tuple((operation, shape.transformed(scale, shift)) for operation, shape in self.steps)
        )

    def to_json(self) -> dict[str, Any]:
        """Return kind and steps."""
        steps = [[operation, shape.to_json()] for operation, shape in self.steps]
        return {"kind": self.kind, "steps": steps}

    def to_python(self, module: str = "kn.shapes") -> str:
        """Return the call of :func:`compose`; of a single added shape, that shape."""
        if len(self.steps) == 1 and self.steps[0][0] == "add":
            return self.steps[0][1].to_python(module)
        lines = []
        for operation, shape in self.steps:
            code = shape.to_python(module).replace("\n", "\n    ")
            lines.append(f"\n    {code}," if operation == "add" else f'\n    ("{operation}", {code}),')
        return f"{module}.compose({''.join(lines)}\n)" if lines else f"{module}.compose()"


KEPT: Final = 32
"""Results that a composite of many strokes keeps; before those, every one in so many."""

OPERATIONS: Final[tuple[Operation, ...]] = ("add", "erase", "keep")


def _apply(runs: Runs, operation: Operation, other: Runs) -> Runs:
    if operation == "add":
        return runs | other
    return runs - other if operation == "erase" else runs & other


def polygon(points: Iterable[Sequence[float]]) -> Polygon:
    """Return a filled outline.

    Parameters
    ----------
    points
        Three or more corners (x, y) in pixels.
    """
    corners = _points(points)
    if len(corners) < 3:
        raise _refused(f"a polygon needs 3 corners, {len(corners)} given", "add corners, or use a stroke")
    return Polygon(corners)


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    """Return a rectangle; with whole numbers it selects what ``array[top:bottom, left:right]`` does."""
    return polygon([(left, top), (right, top), (right, bottom), (left, bottom)])


def ellipse(center: Sequence[float], radii: Sequence[float], angle: float = 0.0) -> Ellipse:
    """Return a filled ellipse.

    Parameters
    ----------
    center
        (x, y) in pixels.
    radii
        Two half axes in pixels, above 0.
    angle
        Degrees the first axis is turned clockwise.
    """
    (middle,), (size,) = _points([center]), _points([radii])
    if min(size) <= 0 or not math.isfinite(angle):
        raise _refused(f"an ellipse with radii {size} and angle {angle} has no inside", "give radii above 0")
    return Ellipse(middle, size, float(angle))


def circle(center: Sequence[float], radius: float) -> Ellipse:
    """Return a filled circle; centre and radius in pixels."""
    return ellipse(center, (radius, radius))


def stroke(points: Iterable[Sequence[float]], radius: float | Sequence[float]) -> Stroke:
    """Return what a round brush paints along a line.

    Parameters
    ----------
    points
        One or more (x, y) in pixels.
    radius
        Half the width of the brush in pixels, above 0; a list has one a point.
    """
    line = _points(points)
    radii = np.array(radius, dtype=np.float64)
    if not line:
        raise _refused("a stroke without points", "give at least one point")
    if radii.ndim > 1 or (radii.ndim and len(radii) != len(line)):
        raise _refused(f"{radii.size} radii for {len(line)} points", "give one radius, or one a point")
    if not (np.all(np.isfinite(radii)) and np.all(radii > 0)):
        raise _refused("a stroke needs a radius above 0", "give it in pixels")
    return Stroke(line, tuple(map(float, radii)) if radii.ndim else float(radii))


def bitmap(bits: npt.ArrayLike) -> Bitmap:
    """Return the region of a boolean array of shape (H, W)."""
    array = np.asarray(bits)
    if array.ndim != 2 or array.dtype != np.bool_ or not array.size:
        raise _refused(
            f"an array of shape {array.shape} and type {array.dtype} is no bitmap", "give (H, W) booleans"
        )
    return Bitmap(Runs.from_bits(array))


def packed(width: int, height: int, data: str) -> Bitmap:
    """Return the region that ``to_python()`` wrote down as text.

    Parameters
    ----------
    width, height
        Pixels.
    data
        Base64 text of the packed pixels.
    """
    return Bitmap(unpack((width, height), data))


def compose(*steps: Shape | tuple[Operation, Shape]) -> Composite:
    """Return shapes applied one after the other.

    Parameters
    ----------
    steps
        A shape to add, or ``("erase", shape)``, or ``("keep", shape)`` for what lies in both.
    """
    pairs = [step if isinstance(step, tuple) else ("add", step) for step in steps]
    return Composite(tuple((_operation(name), shape) for name, shape in pairs))


def everything() -> Shape:
    """Return the region that selects the whole picture, whatever its size."""
    return _Everything()


def shape_from_json(data: Mapping[str, Any]) -> Shape:
    """Rebuild a shape from :meth:`Shape.to_json`.

    Raises
    ------
    InputError
        The values do not describe a shape.
    """
    try:
        shape: Shape = _READERS[data["kind"]](data)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise _refused("a drawn shape cannot be read", "save the drawing again") from error
    return shape


_READERS: Final[dict[str, Any]] = {
    "polygon": lambda data: polygon(data["points"]),
    "ellipse": lambda data: ellipse(data["center"], data["radii"], data["angle"]),
    "stroke": lambda data: stroke(data["points"], data["radius"]),
    "bitmap": lambda data: packed(int(data["size"][0]), int(data["size"][1]), data["data"]),
    "everything": lambda _data: everything(),
    "composite": lambda data: Composite(
        tuple((_operation(name), shape_from_json(shape)) for name, shape in data["steps"])
    ),
}


def _operation(name: str) -> Operation:
    return OPERATIONS[OPERATIONS.index(name)]  # an unknown word is a ValueError


def _points(points: Iterable[Sequence[float]]) -> tuple[Point, ...]:
    try:
        found = tuple((float(x), float(y)) for x, y in points)
    except (TypeError, ValueError) as error:
        raise _refused("points of a shape are (x, y) pairs", "write [(10, 20), (30, 40)]") from error
    if not all(math.isfinite(value) for point in found for value in point):
        raise _refused("a shape has NaN or infinite coordinates", "remove those points")
    return found


def _moved(points: Iterable[Point], scale: float, shift: Point) -> tuple[Point, ...]:
    return tuple((x * scale + shift[0], y * scale + shift[1]) for x, y in points)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _point_code(point: Point) -> str:
    return f"({_number(point[0])}, {_number(point[1])})"


def _points_code(points: Iterable[Point]) -> str:
    return "[" + ", ".join(map(_point_code, points)) + "]"


def _list_code(values: Iterable[float]) -> str:
    return "[" + ", ".join(map(_number, values)) + "]"


def _refused(why: str, advice: str) -> InputError:
    return InputError("This shape cannot be drawn.", why[:1].upper() + why[1:] + ".", advice)
