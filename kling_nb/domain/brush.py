"""The motion brush: masks and paths as values (``spec/official-api.md`` §5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.trajectory import Origin, Size, Timing, Trajectory, Units, YOrigin
from kling_nb.errors import RequestRefused

Bits = npt.NDArray[np.bool_]

MAX_DYNAMIC_MASKS: Final = 6
"""Groups of one request (``spec/official-api.md`` §5.1)."""

RATIO_TOLERANCE_PERCENT: Final = 1
"""A mask whose ratio differs by more cannot be resized to the picture."""


def mask_bits(value: npt.ArrayLike) -> Bits:
    """Read an array as a mask: True where selected.

    Alpha decides when present (last of 2 or 4 channels), else luminance; the threshold is 128
    (``spec/official-api.md`` §5.5). Floats within 0...1 are taken as fractions of 255. Integer
    arrays of zeros and ones are taken as booleans.

    Parameters
    ----------
    value
        Booleans or grey (H, W), or (H, W, C) with C = 1 to 4.

    Returns
    -------
    ndarray of bool, shape (H, W)

    Raises
    ------
    RequestRefused
        The array has another shape or type.
    """
    given = np.asarray(value)
    array = _one_channel(given) if given.ndim == 3 and given.shape[2] in (1, 2, 3, 4) else given
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "buif":
        raise _refused(
            f"an array of shape {given.shape} and type {given.dtype} is not a mask",
            "give (height, width) booleans, grey values or RGB(A) pixels",
        )
    if array.dtype.kind == "b":
        return array.astype(np.bool_)
    fraction = given.dtype.kind == "f" and given.max() <= 1.0
    flags = given.dtype.kind in "ui" and given.max() <= 1
    return np.asarray(array >= (0.5 if fraction or flags else 128), dtype=np.bool_)


def _one_channel(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    channels = array.shape[2]
    if channels in (2, 4):
        return np.asarray(array[..., -1])
    if array.dtype.kind == "b":
        return np.asarray(array.any(axis=2))
    if channels == 1:
        return np.asarray(array[..., 0])
    # Rounded, because sums of decimal weights may miss the threshold by a hair.
    grey: npt.NDArray[np.float64] = array.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return np.round(grey, 6)


def same_ratio(first: Size, second: Size) -> bool:
    """Whether two sizes have the same ratio within 1 %."""
    one, other = first[0] * second[1], first[1] * second[0]
    return abs(one - other) * 100 <= RATIO_TOLERANCE_PERCENT * max(one, other)


def resize_nearest(bits: Bits, size: Size) -> Bits:
    """Resize a mask without inventing grey: each pixel takes its nearest source pixel."""
    height, width = bits.shape
    rows = (np.arange(size[1]) * 2 + 1) * height // (2 * size[1])
    columns = (np.arange(size[0]) * 2 + 1) * width // (2 * size[0])
    return bits[np.ix_(rows, columns)]


@dataclass(frozen=True, eq=False)
class Mask:
    """A region of the picture, or the address of one.

    Parameters
    ----------
    array
        (H, W) booleans, True where selected; made read-only. None for a URL.
    url
        http(s) address, passed through unread.
    label
        A name for people.
    """

    array: Bits | None = None
    url: str | None = None
    label: str = ""

    def __post_init__(self) -> None:
        if (self.array is None) == (self.url is None):
            raise _refused("a mask needs either pixels or a URL", "give exactly one of array and url")
        if self.array is not None:
            bits = np.array(self.array, dtype=np.bool_)
            bits.flags.writeable = False
            object.__setattr__(self, "array", bits)

    @classmethod
    def read(cls, value: npt.ArrayLike, *, size: Size | None = None, label: str = "") -> Mask:
        """Read pixels as a mask and bring them to the picture's size.

        Raises
        ------
        RequestRefused
            Not a mask, or its ratio differs from the picture's by more than 1 % (L12).
        """
        bits = mask_bits(value)
        own = (bits.shape[1], bits.shape[0])
        if size is not None and own != size:
            if not same_ratio(own, size):
                raise _refused(
                    f"the mask is {own[0]}x{own[1]}, the picture {size[0]}x{size[1]}: the ratios differ",
                    "redraw or crop the mask to the picture's ratio",
                )
            bits = resize_nearest(bits, size)
        return cls(bits, label=label)

    @property
    def size(self) -> Size | None:
        """(width, height) in pixels, None for a URL."""
        return None if self.array is None else (self.array.shape[1], self.array.shape[0])

    @cached_property
    def area(self) -> float | None:
        """Selected share of the picture, 0 to 1; None for a URL."""
        return None if self.array is None else float(self.array.mean())

    @cached_property
    def sha256(self) -> str:
        """Digest of size and bits, or of the URL."""
        if self.array is None:
            return hashlib.sha256((self.url or "").encode()).hexdigest()
        head = f"{self.array.shape[1]}x{self.array.shape[0]}:".encode()
        return hashlib.sha256(head + np.packbits(self.array).tobytes()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return what the log keeps: digest, size, selected share, never the pixels."""
        row: dict[str, Any] = {"label": self.label, "sha256": self.sha256}
        if self.url is not None:
            return row | {"url": self.url}
        return row | {"size": list(self.size or ()), "area": round(self.area or 0.0, 6)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return (self.sha256, self.url, self.label) == (other.sha256, other.url, other.label)

    def __hash__(self) -> int:
        return hash((self.sha256, self.label))


@dataclass(frozen=True)
class DynamicMask:
    """One moving region and its path."""

    mask: Mask
    trajectory: Trajectory
    label: str = ""


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

    def dynamic(
        self,
        mask: Any,
        path: Sequence[Any] | npt.NDArray[Any] | Trajectory,
        *,
        units: Units = "pixel",
        origin: Origin = "top-left",
        y_origin: YOrigin = "bottom",
        timing: Timing = "drop",
        label: str = "",
    ) -> Self:
        """Return a brush with one more moving region.

        Parameters
        ----------
        mask
            Anything :func:`mask_bits` reads, or a :class:`Mask`.
        path
            Points (see :meth:`Trajectory.from_points`) or a finished :class:`Trajectory`.
        units, origin, y_origin, timing
            How the points are meant.
        label
            A name for people.

        Raises
        ------
        RequestRefused
            Mask or path cannot be used; carries the problem.
        """
        if not isinstance(path, Trajectory):
            path = Trajectory.from_points(
                path, size=self.size, units=units, origin=origin, y_origin=y_origin, timing=timing
            )
        region = self._mask(mask, label)
        return replace(self, dynamic_masks=(*self.dynamic_masks, DynamicMask(region, path, label)))

    def static(self, mask: Any, *, label: str = "") -> Self:
        """Return a brush whose given region stays still (it replaces an earlier one)."""
        return replace(self, static_mask=self._mask(mask, label))

    def freeze_rest(self) -> Self:
        """Return a brush that keeps everything still that does not move."""
        rest = np.ones((self.size[1], self.size[0]), dtype=np.bool_)
        for group in self.dynamic_masks:
            if group.mask.array is not None:
                rest &= ~resize_nearest(group.mask.array, self.size)
        return self.static(rest)

    def _mask(self, value: Any, label: str) -> Mask:
        if isinstance(value, Mask):
            if value.array is None:
                return value
            return Mask.read(value.array, size=self.size, label=label or value.label)
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return Mask(url=value, label=label)
        return Mask.read(self._read_mask(value), size=self.size, label=label)

    def _read_mask(self, value: Any) -> npt.ArrayLike:
        """Turn what the user gave into an array; overridden where files may be read."""
        if isinstance(value, (str, bytes)):
            raise _refused(
                "a path or file content is not a mask here", "give an array, or load the file first"
            )
        array: npt.ArrayLike = value
        return array

    def to_json(self) -> dict[str, Any]:
        """Return the brush for the run log: masks by digest, paths in full."""
        return {
            "size": list(self.size),
            "static_mask": None if self.static_mask is None else self.static_mask.to_json(),
            "dynamic_masks": [
                {"label": g.label, "mask": g.mask.to_json(), "trajectory": trajectory_to_json(g.trajectory)}
                for g in self.dynamic_masks
            ],
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
        groups = tuple(
            DynamicMask(
                mask_from_json(row["mask"], masks),
                trajectory_from_json(row["trajectory"]),
                row.get("label", ""),
            )
            for row in data.get("dynamic_masks", ())
        )
        return cls((width, height), groups, None if static is None else mask_from_json(static, masks))


def mask_from_json(row: Mapping[str, Any], masks: Callable[[str], npt.ArrayLike]) -> Mask:
    """Rebuild a mask from :meth:`Mask.to_json` and a source of pixels by digest."""
    if row.get("url"):
        return Mask(url=row["url"], label=row.get("label", ""))
    return Mask(mask_bits(masks(row["sha256"])), label=row.get("label", ""))


def trajectory_to_json(path: Trajectory) -> dict[str, Any]:
    """Return a path as plain values: cleaned pixels (origin top-left), times, and wire points if given so."""
    return {
        "size": list(path.size),
        "units": path.units,
        "pixels": np.round(path.pixels, 4).tolist(),
        "times": None if path.times is None else path.times.tolist(),
        "wire": None if path.wire is None else path.wire.tolist(),
    }


def trajectory_from_json(row: Mapping[str, Any]) -> Trajectory:
    """Rebuild a path from :func:`trajectory_to_json`."""
    width, height = row["size"]
    return Trajectory(
        np.array(row["pixels"], dtype=np.float64),
        (width, height),
        None if row.get("times") is None else np.array(row["times"], dtype=np.float64),
        row.get("units", "pixel"),
        None if row.get("wire") is None else np.array(row["wire"], dtype=np.float64),
    )


def _refused(message: str, fix: str) -> RequestRefused:
    return RequestRefused([Problem("L12", Severity.ERROR, "static_mask", message, fix, forceable=False)])
