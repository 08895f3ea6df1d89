"""The README's first command on a fresh clone, in an empty home: one line, and the notebook is served."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clean_room import clean_environment

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


def first_command() -> str:
    """The first one-line command of the README."""
    found = re.search(r"```bash\n(.*)\n```", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    return found[1]


def wait_for_server(runtime: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for the file in which a Jupyter server says where it listens."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):
                return dict(json.loads(path.read_text(encoding="utf-8")))
        time.sleep(0.5)
    raise AssertionError("the command ended without serving anything")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The server that the command starts in a fresh clone."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    state = tmp_path / "state"
    state.mkdir()
    environment = clean_environment(state) | {"BROWSER": "true", "PIP_ROOT_USER_ACTION": "ignore"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", first_command()],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield wait_for_server(state / "runtime", process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def test_the_first_command_serves_the_first_notebook(served: dict[str, Any]) -> None:
    address = f"{served['url']}api/contents/01-first-video.ipynb?content=0&token={served['token']}"
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                found = json.load(answer)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    assert found["type"] == "notebook"
