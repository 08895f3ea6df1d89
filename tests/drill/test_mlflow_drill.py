"""Runs in the real MLflow: written once, brought up to date, never twice.

MLflow is no dependency of the tests: this drill installs it from the package index into a folder of its own;
without an index it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow_export
import pytest

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

NO_INDEX = ("No matching distribution", "connection", "Network is unreachable", "timed out", "resolution")
LONGEST_PARAM = 6000


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What MLflow held after each call."""
    library = tmp_path_factory.mktemp("mlflow")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--target", library]
    try:
        done = subprocess.run(
            [*pip, "mlflow-skinny"], capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no package index: pip did not finish in 600 s")
    if done.returncode and any(word in done.stderr for word in NO_INDEX):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    work = tmp_path_factory.mktemp("work")
    environ = os.environ | {"PYTHONPATH": str(library)}
    for name in [name for name in environ if name.startswith("MLFLOW_")]:
        del environ[name]
    script = [sys.executable, Path(mlflow_export.__file__).resolve(), work]
    made = subprocess.run(
        script, capture_output=True, text=True, timeout=300, check=False, env=environ, cwd=work
    )
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(made.stdout.strip().splitlines()[-1])
    return found


def test_each_run_is_there_once(seen: dict[str, Any]) -> None:
    done, going = seen["ids"]
    assert seen["first"]["said"] == {done: "new", going: "new"}
    assert seen["again"]["said"] == {done: "unchanged", going: "unchanged"}
    assert seen["later"]["said"] == {done: "updated", going: "updated"}
    assert seen["again"]["held"] == seen["first"]["held"]
    assert [len(seen[step]["held"]) for step in ("first", "again", "later", "taken back", "bare")] == [2] * 5


def test_what_was_asked_and_what_came_of_it(seen: dict[str, Any]) -> None:
    first, second = seen["first"]["held"]
    assert first["status"] == "FINISHED"
    assert first["seconds"] == 60
    assert (
        first["params"] | {"model_name": "kling-v1", "cfg_scale": "0.5", "var_how much_": "0.5"}
        == first["params"]
    )
    assert len(first["params"]["prompt"]) == LONGEST_PARAM
    assert first["metrics"] == {"succeeded": 1, "elapsed": 60, "actual_units": 1.5, "gain": 0.75}
    assert first["tags"]["kling_nb.flags"] == "short"
    assert (first["tags"]["kling_nb.run_id"], first["tags"]["kling_nb.tags"]) == (seen["ids"][0], "a")
    assert first["files"] == ["kling_nb/a.mp4"]
    assert (second["status"], second["seconds"], second["files"]) == ("RUNNING", None, [])


def test_what_changed_since_is_brought_up_to_date(seen: dict[str, Any]) -> None:
    first, second = seen["later"]["held"]
    assert (first["metrics"]["rating"], first["tags"]["mlflow.note.content"]) == (4, "look")
    assert (second["status"], second["seconds"], second["tags"]["kling_nb.error_code"]) == (
        "FAILED",
        3600,
        "7",
    )
    taken = seen["taken back"]["held"][0]
    assert taken["metrics"]["rating"] is None
    assert (taken["tags"]["mlflow.note.content"], taken["tags"]["kling_nb.tags"]) == ("", "")


def test_without_metadata(seen: dict[str, Any]) -> None:
    text = json.dumps(seen["bare"]["held"])
    assert "the boat" not in text
    assert not any(run_id in text for run_id in seen["ids"])
    assert "8123456789012345678" not in text
    first = seen["bare"]["held"][0]
    assert first["params"] | {"model_name": "kling-v1", "var_how much_": "0.5"} == first["params"]
    assert first["files"] == []
