"""A local preview as a value: a file, the price of the real thing, and how both look in a notebook."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.session.views import NO_MATH, html_text

if TYPE_CHECKING:
    from kling_nb.domain.cost import Cost
    from kling_nb.render import RenderReport

FREE = "Local preview of the motion: free, not Kling's work."

_MEGABYTE = 1e6


class Preview(os.PathLike[str]):
    """A rendered preview; usable wherever a path is, and with the attributes of one.

    Parameters
    ----------
    path
        The MP4 file.
    cost
        What the real video would cost.
    clip
        Model, mode and length that the price is for.
    reason
        How a brush would be sent, and why; empty without a brush.
    report
        What the renderer did, lengths in pixels of the preview; None where an earlier file is shown again.
    embed_cap_mb
        A larger file is not put into the notebook.
    """

    def __init__(
        self,
        path: Path,
        cost: Cost,
        *,
        clip: str = "",
        reason: str = "",
        report: RenderReport | None = None,
        embed_cap_mb: float = 8.0,
    ) -> None:
        self.path = path
        self.cost = cost
        self.clip = clip
        self.reason = reason
        self.report = report
        self._cap_bytes = embed_cap_mb * _MEGABYTE

    @property
    def price(self) -> str:
        """One or two sentences: what the real video costs, and how a brush would be sent."""
        with_clip = f" with {self.clip}" if self.clip else ""
        reason = f" {self.reason[:1].upper()}{self.reason[1:]}." if self.reason else ""
        return f"The real video: {self.cost}{with_clip}.{reason}"

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Preview {self.path}>"

    def __eq__(self, other: object) -> bool:
        return os.fspath(other) == os.fspath(self) if isinstance(other, os.PathLike) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.path)

    def __getattr__(self, name: str) -> Any:
        """Return what the path has, so that ``exists()`` or ``read_bytes()`` need no detour."""
        if name.startswith("_") or name == "path":
            raise AttributeError(name)
        return getattr(self.path, name)

    def lines(self) -> list[str]:
        """Return what there is to say about it."""
        return [FREE, self.price, str(self.path)]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show a small looping video with the price under it; where that is too large, the text."""
        text = "\n".join(self.lines())
        try:
            fits = self.path.stat().st_size <= self._cap_bytes
            data = self.path.read_bytes() if fits else b""
        except OSError:
            return {"text/plain": f"{text}\nThe file is not there any more; preview again to make it."}
        if not data:
            return {"text/plain": text}
        source = "data:video/mp4;base64," + base64.b64encode(data).decode("ascii")
        # Muted, because browsers start no other video by themselves.
        video = (
            f'<video class="kn-preview-video" src="{source}" autoplay loop muted playsinline controls '
            'aria-label="Local preview of the motion" style="max-width:100%;max-height:480px"></video>'
        )
        below = "".join(f"<div>{html_text(line)}</div>" for line in (self.price, FREE))
        return {"text/plain": text, "text/html": f'<div class="kn-preview {NO_MATH}">{video}{below}</div>'}
