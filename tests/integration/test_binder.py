"""What Binder does with this repository: its steps in a fresh environment, then the first notebook.

The base set is what repo2docker puts into its image for the Python that ``binder/runtime.txt`` names.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from clean_room import clean_environment, end_sandboxes, sandbox_processes

ROOT = Path(__file__).resolve().parents[2]
BASE_SET = ["jupyterlab==4.4.9", "notebook==7.4.7", "ipykernel==7.0.1", "ipython==9.6.0"]
MEMORY_LIMIT = 1.5e9
"""Bytes of kernel and sandbox together; Binder grants at least 1 GB and ends sessions above 2 GB."""

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


def named_python() -> str:
    """The version that binder/runtime.txt names, such as ``3.12``."""
    return (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")


def find_python(version: str) -> str | None:
    """An interpreter of exactly this minor version: on PATH, or kept by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in [f"python{version}", *sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))]:
        if shutil.which(candidate):
            asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(asked, capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                return candidate
    return None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files under version control: Binder sees nothing else."""
    target = tmp_path_factory.mktemp("binder") / "repository"
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def image(checkout: Path) -> dict[str, str]:
    """The environment after all build steps; its variables."""
    version = named_python()
    python = find_python(version)
    if python is None:
        pytest.skip(f"binder/runtime.txt names Python {version} and there is none on this machine")
    place = checkout.parent / "image"
    subprocess.run([python, "-m", "venv", place], check=True)
    variables = clean_environment(checkout.parent / "state")
    variables |= {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "REPO_DIR": str(checkout)}
    variables |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    steps = [
        ["pip", "install", "-q", *BASE_SET],
        ["pip", "install", "-q", "-r", "binder/requirements.txt"],
        ["binder/postBuild"],
    ]
    for step in steps:
        done = subprocess.run(step, cwd=checkout, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{step}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return variables


def kernels_and_sandboxes(process: psutil.Process, checkout: Path) -> int:
    """Resident bytes of the kernels under a process and of the sandboxes under a checkout."""
    members = [
        child for child in process.children(recursive=True) if "ipykernel" in " ".join(child.cmdline())
    ]
    for pid in sandbox_processes(checkout.parent):
        members += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(member.memory_info().rss for member in members)


def test_the_image_has_the_named_python_and_the_sandbox_chosen(image: dict[str, str], checkout: Path) -> None:
    code = "import os, sys; print('%d.%d' % sys.version_info[:2], os.environ['KLING_NB_PROVIDER'])"
    done = subprocess.run(
        ["binder/start", "python", "-c", code],
        cwd=checkout,
        env=image,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [named_python(), "sandbox"]


def test_the_base_set_of_the_image_is_kept(image: dict[str, str], checkout: Path) -> None:
    """Our requirements must not pull the image's own Jupyter apart."""
    done = subprocess.run(
        ["pip", "freeze"], cwd=checkout, env=image, capture_output=True, text=True, check=True
    )
    assert set(BASE_SET) <= set(done.stdout.split())


def test_the_first_notebook_runs_within_the_memory_of_binder(
    image: dict[str, str], checkout: Path, record_property: Callable[[str, object], None]
) -> None:
    command = [
        "binder/start",
        "jupyter",
        "execute",
        "--output=executed.ipynb",
        "notebooks/01-first-video.ipynb",
    ]
    peak = 0
    log = checkout.parent / "execute.log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=checkout, env=image, stdout=output, stderr=output)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):  # a process may end while it is being measured
                peak = max(peak, kernels_and_sandboxes(watched, checkout))
            time.sleep(0.1)
    finally:
        end_sandboxes(checkout.parent)
    assert process.returncode == 0, log.read_text(errors="replace")[-4000:]
    notebook = nbformat.read(next(checkout.rglob("executed.ipynb")), as_version=4)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    record_property("peak_bytes", peak)
    print(f"kernel and sandbox: {peak / 1e6:.0f} MB at most")
    assert 50e6 < peak < MEMORY_LIMIT
