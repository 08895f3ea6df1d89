"""Motion brushes from what people hold: pictures, mask files, drawings, lists of points."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.domain.brush import DynamicMask, Fit, Mask
from kling_nb.domain.brush import MotionBrush as PlainBrush
from kling_nb.domain.images import ImageRef
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.shapes import Shape
from kling_nb.domain.trajectory import Size, Trajectory
from kling_nb.errors import RequestRefused
from kling_nb.media import load_image, load_mask
from kling_nb.session.brushfiles import load_brush, save_brush

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest

PATHLESS = ("array", "PIL image", "bytes", "data URI", "base64", "")
"""Sources of pictures that cannot be named again."""

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

    def refit(self, image: Any, *, fit: Fit | None = None) -> MotionBrush:
        """Return the brush for another picture.

        Parameters
        ----------
        image
            The other picture, in any form the constructor takes; or its (width, height).
        fit
            None scales when the ratios are equal within 1 %; ``"stretch"`` pulls masks and paths out of
            shape; ``"contain"`` scales them evenly and centres them.

        Raises
        ------
        RequestRefused
            The ratios differ and ``fit`` is None (L12).
        """
        other = MotionBrush(image)
        moved = self.resized(other.size, fit)
        return replace(moved, image=other.image)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the brush as JSON with one PNG a mask.

        Parameters
        ----------
        path
            A folder, made when missing, or a file that ends in ``.zip``. What is written depends on the
            brush alone: the same brush gives the same bytes.

        Returns
        -------
        Path
            Where it was written.
        """
        return save_brush(self, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str], image: Any = None) -> MotionBrush:
        """Read a brush that :meth:`save` wrote.

        Parameters
        ----------
        path
            Folder, its ``brush.json``, or zip file.
        image
            The picture, when the brush shall carry it. Without one the brush knows only its size.

        Raises
        ------
        InputError
            No brush there, or damaged.
        RequestRefused
            Drawn on a picture of another ratio; load it without ``image``, then :meth:`refit` it.
        """
        plain = load_brush(Path(path))
        brush = cls(plain.size, plain.dynamic_masks, plain.static_mask)
        return brush if image is None else brush.refit(image)

    def _read_mask(self, value: Any) -> Any:
        return load_mask(value)

    def _picture_code(self) -> str:
        named = self.image is not None and self.image.source not in PATHLESS and self.image.url is None
        return repr(self.image.source) if named and self.image is not None else super()._picture_code()


def fit(brush: PlainBrush, size: Size) -> PlainBrush:
    """Bring a brush to the size of the picture that is sent.

    Raises
    ------
    RequestRefused
        The ratios differ by more than 1 % (L12).
    """
    if brush.size == size:
        return brush
    return PlainBrush(brush.size, brush.dynamic_masks, brush.static_mask).resized(size)


def brush_of(request: VideoRequest) -> PlainBrush:
    """Return the masks and paths of a request as one brush; of 1 x 1 pixel when no size is known."""
    sizes = [request.image.size if request.image is not None else None]
    sizes += [group.trajectory.size for group in request.dynamic_masks]
    sizes += [request.static_mask.size if request.static_mask is not None else None]
    size = next((size for size in sizes if size is not None), (1, 1))
    return PlainBrush(size, request.dynamic_masks, request.static_mask)


def mask_of(value: Any, size: Size | None) -> Mask:
    """Read a static mask in any form, brought to the picture's size where that is known."""
    if isinstance(value, Mask):
        if value.url is not None or size in (None, value.size):
            return value
        assert value.array is not None
        return Mask.read(value.array, size=size, label=value.label)
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return Mask(url=value)
    if isinstance(value, Shape) and size is not None:
        return Mask.drawn(value, size)
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

    Raises
    ------
    RequestRefused
        With what is wrong in any of the groups.
    """
    items: Sequence[Any] = [value] if isinstance(value, Mapping | DynamicMask) else list(value)
    groups: list[DynamicMask] = []
    problems: list[Problem] = []
    for number, item in enumerate(items, 1):
        try:
            groups.append(_group(item, size, points))
        except RequestRefused as refused:
            problems += [
                replace(problem, field="dynamic_masks", message=f"group {number}: {problem.message}")
                for problem in refused.problems
            ]
    if problems:
        raise RequestRefused(problems)
    return tuple(groups)


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
