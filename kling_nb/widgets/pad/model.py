"""The motion pad without any widget: tools, masks, paths, view, history. A view of it is drawn elsewhere.

>>> pad = PadModel(size=(640, 360))
>>> pad.stroke("brush", [(100, 100), (160, 110)], radius=30)
True
>>> pad.stroke("path_freehand", [(130, 105), (300, 90), (500, 120)])
True
>>> pad.brush
<MotionBrush 640 × 360 · region 1: 6,471 px along 3 points>
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Size
from kling_nb.domain.problems import Problem
from kling_nb.errors import InputError, RequestRefused
from kling_nb.session.brushes import MotionBrush
from kling_nb.widgets.pad import checks
from kling_nb.widgets.pad.checks import Finding
from kling_nb.widgets.pad.core import Change, Snap
from kling_nb.widgets.pad.gestures import HIT_REACH, TOOLS, Hit, Stroke, Tool, command_of, hit
from kling_nb.widgets.pad.maskedits import MaskEdits
from kling_nb.widgets.pad.padfiles import PadFiles
from kling_nb.widgets.pad.pathedits import PathEdits
from kling_nb.widgets.pad.state import Layer, PadState, Point
from kling_nb.widgets.pad.view import Readout, ViewTransform

__all__ = ["Change", "Finding", "Hit", "Layer", "PadModel", "PadState", "Readout", "Tool", "ViewTransform"]


class PadModel(MaskEdits, PathEdits, PadFiles):
    """A drawing of masks and paths on one picture.

    Every change of the drawing is a command that undo takes back. What cannot be done raises
    :class:`InputError` and changes nothing. Points are picture pixels, origin top-left, middles of pixels at
    whole numbers; :attr:`view` converts from and to the display.

    Parameters
    ----------
    image
        The picture, in any form ``MotionBrush`` takes.
    size
        (width, height) of the picture instead.
    display
        (width, height) of the display in its own pixels.
    snap
        What :meth:`snap` calls.
    """

    def __init__(
        self,
        image: Any = None,
        *,
        size: Size | None = None,
        display: tuple[float, float] = (800.0, 600.0),
        snap: Snap | None = None,
    ) -> None:
        super().__init__(image, size=size, display=display, snap=snap)
        self._found: tuple[PadState, tuple[Finding, ...]] | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the linter says about the drawing (L06 to L14), errors first; worked out once a change."""
        state = self.state
        if self._found is None or self._found[0] is not state:
            self._found = (state, checks.findings(state, self.size))
        return self._found[1]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The findings without their layers."""
        return tuple(finding.problem for finding in self.findings)

    @property
    def brush(self) -> MotionBrush:
        """The drawing as it would be sent; masks without anything drawn are left out.

        Raises
        ------
        RequestRefused
            It cannot be sent: a mask without a path, a path of one point. The drawing stays as it is.
        """
        broken = [problem for problem in self.problems if problem.blocks]
        if broken:
            raise RequestRefused(broken)
        state = self.state
        return replace(
            self._blank,
            dynamic_masks=checks.groups(state, self.size),
            static_mask=checks.static_mask(state, self.size),
        )

    def to_python(self) -> str:
        """Return the code that rebuilds the brush byte for byte ("show code")."""
        return self.brush.to_python()

    def stroke(
        self,
        tool: str,
        points: npt.ArrayLike,
        *,
        layer: str | None = None,
        radius: float | None = None,
        pressures: npt.ArrayLike | None = None,
        take_away: bool = False,
        moved: bool | None = None,
        picked: Hit | None = None,
        scale: float | None = None,
    ) -> bool:
        """Do what a stroke of the pointer means.

        Parameters
        ----------
        tool
            The tool it was drawn with.
        points
            (N, 2) picture pixels from press to release.
        layer, radius
            What was in the hand; None takes what is now.
        pressures
            (N,) shares of the radius, for a pen.
        take_away
            Erase a rectangle, ellipse or lasso instead of adding it.
        moved
            Whether it is more than a click; None judges by the distance.
        picked
            What the point tool pressed on; None looks for it.
        scale
            Display pixels per picture pixel when it was drawn; None takes what is now.

        Returns
        -------
        bool
            Whether the drawing changed.
        """
        if tool not in TOOLS:
            raise InputError(f"There is no tool {tool!r}.", f"There are: {', '.join(TOOLS)}.", "Choose one.")
        line = np.array(points, dtype=np.float64).reshape(-1, 2)
        if not len(line) or not np.all(np.isfinite(line)):
            raise InputError(
                "A stroke without usable points.", "It is empty or not finite.", "Draw it again."
            )
        with self._lock:
            key = self.layer if layer is None else layer
            target = self.state.layer(key)
            reach = 1 / (scale or self._view.scale)
            far = bool(np.hypot(*(line - line[0]).T).max() > 4 * reach)
            if picked is None:
                picked = (
                    hit(tuple(line[0].tolist()), target, HIT_REACH * reach) if tool == "edit" else Hit("none")
                )
            stroke = Stroke(
                TOOLS[TOOLS.index(tool)],
                key,
                line,
                self.radius if radius is None else radius,
                None if pressures is None else np.array(pressures, dtype=np.float64),
                take_away,
                far if moved is None else moved,
                picked,
            )
            command = command_of(stroke, target)
            done = command is not None and self.do(command)
            if stroke.tool == "edit":
                self._pick(stroke, target)
            elif stroke.tool == "path_click":
                self._choose(replace(self._choice, layer=key, point=len(target.path)))
            return done

    def _pick(self, stroke: Stroke, target: Layer) -> None:
        if stroke.picked.kind in ("point", "segment"):
            self._choose(replace(self._choice, layer=target.id, point=stroke.picked.index))
            return
        x, y = stroke.points[0].tolist()
        found = self.hit((x, y), reach=0)
        if not stroke.moved and found.kind == "mask":
            self._choose(replace(self._choice, layer=found.layer, point=None))

    def hit(self, point: Point, *, reach: float = HIT_REACH) -> Hit:
        """Return what lies below a picture position: the chosen path, else the topmost mask.

        Parameters
        ----------
        point
            Picture pixels.
        reach
            Display pixels a point or line may be away.
        """
        chosen = self.state.layer(self.layer)
        found = hit(point, chosen, reach / self._view.scale)
        if found.kind != "none":
            return found
        column, row = int(np.floor(point[0] + 0.5)), int(np.floor(point[1] + 0.5))
        for layer in (chosen, *reversed(self.layers)):
            if layer.visible and layer.runs(self.size).contains(column, row):
                return Hit("mask", layer=layer.id)
        return found
