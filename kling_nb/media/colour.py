"""Colours of a picture with a profile, as a screen would show them."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

_MODES = frozenset({"RGB", "RGBA", "L", "CMYK"})


def in_srgb(picture: Image.Image, notes: list[str]) -> Image.Image:
    """Return a picture with its colours converted to sRGB, as the profile in it says.

    Converted files carry no profile, so its effect has to be in the pixels.

    Parameters
    ----------
    picture
        Decoded.
    notes
        Told what was done.
    """
    stored = picture.info.get("icc_profile")
    if not stored or picture.mode not in _MODES:
        return picture
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(stored))
        name = ImageCms.getProfileDescription(profile).strip()
        if "srgb" in name.lower():
            return picture
        target = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            picture, profile, ImageCms.createProfile("sRGB"), outputMode=target
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("its colour profile cannot be read and was ignored")
        return picture
    if converted is None:
        return picture
    shown = "".join(c for c in name if c.isprintable())[:40]
    notes.append(f"colours converted to sRGB from {shown!r}")
    return converted
