"""Pictures as values: what a request holds, without any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A picture ready to be sent: either a URL or the exact bytes.

    Made by ``kling_nb.media.load_image``; the bytes are already JPEG or PNG, upright and within the
    formats of ``spec/official-api.md`` §4.2.

    Parameters
    ----------
    url
        http(s) address, passed through unread; then ``data`` and the sizes are None.
    data
        JPEG or PNG bytes as they will be sent.
    sha256
        Hex digest of ``data``.
    width, height
        Pixels.
    format
        ``"JPEG"`` or ``"PNG"``.
    source
        Where it came from, for people: a path, a URL, ``"array"``, ``"PIL image"``.
    notes
        What was changed on the way in (EXIF rotation, conversion, flattening), one sentence each.
    """

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels, None for a URL."""
        return None if self.width is None or self.height is None else (self.width, self.height)

    @property
    def nbytes(self) -> int:
        """Number of bytes that will be sent before Base64, 0 for a URL."""
        return 0 if self.data is None else len(self.data)
