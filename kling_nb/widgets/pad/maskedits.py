"""What can be done to the masks of a pad."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kling_nb.domain.runs import Bits, Runs
from kling_nb.domain.shapes import Bitmap, Shape
from kling_nb.errors import InputError
from kling_nb.widgets.pad import commands as do
from kling_nb.widgets.pad.core import PadCore
from kling_nb.widgets.pad.state import Layer, PadState


class MaskEdits(PadCore):
    """Layers and what is painted on them. ``layer`` is an id; None is the chosen layer."""

    def paint(
        self, shape: Shape, *, layer: str | None = None, erase: bool = False, title: str = "shape"
    ) -> bool:
        """Add a shape to a mask, or take it away."""
        return self.do(do.Draw(layer or self.layer, "erase" if erase else "add", shape, title))

    def replace_mask(
        self, mask: Shape | npt.ArrayLike, *, layer: str | None = None, title: str = "mask"
    ) -> bool:
        """Put another region in the place of a mask: a shape, or (H, W) booleans of the picture's size."""
        shape = mask if isinstance(mask, Shape) else Bitmap(Runs.from_bits(self._bits(mask)))
        return self.do(do.ReplaceMask(layer or self.layer, shape, title))

    def snap(self, layer: str | None = None) -> bool:
        """Bring a mask to the edges of the picture, by the function given for that."""
        key = layer or self.layer
        rough = self.runs(key)
        if self._snap is None or rough.is_empty:
            what = "There is nothing to snap." if rough.is_empty else "This pad cannot snap to edges."
            raise InputError(
                what, "The mask is empty." if rough.is_empty else "No picture is at hand.", "Paint first."
            )
        found = self._snap(rough.bits())
        bits: npt.ArrayLike = getattr(found, "bits", found)  # type: ignore[assignment]  # from outside
        return self.replace_mask(bits, layer=key, title="snap to edges")

    def invert(self, layer: str | None = None) -> bool:
        """Select what is not selected."""
        key = layer or self.layer
        return self.do(do.ReplaceMask(key, ~self.state.layer(key).drawn, "inverted mask"))

    def clear_mask(self, layer: str | None = None) -> bool:
        """Empty a mask; its path stays."""
        return self.do(do.ReplaceMask(layer or self.layer, None, "emptied mask"))

    def freeze_rest(self, on: bool | None = None) -> bool:
        """Keep everything still that does not move; None turns it over."""
        return self.do(do.FreezeRest(not self.state.freeze_rest if on is None else on))

    def _bits(self, value: npt.ArrayLike) -> Bits:
        bits = np.asarray(value)
        width, height = self.size
        if bits.dtype != np.bool_ or bits.shape != (height, width):
            raise InputError(
                f"An array of shape {bits.shape} and type {bits.dtype} is no mask of this picture.",
                f"The picture is {width}x{height}.",
                f"Give ({height}, {width}) booleans, or load it as a brush.",
            )
        return bits

    def add_layer(self, label: str = "") -> str:
        """Begin another moving mask and choose it; return its id. A seventh is refused."""
        slot = do.free_slot(self.state)
        self.do(do.AddLayer(label))
        self.choose(layer=Layer(slot).id)
        return self.layer

    def remove_layer(self, layer: str | None = None) -> bool:
        """Remove a mask with its path; what stays still is emptied."""
        return self.do(do.RemoveLayer(layer or self.layer))

    def rename(self, label: str, *, layer: str | None = None) -> bool:
        """Name the object below a mask."""
        return self.do(do.Rename(layer or self.layer, label))

    def show(self, visible: bool, *, layer: str | None = None) -> bool:
        """Show or hide a mask and its path; hidden ones are sent all the same."""
        return self.do(do.Show(layer or self.layer, visible))

    def clear(self) -> bool:
        """Begin with an empty drawing."""
        return self.do(do.Replace(PadState(), "clear"))
