"""Finished brushes and kept drawings on a pad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kling_nb.domain.brush import Fit
from kling_nb.domain.brush import MotionBrush as PlainBrush
from kling_nb.errors import InputError
from kling_nb.widgets.pad import checks
from kling_nb.widgets.pad import commands as do
from kling_nb.widgets.pad.core import PadCore
from kling_nb.widgets.pad.gestures import tidy
from kling_nb.widgets.pad.state import Layer, PadState

FORMAT: Final = "kling_nb motion pad"
VERSION: Final = 1


class PadFiles(PadCore):
    """Drawings from brushes and from files."""

    def load_brush(self, brush: PlainBrush, *, fit: Fit | None = None) -> bool:
        """Put a finished brush in the place of the drawing; undo brings the drawing back.

        Parameters
        ----------
        brush
            Of any number of masks; more than six are shown and named by the linter.
        fit
            What to do when it was drawn on a picture of another ratio; see ``MotionBrush.refit``.

        Raises
        ------
        InputError
            The ratio differs, or a mask is only an address. The drawing stays as it is.
        """
        plain = PlainBrush(brush.size, brush.dynamic_masks, brush.static_mask).resized(self.size, fit)
        masks = [group.mask for group in plain.dynamic_masks] + [plain.static_mask]
        if any(mask is not None and mask.url is not None for mask in masks):
            raise InputError(
                "A mask at an address cannot be drawn on.",
                "It would have to be downloaded first.",
                "Download it, and load the picture of the mask.",
            )
        layers = tuple(
            Layer(slot, group.label, checks.region_of(group.mask), tidy(group.trajectory.pixels))
            for slot, group in enumerate(plain.dynamic_masks)
        )
        still = Layer(-1)
        if plain.static_mask is not None:
            still = Layer(-1, plain.static_mask.label, checks.region_of(plain.static_mask))
        return self.do(do.Replace(PadState(layers or (Layer(0),), still), "loaded brush"))

    def to_json(self) -> dict[str, Any]:
        """Return the drawing as plain values for a file; the history is not part of it."""
        picture = None if self.image is None else self.image.sha256
        head = {"format": FORMAT, "version": VERSION, "size": list(self.size), "picture": picture}
        return head | self.state.to_json()

    def restore(self, data: Mapping[str, Any], *, forget: bool = False) -> None:
        """Put a drawing from :meth:`to_json` in the place of this one.

        Parameters
        ----------
        data
            The values.
        forget
            Begin the history with it; otherwise undo brings the earlier drawing back.

        Raises
        ------
        InputError
            No drawing, damaged, or of a picture of another size. The drawing stays as it is.
        """
        state = self._read(data)
        if forget:
            self._step(lambda: self._history.restart(state))
        else:
            self.do(do.Replace(state, "loaded drawing"))

    def _read(self, data: Mapping[str, Any]) -> PadState:
        advice = "Save it again, or take an older copy."
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise InputError("This is no drawing of a motion pad.", "Its format is another one.", advice)
        if data.get("version") != VERSION:
            why = f"It has version {data.get('version')!r}; this kling_nb reads {VERSION}."
            raise InputError("This drawing cannot be read.", why, "Update kling_nb.")
        if data.get("size") != list(self.size):
            raise InputError(
                "This drawing was made on another picture.",
                f"That one has size {data.get('size')}, this one {list(self.size)}.",
                "Open it with its own picture, then pad.load_brush(other.brush) with fit=.",
            )
        try:
            state = PadState.from_json(data)
            # Drawing everything once shows whether it can be drawn at all.
            for layer in (*state.layers, state.still):
                layer.runs(self.size)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise InputError(
                "This drawing is damaged.", f"{type(error).__name__}: {error}", advice
            ) from error
        return state
