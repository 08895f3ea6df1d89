"""Videos and posters of a report: inside the file, beside it, or left out."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kling_nb.session.clips import clip_facts, small_picture
from kling_nb.widgets.static import data_uri

POSTER_SIDE = 480
"""Longest side of a poster in pixels."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What the report shows of a video.

    Parameters
    ----------
    poster, video
        Addresses; empty without one.
    ratio
        Width and height, for the frame that waits for the picture.
    fps, frames
        Of the video; 0 when unknown.
    """

    poster: str = ""
    video: str = ""
    ratio: tuple[int, int] = (16, 9)
    fps: float = 0.0
    frames: int = 0


class Clips:
    """Collects the videos of a report and keeps to its size.

    Parameters
    ----------
    how
        ``embed``, ``link`` or ``none``.
    cap_bytes
        Most bytes of embedded video.
    folder
        Of the report.
    """

    def __init__(self, how: str, cap_bytes: float, folder: Path) -> None:
        self._how = how
        self._left = cap_bytes
        self._folder = folder
        self._cap = cap_bytes
        self._embedded = 0
        self._beyond = 0
        self._elsewhere = 0

    def of(self, video: Path | None, poster: Path | None) -> Clip:
        """Return what is shown of a clip."""
        picture = b"" if poster is None else small_picture(poster, POSTER_SIDE)
        shown = data_uri(picture) if picture else ""
        facts = None if video is None else clip_facts(video)
        address = "" if video is None or facts is None else self._address(video)
        if facts is None:
            return Clip(shown)
        return Clip(shown, address, (facts.width, facts.height), facts.fps, facts.frames)

    def _address(self, video: Path) -> str:
        if self._how == "none":
            return ""
        if self._how == "link":
            return self._link(video)
        size = video.stat().st_size
        if size > self._left:
            self._beyond += 1
            return ""
        self._left -= size
        self._embedded += 1
        return f"data:video/mp4;base64,{base64.b64encode(video.read_bytes()).decode('ascii')}"

    def _link(self, video: Path) -> str:
        try:
            relative = os.path.relpath(video.resolve(), self._folder.resolve())
        except ValueError:
            # Another drive cannot be reached by a relative address.
            self._elsewhere += 1
            return ""
        return quote(Path(relative).as_posix())

    def notices(self) -> list[str]:
        """Return what is missing, one sentence each."""
        return list(self._notices())

    def _notices(self) -> Iterator[str]:
        if self._beyond:
            held, total = self._embedded, self._embedded + self._beyond
            yield f"{held} of {total} clips are in this file; the others exceed its {self._cap / 1e6:g} MB."
        if self._elsewhere:
            yield f"{self._elsewhere} clips lie on another drive and cannot be linked."
