"""An environment without the tester's keys and settings, and an end for the sandboxes a test left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

from kling_nb.sandbox.home import is_served

PRIVATE = ("KLING", "ACEDATA", "AIMLAPI", "JUPYTER", "IPYTHON")


def clean_environment(state: Path) -> dict[str, str]:
    """Return the environment of a person without keys or settings, at home in a folder of their own.

    Parameters
    ----------
    state
        Where Jupyter and IPython keep configuration, data and runtime files.
    """
    state.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    jupyter = {f"JUPYTER_{name.upper()}_DIR": str(state / name) for name in ("config", "data", "runtime")}
    return kept | jupyter | {"IPYTHONDIR": str(state / "ipython"), "HOME": str(state)}


def sandbox_processes(folder: Path) -> list[int]:
    """Return the process ids of the sandboxes that serve folders under a folder.

    What the file of a sandbox that was killed says is left out: its number may be another process's by now.
    """
    found = []
    # Unlike rglob, the walk does not mind folders that vanish meanwhile.
    for home in (Path(path) for path, _, names in os.walk(folder) if "sandbox.json" in names):
        with contextlib.suppress(OSError, ValueError, KeyError):
            pid = int(json.loads((home / "sandbox.json").read_text(encoding="utf-8"))["pid"])
            if is_served(home):
                found.append(pid)
    return found


def end_sandboxes(folder: Path) -> None:
    """Stop the sandboxes whose state lies under a folder: they outlive kernels by design."""
    for pid in sandbox_processes(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
