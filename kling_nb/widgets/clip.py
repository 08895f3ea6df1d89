"""A video file as output of a cell: by relative URL where the server shows it, else embedded under a cap."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from kling_nb import settings
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets import places
from kling_nb.widgets.output import is_watched


def clip_bundle(path: Path, *, notebook_folder: Path | None = None, caption: str = "") -> dict[str, Any]:
    """Return a MIME bundle that plays a video.

    Parameters
    ----------
    path
        MP4 file.
    notebook_folder
        Folder relative links start from; default the working directory.
    caption
        A line below the video.
    """
    root = places.server_root()
    links_work = root is not None or not is_watched()
    url = places.beside(path, notebook_folder or Path.cwd(), root) if links_work else None
    cap = settings.load().embed_cap_mb * 1e6
    if url is None and path.stat().st_size <= cap:
        url = "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    text = f"{caption}\n{path}" if caption else str(path)
    if url is None:
        return {"text/plain": text}
    attributes = 'class="kn-video" controls loop muted playsinline style="max-width:100%"'
    video = f'<video {attributes} src="{html_text(url)}"></video>'
    below = f"<div>{html_text(caption)}</div>" if caption else ""
    return {"text/plain": text, "text/html": f'<div class="kn-clip {NO_MATH}">{video}{below}</div>'}
