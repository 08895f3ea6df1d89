"""Notebooks that a program executes: it drops what is sent between two cells, and cards show their ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from clean_room import clean_environment
from nbclient import NotebookClient
from quick_sessions import until

CELLS = {
    "load": "%load_ext kling_nb",
    "late": """
import time
import numpy as np
from pathlib import Path
from kling_nb.session import events
from kling_nb.widgets.card import RunCard

picture = np.random.default_rng(7).integers(0, 255, (300, 400, 3), "uint8")
deliver, take = events.Emitter.deliver, RunCard._take

def late(emitter):
    "Who tells cards and walls has other things to do."
    time.sleep(0.5)
    deliver(emitter)

def noted(card, state):
    take(card, state)
    Path(state["prompt"].split()[-1] + "-" + state["status"]).touch()

events.Emitter.deliver, RunCard._take = late, noted
""",
    "waits": "%%kling picture -m kling-v1 --wait\na boat",
    "begins": "%%kling picture -m kling-v1 -o run\na bird",
    "awaits": "await run",
    "sweep": "%%kling picture -m kling-v1 --set cfg=0.2,0.8 --yes --wait\na wave",
    "between": "%%kling picture -m kling-v1\n[[sandbox:slow:600]] a cloud",
    "last": "1 + 1",
}


SHOWN = {"waits": "waits", "awaits": "begins", "sweep": "sweep", "last": "between"}
"""Once this cell has ended, that cell shows its end."""


def test_whenever_a_run_ends_what_is_saved_shows_it(tmp_path: Path, sandbox: Any) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
    names = list(CELLS)
    said = {}

    def executed(cell: Any, cell_index: int, execute_reply: Any) -> None:
        name = names[cell_index]
        if name in SHOWN:
            outputs = notebook.cells[names.index(SHOWN[name])].outputs
            said[name] = "\n".join(each["data"]["text/plain"] for each in outputs if "data" in each)
        if name == "between":
            sandbox.finish_all()
            until((tmp_path / "cloud-succeeded").exists)

    NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
        on_cell_executed=executed,
    ).execute(env=clean_environment(tmp_path / "state") | {"KLING_NB_SANDBOX_HOME": str(sandbox.home)})
    ends = {"waits": "succeeded", "awaits": "succeeded", "sweep": "2 of 2 done", "last": "succeeded"}
    assert {name: end for name, end in ends.items() if end in said[name]} == ends
