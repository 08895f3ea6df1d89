"""Regions of a picture (``spec/official-api.md`` §5.5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from kling_nb.domain.coordinates import Size
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.runs import Bits, Runs
from kling_nb.errors import RequestRefused

if TYPE_CHECKING:
    from kling_nb.domain.shapes import Shape

__all__ = ["Bits", "Mask", "mask_bits", "refused", "resize_nearest", "same_ratio"]

RATIO_TOLERANCE_PERCENT: Final = 1
"""A mask whose ratio differs by more cannot be resized to the picture."""


def mask_bits(value: npt.ArrayLike, field: str = "static_mask") -> Bits:
    """Read an array as a mask: True where selected.

    Alpha decides when present (last of 2 or 4 channels), else luminance; the threshold is 128
    (``spec/official-api.md`` §5.5). Floats within 0...1 are taken as fractions of 255. Integer
    arrays of zeros and ones are taken as booleans.

    Parameters
    ----------
    value
        Booleans or grey (H, W), or (H, W, C) with C = 1 to 4.
    field
        Request field to name in problems.

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
        raise refused(
            f"an array of shape {given.shape} and type {given.dtype} is not a mask",
            "give (height, width) booleans, grey values or RGB(A) pixels",
            field,
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


class Mask:
    """A region of the picture, or the address of one. Immutable.

    Parameters
    ----------
    array
        (H, W) booleans, True where selected; copied. None for a URL.
    url
        http(s) address, passed through unread.
    label
        A name for people.
    """

    def __init__(self, array: npt.ArrayLike | None = None, url: str | None = None, label: str = "") -> None:
        if (array is None) == (url is None):
            raise refused("a mask needs either pixels or a URL", "give exactly one of array and url")
        self._label, self._url = label, url
        self._shape: Shape | None = None
        if array is not None:
            bits = np.array(array, dtype=np.bool_)
            bits.flags.writeable = False
            # Where cached_property keeps its value.
            self.__dict__["array"] = bits

    @classmethod
    def drawn(cls, shape: Shape, size: Size, label: str = "") -> Mask:
        """Return the mask of a shape on a picture of ``size``; its pixels are made when asked for.

        Parameters
        ----------
        shape
            From :mod:`kling_nb.domain.shapes`; kept in :attr:`shape`.
        size
            (width, height) of the picture as sent.
        label
            A name for people.
        """
        mask = cls.__new__(cls)
        mask._label, mask._url, mask._shape = label, None, shape
        mask.__dict__["runs"] = shape.runs(size)
        return mask

    def renamed(self, label: str) -> Mask:
        """Return the mask with another label."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _label=label)
        return other

    @property
    def url(self) -> str | None:
        """Address, None for pixels."""
        return self._url

    @property
    def label(self) -> str:
        """A name for people."""
        return self._label

    @property
    def shape(self) -> Shape | None:
        """What the mask was drawn from, where that is known."""
        return self._shape

    @cached_property
    def array(self) -> Bits | None:
        """(H, W) booleans, True where selected, read-only; None for a URL."""
        if self._url is not None:
            return None
        bits = self.runs.bits() if self.runs is not None else None
        if bits is not None:
            bits.flags.writeable = False
        return bits

    @cached_property
    def runs(self) -> Runs | None:
        """The selected pixels as runs; None for a URL."""
        return None if self.array is None else Runs.from_bits(self.array)

    def __repr__(self) -> str:
        return f"<Mask {self.label or 'without label'}: {self.extent()}>"

    def extent(self) -> str:
        """Return the region's size in pixels, or its address, for people."""
        return str(self.url) if self.runs is None else f"{self.runs.count:,} px"

    @classmethod
    def read(
        cls,
        value: npt.ArrayLike,
        *,
        size: Size | None = None,
        label: str = "",
        field: str = "static_mask",
    ) -> Mask:
        """Read pixels as a mask and bring them to the picture's size.

        Parameters
        ----------
        value
            What :func:`mask_bits` reads.
        size
            (width, height) of the picture as sent; None keeps the mask's own.
        label
            A name for people.
        field
            Request field to name in problems.

        Raises
        ------
        RequestRefused
            Not a mask, or its ratio differs from the picture's by more than 1 % (L12).
        """
        bits = mask_bits(value, field)
        own = (bits.shape[1], bits.shape[0])
        if size is not None and own != size:
            if not same_ratio(own, size):
                raise refused(
                    f"the mask is {own[0]}x{own[1]}, the picture {size[0]}x{size[1]}: the ratios differ",
                    "redraw or crop the mask to the picture's ratio",
                    field,
                )
            bits = resize_nearest(bits, size)
        return cls(bits, label=label)

    @property
    def size(self) -> Size | None:
        """(width, height) in pixels, None for a URL."""
        if self._url is not None:
            return None
        known = self.__dict__.get("array")
        return (known.shape[1], known.shape[0]) if known is not None else self.__dict__["runs"].size

    @cached_property
    def area(self) -> float | None:
        """Selected share of the picture, 0 to 1; None for a URL."""
        return None if self.runs is None else self.runs.count / (self.runs.size[0] * self.runs.size[1])

    @cached_property
    def sha256(self) -> str:
        """Digest of size and bits, or of the URL."""
        if self.runs is None:
            return hashlib.sha256((self.url or "").encode()).hexdigest()
        # Pixels that nobody asked for are not kept.
        known = self.__dict__.get("array")
        bits = self.runs.bits() if known is None else known
        head = f"{bits.shape[1]}x{bits.shape[0]}:".encode()
        return hashlib.sha256(head + np.packbits(bits).tobytes()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return what the log keeps: digest, size, selected share, never the pixels."""
        row: dict[str, Any] = {"label": self.label, "sha256": self.sha256}
        if self.url is not None:
            return row | {"url": self.url}
        return row | {"size": list(self.size or ()), "area": round(self.area or 0.0, 6)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any], masks: Callable[[str], npt.ArrayLike]) -> Mask:
        """Rebuild a mask from :meth:`to_json` and a source of pixels by digest."""
        if row.get("url"):
            return cls(url=row["url"], label=row.get("label", ""))
        return cls(mask_bits(masks(row["sha256"])), label=row.get("label", ""))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return (self.sha256, self.url, self.label) == (other.sha256, other.url, other.label)

    def __hash__(self) -> int:
        return hash((self.sha256, self.label))


def refused(message: str, fix: str, field: str = "static_mask") -> RequestRefused:
    """Return the error for a mask that cannot be used (L12); nothing could be sent."""
    return RequestRefused([Problem("L12", Severity.ERROR, field, message, fix, forceable=False)])
