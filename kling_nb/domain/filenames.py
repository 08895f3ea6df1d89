"""Names of files out of texts that somebody else wrote."""

from __future__ import annotations

import re

MAX_BYTES = 160
_ODD = re.compile(r"[^\w.() -]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def plain_name(text: str, fallback: str) -> str:
    """Return a name that is one file in one folder, on every system.

    Parameters
    ----------
    text
        A name or a path, of any system.
    fallback
        Used when nothing is left of it.

    Returns
    -------
    str
        Letters, digits and ``. _ - ( )`` and blanks; no folder, no hidden file, no device, at most 200
        bytes with its ending kept.
    """
    last = re.split(r"[/\\]", text.replace("\0", ""))[-1]
    name = _ODD.sub("_", last).strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 8:
        stem, ending = name, ""
    # File systems count bytes, and a letter has up to four.
    stem = stem.encode()[:MAX_BYTES].decode(errors="ignore").strip(" .")
    name = f"{stem}.{ending}" if ending and stem else stem or fallback
    return f"_{name}" if _DEVICE.fullmatch(name) else name
