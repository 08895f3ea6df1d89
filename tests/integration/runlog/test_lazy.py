"""Nothing heavy is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def loaded(code: str) -> set[str]:
    """Return the interesting modules loaded after running ``code`` in a fresh interpreter."""
    watched = ("pandas", "sqlalchemy", "alembic", "numpy")
    program = f"{code}\nimport sys\nprint(*[name for name in {watched!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_and_making_ids_loads_nothing() -> None:
    assert loaded("from kling_nb.runlog import new_id, InputStore, RunRecord; new_id()") <= {"sqlalchemy"}
    assert loaded("from kling_nb.runlog import new_id, RunRecord; new_id(); RunRecord()") == set()


def test_writing_and_looking_up_load_no_pandas(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    first = f"""
from kling_nb.runlog import open_log, RunRecord
with open_log({str(path)!r}) as log:
    log.update(log.claim(RunRecord(identity="x")).id, status="submitted")
    assert log.unfinished()
"""
    assert loaded(first) & {"pandas", "numpy"} == set()
    assert "alembic" not in loaded(first), "an up-to-date log needs no migration"
