"""The motion brush: moving regions with their paths, and a still region (``spec/official-api.md`` §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy.typing as npt

from kling_nb.domain.brushcode import python_of
from kling_nb.domain.mask import Bits, Mask, mask_bits, refused, resize_nearest, same_ratio
from kling_nb.domain.refit import Fit, refit
from kling_nb.domain.runs import Runs
from kling_nb.domain.shapes import Bitmap, Composite, Shape, compose, everything
from kling_nb.domain.sweep import swept
from kling_nb.domain.trajectory import Ease, Origin, Size, Timing, Trajectory, Units, YOrigin

__all__ = [
    "MAX_DYNAMIC_MASKS",
    "Bits",
    "DynamicMask",
    "Fit",
    "Mask",
    "MotionBrush",
    "mask_bits",
    "resize_nearest",
    "same_ratio",
    "still_around",
    "ways_of",
]

MAX_DYNAMIC_MASKS: Final = 6
"""Groups of one request (``spec/official-api.md`` §5.1)."""


@dataclass(frozen=True)
class DynamicMask:
    """One moving region and its path."""

    mask: Mask
    trajectory: Trajectory
    label: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the group for the run log."""
        return {"label": self.label, "mask": self.mask.to_json(), "trajectory": self.trajectory.to_json()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any], masks: Callable[[str], npt.ArrayLike]) -> DynamicMask:
        """Rebuild a group from :meth:`to_json` and a source of mask pixels by digest."""
        return cls(
            Mask.from_json(row["mask"], masks),
            Trajectory.from_json(row["trajectory"]),
            row.get("label", ""),
        )


@dataclass(frozen=True)
class MotionBrush:
    """Up to six moving regions with one path each, and a region to keep still.

    Immutable: :meth:`dynamic` and :meth:`static` return a new brush.

    Parameters
    ----------
    size
        (width, height) in pixels of the picture as sent.
    dynamic_masks
        Moving regions.
    static_mask
        Region to keep still.
    """

    size: Size
    dynamic_masks: tuple[DynamicMask, ...] = ()
    static_mask: Mask | None = None

    def __repr__(self) -> str:
        # The arrays themselves would fill a screen.
        regions = [
            f"{group.label or f'region {number}'}: {group.mask.extent()} along "
            f"{len(group.trajectory.pixels)} points"
            for number, group in enumerate(self.dynamic_masks, 1)
        ]
        frozen = [] if self.static_mask is None else [f"still: {self.static_mask.extent()}"]
        return f"<MotionBrush {self.size[0]} × {self.size[1]} · {' · '.join([*regions, *frozen]) or 'empty'}>"

    def dynamic(
        self,
        mask: Any,
        path: Sequence[Any] | npt.NDArray[Any] | Trajectory,
        *,
        units: Units = "pixel",
        origin: Origin = "top-left",
        y_origin: YOrigin = "bottom",
        timing: Timing = "drop",
        smoothing: float = 0.0,
        ease: Ease = "none",
        label: str = "",
    ) -> Self:
        """Return a brush with one more moving region.

        Parameters
        ----------
        mask
            A shape (``kn.shapes.polygon(...)``), anything :func:`mask_bits` reads, or a :class:`Mask`.
        path
            Points (see :meth:`Trajectory.from_points`) or a finished :class:`Trajectory`.
        units, origin, y_origin, timing
            How the points are meant.
        smoothing, ease
            How the path is shaped; see :meth:`Trajectory.from_points`.
        label
            A name for people.

        Raises
        ------
        RequestRefused
            Mask or path cannot be used; carries the problem.
        """
        if not isinstance(path, Trajectory):
            path = Trajectory.from_points(
                path,
                size=self.size,
                units=units,
                origin=origin,
                y_origin=y_origin,
                timing=timing,
                smoothing=smoothing,
                ease=ease,
            )
        region = self._mask(mask, label, "dynamic_masks")
        return replace(self, dynamic_masks=(*self.dynamic_masks, DynamicMask(region, path, label)))

    def static(self, mask: Any, *, label: str = "") -> Self:
        """Return a brush whose given region stays still (it replaces an earlier one)."""
        return replace(self, static_mask=self._mask(mask, label, "static_mask"))

    def freeze_rest(self) -> Self:
        """Return a brush that keeps everything still that nothing moves over.

        The way of each region stays free: pixels of the static mask never change, so a region that is
        frozen in all around would have nowhere to go.
        """
        known = [
            replace(group, mask=self._mask(group.mask, "", "dynamic_masks")) for group in self.dynamic_masks
        ]
        return self.static(still_around(ways_of(known)))

    def resized(self, size: Size, fit: Fit | None = None) -> Self:
        """Return the brush for a picture of another size.

        Parameters
        ----------
        size
            (width, height) of the other picture as sent.
        fit
            None scales when the ratios are equal within 1 %; ``"stretch"`` pulls out of shape;
            ``"contain"`` scales evenly and centres.

        Raises
        ------
        RequestRefused
            The ratios differ and ``fit`` is None (L12).
        """
        return refit(self, size, fit)

    def to_python(self) -> str:
        """Return the code that rebuilds this brush byte for byte, as the variable ``brush``."""
        return python_of(self, self._picture_code())

    def _picture_code(self) -> str:
        """Return the arguments that make an empty brush; overridden where the picture has a name."""
        return f"size=({self.size[0]}, {self.size[1]})"

    def _mask(self, value: Any, label: str, field: str) -> Mask:
        if isinstance(value, Shape):
            return Mask.drawn(value, self.size, label)
        if isinstance(value, Mask):
            if value.url is not None or value.size == self.size:
                return value.renamed(label or value.label)
            assert value.array is not None
            return Mask.read(value.array, size=self.size, label=label or value.label, field=field)
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return Mask(url=value, label=label)
        return Mask.read(self._read_mask(value), size=self.size, label=label, field=field)

    def _read_mask(self, value: Any) -> npt.ArrayLike:
        """Turn what the user gave into an array; overridden where files may be read."""
        if isinstance(value, (str, bytes)):
            raise refused(
                "a path or file content is not a mask here", "give an array, or load the file first"
            )
        array: npt.ArrayLike = value
        return array

    def to_json(self) -> dict[str, Any]:
        """Return the brush for the run log: masks by digest, paths in full."""
        return {
            "size": list(self.size),
            "static_mask": None if self.static_mask is None else self.static_mask.to_json(),
            "dynamic_masks": [group.to_json() for group in self.dynamic_masks],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], masks: Callable[[str], npt.ArrayLike]) -> Self:
        """Rebuild a brush from the run log.

        Parameters
        ----------
        data
            What :meth:`to_json` returned.
        masks
            Returns the pixels of a mask by its SHA-256.
        """
        width, height = data["size"]
        static = data.get("static_mask")
        groups = tuple(DynamicMask.from_json(row, masks) for row in data.get("dynamic_masks", ()))
        return cls((width, height), groups, None if static is None else Mask.from_json(static, masks))


def ways_of(groups: Iterable[DynamicMask]) -> list[Runs]:
    """Return what each region covers on its way; masks at an address are left out."""
    return [
        swept(group.mask.runs, group.trajectory.pixels) for group in groups if group.mask.runs is not None
    ]


def still_around(ways: Iterable[Runs]) -> Composite:
    """Return everything but the ways of moving regions."""
    return compose(everything(), *(("erase", Bitmap(way)) for way in ways))
