"""Where a file can be reached from the page: below the server's root, beside the notebook, or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote


@lru_cache(maxsize=4)
def _root_of(runtime_dir: str, server_pid: str) -> Path | None:
    # Jupyter Server describes itself in this file; only the folder it serves is read from it.
    try:
        text = (Path(runtime_dir) / f"jpserver-{int(server_pid)}.json").read_text(encoding="utf-8")
        root = json.loads(text).get("root_dir")
    except (OSError, ValueError):
        return None
    return Path(root) if isinstance(root, str) else None


def server_root(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder that Jupyter Server shows, None when the kernel was not started by one.

    Parameters
    ----------
    environ
        Environment of the kernel; default the process's own.
    """
    environ = os.environ if environ is None else environ
    pid = environ.get("JPY_PARENT_PID", "")
    if not pid.isdigit():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 - absent outside Jupyter
    except ImportError:
        return None
    return _root_of(str(jupyter_runtime_dir()), pid)


def below(path: Path, folder: Path | None) -> str | None:
    """Return the URL path of a file relative to a folder, percent-encoded; None when it lies elsewhere.

    Parameters
    ----------
    path
        The file.
    folder
        The folder; None gives None.
    """
    if folder is None:
        return None
    try:
        relative = path.resolve().relative_to(folder.resolve())
    except ValueError:
        return None
    # Jupyter Server does not serve hidden files and folders.
    if any(part.startswith(".") for part in relative.parts):
        return None
    return quote(relative.as_posix())


def beside(path: Path, notebook_folder: Path, root: Path | None) -> str | None:
    """Return the relative URL of a file as seen from the notebook; None when the server cannot show it.

    Parameters
    ----------
    path
        The file.
    notebook_folder
        Folder of the notebook.
    root
        Folder the server shows; None when unknown: then only files below the notebook's folder count.
    """
    if root is None or below(notebook_folder / "x", root) is None:
        return below(path, notebook_folder)
    if below(path, root) is None:
        return None
    return quote(Path(os.path.relpath(path.resolve(), notebook_folder.resolve())).as_posix())


def content(path: Path | None) -> bytes:
    """Return the bytes of a file that no server shows; none at all tells the page that it is gone.

    Parameters
    ----------
    path
        The file; None when it is known to be gone.
    """
    try:
        return b"" if path is None else path.read_bytes()
    except OSError:
        return b""
