"""Which notebook the kernel belongs to, as far as the front end tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def notebook_path(variables: Mapping[str, Any]) -> Path | None:
    """Return the path of the running notebook, None when the front end does not say.

    Jupyter Server puts it into the environment of the kernel when the kernel starts, VS Code into a
    variable; a notebook renamed later is not noticed.

    Parameters
    ----------
    variables
        The notebook's variables.
    """
    told = variables.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or ""
    path = Path(str(told))
    if path.suffix != ".ipynb":
        return None
    # Some servers tell the path below their own root; kernels start in the notebook's folder.
    return path if path.is_absolute() and path.parent.is_dir() else Path.cwd() / path.name
