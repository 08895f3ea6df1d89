"""Where the files of a run are kept."""

from __future__ import annotations

from pathlib import Path


def kept_at(home: Path, name: str | None) -> Path | None:
    """Return where a file of a run is kept; None for a name that leads out of the home folder.

    Parameters
    ----------
    home
        Home folder of the runs.
    name
        Relative to it, as a row of the log says, which others may have written.
    """
    if not name or "\0" in name or ".." in (path := Path(name)).parts or path.anchor:
        return None
    return home / path
