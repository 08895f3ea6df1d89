"""Copies of videos in an S3-compatible store: sent when it is there, whole, and of the right content.

Client and store are no dependencies of the tests: this drill installs them from the package index into a
folder of its own; without an index it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import s3_team

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

NO_INDEX = ("No matching distribution", "connection", "Network is unreachable", "timed out", "resolution")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What happened between two homes and the store."""
    library = tmp_path_factory.mktemp("s3")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--target", library]
    try:
        done = subprocess.run(
            [*pip, "s3fs", "moto[server]"], capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no package index: pip did not finish in 600 s")
    if done.returncode and any(word in done.stderr for word in NO_INDEX):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    work = tmp_path_factory.mktemp("work")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FSSPEC_"))}
    made = subprocess.run(
        [sys.executable, Path(s3_team.__file__).resolve(), work],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environ | {"PYTHONPATH": str(library), "HOME": str(work)},
        cwd=work,
    )
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(made.stdout.strip().splitlines()[-1])
    return found


def test_what_the_store_could_not_take_was_told_and_sent_later(seen: dict[str, Any]) -> None:
    assert "stay here and are sent later" in seen["told"]
    assert seen["waiting"] == 0
    stem = "team/videos/media/r-2mta00000000"
    assert seen["held"] == [f"{stem}.json", f"{stem}.mp4"]


def test_another_machine_gets_the_same_clip(seen: dict[str, Any]) -> None:
    assert (seen["fetched"], seen["same"]) == (True, True)


def test_a_clip_that_was_changed_or_cannot_be_had_is_said_and_leaves_nothing(seen: dict[str, Any]) -> None:
    assert "changed in the store" in seen["changed"]
    assert "could not be used" in seen["away"]
    assert seen["left"] == ["r-2mta00000000.json"]


def test_no_credential_is_told(seen: dict[str, Any]) -> None:
    assert s3_team.SECRET not in json.dumps(seen)
