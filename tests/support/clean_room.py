"""An environment without the tester's keys and settings, and an end for the sandboxes a test left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

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
    """Return the process ids in the sandbox state files under a folder."""
    found = []
    for path in folder.rglob("sandbox.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            found.append(int(json.loads(path.read_text(encoding="utf-8"))["pid"]))
    return found


def end_sandboxes(folder: Path) -> None:
    """Stop the sandboxes whose state lies under a folder: they outlive kernels by design."""
    for pid in sandbox_processes(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
