"""Masks over the photograph they belong to, as one picture that stays in the saved notebook."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.mask import resize_nearest
from kling_nb.domain.palette import COLORS
from kling_nb.errors import MediaError
from kling_nb.session.drawing import DrawingPicture
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets.pad.overlay import overlay_png

Bits = NDArray[np.bool_]

LONGEST: Final = 720
"""Longer side of the shown picture in pixels."""


def masks_bundle(picture: Any, masks: Mapping[str, Bits], use: str) -> dict[str, Any]:
    """Return a MIME bundle with the photograph, its masks in colour, and their names.

    Parameters
    ----------
    picture
        What the masks were asked for.
    masks
        Name -> (H, W) booleans.
    use
        What can be done with them, in a line.
    """
    names = [_named(name, mask, place) for place, (name, mask) in enumerate(masks.items())]
    legend = " · ".join(names) or "The service found nothing in this picture."
    image = _drawn(picture, masks)
    shown = (
        "" if image is None else f'<img alt="Masks over the picture" src="{image}" style="max-width:100%">'
    )
    below = f"<div>{legend}</div><div>{html_text(use)}</div>"
    return {
        "text/plain": f"{masks!r}\n{use}".strip(),
        "text/html": f'<div class="kn-masks {NO_MATH}">{shown}{below}</div>',
    }


def _named(name: str, mask: Bits, place: int) -> str:
    word, color = COLORS[place % len(COLORS)]
    mark = f'<span style="color:{color}">■</span>'
    return f"{mark} {html_text(name)} ({word}, {mask.mean():.0%} of the picture)"


def _drawn(picture: Any, masks: Mapping[str, Bits]) -> str | None:
    """Return the picture as a ``data:`` address; None for one at an address, which is not fetched."""
    try:
        shown = DrawingPicture(picture)
    except MediaError:
        return None
    scale = min(1.0, LONGEST / max(shown.size))
    size = (max(1, round(shown.size[0] * scale)), max(1, round(shown.size[1] * scale)))
    regions = [
        (resize_nearest(mask, size), COLORS[place % len(COLORS)][1])
        for place, mask in enumerate(masks.values())
    ]
    data = shown.thumbnail(overlay_png(regions, None, size), LONGEST)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
