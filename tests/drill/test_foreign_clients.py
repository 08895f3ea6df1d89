"""Clients nobody here wrote work against the sandbox with nothing but its address and a credential set.

They live in a scratch environment that this drill builds from the package index, so that they are no
dependencies; without an index it is skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import foreign_clients
import pytest
from legacy_wire import picture

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

PACKAGES = ("mcp-kling", "mcp", "requests", "pyjwt")
NO_INDEX = ("No matching distribution", "connection", "Network is unreachable", "timed out", "resolution")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the foreign clients."""
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--retries", "1", *PACKAGES]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("no package index: pip did not finish in 300 s")
    if done.returncode and any(word in done.stderr for word in NO_INDEX):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture
def run(sandbox: Any, scratch: Path) -> Any:
    """Run one foreign client against the sandbox and return what it saw."""
    sandbox.config(quota=50)

    def run(*arguments: str) -> Any:
        command = [scratch, foreign_clients.__file__, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_mcp_server_of_acedata(sandbox: Any, run: Any) -> None:
    seen = run("mcp", sandbox.url, sandbox.acedata_token, sandbox.upload(picture(640, 480)))
    refused = seen["ended"].pop("refused")
    for name, record in seen["ended"].items():
        told = record["mcp_task_polling"]
        assert (told["is_complete"], told["is_failed"]) == (True, False), name
        assert sandbox.http.get(record["response"]["video_url"]).status_code == 200
    assert refused["mcp_task_polling"]["is_failed"]
    assert refused["response"]["error"]["message"] == "Image tail is not supported by the current model"
    assert (seen["batch"], seen["unknown"]) == (True, {})
    assert "start_image_url is not a valid url" in seen["local file"]
    assert "The requested resource does not exist" in seen["not served"]


def test_the_loop_of_the_official_documentation(sandbox: Any, run: Any) -> None:
    image = sandbox.upload(picture())
    seen = run("official", sandbox.url, sandbox.access_key, sandbox.secret_key, image)
    assert (seen["status"], seen["type"]) == ("succeed", "video/mp4")
    assert seen["bytes"] > 1000


def test_the_loop_of_the_documentation_of_the_aiml_api(sandbox: Any, run: Any) -> None:
    seen = run("aiml", sandbox.url, sandbox.aimlapi_key, sandbox.upload(picture()))
    assert (seen["status"], seen["type"]) == ("completed", "video/mp4")
    assert seen["bytes"] > 1000
