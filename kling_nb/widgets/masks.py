"""Masks over the photograph they belong to, as one picture that stays in the saved notebook."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kling_nb import media
from kling_nb.session.views import NO_MATH, html_text
from kling_nb.widgets.pad.overlay import outline
from kling_nb.widgets.pad.state import COLORS

Bits = NDArray[np.bool_]

LONGEST: Final = 720
"""Longer side of the picture in pixels."""

SHARE: Final = 0.45
"""How much of the colour covers the photograph."""


def masks_bundle(picture: Any, masks: Mapping[str, Bits], text: str) -> dict[str, Any]:
    """Return a MIME bundle with the photograph, its masks in colour, and their names.

    Parameters
    ----------
    picture
        What the masks were asked for.
    masks
        Name -> (H, W) booleans.
    text
        What a page without pictures shows.
    """
    names = [_named(name, mask, place) for place, (name, mask) in enumerate(masks.items())]
    legend = " · ".join(names) or "The service found nothing in this picture."
    image = _drawn(picture, masks)
    shown = (
        "" if image is None else f'<img alt="Masks over the picture" src="{image}" style="max-width:100%">'
    )
    lines = "".join(f"<div>{html_text(line)}</div>" for line in text.splitlines())
    return {
        "text/plain": text,
        "text/html": f'<div class="kn-masks {NO_MATH}">{shown}<div>{legend}</div>{lines}</div>',
    }


def _named(name: str, mask: Bits, place: int) -> str:
    word, color = COLORS[place % len(COLORS)]
    mark = f'<span style="color:{color}">■</span>'
    return f"{mark} {html_text(name)} ({word}, {mask.mean():.0%} of the picture)"


def _drawn(picture: Any, masks: Mapping[str, Bits]) -> str | None:
    """Return the picture as a ``data:`` address; None for one at an address, which is not fetched."""
    image = media.load_image(picture)
    if image.data is None:
        return None
    whole = Image.fromarray(media.decode_image(image.data))
    whole.thumbnail((LONGEST, LONGEST))
    pixels = np.asarray(whole.convert("RGB")).astype(np.float32)
    for place, mask in enumerate(masks.values()):
        _, color = COLORS[place % len(COLORS)]
        tint = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], np.float32)
        bits = np.asarray(Image.fromarray(mask).resize(whole.size, Image.Resampling.NEAREST))
        pixels[bits] = pixels[bits] * (1 - SHARE) + tint * SHARE
        pixels[outline(bits)] = tint
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
