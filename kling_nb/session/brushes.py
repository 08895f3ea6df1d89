"""Motion brushes from what people hold: pictures, mask files, drawings, lists of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kling_nb.domain.brush import DynamicMask, Mask, same_ratio
from kling_nb.domain.brush import MotionBrush as PlainBrush
from kling_nb.domain.images import ImageRef
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.trajectory import Size, Trajectory
from kling_nb.errors import RequestRefused
from kling_nb.media import load_image, load_mask

POINT_OPTIONS = ("units", "origin", "y_origin", "timing")
"""Keywords that say how raw points of ``dynamic_masks`` are meant."""


@dataclass(frozen=True, init=False, repr=False)
class MotionBrush(PlainBrush):
    """Regions that move along paths, and a region that keeps still, for one picture.

    Parameters
    ----------
    image
        The picture: path, URL, bytes, PIL image, array, or anything with an ``image`` attribute. Instead of
        a picture (and always for a URL) its size can be given.
    size
        (width, height) in pixels of the picture as sent.

    Examples
    --------
    >>> brush = MotionBrush("boat.jpg").dynamic("boat-mask.png", [(120, 300), (400, 290)])  # doctest: +SKIP
    """

    image: ImageRef | None = field(default=None, compare=False)

    def __init__(
        self,
        image: Any = None,
        dynamic_masks: tuple[DynamicMask, ...] = (),
        static_mask: Mask | None = None,
        *,
        size: Size | None = None,
    ) -> None:
        # ``replace`` and ``from_json`` of the plain brush pass the size where the picture stands.
        if isinstance(image, tuple) and len(image) == 2 and size is None:
            image, size = None, image
        picture = None if image is None else load_image(image)
        if size is None:
            size = None if picture is None else picture.size
        if size is None:
            raise RequestRefused(
                [
                    Problem(
                        "L05",
                        Severity.ERROR,
                        "image",
                        "a motion brush needs a picture on this machine, or its size",
                        "give the picture itself, or MotionBrush(size=(width, height))",
                        forceable=False,
                    )
                ]
            )
        super().__init__(size, dynamic_masks, static_mask)
        object.__setattr__(self, "image", picture)

    def _read_mask(self, value: Any) -> Any:
        return load_mask(value)


def fit(brush: PlainBrush, size: Size) -> PlainBrush:
    """Bring a brush to the size of the picture that is sent.

    Raises
    ------
    RequestRefused
        The ratios differ by more than 1 % (L12).
    """
    if brush.size == size:
        return brush
    if not same_ratio(brush.size, size):
        raise RequestRefused(
            [
                Problem(
                    "L12",
                    Severity.ERROR,
                    "dynamic_masks",
                    f"the brush is {_text(brush.size)}, the picture {_text(size)}: the ratios differ",
                    "draw it again on this picture, or crop the picture to the same ratio",
                    forceable=False,
                )
            ]
        )
    fitted = PlainBrush(size)
    for group in brush.dynamic_masks:
        fitted = fitted.dynamic(group.mask, _scaled(group.trajectory, size), label=group.label)
    return fitted if brush.static_mask is None else fitted.static(brush.static_mask)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _scaled(path: Trajectory, size: Size) -> Trajectory:
    # Centres of the corner pixels map onto each other, as in the conversion of normalized points.
    factor = np.array([(size[0] - 1) / max(1, path.size[0] - 1), (size[1] - 1) / max(1, path.size[1] - 1)])
    wire = None if path.wire is None else path.wire * factor
    return replace(path, pixels=path.pixels * factor, size=size, wire=wire)


def mask_of(value: Any, size: Size | None) -> Mask:
    """Read a static mask in any form, brought to the picture's size where that is known."""
    if isinstance(value, Mask):
        return value if value.array is None else Mask.read(value.array, size=size, label=value.label)
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return Mask(url=value)
    return Mask.read(load_mask(value), size=size)


def groups_of(value: Any, size: Size | None, points: Mapping[str, Any]) -> tuple[DynamicMask, ...]:
    """Read ``dynamic_masks`` given as a list.

    Parameters
    ----------
    value
        :class:`DynamicMask` objects, or ``{"mask": …, "trajectories": [points]}`` each.
    size
        (width, height) of the picture; None for a URL, then the masks decide.
    points
        How the points are meant: ``units``, ``origin``, ``y_origin``, ``timing``.
    """
    items: Sequence[Any] = [value] if isinstance(value, Mapping | DynamicMask) else list(value)
    return tuple(_group(item, size, points) for item in items)


def _group(item: Any, size: Size | None, points: Mapping[str, Any]) -> DynamicMask:
    if isinstance(item, DynamicMask):
        return item
    if not isinstance(item, Mapping) or set(item) - {"mask", "trajectories", "label"} or len(item) < 2:
        raise RequestRefused(
            [
                Problem(
                    "L06",
                    Severity.ERROR,
                    "dynamic_masks",
                    "each group needs a mask and its trajectories",
                    'write {"mask": "boat.png", "trajectories": [[120, 300], [400, 290]]}',
                    forceable=False,
                )
            ]
        )
    mask = mask_of(item["mask"], size)
    frame = size or mask.size
    if frame is None:
        raise RequestRefused(
            [
                Problem(
                    "L12",
                    Severity.ERROR,
                    "dynamic_masks",
                    "picture and mask are both addresses, so the size of the picture is not known here",
                    "give the picture or the mask as a file, or a MotionBrush(size=(width, height))",
                    forceable=False,
                )
            ]
        )
    path = item["trajectories"]
    if not isinstance(path, Trajectory):
        path = Trajectory.from_points(path, size=frame, **points)
    return DynamicMask(mask, path, str(item.get("label", "")))
