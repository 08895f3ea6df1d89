"""A brush that was drawn on one picture, brought to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import numpy as np

from kling_nb.domain.coordinates import Size
from kling_nb.domain.mask import Mask, refused, resize_nearest, same_ratio
from kling_nb.errors import InputError

if TYPE_CHECKING:
    from kling_nb.domain.brush import MotionBrush
    from kling_nb.domain.trajectory import Trajectory

Fit = Literal["stretch", "contain"]
"""What to do when the ratios differ: pull out of shape, or keep the shape and leave margins."""

FITS: Final[tuple[Fit, ...]] = ("stretch", "contain")

Brush = TypeVar("Brush", bound="MotionBrush")


@dataclass(frozen=True)
class Placement:
    """Where the old picture comes to lie in the new one.

    Parameters
    ----------
    old, new
        (width, height) in pixels.
    inner
        Size that the old picture is scaled to.
    """

    old: Size
    new: Size
    inner: Size

    @property
    def offset(self) -> Size:
        """Margins on the left and at the top in pixels."""
        return (self.new[0] - self.inner[0]) // 2, (self.new[1] - self.inner[1]) // 2


def placement(old: Size, new: Size, fit: Fit | None) -> Placement:
    """Decide where the old picture comes to lie.

    Raises
    ------
    RequestRefused
        The ratios differ by more than 1 % and ``fit`` is None (L12).
    """
    if fit not in (None, *FITS):
        raise refused(f"fit={fit!r} is not known", 'use fit="stretch" or fit="contain"', "dynamic_masks")
    if fit == "stretch" or same_ratio(old, new):
        return Placement(old, new, new)
    if fit is None:
        raise refused(
            f"the brush is {old[0]}x{old[1]}, the picture {new[0]}x{new[1]}: the ratios differ",
            "draw it again on this picture, crop the picture to the same ratio, or bring the brush over with "
            'brush.refit(image, fit="contain") or fit="stretch"',
            "dynamic_masks",
        )
    scale = min(new[0] / old[0], new[1] / old[1])
    return Placement(old, new, (max(1, round(old[0] * scale)), max(1, round(old[1] * scale))))


def refit(brush: Brush, size: Size, fit: Fit | None = None) -> Brush:
    """Return the brush for a picture of another size.

    Parameters
    ----------
    brush
        Drawn on a picture of ``brush.size``.
    size
        (width, height) of the other picture as sent.
    fit
        None scales when the ratios are equal within 1 % and refuses otherwise; ``"stretch"`` pulls out of
        shape; ``"contain"`` scales evenly and centres.

    Raises
    ------
    RequestRefused
        The ratios differ and ``fit`` is None (L12).
    """
    if brush.size == size:
        return brush
    place = placement(brush.size, size, fit)
    groups = tuple(
        replace(group, mask=_mask(group.mask, place), trajectory=_path(group.trajectory, place))
        for group in brush.dynamic_masks
    )
    static = None if brush.static_mask is None else _mask(brush.static_mask, place)
    return replace(brush, size=size, dynamic_masks=groups, static_mask=static)


def _mask(mask: Mask, place: Placement) -> Mask:
    if mask.array is None:
        return mask
    shape = mask.shape
    scale = place.inner[0] / place.old[0]
    if shape is not None and mask.size == place.old and abs(scale * place.old[1] - place.inner[1]) < 0.5:
        # Redrawn from its outline, the border is as fine as the larger picture allows.
        middle = (scale - 1) / 2
        try:
            moved = shape.transformed(scale, (middle + place.offset[0], middle + place.offset[1]))
        except InputError:
            pass
        else:
            return Mask.drawn(moved, place.new, mask.label)
    bits = np.zeros((place.new[1], place.new[0]), dtype=np.bool_)
    left, top = place.offset
    bits[top : top + place.inner[1], left : left + place.inner[0]] = resize_nearest(mask.array, place.inner)
    return Mask(bits, label=mask.label)


def _path(path: Trajectory, place: Placement) -> Trajectory:
    # Centres of the corner pixels map onto each other, as in the conversion of normalized points.
    new, old = np.array(place.inner) - 1.0, np.maximum(1.0, np.array(place.old) - 1.0)
    left, top = place.offset
    below = place.new[1] - place.inner[1] - top
    wire = None if path.wire is None else path.wire * new / old + np.array([left, below])
    return replace(path, pixels=path.pixels * new / old + np.array([left, top]), size=place.new, wire=wire)
